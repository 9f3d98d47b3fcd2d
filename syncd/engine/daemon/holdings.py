"""What the remote targets of a worker hold, as far as it is known without asking them."""

from collections.abc import Mapping
from dataclasses import replace

from syncd.core.model import Entry
from syncd.engine.applying import Done
from syncd.engine.showing import Planned


class Holdings:
    """Entries by target. What is found wrong while a pass runs was not seen by its plan, and is not forgotten by it."""

    def __init__(self) -> None:
        self._entries: dict[str, Mapping[str, Entry]] = {}
        self._wrong: dict[str, dict[str, str]] = {}

    def of(self, target: str) -> Mapping[str, Entry] | None:
        """Return what a target holds, None where it has to be read."""
        return self._entries.get(target)

    def begin(self) -> None:
        """Begin a pass: its plan sees all that was found wrong until now."""
        self._wrong = {}

    def planned(self, target: str, present: Mapping[str, Entry] | None) -> None:
        """Note what a plan was made from, None where that was not read."""
        if present is None:
            self.forget(target)
        else:
            self._entries[target] = _with_digests(present, self._wrong.get(target, {}))

    def applied(self, one: Planned, done: Done, owner: str) -> None:
        """Note what a plan has made of it; where that is not certain it is read again."""
        if one.present is not None and done.touched and done.error is None:
            held = dict(one.present)
            wrong = dict(self._wrong.get(one.target.name, {}))
            for change in one.plan.changes:
                wrong.pop(change.key, None)
                if change.entry is None:
                    held.pop(change.key, None)
                else:
                    held[change.key] = replace(change.entry, owner=owner)
            self._entries[one.target.name] = _with_digests(held, wrong)
        elif done.error is not None and done.outcome != "skipped":
            self.forget(one.target.name)

    def found_wrong(self, target: str, found: Mapping[str, str]) -> None:
        """Note the digests of entries that hold something else than is noted beside them."""
        self._wrong.setdefault(target, {}).update(found)
        if target in self._entries:
            self._entries[target] = _with_digests(self._entries[target], found)

    def forget(self, target: str | None = None) -> None:
        """Have a target read again, None for all of them."""
        for name in [*self._entries] if target is None else [target]:
            self._entries.pop(name, None)


def _with_digests(present: Mapping[str, Entry], found: Mapping[str, str]) -> Mapping[str, Entry]:
    """Return what is there, with the digests that some of it really has."""
    real = {key: replace(present[key], digest=digest) for key, digest in found.items() if key in present}
    return {**present, **real} if real else present
