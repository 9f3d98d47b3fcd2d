"""The step `Run syncd` of action.yml: runs one command, then writes outputs, job summary, comment and annotations.

Everything comes by the environment. Ends with syncd's own exit code. docs/deploy/github.md says what a user sees.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

USAGE = 64
FAULT = re.compile(r"(?P<file>[^:\n]+):(?P<line>\d+):(?P<col>\d+): (?P<what>.+)")
UNPLACED = re.compile(r"(?:syncd|[^:\s{][^:]*): .+")
"""An error without a place: of syncd as a whole, or of a file. Log lines have no such beginning, or are JSON."""
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


@dataclass(frozen=True)
class Inputs:
    """What the workflow gave."""

    mode: str
    config: str
    source: str
    plan_file: str
    detailed_exitcode: bool
    show_values: bool
    force: bool
    timeout: str

    @classmethod
    def of(cls, environment: dict[str, str]) -> Inputs:
        """Read them from SYNCD_ACTION_*; ValueError says what is wrong."""
        given = {name: environment.get(f"SYNCD_ACTION_{name.upper()}", "") for name in cls.__dataclass_fields__}
        if given["mode"] not in ("plan", "once", "apply"):
            raise ValueError(f"mode: {given['mode']!r} is none of plan, once, apply")
        if given["mode"] == "apply" and not given["plan_file"]:
            raise ValueError("mode: apply needs plan-file")
        flags = {}
        for name in ("detailed_exitcode", "show_values", "force"):
            flags[name] = given.pop(name) == "true"
            if environment.get(f"SYNCD_ACTION_{name.upper()}", "") not in ("", "true", "false"):
                raise ValueError(f"{name.replace('_', '-')}: it is neither true nor false")
        return cls(
            given["mode"], given["config"], given["source"], given["plan_file"], timeout=given["timeout"], **flags
        )

    def argv(self, markdown: Path) -> list[str]:
        """Return the command line. Values are hidden where they arise, not afterwards."""
        words = ["--config", self.config, self.mode, "--format", "json", f"--timeout={self.timeout}"]
        words += [f"--markdown={markdown}"]
        words += [] if self.show_values else ["--hide-values"]
        if self.source:
            words.append(f"--source={self.source}")
        if self.mode == "plan":
            words += ["--detailed-exitcode"] if self.detailed_exitcode else []
            words += [f"--out={self.plan_file}"] if self.plan_file else []
        else:
            words += ["--force"] if self.force else []
            words += ["--", self.plan_file] if self.mode == "apply" else []
        return words

    def make_room(self) -> None:
        """Remove the plan of an earlier run: what lies there afterwards is this one's. ValueError where it cannot."""
        if self.mode == "plan" and self.plan_file:
            try:
                Path(self.plan_file).unlink(missing_ok=True)
            except OSError as error:
                raise ValueError(f"plan-file: {self.plan_file!r} cannot be replaced ({error.strerror})") from error


def main() -> int:
    """Run, report, and return the exit code of the step."""
    try:
        inputs = Inputs.of(dict(os.environ))
        inputs.make_room()
    except ValueError as fault:
        annotate("error", str(fault))
        return USAGE
    comment = Path(os.environ["RUNNER_TEMP"]) / f"syncd-comment-{secrets.token_hex(4)}.md"
    # -I: the folder of the repository is no place to import from.
    argv = [sys.executable, "-I", "-m", "syncd", *inputs.argv(comment)]
    child = {name: value for name, value in os.environ.items() if not name.startswith("SYNCD_ACTION_")}
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=child)
    quote(done.stderr)
    report = parsed(done.stdout)
    text = headed(comment, inputs.mode, done.returncode)
    comment.write_text(text, encoding="utf-8")
    with Path(os.environ["GITHUB_STEP_SUMMARY"]).open("a", encoding="utf-8") as summary:
        summary.write(text)
    explain(report, done.stderr, done.returncode)
    saved = inputs.mode == "plan" and inputs.plan_file and Path(inputs.plan_file).exists()
    give("changed", "true" if changed(report, inputs.mode) else "false")
    give("plan-file", str(Path(inputs.plan_file).resolve()) if saved else "")
    give("counts", json.dumps(counts(report)))
    give("comment", str(comment))
    give("exit-code", str(done.returncode))
    return done.returncode


def headed(markdown: Path, mode: str, code: int) -> str:
    """Return syncd's own Markdown below the mark and what the exit code means; without it where there is none."""
    verdict = f"{VERDICTS[code]} (exit {code})\n\n" if code in VERDICTS else ""
    body = markdown.read_text(encoding="utf-8") if markdown.exists() else f"### syncd {mode}: no result\n"
    return f"{MARK}\n{verdict}{body}"


def parsed(stdout: str) -> dict[str, Any]:
    """Return the report, {} where syncd ended before it had one."""
    try:
        found = json.loads(stdout)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def counts(report: dict[str, Any]) -> dict[str, int]:
    """Return how many entries all targets together create, update and delete."""
    targets = report.get("targets", [])
    return {op: sum(one["counts"][op] for one in targets) for op in ("create", "update", "delete")}


def changed(report: dict[str, Any], mode: str) -> bool:
    """Say whether something is pending (plan), or was carried out or begun (once, apply).

    What failed on its way counts: some of it may be in place.
    """
    if mode == "plan":
        return bool(report) and not report["in_sync"]
    done = any(one["state"] == "done" for one in report.get("reloads", []))
    return done or any(
        one["outcome"] == "applied" or (one["outcome"] == "failed" and bool(one["changes"]))
        for one in report.get("targets", [])
    )


def problems(target: dict[str, Any]) -> list[str]:
    """Return in words what stands in the way of a target."""
    whys = [target["error"], *(f"key {key!r} has no value" for key in target["missing_keys"])]
    whys += [*target["held"], *target["unsafe"]]
    whys += [f"{found['key']}: {found['why']}" for found in (*target["faults"], *target["conflicts"])]
    return [why for why in whys if why]


def explain(report: dict[str, Any], stderr: str, code: int) -> None:
    """Annotate: faults at their place in the config, failed, held and unsafe targets by name."""
    reasons = 0
    for line in stderr.splitlines():
        if found := FAULT.fullmatch(line):
            annotate("error", found["what"], file=found["file"], line=found["line"], col=found["col"])
        elif UNPLACED.fullmatch(line) and code not in (0, 2) and not report:
            annotate("error", line.removeprefix("syncd: "))
        else:
            continue
        reasons += 1
    for one in report.get("targets", []):
        for problem in problems(one):
            annotate("error", f"{one['target']}: {problem}")
            reasons += 1
    for one in report.get("reloads", []):
        if one["error"]:
            annotate("error", f"reload {one['reload']}: {one['error']}")
            reasons += 1
    if code not in (0, 2) and not reasons:
        last = next((line for line in reversed(stderr.splitlines()) if line.startswith("syncd: ")), "")
        annotate("error", last.removeprefix("syncd: ") or f"syncd ended with {code}")
    if code == 0 and report and not report["in_sync"]:
        annotate("notice", "syncd: " + ", ".join(f"{number} to {op}" for op, number in counts(report).items()))


def annotate(level: str, message: str, **place: str) -> None:
    """Print a workflow command; what would end it or begin another is escaped."""
    where = ",".join(f"{name}={_escaped(value, ':,')}" for name, value in place.items())
    print(f"::{level}{' ' if where else ''}{where}::{_escaped(message, '')}", flush=True)


def _escaped(text: str, more: str) -> str:
    for one in "%\r\n" + more:
        text = text.replace(one, f"%{ord(one):02X}")
    return text


def quote(text: str) -> None:
    """Print what syncd said; the runner takes no line of it for a command."""
    token = secrets.token_hex(16)
    print(f"::stop-commands::{token}\n{text.rstrip()}\n::{token}::", flush=True)


def give(name: str, value: str) -> None:
    """Set an output; no value can begin another one, because nobody knows the delimiter."""
    delimiter = f"end-{secrets.token_hex(16)}"
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as outputs:
        outputs.write(f"{name}<<{delimiter}\n{value}\n{delimiter}\n")


if __name__ == "__main__":
    sys.exit(main())
