"""Jinja2's own filters, tests and globals as templates get them: weighed, and without what is random or unbounded.

Every filter is wrapped once, at import: the wrapping knows the name for the message, lets an unknown value pass, and
counts what comes out.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import Undefined
from jinja2.exceptions import TemplateRuntimeError
from jinja2.filters import FILTERS, make_attrgetter
from jinja2.tests import TESTS
from jinja2.utils import Cycler, Joiner, Namespace, _PassArg, pass_environment

from syncd.core.snapshot import HiddenKey, NeedMore
from syncd.core.templating.errors import Halt, Refusal, describe
from syncd.core.templating.filters import OWN
from syncd.core.templating.meter import WIDTH_MAX
from syncd.core.templating.operators import METHODS, add, printf
from syncd.core.templating.values import UNKNOWN, Unknown

_LEFT_OUT = frozenset({"random", "urlize", "pprint"})
"""Not the same output for the same input; no bound; Python's own notation."""
_LISTING = "batch count dictsort first groupby items last length list map max min reverse slice sort sum unique"
_CHOOSING = "attr d default reject rejectattr select selectattr"
_NUMBERS = "abs float int round"
_TAKE_ANY = frozenset(f"{_LISTING} {_CHOOSING} {_NUMBERS}".split())
"""Filters that do not make text of what they get; all others would print a whole list or map, or an address."""
_NEST = frozenset({"batch", "slice", "groupby"})
"""Filters that put lists into lists."""
_SLICES_MAX = 10_000
_DIGITS_MAX = 300

# A TemplateRuntimeError is a filter that is not there, named in `map`.
_PASSED_ON = (Refusal, Halt, NeedMore, HiddenKey, TemplateRuntimeError)


def _check_width(environment: Any, value: Any, width: Any = 80, *_: Any, **__: Any) -> None:
    if isinstance(width, int) and width > WIDTH_MAX:
        raise Refusal(f"the width is more than {WIDTH_MAX}")


def _check_indent(environment: Any, value: Any, width: Any = 4, *_: Any, **__: Any) -> None:
    size = len(width) if isinstance(width, str) else width
    if size > WIDTH_MAX:
        raise Refusal(f"the width is more than {WIDTH_MAX}")
    environment.meter.make(len(value) + (value.count("\n") + 1) * max(size, 0))


def _check_wrap(environment: Any, value: Any, width: Any = 79, long: Any = True, text: Any = None, *_: Any) -> None:
    if isinstance(text, str):
        environment.meter.make(len(value) * (1 + len(text)))


def _check_count(environment: Any, value: Any, count: Any, *_: Any, **__: Any) -> None:
    if isinstance(count, int) and not 0 < count <= _SLICES_MAX:
        raise Refusal(f"the number is not between 1 and {_SLICES_MAX:,}")


def _check_digits(environment: Any, value: Any, precision: Any = 0, *_: Any, **__: Any) -> None:
    if isinstance(precision, int) and abs(precision) > _DIGITS_MAX:
        raise Refusal(f"the precision is more than {_DIGITS_MAX} digits")


def _check_replace(environment: Any, value: Any, old: Any, new: Any, *_: Any, **__: Any) -> None:
    METHODS["replace"](environment.meter, str(value), old, new)


def _check_join(environment: Any, value: Any, d: Any = "", attribute: Any = None) -> None:
    METHODS["join"](environment.meter, str(d), value)


_CHECKS: Mapping[str, Callable[..., None]] = {
    "center": _check_width,
    "indent": _check_indent,
    "wordwrap": _check_wrap,
    "batch": _check_count,
    "slice": _check_count,
    "round": _check_digits,
    "replace": _check_replace,
    "join": _check_join,
}
"""What is looked at before one of Jinja2's filters runs: called as the filter, environment first."""


@pass_environment
def _format(environment: Any, value: Any, *args: Any, **kwargs: Any) -> Any:
    return printf(environment.meter, str(value), kwargs or args)


@pass_environment
def _sum(environment: Any, iterable: Any, attribute: Any = None, start: Any = 0) -> Any:
    values = iterable if attribute is None else map(make_attrgetter(environment, attribute), iterable)
    return functools.reduce(functools.partial(add, environment.meter), values, start)


class _Filter:
    """A filter with its limits; Jinja2 passes it the environment, or the context, as the one in it asks for."""

    def __init__(self, name: str, function: Callable[..., Any]) -> None:
        self._name = name
        self._function = function
        self._passed = _PassArg.from_obj(function)
        self.jinja_pass_arg = self._passed or _PassArg.environment
        self._check = _CHECKS.get(name)
        self._plain = name not in _TAKE_ANY
        self._own = name in OWN
        self._nests = name in _NEST

    def __call__(self, given: Any, *args: Any, **kwargs: Any) -> Any:
        if any(isinstance(one, Unknown) for one in (*args, *kwargs.values())):
            return UNKNOWN
        try:
            return self._run(given, *args, **kwargs)
        except _PASSED_ON as error:
            if self._own and type(error) is Refusal:
                raise Refusal(f"{self._name}: {error.words}", error.name) from None
            raise
        except Exception as error:
            raise Refusal(f"{self._name}: {describe(error, lambda _: False)}") from None

    def _run(self, given: Any, *args: Any, **kwargs: Any) -> Any:
        environment = given if self.jinja_pass_arg is _PassArg.environment else given.environment
        if self._own and isinstance(args[0], Undefined):
            str(args[0])  # raises what is wrong with it
        if self._plain:
            environment.meter.weigh(args[0], plain=True)
        if self._check is not None:
            self._check(environment, *args, **kwargs)
        result = self._function(*args, **kwargs) if self._passed is None else self._function(given, *args, **kwargs)
        made = environment.meter.made(result)
        return environment.meter.weigh(made) if self._nests else made


def _wrapped_test(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    if name in ("defined", "undefined"):

        def known(value: Any) -> Any:
            return (name == "defined") if isinstance(value, Unknown) else function(value)

        return known

    @functools.wraps(function)
    def call(*args: Any) -> Any:
        if any(isinstance(one, Unknown) for one in args):
            raise Halt
        return function(*args)

    return call


_ALL = {**{name: one for name, one in FILTERS.items() if name not in _LEFT_OUT}, "format": _format, "sum": _sum, **OWN}

WRAPPED: Mapping[str, Callable[..., Any]] = {name: _Filter(name, one) for name, one in _ALL.items()}
"""All filters of a template, by name."""

_TESTS: Mapping[str, Any] = TESTS

WRAPPED_TESTS: Mapping[str, Callable[..., Any]] = {name: _wrapped_test(name, one) for name, one in _TESTS.items()}
"""All tests of a template, by name."""

GLOBALS: Mapping[str, Any] = {"cycler": Cycler, "joiner": Joiner, "namespace": Namespace}
"""Jinja2's globals that need no limit; `range` and `dict` are the environment's."""
