"""Values and keys that nobody wants, through a real Consul into every kind of target, by the real command line."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.faults.support.report import record
from tests.support.stack import Stack, stack

__all__ = ["stack"]
VALUES: dict[str, bytes] = {
    "nul": b"a\0b",
    "newlines": b"a\nb\r\nc\n",
    "quotes": b"""a'b"c`d\\e""",
    "dollar": b"$HOME ${HOME} $(id) `id` %n $$",
    "large": b"x" * 524_288,
    "not-utf8": b"\xff\xfe\x80",
    "emoji": "🎉é\u202e".encode(),
    "escapes": b"\x1b[2J\x1b]0;owned\x07\xc2\x9b31m",
    "empty": b"",
    "markdown": b"```\n</details> @all <script>alert(1)</script> | x",
    "nested": b"[" * 100_000,
}
KEYS = ("a b", "per%cent", "ünïcode/é", "tab\there", "esc\x1b[31m", "new\nline", "quote'\"`", "$(id)", "#hash", "q?x=y")
ODD = (*KEYS, "x//y", "up/../down", "./dot", "/lead", "trail/", "k" * 600)


def _targets(stack: Stack, names: list[str]) -> dict[str, Any]:
    edge = {**stack.config["targets"]["edge"], "keys": ["config/**"]}
    targets: dict[str, Any] = {"edge": edge}
    (stack.folder / "t.j2").write_text("{{ key(name) | length }} {{ key_bytes(name) | sha256 }}\n")
    for name in names:
        targets[f"file-{name}"] = {
            "kind": "template",
            "template": "t.j2",
            "path": f"out/{name}",
            "vars": {"name": f"config/{name}"},
        }
        for dialect in ("compose", "docker", "shell", "systemd"):
            targets[f"{dialect}-{name}"] = {
                "kind": "env_file",
                "path": f"out/{name}.{dialect}",
                "dialect": dialect,
                "vars": {"VALUE": f"config/{name}"},
            }
    return targets


@pytest.mark.e2e
def test_any_value_reaches_every_kind_or_is_a_fault_of_its_own(stack: Stack) -> None:
    """What a target cannot hold is its own fault; nothing is torn, no terminal is ordered about, all others arrive."""
    for name, value in VALUES.items():
        stack.consul.put(f"{stack.prefix}config/{name}", value)
    stack.config["targets"] = _targets(stack, list(VALUES))
    shown = [stack.syncd("plan", "--format", form) for form in ("text", "markdown")]
    assert [code for code, _, _ in shown] == [1, 1]
    for _, out, err in shown:
        assert not any(bad in out + err for bad in ("\x1b", "\x07", "\x9b", "\0", "\r")), out[:2000]
    assert len(shown[1][1]) <= 60_000
    code, document = stack.json("once")
    assert code == 1
    outcomes = {one["target"]: one["outcome"] for one in document["targets"]}
    assert outcomes["edge"] == "applied", outcomes["edge"]
    for name, value in VALUES.items():
        assert stack.kv.get(f"config/{name}") == value, name
    failed = {name for name, outcome in outcomes.items() if outcome != "applied"}
    cannot = {"docker": ("nul", "newlines", "large", "not-utf8", "markdown", "nested"), "file": ("not-utf8",)}
    cannot |= dict.fromkeys(("compose", "shell", "systemd"), ("nul", "not-utf8"))
    assert failed == {f"{kind}-{name}" for kind, names in cannot.items() for name in names}
    record("values with NUL, newlines, quotes, $, 512 KB, no UTF-8, escapes", area="Input", injected="Consul", times=11)


def test_any_key_is_an_entry_or_is_left_alone(stack: Stack) -> None:
    """Odd names arrive as they are; what Workers KV or Consul's own API cannot name is said, and harms nothing."""
    # In a transaction: in a path Consul takes no control characters.
    stack.consul.put_many({f"{stack.prefix}config/{key}": "v" for key in ODD})
    stack.config["targets"] = {"edge": {**stack.config["targets"]["edge"], "keys": ["config/**"]}}
    stack.config["targets"]["flags"] = {
        "kind": "env_file",
        "path": "out/flags.env",
        "include": [{"keys": "config/**", "prefix": "X_"}],
    }
    (stack.folder / "t.j2").write_text("{% for k, v in tree('config').items() %}{{ k | tojson }}\n{% endfor %}")
    stack.config["targets"]["file"] = {"kind": "template", "template": "t.j2", "path": "out/all"}
    code, document = stack.json("once")
    assert code == 1
    edge = stack.target(document, "edge")
    assert [fault["key"] for fault in edge["faults"]] == ["config/" + "k" * 600]
    held = stack.kv.list()
    for key in KEYS:
        assert f"config/{key}" in held, key
    assert stack.target(document, "file")["outcome"] == "applied"
    names = [json.loads(line) for line in (stack.folder / "out/all").read_text().splitlines()]
    assert set(KEYS) <= set(names)
    _, out, _ = stack.syncd("plan")
    assert "\x1b" not in out
    record("keys with //, .., spaces, %, control characters", area="Input", injected="Consul", times=len(ODD))


HOSTILE = {
    "endless": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "huge": "{% for a in range(99999) %}{{ 'x' * 9999 }}{% endfor %}",
    "file": "{% include '/etc/passwd' %}",
    "climb": "{% include '../../../../etc/passwd' %}",
    "class": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "attr": "{{ '' | attr('__class__') }}",
    "globals": "{{ key.__globals__ }}",
    "init": "{{ self.__init__.__globals__ }}",
    "format": "{{ '{0.__class__.__init__.__globals__}'.format(key) }}",
    "builtin": "{{ open('/etc/passwd').read() }}",
    "import": "{{ __import__('os').system('id') }}",
    "token": "{{ env('CONSUL_HTTP_TOKEN') }}",
    "recurse": "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
}


@pytest.mark.e2e
def test_hostile_templates_harm_only_themselves(stack: Stack) -> None:
    """Loops end, nothing outside of the keys is reached, and the other targets are applied."""
    targets = {"good": stack.config["targets"]["app-env"]}
    for name, text in HOSTILE.items():
        (stack.folder / f"{name}.j2").write_text(text)
        targets[name] = {"kind": "template", "template": f"{name}.j2", "path": f"out/{name}"}
    stack.config["targets"] = targets
    stack.config["consul"]["token"] = "${CONSUL_HTTP_TOKEN}"
    stack.env["CONSUL_HTTP_TOKEN"] = "pl4nt-token"
    code, document = stack.json("once")
    assert code == 1
    assert stack.target(document, "good")["outcome"] == "applied"
    for name in HOSTILE:
        one = stack.target(document, name)
        assert one["outcome"] == "failed", name
        assert one["error"].startswith(f"{name}.j2:1"), one["error"]
        assert "root:" not in one["error"]
        assert not (stack.folder / "out" / name).exists()
    record("templates that loop, flood or climb", area="Input", injected="template files", times=len(HOSTILE))


@pytest.mark.e2e
def test_an_environment_that_is_no_text(stack: Stack) -> None:
    """A variable with bytes that are not UTF-8 is a located fault, wherever it goes."""
    stack.config["targets"]["app-env"] |= {"path": "${BAD}"}
    stack.config["owner"] = "${BAD}"
    stack.env["BAD"] = b"a\xffb".decode(errors="surrogateescape")
    for args in (("check", "--offline"), ("once", "--format", "json")):
        code, _, err = stack.syncd(*args)
        assert code == 78, (args, err)
        assert err.startswith("config.yaml:"), err
