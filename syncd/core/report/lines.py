"""A pass as lines of text with a style each: unified diffs for files, a table for pairs."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from syncd.core.model import Change, Op, Plan
from syncd.core.printable import printable
from syncd.core.report.model import PassResult, ReloadResult, TargetResult

Style = Literal["plain", "title", "create", "update", "delete", "bad", "dim"]

_SIGN = {"create": "+", "update": "~", "delete": "-"}
_PRINTED = re.compile(
    r"(\((?:exit code \d+|signal \w+)\)|raise its timeout|ended with \d+|refused the files|answered \d+[^:\n]*): .*"
    r"|\n.*",
    re.DOTALL,
)
"""What a command or a consumer said: behind how it ended, and every further line."""
_LONGEST_VALUE = 120
_WIDEST_KEY = 48


@dataclass(frozen=True, slots=True)
class Line:
    """One line without its newline; `text` is what a terminal may print."""

    raw: str
    style: Style = "plain"

    @property
    def text(self) -> str:
        """The line with control characters spelled out: a value must not move the cursor or end the line."""
        return printable(self.raw)


def lines(result: PassResult, *, hide_values: bool = False) -> Iterator[Line]:
    """Yield the whole pass: every target, reloads, orphans, and a sum as the last line."""
    for one in result.targets:
        yield from target_lines(one, hide_values=hide_values)
    for reload in result.reloads:
        yield _reload(reload, {one.error for one in result.targets}, hide_values)
    for orphan in result.orphans:
        yield Line(
            f"orphan: {orphan.what} of {orphan.target} ({orphan.kind}) is no longer in the config; it stays", "dim"
        )
    yield Line(summary(result), "title")


def target_lines(result: TargetResult, *, hide_values: bool = False) -> Iterator[Line]:
    """Yield one target: a title with its counts, what stands in the way, its changes."""
    plan = result.plan
    yield Line(f"{plan.target} ({plan.kind}): {headline(result)}", "title")
    for text in obstacles(result):
        first, *rest = reason(text, hide_values).splitlines()
        yield Line(f"  ! {first}", "bad")
        yield from (Line(f"    {more}", "bad") for more in rest)
    for text in plan.warnings:
        yield Line(f"  warning: {text}", "dim")
    if result.outcome in ("in_sync", "applied", "failed", "skipped"):
        return  # what was done is counted; what it was, a plan shows
    yield from change_lines(plan, hide_values=hide_values)


def change_lines(plan: Plan, *, hide_values: bool = False) -> Iterator[Line]:
    """Yield the changes of one target: the unified diff of a file, else a line for each."""
    if plan.diff is not None and not hide_values:
        yield from (Line(f"  ~ {change.key} ({change.note})", "update") for change in plan.changes if change.note)
        yield from _diff(plan.diff)
    else:
        yield from _table(plan, hide_values)


def obstacles(result: TargetResult) -> list[str]:
    """Return every reason why a target is not simply applied, one sentence each."""
    plan = result.plan
    found = [text for text in (plan.error, result.error) if text]
    if not plan.error:
        found += [f"key '{key}' has no value" for key in plan.missing_keys]
    found += [f"{one.key}: {one.why}" for one in plan.faults]
    found += [f"conflict: {one.key} {one.why}" for one in plan.conflicts]
    found += [f"held: {reason}" for reason in plan.held]
    if result.outcome in ("applied", "in_sync"):
        return found
    return found + [f"unsafe: {reason}; review it, then give --force or change the limit" for reason in plan.unsafe]


def reason(text: str, hide_values: bool) -> str:
    """Return why something failed; with `hide_values` without what a command printed, which may hold values."""
    kept = _PRINTED.sub(r"\1", text) if hide_values else text
    return text if kept == text else f"{kept} (what it printed is hidden)"


DONE: dict[Op, str] = {"create": "created", "update": "updated", "delete": "deleted"}
_TO_DO: dict[Op, str] = {"create": "to create", "update": "to update", "delete": "to delete"}


def headline(result: TargetResult) -> str:
    """Return the state and the counts of one target, such as `applied: 1 created, 2 updated`."""
    plan = result.plan
    words = DONE if result.outcome == "applied" else _TO_DO
    counts = ", ".join(f"{plan.count(op)} {word}" for op, word in words.items() if plan.count(op))
    if result.outcome == "failed":
        counts = ""  # some of them may be done, and what is not is said
    return ": ".join(part for part in (state_of(result), counts) if part)


def state_of(result: TargetResult) -> str:
    """Return a target's outcome in words, or in a dry run what would keep it from being applied; "" for nothing."""
    plan = result.plan
    if result.outcome is not None:
        return result.outcome.replace("_", " ")
    if plan.in_sync:
        return "in sync"
    return "failing" if plan.failing else "held" if plan.held else "unsafe" if plan.unsafe else ""


def summary(result: PassResult) -> str:
    """Return the sum of all targets in one line."""
    plans = [one.plan for one in result.targets]
    if result.targets and result.targets[0].outcome is not None:
        outcomes = [one.outcome for one in result.targets]
        order = ("in_sync", "applied", "failed", "held", "unsafe", "skipped")
        parts = [f"{outcomes.count(name)} {name.replace('_', ' ')}" for name in order if name in outcomes]
        return f"Targets: {', '.join(parts)}."
    if result.in_sync:
        return f"In sync: nothing to do in {counted(len(plans), 'target')}."
    changed = sum(1 for plan in plans if plan.changes)
    totals = ", ".join(f"{sum(plan.count(op) for plan in plans)} {word}" for op, word in _TO_DO.items())
    states = [state_of(one) for one in result.targets]
    blocked = "".join(f", {states.count(name)} {name}" for name in ("failing", "held", "unsafe") if name in states)
    return f"Plan: {totals} in {changed} of {counted(len(plans), 'target')}{blocked}."


def counted(number: int, word: str) -> str:
    """Return a number with its word, such as `1 target` or `2 targets`."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _reload(one: ReloadResult, said: set[str | None], hide_values: bool) -> Line:
    if one.state == "failed":
        why = "see above" if one.error in said else reason(one.error or "", hide_values)
        return Line(f"reload {one.reload}: failed, the next pass runs it again: {why}", "bad")
    if one.state == "owed":
        return Line(f"reload {one.reload}: owed from an earlier pass, will run", "update")
    return Line(f"reload {one.reload}: done", "plain")


def _diff(diff: str) -> Iterator[Line]:
    styles: dict[str, Style] = {"+": "create", "-": "delete", "@": "dim"}
    for text in _diff_lines(diff):
        style: Style = "dim" if text.startswith(("+++", "---")) else styles.get(text[:1], "plain")
        yield Line(f"  {text}", style)


def _table(plan: Plan, hide_values: bool) -> Iterator[Line]:
    width = min(max((len(change.key) for change in plan.changes), default=0), _WIDEST_KEY)
    for change in plan.changes:
        values = line_counts(plan.diff) if plan.diff else values_of(change, hide_values)
        text = f"  {_SIGN[change.op]} {change.key:<{width}}  {values}".rstrip()
        yield Line(text, change.op)


def values_of(change: Change, hide_values: bool) -> str:
    """Return `old → new` of one change as far as it may be shown, and its note."""
    note = f" ({change.note})" if change.note else ""
    if change.sensitive:
        return "«sensitive»" + note
    shown = [] if hide_values else [short(value) for value in (change.old, change.new) if value is not None]
    return " → ".join(shown) + note


def _diff_lines(diff: str) -> list[str]:
    """Return the lines of a diff; only a newline ends one."""
    return diff.removesuffix("\n").split("\n")


def line_counts(diff: str) -> str:
    """Return how many lines a unified diff adds and removes."""
    body = [text for text in _diff_lines(diff) if not text.startswith(("+++", "---"))]
    added, removed = (sum(1 for text in body if text.startswith(sign)) for sign in "+-")
    return f"{counted(added, 'line')} added, {counted(removed, 'line')} removed"


def short(value: str, longest: int = _LONGEST_VALUE) -> str:
    """Return a value in quotes on one line, cut after so many characters, and said so."""
    flat = value.encode("unicode_escape").decode() if not value.isprintable() else value
    return f'"{flat}"' if len(flat) <= longest else f'"{flat[:longest]}…" ({len(value)} characters)'
