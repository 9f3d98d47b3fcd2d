"""Runs the steps of a composite action as GitHub's runner does, as far as that can be had without one.

Emulated: inputs and their defaults, `env:` of a step, `steps.ID.outputs.NAME`, one shell per step, the files of
GITHUB_OUTPUT, GITHUB_ENV and GITHUB_STEP_SUMMARY, masks, stop-commands and annotations. Not: `uses:`, `if:`, tokens.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

_EXPRESSION = re.compile(r"\$\{\{\s*([a-z]+)\.([A-Za-z0-9_.-]+)\s*\}\}")
_COMMAND = re.compile(r"::(?P<name>[a-z-]+)(?: (?P<where>[^:]*))?::(?P<value>.*)")


@dataclass
class Ended:
    """How the action ended, and what the runner has of it; `log` is what a reader of the run sees, masks done."""

    code: int = 0
    outputs: dict[str, str] = field(default_factory=dict)
    summary: str = ""
    log: str = ""
    masks: list[str] = field(default_factory=list)
    annotations: list[tuple[str, dict[str, str], str]] = field(default_factory=list)


class Runner:
    """The action of `folder`, run in `workspace` with `temp` as RUNNER_TEMP."""

    def __init__(self, folder: Path, workspace: Path, temp: Path) -> None:
        self._action = yaml.safe_load((folder / "action.yml").read_text())
        self._folder, self._workspace, self._temp = folder, workspace, temp

    def run(self, env: dict[str, str], **inputs: str) -> Ended:
        """Run every step until one fails; `inputs` with `_` for `-`."""
        known = self._action["inputs"]
        given = {name: str(one.get("default", "")) for name, one in known.items()}
        for name, value in inputs.items():
            assert name.replace("_", "-") in known, name
            given[name.replace("_", "-")] = value
        ended, steps = Ended(), {}
        for number, step in enumerate(self._action["runs"]["steps"]):
            found = self._step(step, number, given, env, ended)
            steps[step.get("id", str(number))] = found
            if ended.code:
                break
        outputs = self._action["outputs"]
        ended.outputs = {name: _filled(one["value"], given, steps) for name, one in outputs.items()}
        for mask in sorted(ended.masks, key=len, reverse=True):
            ended.log = ended.log.replace(mask, "***")
        return ended

    def _step(
        self, step: dict[str, Any], number: int, inputs: dict[str, str], env: dict[str, str], ended: Ended
    ) -> dict[str, str]:
        files = {
            name: self._temp / f"{name}-{number}" for name in ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_STEP_SUMMARY")
        }
        for file in files.values():
            file.write_text("")
        script = self._temp / f"step-{number}.sh"
        script.write_text(step["run"])
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)],
            cwd=self._workspace,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self._temp),
                "RUNNER_TEMP": str(self._temp),
                "GITHUB_ACTIONS": "true",
                "GITHUB_WORKSPACE": str(self._workspace),
                "GITHUB_ACTION_PATH": str(self._folder),
                **{name: str(file) for name, file in files.items()},
                **env,
                **{name: _filled(str(value), inputs, {}) for name, value in step.get("env", {}).items()},
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=300,
        )
        ended.code = done.returncode
        _read_log(done.stdout, ended)
        ended.summary += files["GITHUB_STEP_SUMMARY"].read_text()
        return _pairs(files["GITHUB_OUTPUT"].read_text())


def _filled(text: str, inputs: dict[str, str], steps: dict[str, dict[str, str]]) -> str:
    def value(found: re.Match[str]) -> str:
        kind, name = found.groups()
        if kind == "inputs":
            return inputs[name]
        step, _, output = name.partition(".outputs.")
        assert (kind, bool(output)) == ("steps", True), found[0]
        return steps.get(step, {}).get(output, "")

    return _EXPRESSION.sub(value, text)


def _read_log(text: str, ended: Ended) -> None:
    stopped = ""
    for line in text.splitlines():
        found = _COMMAND.fullmatch(line)
        if stopped:
            if line == f"::{stopped}::":
                stopped = ""
            else:
                ended.log += line + "\n"
        elif found and found["name"] == "add-mask":
            ended.masks.append(_unescaped(found["value"]))
        elif found and found["name"] == "stop-commands":
            stopped = found["value"]
        elif found and found["name"] in ("error", "warning", "notice"):
            where = dict(one.split("=", 1) for one in (found["where"] or "").split(",") if one)
            ended.annotations.append((found["name"], where, _unescaped(found["value"])))
            ended.log += _unescaped(found["value"]) + "\n"
        else:
            assert not found, f"an unknown workflow command: {line}"
            ended.log += line + "\n"


def _unescaped(text: str) -> str:
    return text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")


def _pairs(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        name, sign, rest = line.partition("<<")
        if not sign:
            name, _, found[name] = line.partition("=")
            continue
        value = []
        for one in lines:
            if one == rest:
                break
            value.append(one)
        found[name] = "\n".join(value)
    return found
