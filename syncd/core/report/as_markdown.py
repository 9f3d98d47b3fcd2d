"""A pass as Markdown for a pull-request comment or a step summary."""

from syncd.core.model import OPS, Plan
from syncd.core.printable import printable
from syncd.core.report.lines import counted, headline, line_counts, obstacles, reason, state_of, summary, values_of
from syncd.core.report.model import PassResult, TargetResult

LONGEST_CHARACTERS = 60_000
_CUT = "\n\n**Cut here: the whole plan is longer than 60,000 characters. Run `syncd plan` to see all of it.**\n"


def document(result: PassResult, *, hide_values: bool = False) -> str:
    """Return the pass, counts and unsafe targets first, at most 60,000 characters; where it is cut, it says so."""
    first = sorted(result.targets, key=_urgency)
    parts = [f"### syncd: {summary(result)}", "", *_overview(first)]
    for reload in result.reloads:
        parts += [
            "",
            f"Reload `{reload.reload}`: {reload.state}"
            + (f": {_plain(reason(reload.error, hide_values))}" if reload.error else ""),
        ]
    for orphan in result.orphans:
        parts += ["", f"Orphan: {_plain(orphan.what)} of `{orphan.target}` is no longer in the config; it stays."]
    for one in first:
        if one.plan.changes or obstacles(one):
            parts += ["", *_details(one, hide_values)]
    text = "\n".join(parts) + "\n"
    return text if len(text) <= LONGEST_CHARACTERS else _cut(text)


def _cut(text: str) -> str:
    room = LONGEST_CHARACTERS - len(_CUT) - 32
    kept = text[: text.rfind("\n", 0, room)]
    fence = _open_fence(kept)
    return kept + (f"\n{fence}" if fence else "") + ("\n</details>" if _open_details(kept) else "") + _CUT


def _open_fence(text: str) -> str:
    """Return the fence that is still open at the end of `text`, "" where none is."""
    fence = ""
    for line in text.splitlines():
        ticks = line[: len(line) - len(line.lstrip("`"))]
        if len(ticks) >= 3 and (not fence or ticks == fence):
            fence = "" if fence else ticks
    return fence


def _open_details(text: str) -> bool:
    return text.count("\n<details") > text.count("\n</details>")


def _urgency(result: TargetResult) -> tuple[int, str]:
    plan = result.plan
    rank = 0 if plan.unsafe else 1 if plan.held else 2 if plan.failing or result.error else 3 if plan.changes else 4
    return rank, plan.target


def _overview(results: list[TargetResult]) -> list[str]:
    rows = ["| target | kind | create | update | delete | state |", "|---|---|--:|--:|--:|---|"]
    for one in results:
        counts = " | ".join(str(one.plan.count(op)) for op in OPS)
        rows.append(f"| {_cell(one.plan.target)} | {one.plan.kind} | {counts} | {_state(one)} |")
    return rows


def _state(result: TargetResult) -> str:
    state = state_of(result) or "changes"
    return f"**{state}**" if state in ("failing", "failed", "held", "unsafe") else state


def _details(result: TargetResult, hide_values: bool) -> list[str]:
    plan = result.plan
    found = [f"#### {_plain(plan.target)}: {headline(result)}", ""]
    found += [f"- ⚠ {_plain(reason(text, hide_values))}" for text in obstacles(result)]
    if not plan.changes:
        return found
    body = _body(plan, hide_values)
    fence = "`" * max(3, _longest_run(body) + 1)
    found += [
        "",
        f"<details><summary>{counted(len(plan.changes), 'change')}</summary>",
        "",
        f"{fence}diff",
        body,
        fence,
        "",
        "</details>",
    ]
    return found


def _body(plan: Plan, hide_values: bool) -> str:
    if plan.diff is not None and not hide_values:
        return "\n".join(printable(text) for text in plan.diff.rstrip("\n").split("\n"))
    sign = {"create": "+", "update": "!", "delete": "-"}
    rows = [
        (sign[one.op], one.key, line_counts(plan.diff) if plan.diff else values_of(one, hide_values))
        for one in plan.changes
    ]
    return "\n".join(printable(f"{op} {key}  {values}".rstrip()) for op, key, values in rows)


def _longest_run(text: str) -> int:
    longest = run = 0
    for character in text:
        run = run + 1 if character == "`" else 0
        longest = max(longest, run)
    return longest


def _plain(text: str) -> str:
    """Return text that Markdown shows as it is: no markup, no mention of a user, one line."""
    flat = printable(" ".join(text.split()))
    for character in "\\`*_<>[]|":
        flat = flat.replace(
            character, f"\\{character}" if character not in "<>" else {"<": "&lt;", ">": "&gt;"}[character]
        )
    return flat.replace("@", "@\u200b")


def _cell(text: str) -> str:
    return _plain(text)
