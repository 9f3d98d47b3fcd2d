"""`syncd run` on a real Consul, Workers KV and nginx: every change arrives, once, and outages pass."""

import signal
from collections.abc import Callable
from pathlib import Path

from tests.support.backend import HttpBackend
from tests.support.daemon import Daemon
from tests.support.http import Http
from tests.support.nginx import NginxServer
from tests.support.processes import wait_until
from tests.support.stack import Stack


def test_a_change_reaches_edge_file_and_nginx(
    with_nginx: tuple[Stack, NginxServer, int],
    http_backend: Callable[..., HttpBackend],
    daemon: Callable[..., Daemon],
) -> None:
    """A key put in Consul arrives at the pair, the env file and nginx's answers; the edge gets one bulk of one pair."""
    stack, _, port = with_nginx
    first, second = http_backend("first"), http_backend("second")
    stack.config["targets"]["edge"]["keys"].append("services/app/url")
    stack.put(services__app__url=first.url)
    running = daemon()
    assert Http(f"http://127.0.0.1:{port}")("GET", "/").json()["backend"] == "first"
    stack.kv.reset()
    stack.put(services__app__url=second.url)
    wait_until(lambda: stack.kv.get("services/app/url") == second.url.encode(), 10)
    env = stack.folder / "out/app.env"
    wait_until(lambda: f"APP_URL={second.url}\n" in env.read_text(), 10)
    wait_until(lambda: Http(f"http://127.0.0.1:{port}")("GET", "/").json()["backend"] == "second", 10)
    wait_until(running.ready, 10)
    (bulk,) = stack.kv.requests("PUT bulk")
    assert bulk["keys"] == ["services/app/url"]
    assert stack.kv.requests("GET keys") == []
    assert running.stop() == 0


def test_a_burst_is_one_pass(stack: Stack, daemon: Callable[..., Daemon]) -> None:
    """A hundred changes in a burst end in the last state, with few reloads."""
    stack.config["reloads"] = {"app": {"run": ["sh", "-c", "echo ran >> runs"]}}
    stack.config["targets"]["app-env"]["reload"] = "app"
    running = daemon()
    (stack.folder / "runs").unlink()
    for number in range(100):
        stack.put(services__app__url=f"http://127.0.0.1:{number + 1}")
    wait_until(lambda: "APP_URL=http://127.0.0.1:100\n" in (stack.folder / "out/app.env").read_text(), 10)
    wait_until(running.ready, 10)
    assert (stack.folder / "runs").read_text().count("ran") <= 3


def test_a_missing_key_fails_one_target_and_heals(stack: Stack, daemon: Callable[..., Daemon]) -> None:
    """The file stays as it is, the status says which key; the other target goes on; the key's return heals it."""
    running = daemon()
    before = (stack.folder / "out/app.env").read_bytes()
    stack.delete("services/app/url")
    wait_until(lambda: running.target("app-env")["state"] == "failed", 10)
    assert running.target("app-env")["missing_keys"] == ["services/app/url"]
    assert (stack.folder / "out/app.env").read_bytes() == before
    stack.put(config__domains__api="https://new.example.com")
    wait_until(lambda: stack.kv.get("config/domains/api") == b"https://new.example.com", 10)
    stack.put(services__app__url="http://127.0.0.1:77")
    wait_until(running.ready, 10)
    assert "APP_URL=http://127.0.0.1:77\n" in (stack.folder / "out/app.env").read_text()


def test_a_template_edit_is_picked_up(
    with_nginx: tuple[Stack, NginxServer, int], daemon: Callable[..., Daemon]
) -> None:
    """An edited template is rendered; one that does not parse leaves the file and says so; a good one heals it."""
    stack, _, _ = with_nginx
    running = daemon()
    template, path = stack.folder / "app.conf.j2", stack.folder / "out/nginx/app.conf"
    good = template.read_text()
    template.write_text(good + "# edited\n")
    wait_until(lambda: path.read_text().endswith("# edited\n"), 10)
    template.write_text("{% if %}")
    wait_until(lambda: running.target("proxy")["state"] == "failed", 10)
    assert path.read_text().endswith("# edited\n")
    template.write_text(good)
    wait_until(lambda: not path.read_text().endswith("# edited\n"), 10)


def test_sighup_repairs_drift(stack: Stack, daemon: Callable[..., Daemon]) -> None:
    """Content, mode and a missing file are put back by a reconcile."""
    running = daemon()
    env = stack.folder / "out/app.env"
    ours = env.read_bytes()
    env.write_text("hand\n")
    env.chmod(0o644)
    running.process.send_signal(signal.SIGHUP)
    wait_until(lambda: env.read_bytes() == ours and env.stat().st_mode & 0o777 == 0o600, 10)
    env.unlink()
    running.process.send_signal(signal.SIGHUP)
    wait_until(env.exists, 10)


def test_paused_plans_and_does_not_apply(stack: Stack, daemon: Callable[..., Daemon]) -> None:
    """With the file `paused` in the state dir nothing is written; without it the next pass applies."""
    running = daemon()
    (stack.folder / ".syncd/paused").touch()
    stack.put(services__app__url="http://127.0.0.1:5")
    wait_until(lambda: running.target("app-env")["state"] == "paused", 10)
    assert "127.0.0.1:5" not in (stack.folder / "out/app.env").read_text()
    assert not running.ready()
    (stack.folder / ".syncd/paused").unlink()
    running.process.send_signal(signal.SIGHUP)
    wait_until(running.ready, 10)
    assert "APP_URL=http://127.0.0.1:5\n" in (stack.folder / "out/app.env").read_text()


def test_services_follow_their_health(stack: Stack, consul_prefix: str, daemon: Callable[..., Daemon]) -> None:
    """An instance that turns critical leaves; all critical keeps the last good file and says so."""
    name = "svc-" + consul_prefix.strip("/")
    for number in (1, 2):
        stack.consul.register(
            {
                "ID": f"{name}-{number}",
                "Name": name,
                "Address": "127.0.0.1",
                "Port": 9000 + number,
                "Check": {"TTL": "1h"},
            }
        )
        stack.consul.http("PUT", f"/v1/agent/check/pass/service:{name}-{number}")
    (stack.folder / "s.j2").write_text("{% for one in service(vars_name) %}{{ one.port }} {% endfor %}")
    stack.config["targets"]["ports"] = {
        "kind": "template",
        "template": "s.j2",
        "path": "out/ports",
        "vars": {"vars_name": name},
    }
    running = daemon()
    path = stack.folder / "out/ports"
    assert path.read_text() == "9001 9002 "
    stack.consul.http("PUT", f"/v1/agent/check/fail/service:{name}-1")
    wait_until(lambda: path.read_text() == "9002 ", 10)
    stack.consul.http("PUT", f"/v1/agent/check/fail/service:{name}-2")
    wait_until(lambda: running.target("ports")["state"] == "held", 10)
    assert path.read_text() == "9002 "
    assert name in running.target("ports")["last_error"]
    stack.consul.http("PUT", f"/v1/agent/check/pass/service:{name}-1")
    wait_until(lambda: path.read_text() == "9001 ", 10)


def test_an_exported_file_is_followed(stack: Stack, tmp_path: Path, daemon: Callable[..., Daemon]) -> None:
    """`run --source` applies a replaced file, and keeps what it has while the file is broken."""
    export = tmp_path / "export.json"
    export.write_bytes(stack.consul.export(stack.prefix))
    running = daemon("--source", "export.json")
    stack.put(services__app__url="http://127.0.0.1:6")
    fresh = tmp_path / "fresh.json"
    fresh.write_bytes(stack.consul.export(stack.prefix))
    export.write_text("[broken")
    wait_until(lambda: running.status()["source"]["state"] == "stale", 10)
    fresh.rename(export)
    wait_until(lambda: "APP_URL=http://127.0.0.1:6\n" in (stack.folder / "out/app.env").read_text(), 10)


def test_a_taken_port_is_fatal(stack: Stack, daemon: Callable[..., Daemon]) -> None:
    """78, and which address; the first daemon goes on."""
    running = daemon()
    stack.config["state_dir"] = ".other"
    stack.config["http"] = {"listen": f"127.0.0.1:{running.port}"}
    code, _, err = stack.syncd("run")
    assert (code, f"127.0.0.1:{running.port}" in err) == (78, True)
    assert running.ready()


def test_http_is_read_only_and_guarded(stack: Stack, daemon: Callable[..., Daemon]) -> None:
    """Health, metrics and status answer; a strange Host gets no status; status tells the command line."""
    running = daemon()
    http = Http(f"http://127.0.0.1:{running.port}")
    assert http("GET", "/healthz").status == 200
    metrics = http("GET", "/metrics").text
    assert 'syncd_target_state{state="in_sync",target="edge"} 1.0' in metrics
    strange = Http(f"http://127.0.0.1:{running.port}", {"Host": "evil.example.com"})
    assert strange("GET", "/api/v1/status").status == 403
    assert strange("GET", "/healthz").status == 200
    assert http("POST", "/api/v1/status").status == 405
    code, out, _ = stack.syncd("status")
    assert (code, "ready" in out) == (0, True)
    assert running.stop(signal.SIGINT) == 0
    assert stack.syncd("status")[0] == 69


def test_the_schedule_repairs_drift(stack: Stack, daemon: Callable[..., Daemon]) -> None:
    """Without any signal or change, the reconcile of the schedule puts a hand-edited file back."""
    stack.config["reconcile"] = {"interval": "1s"}
    daemon()
    env = stack.folder / "out/app.env"
    ours = env.read_bytes()
    env.write_text("hand\n")
    wait_until(lambda: env.read_bytes() == ours, 15)


def test_an_owed_reload_is_tried_until_it_works(stack: Stack, daemon: Callable[..., Daemon]) -> None:
    """A reload that fails is tried again though nothing changes, and the status says so meanwhile."""
    stack.config["reloads"] = {"app": {"run": ["sh", "-c", "echo ran >> runs; test -e ok"]}}
    stack.config["targets"]["app-env"]["reload"] = "app"
    running = daemon(ready=False)
    runs = stack.folder / "runs"
    wait_until(lambda: runs.exists() and runs.read_text().count("ran") >= 3, 20)
    assert running.target("app-env")["state"] == "failed"
    assert running.target("app-env")["next_retry_at"] is not None
    (stack.folder / "ok").touch()
    wait_until(running.ready, 20)


def test_an_unsafe_plan_stays_unsafe(stack: Stack, daemon: Callable[..., Daemon]) -> None:
    """What was refused is not taken for done: the next change still finds the same deletes to refuse."""
    stack.put(**{f"config__domains__d{number}": "x" for number in range(8)})
    running = daemon()
    for number in range(8):
        stack.delete(f"config/domains/d{number}")
    wait_until(lambda: running.target("edge")["state"] == "unsafe", 10)
    stack.put(config__domains__api="https://other.example.com")
    running.process.send_signal(signal.SIGHUP)
    wait_until(lambda: running.target("edge")["next_retry_at"] is not None, 10)
    assert running.target("edge")["state"] == "unsafe"
    assert running.target("edge")["entries"] == 10
    assert len(stack.kv.list("")) == 10
