"""One template file, rendered through a view: the text, or why there is none, and what it was made from."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from syncd.core.model import Need, ServiceUse
from syncd.core.snapshot import HiddenKey, NeedMore, View
from syncd.core.templating.environment import TemplateEnvironment
from syncd.core.templating.errors import Failed, Refusal, TemplateFault, describe, locate
from syncd.core.templating.functions import Functions
from syncd.core.templating.meter import OUTPUT_MAX_BYTES
from syncd.core.templating.paths import folder_of
from syncd.core.templating.scan import Scan, check, scan
from syncd.core.templating.trace import Trace, sources_of_lines, traced

_MISSING_SHOWN = 20
_PARTS = 256


@dataclass(frozen=True, slots=True)
class Rendering:
    """What one rendering gave. `fault` says why `content` is None; `missing` are exact keys without a value.

    `masked` is the text with every sensitive value replaced, None where it cannot be made so. `templates` maps each
    template file that was used to its SHA-256.
    """

    content: bytes | None
    masked: str | None
    fault: str | None
    missing: tuple[str, ...]
    templates: Mapping[str, str]
    services: tuple[ServiceUse, ...]
    sensitive: bool
    """True where a sensitive value was read, whatever became of it."""


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One run through the template."""

    content: bytes | None
    error: Exception | None
    missing: Mapping[str, tuple[str, int] | None]


class TemplateFile:
    """A template file with its includes: compiled once, rendered often; one rendering at a time."""

    def __init__(
        self,
        path: str,
        load: Callable[[str], str | None],
        variables: Mapping[str, Any],
        env: Mapping[str, str],
    ) -> None:
        """Make the template; reads nothing yet.

        Args:
            path: of the template; what it includes is beside it.
            load: returns a template's text by its path, None where there is none.
            variables: what it sees at top level.
            env: what `env()` may read.
        """
        self.path = path
        self._folder = folder_of(path)
        self._functions = Functions(env)
        self._environment = TemplateEnvironment(load, self._folder, variables, self._functions.table())
        self._scan: Scan | None = None

    def needs(self) -> frozenset[Need]:
        """Return what it reads by constant names; looks through the files again only where one changed."""
        text = self._environment.text
        if self._scan is None or any(text(name) != source for name, source in self._scan.sources.items()):
            self._scan = scan(self._environment, self.path, self._folder)
        return frozenset(self._scan.needs)

    def check(self) -> list[TemplateFault]:
        """Return everything that is wrong with it and can be seen without rendering."""
        return check(self._environment, self.path, self._folder)

    def render(self, view: View, masked: View) -> Rendering:
        """Return what it gives; rendered through `masked` too where `view` handed out a sensitive value.

        Raises:
            NeedMore, HiddenKey: as the view.
        """
        first = self._run(view)
        sensitive = bool(view.sensitive_keys)
        templates, services = dict(self._environment.used), tuple(sorted(self._functions.uses.values()))
        second = None
        if sensitive:
            try:
                second = self._run(masked)
            except (NeedMore, HiddenKey):
                second = None
        safe = masked if sensitive else view
        sources = [self._environment.text(name) or "" for name in templates]

        def shown(name: str) -> bool:
            known = name in safe.items or Need("key", name) in safe.reads
            return known or any(stands_in(name, source) for source in sources)

        return Rendering(
            content=first.content,
            masked=second.content.decode() if second is not None and second.content is not None else None,
            fault=self._fault(first, second, shown, tainted=sensitive),
            missing=tuple(key for key in first.missing if shown(key)),
            templates=templates,
            services=services,
            sensitive=sensitive,
        )

    def trace(self, view: View, masked: View) -> tuple[Trace, Callable[[str], bool]]:
        """Return one rendering's reads, and whether a name may be shown: one made of a sensitive value must not be."""
        first = traced(self._environment, self._functions, self.path, view)
        if not view.sensitive_keys:
            return first, lambda _: True
        second = traced(self._environment, self._functions, self.path, masked)
        known = {read.name for read in second.reads}
        sources = [self._environment.text(name) or "" for name in self._environment.used]
        return first, lambda name: name in known or any(stands_in(name, source) for source in sources)

    def lines_behind(self) -> Callable[[int], frozenset[int]]:
        """Return what tells the lines that make the values of one line of the template."""
        return sources_of_lines(self._environment, self.path)

    def outline(self) -> tuple[frozenset[Need], tuple[str, ...]]:
        """Return what it reads by constant names, and the paths of the templates that it consists of."""
        needs = self.needs()
        return needs, tuple(self._scan.sources) if self._scan is not None else ()

    def _run(self, view: View) -> _Attempt:
        self._environment.begin()
        self._functions.begin(view)
        content: bytes | None = None
        error: Exception | None = None
        try:
            content = written(self._environment, self.path)
        except HiddenKey:
            raise
        except Exception as raised:
            error = raised
        missing = dict(self._functions.missing)
        if self._functions.needs:
            raise NeedMore(self._functions.needs)
        return _Attempt(None if missing else content, error, missing)

    def _fault(
        self, first: _Attempt, second: _Attempt | None, shown: Callable[[str], bool], *, tainted: bool
    ) -> str | None:
        if first.missing:
            told = [_missing(self.path, key, where, shown) for key, where in first.missing.items()]
            more = [f"and {len(told) - _MISSING_SHOWN} more"] if len(told) > _MISSING_SHOWN else []
            return "; ".join(told[:_MISSING_SHOWN] + more)
        if first.error is None:
            return None
        reason = describe(first.error, shown)
        if isinstance(first.error, Failed):
            if not tainted:
                reason = first.error.message
            elif second is not None and isinstance(second.error, Failed):
                reason = second.error.message
        return str(located(first.error, self.path, reason))


def written(environment: TemplateEnvironment, path: str, variables: Mapping[str, str] | None = None) -> bytes:
    """Return what a template writes, as UTF-8; raises whatever its rendering raises."""
    template = environment.get_template(path)
    running: Any = template.root_render_func(template.new_context(dict(variables or {})))
    pieces: list[str] = []
    size = 0
    while parts := list(islice(running, _PARTS)):
        size += sum(map(len, parts))
        if size > OUTPUT_MAX_BYTES:
            running.throw(_too_large())  # inside of the template, so that its line is known
        pieces.append("".join(parts))
    try:
        content = "".join(pieces).encode()
    except UnicodeEncodeError:
        raise Refusal("the output holds a lone surrogate, which UTF-8 cannot") from None
    if len(content) > OUTPUT_MAX_BYTES:
        raise _too_large()
    return content


def located(error: Exception, path: str, reason: str) -> TemplateFault:
    """Return the fault for an error, at the line of the template that raised it."""
    file, line = getattr(error, "name", None), getattr(error, "lineno", None)
    if isinstance(file, str) and isinstance(line, int):  # a syntax error
        return TemplateFault(file, line, reason)
    file, line = locate(error.__traceback__) or (path, 0)
    return TemplateFault(file, line, reason)


def _missing(path: str, key: str, where: tuple[str, int] | None, shown: Callable[[str], bool]) -> str:
    file, line = where or (path, 0)
    return str(TemplateFault(file, line, Refusal("key {} has no value", key).told(shown)))


def _too_large() -> Refusal:
    return Refusal(f"the output is larger than {OUTPUT_MAX_BYTES // 1024 // 1024} MiB")


def stands_in(name: str, source: str) -> bool:
    """Return True where a name is part of a template's text, as a whole word."""
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", source) is not None
