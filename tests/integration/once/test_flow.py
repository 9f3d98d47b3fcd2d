"""`plan` and `once` from end to end, on a real Consul, a real Workers KV and a real nginx."""

import json
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.backend import HttpBackend
from tests.support.binaries import missing
from tests.support.http import Http
from tests.support.nginx import NginxServer
from tests.support.processes import wait_until
from tests.support.stack import Stack


def test_from_empty_once_writes_all_and_a_second_once_nothing(stack: Stack) -> None:
    """The first pass creates, the second finds everything in sync and writes nothing."""
    code, report = stack.json("once")
    assert code == 0
    assert [one["outcome"] for one in report["targets"]] == ["applied", "applied"]
    assert stack.kv.read_through_worker("config/domains/api") == "https://api.example.com"
    text = (stack.folder / "out/app.env").read_text()
    assert "APP_URL=http://127.0.0.1:9\n" in text
    assert "planted-s3cret" in text
    stack.kv.reset()
    before = (stack.folder / "out/app.env").stat()
    code, report = stack.json("once")
    assert (code, report["in_sync"]) == (0, True)
    assert [one["outcome"] for one in report["targets"]] == ["in_sync", "in_sync"]
    assert (stack.folder / "out/app.env").stat().st_ino == before.st_ino
    assert {request["method"] for request in stack.kv.requests()} == {"GET"}


def test_a_changed_key_is_planned_exactly_and_carried_out(stack: Stack) -> None:
    """plan shows the one change and exits 2; once does it; plan then exits 0."""
    stack.syncd("once")
    stack.put(config__domains__api="https://api2.example.com")
    code, plan = stack.json("plan", "--detailed-exitcode")
    assert code == 2
    (change,) = stack.target(plan, "edge")["changes"]
    assert (change["op"], change["key"]) == ("update", "config/domains/api")
    assert (change["old"], change["new"]) == ("https://api.example.com", "https://api2.example.com")
    assert stack.target(plan, "app-env")["changes"] == []
    assert stack.syncd("once")[0] == 0
    assert stack.kv.get("config/domains/api") == b"https://api2.example.com"
    assert stack.syncd("plan", "--detailed-exitcode")[0] == 0


def test_plan_writes_nothing(stack: Stack) -> None:
    """A dry run leaves no file, no state dir and no pair behind."""
    code, out, _ = stack.syncd("plan")
    assert code == 0
    assert "Plan: 3 to create" in out
    assert sorted(path.name for path in stack.folder.iterdir()) == ["config.yaml"]
    assert stack.kv.list("") == {}


def test_nginx_answers_from_the_new_upstream(
    with_nginx: tuple[Stack, NginxServer, int], http_backend: "object"
) -> None:
    """A changed address is rendered, checked, reloaded, and requests go to the new backend."""
    stack, _, port = with_nginx
    first, second = http_backend("first"), http_backend("second")  # type: ignore[operator]
    assert isinstance(first, HttpBackend)
    stack.put(services__app__url=first.url)
    assert stack.syncd("once")[0] == 0
    assert Http(f"http://127.0.0.1:{port}")("GET", "/x").json()["backend"] == "first"
    stack.put(services__app__url=second.url)
    code, out, _ = stack.syncd("plan", "--target", "proxy", "--detailed-exitcode")
    assert code == 2
    assert f"+upstream app {{ server 127.0.0.1:{second.port}; }}" in out
    code, report = stack.json("once")
    assert (code, report["reloads"]) == (0, [{"reload": "nginx", "state": "done", "error": None}])
    # nginx answers the reload at once; its old workers may take one more request.
    wait_until(lambda: Http(f"http://127.0.0.1:{port}")("GET", "/x").json()["backend"] == "second")
    assert stack.json("once")[1]["reloads"] == []


def test_a_config_that_nginx_refuses_is_restored(with_nginx: tuple[Stack, NginxServer, int]) -> None:
    """All files of the group are back byte for byte, no reload, exit 1, nginx's words; other targets are done."""
    stack, nginx, _ = with_nginx
    (stack.folder / "other.j2").write_text("# {{ key('services/app/url') }}\n")
    stack.config["targets"]["second"] = {
        "kind": "template",
        "template": "other.j2",
        "path": "out/nginx/other.conf",
        "reload": "nginx",
    }
    assert stack.syncd("once")[0] == 0
    files = [stack.folder / "out/nginx" / name for name in ("app.conf", "other.conf")]
    before = [path.read_bytes() for path in files]
    wait_until(lambda: len(nginx.workers()) == 1, 10, "the worker of before has gone")
    workers = nginx.workers()
    stack.put(services__app__url="http://no-such-host.invalid:1", config__domains__api="changed")
    code, report = stack.json("once")
    assert code == 1
    assert [path.read_bytes() for path in files] == before
    assert nginx.workers() == workers
    for name in ("proxy", "second"):
        assert stack.target(report, name)["outcome"] == "failed"
        assert "host not found in upstream" in stack.target(report, name)["error"]
    assert stack.target(report, "app-env")["outcome"] == "applied"
    assert stack.kv.get("config/domains/api") == b"changed"
    assert nginx.test()[0]
    assert not [path for path in (stack.folder / "out/nginx").iterdir() if path.name.startswith(".")]


def test_a_failed_reload_is_owed_and_run_by_the_next_pass(stack: Stack) -> None:
    """The files stay, exit 1; the next pass runs it once though nothing changed; then nothing is owed."""
    stack.config["reloads"] = {"app": {"run": ["sh", "-c", "echo ran >> runs; test -e ok"]}}
    stack.config["targets"]["app-env"]["reload"] = "app"
    code, report = stack.json("once")
    assert code == 1
    assert report["reloads"][0]["state"] == "failed"
    assert "APP_URL" in (stack.folder / "out/app.env").read_text()
    code, plan = stack.json("plan", "--detailed-exitcode")
    assert (code, plan["reloads"][0]["state"]) == (2, "owed")
    (stack.folder / "ok").touch()
    assert stack.json("once")[1]["reloads"][0]["state"] == "done"
    assert stack.json("once")[1]["reloads"] == []
    assert (stack.folder / "runs").read_text().count("ran") == 2


def test_a_missing_exact_key_fails_its_target_only(stack: Stack) -> None:
    """Exit 1 at once, target and key named; the other targets are written."""
    stack.delete("services/app/url")
    code, report = stack.json("once")
    assert code == 1
    assert stack.target(report, "app-env")["missing_keys"] == ["services/app/url"]
    assert stack.target(report, "app-env")["outcome"] == "failed"
    assert stack.target(report, "edge")["outcome"] == "applied"
    assert not (stack.folder / "out/app.env").exists()
    code, out, _ = stack.syncd("once")
    assert code == 1
    assert "app-env" in out
    assert "services/app/url" in out


def test_a_mass_deletion_is_refused_shown_and_forced(stack: Stack) -> None:
    """Exit 3, every delete in the plan, nothing deleted; --force deletes; foreign and other owners' pairs survive."""
    stack.put(**{f"config__domains__d{number}": "x" for number in range(8)})
    stack.kv.put("config/domains/foreign", "f")
    stack.kv.put("config/domains/theirs", "t", {"o": "somebody", "h": "0" * 32, "mi": 1})
    assert stack.syncd("once")[0] == 0
    for number in range(8):
        stack.delete(f"config/domains/d{number}")
    code, report = stack.json("once")
    assert code == 3
    edge = stack.target(report, "edge")
    assert (edge["outcome"], edge["safe"], edge["counts"]["delete"]) == ("unsafe", False, 8)
    assert len(stack.kv.list("")) == 12
    assert stack.json("plan")[0] == 3
    assert stack.syncd("once", "--force")[0] == 0
    left = set(stack.kv.list(""))
    assert left == {"config/domains/api", "config/domains/web", "config/domains/foreign", "config/domains/theirs"}


def test_an_emptied_source_is_unsafe_not_held(stack: Stack) -> None:
    """All keys proved gone: 3 and unsafe; allow_empty lets it pass."""
    stack.syncd("once")
    for name in ("api", "web"):
        stack.delete(f"config/domains/{name}")
    code, report = stack.json("once")
    assert (code, stack.target(report, "edge")["outcome"]) == (3, "unsafe")
    stack.config["targets"]["edge"]["limits"] = {"allow_empty": True}
    assert stack.syncd("once")[0] == 0
    assert stack.kv.list("") == {}


def test_an_export_gives_the_same_bytes_as_the_live_consul(stack: Stack) -> None:
    """`--source` with `consul kv export` plans nothing after a live pass, and writes the same file elsewhere."""
    stack.syncd("once")
    live = (stack.folder / "out/app.env").read_bytes()
    (stack.folder / "export.json").write_bytes(stack.consul.export(stack.prefix))
    assert stack.syncd("plan", "--source", "export.json", "--detailed-exitcode")[0] == 0
    (stack.folder / "out/app.env").unlink()
    assert stack.syncd("once", "--source", "export.json")[0] == 0
    assert (stack.folder / "out/app.env").read_bytes() == live


def test_a_hand_edit_is_drift_and_a_foreign_file_a_conflict(stack: Stack) -> None:
    """Our file is repaired; one that we never wrote is left alone unless adopted."""
    stack.syncd("once")
    path = stack.folder / "out/app.env"
    ours = path.read_bytes()
    path.write_text("APP_URL=hand\n")
    path.chmod(0o644)
    assert stack.syncd("once")[0] == 0
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (ours, 0o600)
    stack.config["targets"]["app-env"]["path"] = "out/theirs.env"
    (stack.folder / "out/theirs.env").write_text("THEIRS=1\n")
    code, report = stack.json("once")
    assert (code, len(stack.target(report, "app-env")["conflicts"])) == (1, 1)
    assert (stack.folder / "out/theirs.env").read_text() == "THEIRS=1\n"
    assert report["orphans"] == [{"target": "app-env", "kind": "env_file", "what": "out/app.env"}]
    stack.config["targets"]["app-env"]["adopt"] = True
    assert stack.syncd("once")[0] == 0
    assert (stack.folder / "out/theirs.env").read_bytes() == ours


def test_drift_at_the_edge_is_repaired(stack: Stack) -> None:
    """A pair of ours that was overwritten (its metadata is gone) or deleted by hand is put back."""
    stack.syncd("once")
    stack.kv.put("config/domains/api", "hand")
    stack.kv.delete("config/domains/web")
    code, plan = stack.json("plan", "--detailed-exitcode")
    assert (code, stack.target(plan, "edge")["counts"]) == (2, {"create": 1, "update": 1, "delete": 0})
    assert stack.syncd("once")[0] == 0
    assert stack.kv.get("config/domains/api") == b"https://api.example.com"
    assert stack.kv.get("config/domains/web") == b"https://www.example.com"


def test_nothing_shown_holds_a_secret(stack: Stack) -> None:
    """Plans and reports in every format, logs and the state dir hold neither secret nor token."""
    shown = []
    for form in ("text", "json", "markdown"):
        shown += stack.syncd("--log-level", "debug", "plan", "--format", form)[1:]
    shown += stack.syncd("--log-level", "debug", "once")[1:]
    stack.put(secrets__db="another-s3cret")
    shown += stack.syncd("plan", "--out", "plan.json")[1:]
    shown += [(stack.folder / "plan.json").read_text()]
    for path in (stack.folder / ".syncd").iterdir():
        shown.append(path.read_bytes().decode(errors="replace"))
    for text in shown:
        assert "s3cret" not in text
        assert stack.kv.token not in text
    assert json.loads((stack.folder / "plan.json").read_text())["targets"][1]["counts"]["update"] == 1
    assert "DB_PASSWORD=«sensitive»" in "".join(shown)


def test_a_second_syncd_is_refused(stack: Stack, tmp_path: Path) -> None:
    """While one holds the state dir, another exits 1 and names it; plan needs no lock."""
    stack.config["reloads"] = {"slow": {"check": ["sh", "-c", "touch begun; while ! test -e go; do sleep 0.05; done"]}}
    stack.config["targets"]["app-env"]["reload"] = "slow"
    with ThreadPoolExecutor() as pool:
        first = pool.submit(stack.syncd, "once")
        wait_until((tmp_path / "begun").exists, 20)
        code, _, err = stack.syncd("once")
        assert (code, "in use by syncd once (pid" in err) == (1, True)
        assert stack.syncd("plan")[0] in (0, 3)
        (tmp_path / "go").touch()
        assert first.result()[0] == 0


@pytest.fixture
def bind_mounted(stack: Stack) -> Iterator[Path]:
    """The env file's path, mounted on its own as a container's volume would be."""
    path, outside = stack.folder / "out/app.env", stack.folder / "outside"
    path.parent.mkdir()
    path.touch()
    outside.write_text("")
    done = subprocess.run(["mount", "--bind", str(outside), str(path)], capture_output=True, check=False)
    if done.returncode:
        missing("right to mount")
    yield path
    subprocess.run(["umount", str(path)], check=True)


def test_a_mounted_file_is_written_in_place(stack: Stack, bind_mounted: Path) -> None:
    """Nothing can be renamed over it: in place, with a warning; a refused content is put back; nothing is left over."""
    stack.config["targets"]["app-env"]["adopt"] = True
    code, report = stack.json("once")
    assert (code, "mounted on its own" in stack.target(report, "app-env")["warnings"][0]) == (0, True)
    before = bind_mounted.read_bytes()
    assert b"APP_URL=" in before
    stack.config["reloads"] = {"app": {"check": ["sh", "-c", "! grep -q REFUSED out/app.env"]}}
    stack.config["targets"]["app-env"]["reload"] = "app"
    stack.put(services__app__url="REFUSED")
    code, report = stack.json("once")
    assert (code, bind_mounted.read_bytes()) == (1, before)
    assert list((stack.folder / ".syncd/backups").iterdir()) == []
    assert [path.name for path in bind_mounted.parent.iterdir()] == ["app.env"]


def test_what_cannot_be_put_back_stops_only_its_own_group(stack: Stack) -> None:
    """A check that puts a folder in the file's place: the other targets go on, and in the end it heals."""
    stack.syncd("once")
    path = stack.folder / "out/app.env"
    check = "rm out/app.env; mkdir -p out/app.env/x; exit 1"
    stack.config["reloads"] = {"app": {"check": ["sh", "-c", check]}}
    stack.config["targets"]["app-env"]["reload"] = "app"
    for number in (1, 2):
        stack.put(services__app__url=f"http://127.0.0.1:{number}", config__domains__api=f"https://{number}.example.com")
        code, report = stack.json("once")
        assert (code, stack.target(report, "app-env")["outcome"]) == (1, "failed")
        assert stack.kv.get("config/domains/api") == f"https://{number}.example.com".encode()
    (path / "x").rmdir()
    path.rmdir()
    stack.config["reloads"] = {"app": {"check": ["true"]}}
    codes = [stack.syncd("once")[0] for _ in range(2)]
    assert codes[-1] == 0
    assert "APP_URL=http://127.0.0.1:2\n" in path.read_text()
