"""From a part of the node tree to its model, or to faults that point into the file. Pure."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError

from syncd.config import words
from syncd.config.nodes import Node, Path, Plain, Scalar, Table, child, find, plain, quoted, scalars
from syncd.core.errors import Fault

M = TypeVar("M", bound=BaseModel)

Report = Callable[[Path, str, bool], Fault]
"""Makes a fault from a path below the node, the words, and whether it points at the key and not at its value."""

_AS_WRITTEN = ("string_type", "literal_error", "secret")


@dataclass(frozen=True, slots=True)
class _Error:
    """One of pydantic's errors, with the path in the file and the branches of unions that led to it."""

    detail: words.Error
    path: Path
    branches: tuple[tuple[Path, str], ...]
    at_key: bool


def validate(model: type[M], node: Node, report: Report) -> tuple[M | None, list[Fault]]:
    """Return the model that a node holds, or its faults.

    Text takes numbers and booleans as they are written (`0123` stays `0123`). Where nothing is wrong but values whose
    variables are not set, they count as left out; where that cannot be, there is neither a model nor a fault.
    """
    value = plain(node)
    mended: set[Path] = set()
    excused: set[Path] = set()
    while True:
        try:
            return model.model_validate(value), []
        except ValidationError as error:
            details = error.errors(include_url=False, include_input=False)
        errors = [_located(node, detail) for detail in _told(details)]
        mend = {one.path for one in errors if _is_plain(node, one) and one.path not in mended}
        for path in mend:
            written = find(node, path)
            assert isinstance(written, Scalar)  # noqa: S101
            _put(value, path, written.text)
        mended |= mend
        if mend:
            continue
        if excused:
            return None, []
        excused = {_entry(one.path) for one in errors if _is_excused(node, one)}
        wrong = [one for one in errors if not _is_excused(node, one)]
        if wrong or () in excused:
            return None, [_fault(model, node, group, report) for group in _grouped(_best(wrong))]
        for path in excused:
            _put(value, path, None)


def _told(details: Sequence[Any]) -> Iterator[Any]:
    """Yield the errors without what only follows from others: a list is not too short whose items are wrong."""
    for one in details:
        loc = one["loc"]
        if one["type"] != "too_short" or not any(
            len(other["loc"]) > len(loc) and other["loc"][: len(loc)] == loc for other in details
        ):
            yield one


def _located(node: Node, detail: Any) -> _Error:
    """Follow an error's location through the tree; what is no key there names a branch of a union."""
    loc: tuple[str | int, ...] = detail["loc"]
    at_key = bool(loc) and loc[-1] == "[key]"
    here: Node | None = node
    path: list[str | int] = []
    branches: list[tuple[Path, str]] = []
    for at, part in enumerate(loc[:-1] if at_key else loc):
        below = child(here, part)
        if below is not None or (at == len(loc) - 1 and detail["type"] == "missing"):
            path.append(part)
            here = below
        else:
            branches.append((tuple(path), str(part)))
    return _Error(detail, tuple(path), tuple(branches), at_key or detail["type"] in ("extra_forbidden", "missing"))


def _is_plain(node: Node, error: _Error) -> bool:
    """Return True where text is wanted and a number or a boolean stands there."""
    found = find(node, error.path)
    return (
        error.detail["type"] in _AS_WRITTEN
        and isinstance(found, Scalar)
        and found.value is not None
        and not isinstance(found.value, str)
    )


def _is_excused(node: Node, error: _Error) -> bool:
    """Return True where only a variable that is not set is to blame, which is said elsewhere."""
    found = find(node, error.path)
    if isinstance(found, Scalar):
        return found.unknown
    return found is not None and words.own_words(error.detail) and any(one.unknown for one in scalars(found))


def _entry(path: Path) -> Path:
    """Return the innermost entry of a mapping on a path: lists are left out as a whole, so that indices stay."""
    while path and isinstance(path[-1], int):
        path = path[:-1]
    return path


def _put(value: Plain, path: Path, text: str | None) -> None:
    """Set what stands at a path, or take it out with None."""
    holder: Any = value
    for part in path[:-1]:
        holder = holder[part]
    if text is None:
        holder.pop(path[-1], None)
    else:
        holder[path[-1]] = text


def _best(errors: list[_Error]) -> list[_Error]:
    """Return the errors of the branch of each union that fits best: of the right shape, then with the fewest errors."""
    while branched := [one for one in errors if one.branches]:
        point = min((one.branches[0][0] for one in branched), key=len)
        here = [one for one in branched if one.branches[0][0] == point]
        groups: dict[str, list[_Error]] = {}
        for one in here:
            groups.setdefault(one.branches[0][1], []).append(one)
        fit = [group for group in groups.values() if not any(_is_mismatch(one, point) for one in group)]
        chosen = min(fit, key=len) if fit else [one for group in groups.values() for one in group]
        errors = [one for one in errors if one not in here]
        errors += [_Error(one.detail, one.path, one.branches[1:], one.at_key) for one in chosen]
    return errors


def _is_mismatch(error: _Error, point: Path) -> bool:
    return error.path == point and words.is_other_shape(error.detail)


def _grouped(errors: list[_Error]) -> Iterable[list[_Error]]:
    """Return the errors by path; several of one path stay together where each says that the type is another."""
    groups: dict[object, list[_Error]] = {}
    for at, one in enumerate(errors):
        groups.setdefault(one.path if words.is_other_shape(one.detail) else at, []).append(one)
    return groups.values()


def _fault(model: type[BaseModel], node: Node, group: list[_Error], report: Report) -> Fault:
    error = group[0]
    found = find(node, error.path)
    kind = error.detail["type"]
    if kind == "extra_forbidden":
        known = _keys(model, error.path[:-1])
        hint = words.suggest(str(error.path[-1]), known, "known keys")
        return report(error.path, f"is an unknown key; {hint}", True)
    said = _hidden(words.describe([one.detail for one in group]), found)
    if error.at_key and kind != "missing":
        said = f"{quoted(str(error.path[-1]))} {said}"
    elif isinstance(found, Scalar) and kind != "secret":
        said = f"{_subject(found)} {said}"
    elif found is not None and not words.own_words(error.detail) and kind != "secret":
        said = f"a {'mapping' if isinstance(found, Table) else 'list'} {said}"
    return report(error.path, said, error.at_key)


def _subject(node: Scalar) -> str:
    return "null" if node.value is None else quoted(node.shown)


def _hidden(said: str, node: Node | None) -> str:
    """Return the words with what variables hold replaced by how it is written, should a validator have quoted it."""
    for one in scalars(node) if node is not None else ():
        if one.written is not None and len(one.text) >= 4:
            said = said.replace(one.text, one.written)
    return said


def _keys(model: type[BaseModel], path: Path) -> set[str]:
    """Return the keys that a model knows at a path, for suggestions."""
    types: list[Any] = [model]
    for part in path:
        types = [below for one in types for below in _below(one, part)]
    models = [one for one in _flat(types) if isinstance(one, type) and issubclass(one, BaseModel)]
    return {name for one in models for name in one.model_fields}


def _flat(types: Iterable[Any]) -> list[Any]:
    """Return types without the unions and annotations around them."""
    flat: list[Any] = []
    for one in types:
        if get_origin(one) is None or get_origin(one) in (dict, list, tuple):
            flat.append(one)
        else:
            flat += _flat(get_args(one))
    return flat


def _below(kind: Any, part: str | int) -> list[Any]:
    """Return the types of what stands under a key or an index of a type."""
    found: list[Any] = []
    for one in _flat([kind]):
        if isinstance(one, type) and get_origin(one) is None and issubclass(one, BaseModel):
            field = one.model_fields.get(str(part))
            found += [] if field is None else [field.annotation]
        elif get_origin(one) in (dict, list, tuple):
            found.append(get_args(one)[1 if get_origin(one) is dict else 0])
    return found
