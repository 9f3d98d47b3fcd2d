"""What a sound file gives: defaults, values as they are written, addresses, prefixes, fingerprints, places."""

from pathlib import Path
from typing import Any

import pytest

from syncd.config.models import Config
from tests.unit.config.kinds import MINIMUM, faults, loaded


def config(folder: Path, more: str, environ: dict[str, str] | None = None) -> Config:
    """Return the configuration of a text behind the minimum."""
    return loaded(folder, MINIMUM + more, environ).config


def test_defaults(tmp_path: Path) -> None:
    """The values of contract.md §2."""
    found = config(tmp_path, "reloads: {nginx: {check: [nginx, -t]}}")
    assert (found.state_dir, found.sensitive, found.environment) == (".syncd", ("secrets/**",), None)
    assert (found.debounce.quiet, found.debounce.max, found.reconcile.interval) == (0.05, 2.0, 300.0)
    assert found.limits.model_dump() == {
        "max_delete_percent": 30,
        "max_update_percent": 50,
        "min_entries": 5,
        "allow_empty": False,
    }
    assert found.http is not None
    assert (found.http.address, found.http.hosts) == (("127.0.0.1", 9464), ())
    assert (found.consul.address, found.consul.prefix, found.consul.wait) == ("http://127.0.0.1:8500", "", 30.0)
    assert (found.consul.token, found.consul.token_file, found.consul.tls.verify) == (None, None, True)
    assert (found.reloads["nginx"].timeout, found.reloads["nginx"].min_interval) == (10.0, 0.0)
    assert config(tmp_path, "http: null").http is None


@pytest.mark.parametrize(
    ("written", "environ", "address"),
    [
        ("", {}, "http://127.0.0.1:8500"),
        ("", {"CONSUL_HTTP_ADDR": "10.0.0.1:8501"}, "http://10.0.0.1:8501"),
        ("consul: {prefix: a}", {"CONSUL_HTTP_ADDR": "https://c:8501/"}, "https://c:8501"),
        ("consul: {address: 'http://c:1'}", {"CONSUL_HTTP_ADDR": "x:2"}, "http://c:1"),
        ("consul: {address: '[::1]:8500'}", {}, "http://[::1]:8500"),
        ("consul: {address: 'unix:///run/consul.sock'}", {}, "unix:///run/consul.sock"),
    ],
)
def test_address(tmp_path: Path, written: str, environ: dict[str, str], address: str) -> None:
    """What is written beats CONSUL_HTTP_ADDR, which may come without a scheme."""
    assert config(tmp_path, written, environ).consul.address == address


@pytest.mark.parametrize(
    "address", ["ftp://c", "http:///p", "unix://run/x", "http://c:99999999", "http://c?x", "http://["]
)
def test_no_address(tmp_path: Path, address: str) -> None:
    """Anything else is a fault, from CONSUL_HTTP_ADDR too."""
    what = "is not an address; write http://HOST:PORT, https://HOST:PORT or unix:///PATH"
    content = MINIMUM + f"consul: {{address: '{address}'}}"
    assert faults(tmp_path, content) == [f"config.yaml:4:19: consul.address: '{address}' {what}"]
    found = faults(tmp_path, MINIMUM + "consul: {}", {"CONSUL_HTTP_ADDR": address})
    assert found == [f"config.yaml:4:1: consul.address: '${{CONSUL_HTTP_ADDR:-http://127.0.0.1:8500}}' {what}"]


def test_credentials_in_an_address(tmp_path: Path) -> None:
    """An address with a password is refused without showing it."""
    assert faults(tmp_path, MINIMUM + "consul: {address: 'http://a:hunter2@c'}") == [
        "config.yaml:4:19: consul.address: holds a user name or password; leave it out and write consul.token_file"
    ]


def test_lock_key(tmp_path: Path) -> None:
    """One key; left out or empty it is none."""
    written = ("{}", "{lock_key: null}", "{lock_key: '${LOCK:-}'}", "{lock_key: syncd/lock}")
    assert [config(tmp_path, f"consul: {one}").consul.lock_key for one in written] == [None, None, None, "syncd/lock"]


def test_prefix(tmp_path: Path) -> None:
    """A prefix ends in a slash, unless it is empty."""
    assert [config(tmp_path, f"consul: {{prefix: '{one}'}}").consul.prefix for one in ("", "a", "a/b/")] == [
        "",
        "a/",
        "a/b/",
    ]


AS_WRITTEN = {one: one for one in ("123456", "0123", "1.10", "yes", "1_000", "1:30", "0x1F", "2024-01-01", "9" * 5000)}


@pytest.mark.parametrize(("written", "text"), [*AS_WRITTEN.items(), ("'5'", "5"), ("!!str 08", "08")])
def test_text_is_what_is_written(tmp_path: Path, written: str, text: str) -> None:
    """Where text is wanted, a number, a date or a YAML 1.1 boolean is taken as it stands in the file."""
    content = f"version: 1\nowner: me\ntargets: {{a: {{kind: pairs, space: {written}}}}}"
    assert loaded(tmp_path, content).config.targets["a"].model_dump()["space"] == text


def test_free_values_are_what_yaml_reads(tmp_path: Path) -> None:
    """Where anything goes, the types of YAML 1.1 stay, text of an expansion is text, a date is text."""
    values = "{a: 7000, b: yes, c: '7000', d: '${P}', e: 1.5, f: null, g: [1, {h: x}], i: 2024-01-01}"
    content = f"version: 1\nowner: me\ntargets: {{a: {{kind: file, path: x, extra: {values}}}}}"
    found: dict[str, Any] = loaded(tmp_path, content, {"P": "5"}).config.targets["a"].model_dump()["extra"]
    assert found == {
        "a": 7000,
        "b": True,
        "c": "7000",
        "d": "5",
        "e": 1.5,
        "f": None,
        "g": [1, {"h": "x"}],
        "i": "2024-01-01",
    }


def test_version_may_be_text(tmp_path: Path) -> None:
    """`version: "1"` says the same; another version does not."""
    assert loaded(tmp_path, "version: '1'\nowner: me\ntargets: {}").config.version == 1
    assert faults(tmp_path, "version: 2\nowner: me\ntargets: {}") == [
        "config.yaml:1:10: version: '2' is not 1; write that"
    ]


def test_order_of_mappings_is_kept(tmp_path: Path) -> None:
    """Variables stay in the order of the file."""
    content = (
        "version: 1\nowner: me\ntargets: {z: {kind: file, path: x, vars: {Z: a, A: b, M: c}}, a: {kind: file, path: y}}"
    )
    found = loaded(tmp_path, content).config.targets
    assert list(found) == ["z", "a"]
    assert list(found["z"].model_dump()["vars"]) == ["Z", "A", "M"]


def test_blank_is_unset(tmp_path: Path) -> None:
    """An optional text whose variable is empty is left out; an empty token is none."""
    more = "environment: '${E:-}'\nconsul: {datacenter: '', token: '${T:-}', token_file: t, tls: {ca_file: ''}}"
    found = config(tmp_path, more)
    assert (found.environment, found.consul.datacenter, found.consul.tls.ca_file) == (None, None, None)


def test_fingerprint(tmp_path: Path) -> None:
    """It moves with what a target is told, by the file or by a variable, and not with a secret."""
    content = """
        version: 1
        owner: me
        consul: {token: "${T}"}
        targets: {a: {kind: pairs, space: "${S}", api_token: "${T}"}}
        """

    def fingerprint(text: str = content, **environ: str) -> str:
        return loaded(tmp_path, text, {"S": "s", "T": "t", **environ}).fingerprint

    first = fingerprint()
    assert fingerprint(T="other") == first
    assert fingerprint(UNRELATED="x") == first
    assert fingerprint(content + "# a comment\n") == first
    assert fingerprint(S="other") != first
    assert fingerprint(CONSUL_HTTP_ADDR="other:1") != first
    own = ("limits: {min_entries: 5}", "limits: {max_delete_percent: 30}")  # equal to the top's, until that changes
    assert len({first, *(fingerprint(content.replace("kind: pairs", f"kind: pairs, {one}")) for one in own)}) == 3
    assert len(first) == 64


def test_secrets_hide(tmp_path: Path) -> None:
    """A loaded token is in no repr and no dump."""
    found = loaded(tmp_path, MINIMUM + "consul: {token: hunter2}")
    assert found.config.consul.token is not None
    assert found.config.consul.token.get_secret_value() == "hunter2"
    assert "hunter2" not in repr(found.config) + found.config.model_dump_json()


def test_places(tmp_path: Path) -> None:
    """A dotted path is found again, or what is nearest above it; relative paths start at the config file."""
    found = loaded(
        tmp_path,
        """\
        version: 1
        owner: me
        targets:
          edge:
            kind: pairs
            space: s
            keys:
              - a
              - b
          api.example:
            kind: pairs
            space: r
        """,
    )
    assert found.base_dir == tmp_path
    assert found.resolve("out/x") == tmp_path / "out/x"
    places = {"targets.edge": "4:3", "targets.edge.keys.1": "9:9", "targets.edge.limit": "4:3", "nothing": "1:1"}
    places |= {"targets.api.example": "10:3", "targets.api.example.space": "12:12", "targets.edge.keys.9": "7:5"}
    places |= {"targets.edge.kind": "5:11", "owner": "2:8", "targets.edge.keys": "7:5"}
    assert {path: found.locate(path).removeprefix(f"{tmp_path}/config.yaml:") for path in places} == places
    assert str(found.fault("targets.edge.keys.0", "is gone")).endswith("config.yaml:8:9: targets.edge.keys.0: is gone")


def test_warnings_of_targets(tmp_path: Path) -> None:
    """What a target warns of is located like a fault."""
    found = loaded(tmp_path, "version: 1\nowner: me\ntargets: {a: {kind: pairs, space: s, limit: 100}}")
    assert [str(one).removeprefix(f"{tmp_path}/") for one in found.warnings] == [
        "config.yaml:3:45: targets.a.limit: '100' is a lot; write less"
    ]
