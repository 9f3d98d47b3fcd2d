"""The report of a pass as Markdown, for a job summary and a pull-request comment."""

from __future__ import annotations

import re
from typing import Any

LIMIT = 60_000
"""Characters; GitHub takes 65,536 in a comment."""
MARK = "<!-- syncd -->"
"""By this a later run finds its comment again."""

VERDICTS = {
    1: "A target failed.",
    3: "**Refused**: unsafe, held, or moved since it was planned.",
    64: "The command line is wrong.",
    69: "Consul could not be reached in time.",
    77: "Consul denied the token.",
    78: "The config, a template, a source file or a plan file is faulty.",
}


def write(report: dict[str, Any], mode: str, code: int, *, show_values: bool) -> str:
    """Return the Markdown, at most LIMIT characters; values only with `show_values`, sensitive ones never."""
    lines = [MARK, f"### syncd {mode}", ""]
    if code in VERDICTS:
        lines += [f"{VERDICTS[code]} (exit {code})", ""]
    if report:
        lines += _table(report, mode)
        lines += _problems(report)
        lines += _changes(report, show_values)
    text = "\n".join(lines) + "\n"
    if len(text) <= LIMIT:
        return text
    cut = text[: LIMIT - 200].rsplit("\n", 1)[0]
    fence = _open_fence(cut)
    return f"{cut}\n{fence}\n\n_Cut: the whole has {len(text)} characters. Run `syncd plan` to see it._\n"


def _table(report: dict[str, Any], mode: str) -> list[str]:
    state = "state" if mode == "plan" else "outcome"
    lines = [f"| target | {state} | create | update | delete |", "|---|---|--:|--:|--:|"]
    for one in sorted(report["targets"], key=lambda found: found["safe"]):
        numbers = " | ".join(str(one["counts"][op]) for op in ("create", "update", "delete"))
        lines.append(f"| {_code(one['target'])} | {one.get('outcome') or _state(one)} | {numbers} |")
    return [*lines, ""]


def _state(one: dict[str, Any]) -> str:
    if one["error"] or one["missing_keys"] or one["faults"] or one["conflicts"]:
        return "failed"
    if one["held"]:
        return "held"
    if not one["safe"]:
        return "unsafe"
    return "in sync" if one["in_sync"] else "changes"


def problems(target: dict[str, Any]) -> list[str]:
    """Return in words what stands in the way of a target."""
    whys = [target["error"], *(f"key {key!r} has no value" for key in target["missing_keys"])]
    whys += [*target["held"], *target["unsafe"]]
    whys += [f"{found['key']}: {found['why']}" for found in (*target["faults"], *target["conflicts"])]
    return [why for why in whys if why]


def _problems(report: dict[str, Any]) -> list[str]:
    lines = []
    for one in report["targets"]:
        lines += [f"- {_code(one['target'])}: {_code(why)}" for why in problems(one)]
    for one in report.get("reloads", []):
        if one["error"]:
            lines.append(f"- reload {_code(one['reload'])}: {_code(one['error'])}")
    return [*lines, ""] if lines else []


def _changes(report: dict[str, Any], show_values: bool) -> list[str]:
    lines: list[str] = []
    for one in report["targets"]:
        if not one["changes"]:
            continue
        body = _with_values(one) if show_values else [f"{change['op']} {change['key']}" for change in one["changes"]]
        text = "\n".join(line.replace("\r", "") for line in body)
        fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", text)), default=0))
        lines += [
            f"<details><summary>{_plain(one['target'])}</summary>",
            "",
            f"{fence}diff",
            text,
            fence,
            "",
            "</details>",
            "",
        ]
    return lines


def _with_values(one: dict[str, Any]) -> list[str]:
    if one["diff"]:
        return [str(one["diff"]).rstrip("\n")]
    lines = []
    for change in one["changes"]:
        hidden = change["sensitive"]
        lines += [f"-{change['key']}={change['old']}"] if change["old"] is not None and not hidden else []
        lines += [f"+{change['key']}={change['new']}"] if change["new"] is not None and not hidden else []
        lines += [f"{change['op']} {change['key']}=«sensitive»"] if hidden else []
    return lines


def _code(text: str) -> str:
    """Return the text as one code span in a table cell: no Markdown, HTML or @mention of it counts."""
    flat = " ".join(text.split()).replace("|", "\\|")
    fence = "`" * (1 + max((len(run) for run in re.findall(r"`+", flat)), default=0))
    return f"{fence} {flat} {fence}" if "`" in flat else f"{fence}{flat}{fence}"


def _plain(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _open_fence(text: str) -> str:
    """Return what closes the code block that the cut left open, or nothing."""
    fence = ""
    for line in text.splitlines():
        found = re.match(r"`{3,}", line)
        if found and not fence:
            fence = found[0]
        elif fence and line == fence:
            fence = ""
    return fence
