"""The values inside a template that are not what they stand for: undefined, not known yet, not text."""

from collections.abc import Iterator
from typing import Any, NoReturn

from jinja2 import StrictUndefined
from jinja2.exceptions import SecurityError
from jinja2.utils import missing

from syncd.core.templating.errors import Halt, Refusal, undefined

_KINDS: tuple[tuple[type, str], ...] = (
    (dict, "a map"),
    (list, "a list"),
    (tuple, "a list"),
    (str, "a text"),
    (bytes, "bytes"),
    (bool, "a boolean"),
    (int, "a number"),
    (float, "a number"),
    (type(None), "none"),
)


def kind_of(value: object) -> str:
    """Return what a value is, in a template author's words."""
    return next((words for kind, words in _KINDS if isinstance(value, kind)), "an object")


class Strict(StrictUndefined):
    """What is not defined: every use of it but `is defined` and `default()` is refused, without printing values."""

    __slots__ = ()

    def __init__(self, hint: str | None = None, obj: Any = missing, name: Any = None, exc: Any = None) -> None:
        of = None if obj is missing else kind_of(obj)
        refusal = undefined(hint, of, name, unsafe=exc is SecurityError)
        super().__init__(hint, obj, name, lambda _: refusal)  # type: ignore[arg-type]


class NotText(StrictUndefined):
    """A key's value that is not UTF-8: as good as undefined, until somebody uses it as text."""

    __slots__ = ()

    def __init__(self, key: str) -> None:
        refusal = not_text(key)
        super().__init__("not text", None, key, lambda _: refusal)  # type: ignore[arg-type]


def not_text(key: str) -> Refusal:
    """Return the refusal for a value that is not UTF-8."""
    return Refusal("the value of key {} is not UTF-8; read it by key_bytes(), and write it by b64encode", key)


class Unknown:
    """A value that is not known: its key is missing or not read yet.

    Rendering goes on with it, to find every such key in one run, as long as nothing depends on what it is: operations
    give it again, it is written as nothing, and a decision or a loop over it halts. No output is made of such a run.
    """

    __slots__ = ()

    def _again(self, *_: object, **__: object) -> "Unknown":
        return self

    def _halt(self, *_: object) -> NoReturn:
        raise Halt

    def __getattr__(self, name: str) -> "Unknown":
        if name.startswith("_") or name == "jinja_pass_arg":
            raise AttributeError(name)
        return self

    def __str__(self) -> str:
        return ""

    def __iter__(self) -> Iterator[Any]:
        raise Halt

    __getitem__ = __call__ = __neg__ = __pos__ = _again
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __mod__ = __rmod__ = _again
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __pow__ = __rpow__ = _again
    __bool__ = __len__ = __hash__ = __contains__ = __index__ = __int__ = __float__ = _halt
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _halt


UNKNOWN = Unknown()
