"""`explain` says why: every way in which a part of a target can stand, on a real Consul and a real Workers KV."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from tests.integration.explain.conftest import Explain
from tests.support.consul import ConsulServer
from tests.support.stack import Stack

SECRET = "planted-s3cret"


def test_every_source_of_a_variable(stack: Stack, explain: Explain) -> None:
    """Key, overlay, default, pointer, template, fixed value and include; where each stands in config and file."""
    stack.config["environment"] = "production"
    stack.config["targets"]["app-env"] |= {
        "vars": {
            "URL": "services/app/url",
            "RETRIES": "services/app#/retry/attempts",
            "LEVEL": {"key": "config/level", "default": "info"},
            "HELD": {"key": "config/held", "default": "other"},
            "GREETING": {"template": "{{ URL }}/{{ LEVEL }}"},
            "NODE_ENV": {"value": "production"},
            "DB_PASSWORD": "secrets/db",
            "DB_URL": {"template": "pg://{{ DB_PASSWORD }}"},
        },
        "include": [{"keys": "config/features/*", "prefix": "FEATURE_"}],
    }
    stack.put(
        env__production__services__app__url="http://over:1",
        services__app='{"retry": {"attempts": 3}}',
        config__held="mine",
        config__features__ai="on",
    )
    stack.syncd("once")
    parts = explain("app-env")
    assert parts[""]["in_sync"]
    (url,) = parts["URL"]["keys"]
    assert (url["layer"], url["also_in"]) == ("env/production", stack.prefix + "services/app/url")
    assert url["key"] == stack.prefix + "env/production/services/app/url"
    assert parts["RETRIES"]["keys"][0]["pointer"] == "/retry/attempts"
    assert parts["RETRIES"]["value"] == "3"
    assert parts["LEVEL"]["default"] == {"value": "info", "used": True}
    assert parts["LEVEL"]["keys"][0]["exists"] is False
    assert parts["HELD"]["default"] == {"value": "other", "used": False}
    assert parts["GREETING"]["uses"] == ["URL", "LEVEL"]
    assert parts["GREETING"]["value"] == "http://over:1/info"
    assert (parts["NODE_ENV"]["fixed"], parts["NODE_ENV"]["keys"]) == (True, [])
    assert (parts["FEATURE_AI"]["through"], parts["FEATURE_AI"]["value"]) == ("config/features/*", "on")
    for name in ("DB_PASSWORD", "DB_URL"):
        assert (parts[name]["value"], parts[name]["sensitive"]) == (None, True)
    lines = (stack.folder / "out/app.env").read_text().split("\n")
    for name, part in parts.items():
        assert not name or lines[part["lines"][0] - 1].startswith(f"{name}=")
    text = stack.syncd("explain", "app-env")[1]
    assert SECRET not in text + json.dumps(parts)
    assert "URL: in sync" in text
    assert f"over the base, where {stack.prefix}services/app/url exists too" in " ".join(text.split())


def test_what_stands_in_the_way_of_a_variable(stack: Stack, explain: Explain) -> None:
    """A missing key, a pointer that leads nowhere, and a value that the dialect cannot hold; the file is kept."""
    stack.config["targets"]["app-env"] |= {
        "dialect": "docker",
        "vars": {"A": "config/none", "B": "services/app#/no", "C": "config/two", "D": "services/app/url"},
    }
    stack.put(services__app="{}", config__two="a\nb")
    parts = explain("app-env")
    assert parts[""]["state"] == "missing"
    assert (parts["A"]["state"], parts["A"]["why"].split(";")[0]) == (
        "missing",
        "'config/none' has no value and no default",
    )
    assert (parts["B"]["state"], parts["B"]["keys"][0]["leads_nowhere"]) == ("missing", True)
    assert parts["C"]["state"] == "fault"
    assert (parts["D"]["state"], "not written" in parts["D"]["why"]) == ("kept", True)


def test_pending_drift_and_both_are_told_apart(stack: Stack, explain: Explain) -> None:
    """A changed key is no drift, a changed file is; each line says whether it is the one."""
    assert explain("app-env")[""]["why"] == ["not there yet"]
    stack.syncd("once")
    path = stack.folder / "out/app.env"
    stack.put(services__app__url="http://127.0.0.1:10")
    parts = explain("app-env")
    assert (parts["APP_URL"]["state"], parts["DB_PASSWORD"]["state"]) == ("update", "in_sync")
    assert "changed since syncd wrote it" in parts["APP_URL"]["why"]
    path.write_text(path.read_text().replace(SECRET, "by-hand-s3cret"))
    parts = explain("app-env")
    assert "changed by hand, and" in parts["DB_PASSWORD"]["why"]
    stack.put(services__app__url="http://127.0.0.1:9")
    parts = explain("app-env")
    assert (parts["APP_URL"]["state"], parts["DB_PASSWORD"]["state"]) == ("in_sync", "update")
    assert "drift" in parts["DB_PASSWORD"]["why"]
    assert "s3cret" not in json.dumps(parts) + stack.syncd("explain", "app-env", "DB_PASSWORD")[1]
    stack.syncd("once")
    path.chmod(0o644)
    assert "mode 0644 → 0600" in explain("app-env")[""]["why"][0]


def test_a_file_of_somebody_else_is_a_conflict(stack: Stack, explain: Explain) -> None:
    """The variables say whose the file is; nothing is changed."""
    path = stack.folder / "out/app.env"
    path.parent.mkdir()
    path.write_text("THEIRS=1\n")
    parts = explain("app-env")
    assert {part["state"] for name, part in parts.items() if name} == {"conflict"}
    assert "nobody claims it" in parts["APP_URL"]["why"]
    assert path.read_text() == "THEIRS=1\n"


def test_every_state_of_a_pair(stack: Stack, explain: Explain) -> None:
    """Create, update by key and by hand, delete, conflict, a refused secret, and a foreign pair asked for by name."""
    stack.config["limits"] = {"min_entries": 100}
    stack.config["targets"]["edge"]["keys"] += ["secrets/db", "config/none"]
    stack.put(config__domains__gone="x", config__domains__hand="h")
    stack.syncd("once")
    stack.put(config__domains__api="https://new.example.com", config__domains__new="n", config__domains__taken="t")
    stack.delete("config/domains/gone")
    stack.kv.put("config/domains/hand", "by hand")
    stack.kv.put("config/domains/taken", "theirs", {"o": "somebody", "h": "0" * 32, "mi": 1})
    stack.kv.put("other", "theirs")
    parts = explain("edge")
    states = {name.rpartition("/")[2]: part["state"] for name, part in parts.items() if name}
    assert states == {
        "api": "update", "gone": "delete", "hand": "update", "new": "create", "taken": "conflict", "web": "in_sync",
        "db": "fault", "none": "missing",
    }  # fmt: skip
    assert "changed since" in parts["config/domains/api"]["why"]
    assert "drift" in parts["config/domains/hand"]["why"]
    assert "somebody" in parts["config/domains/taken"]["why"]
    assert parts["config/domains/api"]["through"] == "config/domains/*"
    assert "leaves it alone" in explain("edge", "other")["other"]["why"]


def test_unsafe_held_owed_and_paused(stack: Stack, explain: Explain) -> None:
    """What bars a plan is told beside what would be done; so are an owed reload and the pause."""
    keys = {f"config__domains__n{number}": "v" for number in range(6)}
    stack.put(**keys)
    stack.config["reloads"] = {"app": {"run": ["false"]}}
    stack.config["targets"]["app-env"]["reload"] = "app"
    assert stack.syncd("once")[0] == 1
    for key in keys:
        stack.delete(key.replace("__", "/"))
    (stack.folder / ".syncd" / "paused").touch()
    assert stack.syncd("pause", "edge")[0] == 0
    parts = explain("edge")
    assert parts[""]["state"] == "unsafe"
    assert parts["config/domains/n1"]["why"].startswith("delete pending, but the plan is unsafe")
    assert [why.split(" since")[0].split(";")[0] for why in parts[""]["why"] if "paused" in why] == [
        "paused",
        "everything is paused",
    ]
    assert any("reload app is owed" in why for why in explain("app-env")[""]["why"])
    stack.config["targets"]["edge"]["expect"] = {"min_entries": 50}
    parts = explain("edge")
    assert (parts[""]["state"], parts["config/domains/n1"]["state"]) == ("held", "held")


def test_what_a_check_refused_is_told(stack: Stack, explain: Explain) -> None:
    """As long as the change is pending: when, and in the words of the check; not once it is in sync."""
    stack.config["reloads"] = {"app": {"check": ["sh", "-c", "! grep bad out/app.env"]}}
    stack.config["targets"]["app-env"]["reload"] = "app"
    stack.put(services__app__url="bad://")
    assert stack.syncd("once")[0] == 1
    (why,) = explain("app-env")[""]["why"][1:]
    assert re.match(r"it was refused at 20\d\d-[-\d]+ [:\d]+ UTC: .*check of app failed", why)
    assert "it was refused at" in stack.syncd("explain", "app-env")[1]
    stack.put(services__app__url="http://127.0.0.1:9")
    assert stack.syncd("once")[0] == 0
    assert "refused" not in str(explain("app-env")[""]["why"])


def test_a_template_tells_its_lines(stack: Stack, explain: Explain) -> None:
    """Every key, folder, service and variable with the lines that read it; a line of the file with what made it."""
    write(stack.folder / "in.j2", "{% macro url(name) %}{{ key('services/' ~ name ~ '/url') }}{% endmacro %}\n")
    source = "{% import 'in.j2' as at %}\n{% set app = at.url('app') -%}\n# head\nurl {{ app }}\n"
    source += "{% for name in ls('config/domains') %}\nd {{ name }}\n{% endfor %}\nenv {{ env('NOPE', default='x') }}\n"
    source += "opt {{ key('config/opt', default='no') }} {{ service('web', allow_empty=True) | length }}\n"
    write(stack.folder / "app.j2", source)
    stack.config["targets"]["app"] = {"kind": "template", "template": "app.j2", "path": "out/app.conf"}
    stack.syncd("once", "--target", "app")
    parts = explain("app")
    assert parts[""]["in_sync"]
    assert parts["services/app/url"]["read_at"] == [{"file": "in.j2", "line": 1, "by": ["app.j2:2"]}]
    assert parts["config/domains/api"]["through"] == parts["config/domains/*"]["name"] == "config/domains/*"
    assert [place["line"] for place in parts["config/domains/*"]["read_at"]] == [5]
    assert (parts["NOPE"]["kind"], parts["NOPE"]["found"]) == ("env", 0)
    assert (parts["web"]["kind"], parts["web"]["found"]) == ("service", 0)
    assert parts["config/opt"]["keys"][0]["exists"] is False
    out = (stack.folder / "out/app.conf").read_text().split("\n")
    number = out.index("url http://127.0.0.1:9") + 1
    line = explain("app", str(number))[str(number)]
    assert [place["line"] for place in line["read_at"]] == [4, 2]
    assert [key["relative_key"] for key in line["keys"]] == ["services/app/url"]
    number = out.index("d web") + 1
    line = explain("app", str(number))[str(number)]
    assert line["read_at"][0]["line"] == 6
    assert [key["relative_key"] for key in line["keys"]] == ["config/domains/web"]


def test_a_template_that_reads_a_secret_shows_no_line(stack: Stack, explain: Explain) -> None:
    """Neither a value, nor a text of the output, nor a key whose name a secret makes."""
    stack.put(secrets__which="hidden-name")
    stack.consul.put(stack.prefix + "config/hidden-name", "v")
    write(
        stack.folder / "s.j2",
        "{{ ls('config') | length }}\npw {{ key('secrets/db') }}\n{{ key('config/' ~ key('secrets/which')) }}\n",
    )
    stack.config["targets"]["s"] = {"kind": "template", "template": "s.j2", "path": "out/s"}
    parts = explain("s")
    assert parts["secrets/db"]["sensitive"]
    assert "«sensitive»" in parts
    told = json.dumps([parts["«sensitive»"], explain("s", "2"), explain("s", "3")])
    assert SECRET not in told
    assert "hidden-name" not in told


def test_a_template_that_cannot_be_rendered(stack: Stack, explain: Explain) -> None:
    """The key that is missing says so, with its line; what was read before it is told too."""
    write(stack.folder / "m.j2", "{{ key('services/app/url') }}\n{{ key('config/none') }}\n")
    stack.config["targets"]["m"] = {"kind": "template", "template": "m.j2", "path": "out/m"}
    parts = explain("m")
    assert parts["config/none"]["state"] == "missing"
    assert parts["config/none"]["read_at"][0]["line"] == 2
    assert parts["services/app/url"]["state"] == "kept"


def test_names_select(stack: Stack) -> None:
    """A key selects what it feeds, a number the line; an unknown name is a usage error that names what is near."""
    _, document = stack.json("explain", "app-env", f"{stack.prefix}services/app/url")
    assert [part["name"] for part in document["parts"]] == ["APP_URL"]
    _, document = stack.json("explain", "app-env", "3")
    assert [part["name"] for part in document["parts"]] == ["APP_URL"]
    code, _, err = stack.syncd("explain", "app-env", "APP_UL")
    assert (code, "did you mean 'APP_URL'?" in err) == (64, True)
    code, _, err = stack.syncd("explain", "app-env", "99")
    assert (code, "the file has 4 lines" in err) == (64, True)
    code, _, err = stack.syncd("explain", "app-en")
    assert (code, "did you mean 'app-env'?" in err) == (64, True)
    assert stack.syncd("explain")[0] == 64


def test_it_changes_nothing_and_needs_no_lock(stack: Stack) -> None:
    """No state dir is made; a target that cannot be read is 1, with what is known; no Consul is 69."""
    stack.kv.fault(
        "GET keys", times=-1, status=403, body={"success": False, "errors": [{"code": 10000, "message": "no"}]}
    )
    code, out, _ = stack.syncd("explain", "edge", "--timeout", "4s")
    assert (code, "edge (cloudflare_kv): cannot be read" in out) == (1, True)
    assert f"{stack.prefix}config/domains/api, ModifyIndex" in out
    assert not (stack.folder / ".syncd").exists()
    stack.config["consul"]["address"] = "http://127.0.0.1:9"
    assert stack.syncd("explain", "app-env", "--timeout", "1s")[0] == 69


def test_a_key_that_the_token_may_not_read(stack: Stack, make_consul: Callable[..., ConsulServer]) -> None:
    """The variable is held and says which right is missing; a token without any is 77."""
    consul = make_consul(acl=True)
    consul.put_many({f"{stack.prefix}services/app/url": "http://127.0.0.1:9", f"{stack.prefix}secrets/db": SECRET})
    write(stack.folder / "h.j2", "{{ key('services/app/url') }}\n{{ key('secrets/db') }}\n")
    stack.config["targets"]["h"] = {"kind": "template", "template": "h.j2", "path": "out/h"}
    rules = f'key_prefix "{stack.prefix}services/" {{ policy = "read" }}'
    stack.config["consul"] |= {"address": consul.url, "token": consul.token_for(rules)}
    for target, name in (("app-env", "DB_PASSWORD"), ("h", "secrets/db")):
        code, document = stack.json("explain", target)
        parts = {part["name"]: part for part in document["parts"]}
        assert (code, document["state"], parts[name]["state"]) == (0, "held", "held")
        assert "may not read 'secrets/db'" in parts[name]["why"]
        assert parts[name]["keys"][0]["exists"] is None
    stack.config["consul"]["token"] = consul.token_for('key_prefix "nothing/" { policy = "read" }')
    assert stack.syncd("explain", "app-env")[0] == 77


def write(path: Path, text: str) -> None:
    """Write a template."""
    path.write_text(text)
