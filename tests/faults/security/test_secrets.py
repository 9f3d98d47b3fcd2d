"""No secret leaves its way: not in a log, a plan, a status, a metric, the journal, nor to a child process."""

from __future__ import annotations

import stat
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.faults.security.spilled import spilled
from tests.faults.security.world import DUMPS, ERRORS, PREFIX, World
from tests.faults.support.report import record
from tests.support.processes import free_port, wait_until

ENDS = (0, 1, 2, 3)


@pytest.mark.e2e
def test_one_shot_commands_let_nothing_out(world: World) -> None:
    """Check, plan, saved plan, once, apply; failing checks, reloads, templates, APIs and faults of our own."""
    world.run("check")
    for form in ("text", "json"):
        assert world.run("plan", "--format", form) in ENDS
    assert world.run("plan", "--out", "saved.plan") in ENDS
    assert world.run("once") == 1
    assert world.run("apply", "saved.plan") in ENDS
    world.consul.put(PREFIX + "secrets/db", "pl4nt-new-value")
    world.secrets["new"] = "pl4nt-new-value"
    assert world.run("plan", "--format", "markdown") in ENDS
    assert world.run("once", "--format", "json") == 1
    assert world.run("once", broken="internal_error") == 1
    assert world.run("plan", broken="internal_error_everywhere") == 1
    assert world.run("plan", env={"CONSUL_HTTP_TOKEN": "pl4nt-unknown-token"}) == 77
    world.secrets["unknown"] = "pl4nt-unknown-token"
    assert spilled(world.secrets, world.places()) == []
    _everything_happened(world, b"".join(content for name, content in world.said.items() if " once" in name))
    _children_saw_little((world.folder / "children").read_bytes())
    for name in ("app.env", "app.conf", "derived"):
        assert stat.S_IMODE((world.folder / "out" / name).stat().st_mode) == 0o600, name
    shown = [call for call in world.kv.requests() if call["method"] != "GET" for call in call["keys"]]
    assert not any("secrets" in key for key in shown)
    dumped = len(DUMPS) * 2
    record("a check prints the secrets, plain and encoded", area="Secrets", injected="a check that dumps", times=dumped)
    record("an error quotes secrets", area="Secrets", injected="templates, APIs, our own faults", times=len(ERRORS) + 4)


def _everything_happened(world: World, said: bytes) -> None:
    """The secrets were at hand where they are not seen: else the search proves nothing."""
    assert said.count(b"failed") > 20
    assert b"\xc2\xabsecrets/db\xc2\xbb" in said
    assert b"\xc2\xabconsul.token\xc2\xbb" in said
    assert b"HTTP 403" in said
    assert b"internal error (RuntimeError)" in b"".join(world.said.values())
    assert any("pl4nt-header-in-a-file" in one for one in world.echo.seen)
    for name in ERRORS:
        assert f"{name}.j2:1".encode() in said, name


def _children_saw_little(content: bytes) -> None:
    names = {entry.partition(b"=")[0] for entry in content.replace(b"\n", b"\0").split(b"\0") if b"=" in entry}
    assert names <= {b"PATH", b"HOME", b"LANG", b"ALLOWED", b"LC_CTYPE"}, names
    assert b"ALLOWED=may-be-seen" in content


def test_the_daemon_lets_nothing_out(world: World) -> None:
    """A whole debug-level run in both log formats: log, status, metrics, state dir, command lines."""
    for form in ("console", "json"):
        with (world.folder / f"{form}.log").open("ab") as log:
            port = free_port()
            daemon = subprocess.Popen(
                world.argv("run", form=form),
                cwd=world.folder,
                env={**world.env, "PORT": str(port)},
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        try:
            _live(world, form, daemon, port)
        finally:
            daemon.terminate()
            assert daemon.wait(10) == 0
    assert spilled(world.secrets, world.places()) == []
    said = (world.folder / "json.log").read_bytes()
    assert "«secrets/db»".encode() in said
    assert "«consul.token»".encode() in said
    assert "\x1b" not in (world.folder / "console.log").read_text()


def _live(world: World, form: str, daemon: subprocess.Popen[bytes], port: int) -> None:
    """Wait until all that fails has failed, change a secret, and look at everything that can be seen from outside."""
    log = world.folder / f"{form}.log"
    wait_until(lambda: all(f"dumped-{how}" in log.read_text() for how in DUMPS), 20)
    secret = f"pl4nt-changed-{form}"
    world.secrets[secret] = secret
    world.consul.put(PREFIX + "secrets/db", secret)
    wait_until(lambda: secret in (world.folder / "out/app.env").read_text(), 20)
    for path in ("/api/v1/status", "/metrics", "/healthz", "/"):
        world.said[f"{path} {form}"] = _get(f"http://127.0.0.1:{port}{path}")
    assert b"dumped-plain" in world.said[f"/api/v1/status {form}"]
    status = ("status", "--url", f"http://127.0.0.1:{port}")
    assert world.run(*status) == 1
    for pid in [daemon.pid, *_children(daemon.pid)]:
        world.said[f"argv of {pid}"] = Path(f"/proc/{pid}/cmdline").read_bytes()


def _children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _get(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        return bytes(error.read())


@pytest.mark.e2e
def test_without_redaction_they_are_out(world: World) -> None:
    """The same checks with the protection taken out show every secret: the search finds what is there."""
    assert world.run("once", broken="no_redaction") == 1
    found = {line.partition(" in ")[0] for line in spilled(world.secrets, world.places())}
    assert found >= {"db", "key line 1", "json password", "json deep", "overlay", "url", "consul token"}
    record("a check prints the secrets, plain and encoded", area="Secrets", red_without="redaction")


@pytest.mark.e2e
def test_without_care_errors_quote_them(world: World) -> None:
    """A template's own error, shown as it was made, is the secret itself."""
    assert world.run("once", broken="quotes_values") == 1
    found = {line.partition(" in ")[0] for line in spilled(world.secrets, world.places())}
    assert found >= {"db"}
    record("an error quotes secrets", area="Secrets", red_without="errors made a second time from masked values")
