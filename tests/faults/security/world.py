"""A configuration full of planted secrets, in which everything that can go wrong near them does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.faults.security.echo import Echo
from tests.faults.security.spilled import files_below
from tests.support.consul import ConsulServer
from tests.support.kv_server import WorkersKV

ROOT = Path(__file__).resolve().parents[3]
DUMP = Path(__file__).with_name("dump.py")
PREFIX = "app/"
DB = 'pl4nt-db/+? é"q\\u<&>=%'
KEY_LINES = ("pl4nt-first-line-of-key", "pl4nt+second/line+of=key")
PASSWORD, DEEP, URL_PART = "pl4nt json/Pass+w0rd", "pl4nt-deep-in-a-list", "pl4nt-in-a-url"
KEYS = {
    "config/plain": "a-plain-value",
    "secrets/db": DB,
    "secrets/key": "\n".join(KEY_LINES),
    "secrets/json": json.dumps({"user": "u", "password": PASSWORD, "more": {"list": [DEEP]}}),
    "secrets/url": f"postgres://app:{URL_PART}@db/app",
    "env/production/secrets/overlay": "pl4nt-overlay-value",
}
TEMPLATE = """\
plain {{ key('config/plain') }}
{{ key('secrets/db') }}
{{ key('secrets/key') }}
{{ (key('secrets/json') | fromjson).password }} {{ (key('secrets/json') | fromjson).more.list[0] }}
{{ key('secrets/overlay') }}
{{ key('secrets/url') }}
"""
DERIVED = "x{{ key('secrets/db') | b64encode }}\n{{ key('secrets/db') | upper }}\n{{ key('secrets/db')[:12] }}\n"
ERRORS = {
    "missing-field": "{{ (key('secrets/json') | fromjson).nope }}",
    "wrong-type": "{{ key('secrets/db') + 1 }}",
    "not-json": "{{ key('secrets/db') | fromjson }}",
    "bad-regex": "{{ 'x' | regex_replace(key('secrets/db') ~ '(', '') }}",
    "no-key": "{{ key(key('secrets/db')) }}",
    "key-default": "{{ key('x/' ~ key('secrets/db'), default='') }}",
    "no-service": "{{ service(key('secrets/overlay')) }}",
    "own-fail": "{{ fail(key('secrets/db')) }}",
}
DUMPS = ("plain", "base64", "json", "url", "hex", "parent")


@dataclass
class World:
    """The folder, its servers, and everything that was said or written."""

    folder: Path
    consul: ConsulServer
    kv: WorkersKV
    echo: Echo
    said: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rules = f'key_prefix "{PREFIX}" {{ policy = "read" }}\nsession_prefix "" {{ policy = "write" }}'
        self.consul.put_many({PREFIX + key: value for key, value in KEYS.items()})
        self.secrets = {
            "db": DB,
            "key line 1": KEY_LINES[0],
            "key line 2": KEY_LINES[1],
            "json": KEYS["secrets/json"],
            "json password": PASSWORD,
            "json deep": DEEP,
            "overlay": KEYS["env/production/secrets/overlay"],
            "url": URL_PART,
            "consul token": self.consul.token_for(rules),
            "cloudflare token": self.kv.token,
            "wrong cloudflare token": "pl4nt-wrong-cloudflare-token",
            "header": "pl4nt-header-value",
            "header file": "pl4nt-header-in-a-file",
            "plan key": "pl4nt-plan-key",
        }
        (self.folder / "header").write_text(f"Bearer {self.secrets['header file']}\n")
        (self.folder / "t.j2").write_text(TEMPLATE)
        (self.folder / "derived.j2").write_text(DERIVED)
        for name, text in ERRORS.items():
            (self.folder / f"{name}.j2").write_text(text)
        (self.folder / "config.yaml").write_text(yaml.safe_dump(self._config()))

    @property
    def env(self) -> dict[str, str]:
        """The environment that syncd is started with."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "PYTHONPATH": str(ROOT),
            "CONSUL_HTTP_TOKEN": self.secrets["consul token"],
            "CLOUDFLARE_API_TOKEN": self.secrets["cloudflare token"],
            "WRONG_TOKEN": self.secrets["wrong cloudflare token"],
            "HEADER": self.secrets["header"],
            "SYNCD_PLAN_KEY": self.secrets["plan key"],
            "CLOUDFLARE_LOG": "debug",
            "ALLOWED": "may-be-seen",
        }

    def run(self, *args: str, broken: str = "", env: dict[str, str] | None = None) -> int:
        """Run a command to its end, note all it says, and return its exit code."""
        done = subprocess.run(
            self.argv(*args, broken=broken),
            cwd=self.folder,
            env={**self.env, **(env or {})},
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=60,
            check=False,
        )
        label = " ".join([broken, *args])
        self.said[f"stdout of {label}"], self.said[f"stderr of {label}"] = done.stdout, done.stderr
        return done.returncode

    def argv(self, *args: str, broken: str = "", form: str = "json") -> list[str]:
        """Return the command line for syncd."""
        module = ["tests.faults.security.broken", broken] if broken else ["syncd"]
        return [sys.executable, "-m", *module, "--log-level", "debug", "--log-format", form, *args]

    def places(self) -> dict[str, bytes]:
        """Return all that was said, the state dir, saved plans, and what children could see."""
        places = dict(self.said)
        for name, content in files_below(self.folder):
            if Path(name).parts[1] not in ("out", "header", "config.yaml"):
                places[name] = content
        return places

    def _config(self) -> dict[str, Any]:
        targets: dict[str, Any] = {
            "app-env": {
                "kind": "env_file",
                "path": "out/app.env",
                "reload": "kept",
                "vars": {
                    "DB": "secrets/db",
                    "PASSWORD": "secrets/json#/password",
                    "OVERLAY": "secrets/overlay",
                    "PLAIN": "config/plain",
                    "MIXED": {"template": "x-{{ DB }}-y"},
                },
            },
            "app": {"kind": "template", "template": "t.j2", "path": "out/app.conf", "reload": "kept"},
            "derived": {"kind": "template", "template": "derived.j2", "path": "out/derived"},
            "edge": self._edge(["config/*", "secrets/**"], "${CLOUDFLARE_API_TOKEN}"),
            "denied": self._edge(["config/*"], "${WRONG_TOKEN}"),
            "strange": {**self._edge(["config/*"], "${WRONG_TOKEN}"), "base_url": self.echo.url, "account_id": "b"},
            "asked": {"kind": "template", "template": "t.j2", "path": "out/asked", "reload": "asked"},
        }
        for name in ERRORS:
            targets[name] = {"kind": "template", "template": f"{name}.j2", "path": f"out/{name}"}
        for how in DUMPS:
            targets[f"dumped-{how}"] = {"kind": "template", "template": "t.j2", "path": f"out/{how}", "reload": how}
        return {
            "version": 1,
            "owner": "secrets",
            "environment": "production",
            "consul": {"address": self.consul.url, "token": "${CONSUL_HTTP_TOKEN}", "prefix": PREFIX, "wait": "1s"},
            "http": {"listen": "127.0.0.1:${PORT:-9464}"},
            "reloads": self._reloads(),
            "targets": targets,
        }

    def _reloads(self) -> dict[str, Any]:
        keep = [sys.executable, str(DUMP), "keep", "children"]
        http = {
            "url": f"{self.echo.url}/reload?token=x",
            "headers": {"X-Key": "${HEADER}"},
            "headers_file": {"Authorization": "header"},
            "retries": 0,
        }
        dumps = {how: {"check": [sys.executable, str(DUMP), how, f"out/{how}"]} for how in DUMPS}
        return {"kept": {"check": keep, "run": keep, "env": ["ALLOWED"]}, "asked": {"http": http}, **dumps}

    def _edge(self, keys: list[str], token: str) -> dict[str, Any]:
        one = {"kind": "cloudflare_kv", "account_id": self.kv.account, "namespace_id": self.kv.namespace}
        return {**one, "api_token": token, "base_url": self.kv.base_url, "keys": keys, "key_prefix": f"{keys[-1][0]}/"}
