"""The templates from before an edit: they stay in use where it cannot be rendered, or where the check refuses it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from syncd.core.model import KeyFault
from syncd.engine.applying import Done
from syncd.engine.reading import Rendered, Target, render_now
from syncd.engine.showing import Planned
from syncd.engine.templates import TemplateStore
from syncd.sources.base import Source

_STAYS = "what it was before this edit stays in use"


@dataclass(frozen=True, slots=True)
class _Refused:
    templates: Mapping[str, str]
    why: str


class OldTemplates:
    """What the targets of one worker were last rendered from well, as text by template file."""

    def __init__(self, store: TemplateStore) -> None:
        self._store = store
        self._texts: dict[str, Mapping[str, str]] = {}
        self._newest: dict[str, Mapping[str, str] | None] = {}
        self._refused: dict[str, _Refused] = {}
        self._old: set[str] = set()
        """Targets whose newest rendering is from the templates as they were."""

    def seen(self, planned: Collection[Planned], done: Mapping[str, Done]) -> set[str]:
        """Note what worked and what the check refused; return the targets to be rendered as they were before, now."""
        for one in planned:
            if (found := done.get(one.target.name)) is not None and found.outcome in ("in_sync", "applied"):
                self._worked(one.target.name)
        why = next((one.error for one in done.values() if one.restored and one.error), None)
        if why is None:
            return set()
        edited = [one for one in planned if one.target.name not in self._old and self._edited(one.target.name)]
        for one in edited:
            self._refused[one.target.name] = _Refused(one.rendered.desired.templates, why)
        return {one.target.name for one in edited}

    def _worked(self, name: str) -> None:
        if (texts := self._newest.get(name)) is not None:
            self._texts[name] = texts
        else:
            self._texts.pop(name, None)  # it must not be taken back to something older still

    def _used(self, rendered: Rendered) -> Mapping[str, str] | None:
        """Return the texts that were rendered, None where one of them cannot be had any more."""
        texts = {path: self._store.latest(path, digest) for path, digest in rendered.desired.templates.items()}
        known = {path: text for path, text in texts.items() if text is not None}
        return known if len(known) == len(texts) else None

    def try_again(self) -> None:
        """Let the check see again what it refused: what stood in its way may have passed."""
        self._refused.clear()

    async def render(self, source: Source, target: Target) -> Rendered:
        """Return what a target should hold, from its templates as they are or, where that cannot be, as they were.

        Raises:
            SourceUnavailable, SourceDenied, TargetError: as `render_now`.
        """
        self._old.discard(target.name)
        rendered = await render_now(source, target, self._store)
        self._newest[target.name] = self._used(rendered)
        refused = self._refused.get(target.name)
        if refused is not None and refused.templates != rendered.desired.templates:
            refused = None
        why = refused.why if refused is not None else _trouble(rendered)
        if why is None or not self._edited(target.name):
            return rendered
        with self._store.as_they_were(self._texts[target.name]):
            old = await render_now(source, target, self._store)
        if _trouble(old) is not None:
            return rendered
        self._old.add(target.name)
        path = getattr(target.config, "template", target.name)
        faults = (*old.desired.faults, KeyFault(path, f"{why}; {_STAYS}"))
        overtaken = old.overtaken or rendered.overtaken
        desired = replace(old.desired, faults=faults)
        return replace(old, desired=desired, reads=old.reads | rendered.reads, overtaken=overtaken)

    def _edited(self, target: str) -> bool:
        """Return whether the files hold something else than what the target was last rendered from well."""
        texts = self._texts.get(target, {})
        return any(self._store.load(path) != text for path, text in texts.items())


def _trouble(rendered: Rendered) -> str | None:
    """Return why a rendering cannot be used, None where it can."""
    if rendered.hidden is not None:
        return rendered.hidden_why
    if rendered.desired.error is not None:
        return rendered.desired.error
    if rendered.desired.missing:
        return f"key '{rendered.desired.missing[0]}' has no value"
    return None
