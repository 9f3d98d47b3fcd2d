"""`${VAR}` inside the scalars of a node tree: a value fills a text, it never adds structure. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from syncd.config.nodes import Items, Node, Path, Scalar, Table, fault, quoted
from syncd.core.errors import Fault

_MARK = re.compile(r"\$\$\{|\$\{")
_FORM = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?:(?P<sign>:[-?])(?P<rest>[^}]*))?\}")


@dataclass(slots=True)
class Expansion:
    """What one expansion found beside the tree: `broken` faults of the file, and `unset` variables."""

    file: str
    environ: Mapping[str, str]
    broken: list[Fault] = field(default_factory=list)
    unset: list[Fault] = field(default_factory=list)

    def tree(self, node: Node, path: Path = ()) -> Node:
        """Return the tree with every text expanded; keys stay as they are."""
        if isinstance(node, Table):
            return replace(node, items={key: self.tree(value, (*path, key)) for key, value in node.items.items()})
        if isinstance(node, Items):
            return replace(node, items=[self.tree(value, (*path, at)) for at, value in enumerate(node.items)])
        if not isinstance(node.value, str) or "${" not in node.value:
            return node
        return self.scalar(node, path)

    def scalar(self, node: Scalar, path: Path) -> Scalar:
        """Return one text expanded; `unknown` where a part of it could not be."""
        wrong = len(self.broken) + len(self.unset)
        text = "".join(self.parts(node, path))
        if len(self.broken) + len(self.unset) > wrong:
            return replace(node, written=node.text, unknown=True)
        return replace(node, value=text, text=text, written=node.text)

    def parts(self, node: Scalar, path: Path) -> Iterator[str]:
        """Return the pieces that one text expands to."""
        at = 0
        while found := _MARK.search(node.text, at):
            yield node.text[at : found.start()]
            at = found.end()
            if found.group() == "$${":
                yield "${"
                continue
            form = _FORM.match(node.text, found.start())
            if form is None or "${" in (form["rest"] or ""):
                words = "has a ${ that is not ${NAME}, ${NAME:-default} or ${NAME:?message}; write $${ for a plain ${"
                self.broken.append(fault(self.file, node.mark, path, words))
                continue
            at = form.end()
            yield self.value(form, node, path)
        yield node.text[at:]

    def value(self, form: re.Match[str], node: Scalar, path: Path) -> str:
        """Return what one `${…}` stands for."""
        name, sign, rest = form["name"], form["sign"], form["rest"]
        held = self.environ.get(name)
        if held and not _is_text(held):
            words = f"{quoted(f'${{{name}}}')} is not UTF-8; set {name} to text"
            self.broken.append(fault(self.file, node.mark, path, words))
        elif held or (held is not None and sign is None):
            return held
        elif sign == ":-":
            return str(rest)
        elif sign == ":?":
            words = f"{quoted(f'${{{name}}}')} has no value: {rest or 'it is required'}; set {name}"
            self.unset.append(fault(self.file, node.mark, path, words))
        else:
            words = f"{quoted(f'${{{name}}}')} is not set; set {name}, or write ${{{name}:-default}}"
            self.unset.append(fault(self.file, node.mark, path, words))
        return ""


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in value
