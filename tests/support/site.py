"""A small configuration of its own for a test of reloads: templates, a seed, no Consul, no Workers KV."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.support.cli import syncd_cli

SOURCE = ("--source", "seed.yaml")


@dataclass
class Site:
    """One config; `targets` are templates that share the reload `name`."""

    folder: Path
    name: str
    reload: dict[str, Any]
    outputs: dict[str, str] = field(default_factory=dict)
    """Output path -> template text."""
    env: dict[str, str] = field(default_factory=dict)

    def path(self, output: str) -> Path:
        """Return where an output is."""
        return self.folder / output

    def write(self) -> None:
        """Write config, seed and templates."""
        targets = {}
        for output, text in self.outputs.items():
            name = output.replace("/", "-")
            template = self.folder / "templates" / f"{name}.j2"
            template.parent.mkdir(exist_ok=True)
            template.write_text(text)
            targets[name] = {
                "kind": "template",
                "template": f"templates/{name}.j2",
                "path": output,
                "reload": self.name,
            }
        config = {"version": 1, "owner": "me", "reloads": {self.name: self.reload}, "targets": targets}
        (self.folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
        (self.folder / "seed.yaml").write_text("prefix: ''\nkv: {a: '1'}\n")

    def syncd(self, *args: str) -> tuple[int, str, str]:
        """Run syncd: (exit code, stdout, stderr)."""
        self.write()
        return syncd_cli(*args, *SOURCE, cwd=self.folder, env=self.env)

    def once(self, *args: str) -> tuple[int, dict[str, Any]]:
        """Run one pass: (exit code, report)."""
        code, out, err = self.syncd("once", *args, "--format", "json")
        assert out, err
        return code, json.loads(out)

    def start(self, *args: str) -> subprocess.Popen[bytes]:
        """Start syncd and return its process."""
        self.write()
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), **self.env}
        argv = [sys.executable, "-m", "syncd", "--log-format", "json", *args, *SOURCE]
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(argv, cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, stderr=log)

    def left_over(self) -> list[str]:
        """Return what lies beside the outputs and is none."""
        folders = {self.path(output).parent for output in self.outputs}
        return sorted(one.name for folder in folders for one in folder.iterdir() if one.name.startswith("."))


def on_path(folder: Path, **scripts: str) -> str:
    """Return a PATH on which these shell scripts come first."""
    folder.mkdir(exist_ok=True)
    for name, text in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def dash() -> str:
    """Return the shell that is the plainest on this machine: dash where it is there."""
    return shutil.which("dash") or "/bin/sh"
