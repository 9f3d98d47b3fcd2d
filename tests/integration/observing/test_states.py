"""Whatever state a real Consul, Workers KV or nginx brings a daemon to, a metric says so."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Callable

import yaml

from tests.support.consul import ConsulServer
from tests.support.daemon import Daemon
from tests.support.nginx import NginxServer
from tests.support.processes import wait_until
from tests.support.scrape import Scrape
from tests.support.stack import Stack

Start = Callable[..., Daemon]
STATES = ("in_sync", "pending", "failed", "held", "unsafe", "paused")
OPERATIONS = {"GET keys": "list", "PUT bulk": "write", "POST bulk/delete": "delete", "POST bulk/get": "read"}
LATENCY = "syncd_target_change_latency_seconds"


def comes_to(running: Daemon, target: str, state: str) -> Scrape:
    """Return the first scrape in which a target is in a state, and in no other."""

    def seen() -> Scrape | None:
        now = Scrape.of(running.port)
        return now if now.value("syncd_target_state", target=target, state=state) == 1 else None

    found = wait_until(seen, 15, f"{target} is {state}")
    assert found is not None
    assert sum(found.value("syncd_target_state", target=target, state=one) for one in STATES) == 1
    assert found.value("syncd_target_in_sync", target=target) == float(state == "in_sync")
    return found


def soon(running: Daemon, sample: str, at_least: float, **labels: str) -> Scrape:
    """Return the first scrape in which a sample has reached a value."""

    def seen() -> Scrape | None:
        now = Scrape.of(running.port)
        return now if now.value(sample, **labels) >= at_least else None

    found = wait_until(seen, 15, f"{sample}{labels} >= {at_least}")
    assert found is not None
    return found


def test_a_change_is_counted_from_file_to_nginx(with_nginx: tuple[Stack, NginxServer, int], daemon: Start) -> None:
    """In sync: one update of each target that reads the key, its latency once, one reload; the first pass has none."""
    stack, _, _ = with_nginx
    running = daemon()
    first = Scrape.of(running.port)
    assert (first.value("syncd_ready"), first.value("syncd_source_up"), first.value("syncd_source_fresh")) == (1, 1, 1)
    assert first.value("syncd_target_changes_total", target="edge", op="create") == 2
    assert first.value(f"{LATENCY}_count", target="proxy") == 0
    assert first.value("syncd_reloads_total", reload="nginx", result="done") == 1
    stack.put(services__app__url="http://127.0.0.1:10")
    now = soon(running, f"{LATENCY}_count", 1, target="proxy")
    assert now.value("syncd_target_changes_total", target="proxy", op="update") == 1
    assert now.value("syncd_reloads_total", reload="nginx", result="done") == 2
    assert now.value("syncd_reload_failing", reload="nginx") == 0
    assert 0.05 <= now.value(f"{LATENCY}_sum", target="proxy") < 10  # not before the debounce was over
    now = soon(running, f"{LATENCY}_count", 1, target="app-env")
    assert now.value(f"{LATENCY}_count", target="edge") == 0
    assert now.value("syncd_target_fresh", target="proxy") == 1


def test_failed_and_applied_by_a_retry(stack: Stack, daemon: Start) -> None:
    """A missing key fails the target; its return is applied, and the latency counts from the loss on."""
    running = daemon()
    stack.delete("services/app/url")
    failed = comes_to(running, "app-env", "failed")
    assert failed.value("syncd_target_missing_keys", target="app-env") == 1
    assert failed.value("syncd_target_passes_total", target="app-env", outcome="failed") >= 1
    assert failed.value("syncd_target_next_retry_timestamp_seconds", target="app-env") > 0
    assert (failed.value("syncd_ready"), failed.value(f"{LATENCY}_count", target="app-env")) == (0, 0)
    soon(running, "syncd_target_passes_total", 2, target="app-env", outcome="failed")  # the retry, a second later
    stack.put(services__app__url="http://127.0.0.1:10")
    well = comes_to(running, "app-env", "in_sync")
    assert well.value(f"{LATENCY}_count", target="app-env") == 1
    assert well.value(f"{LATENCY}_sum", target="app-env") >= 1
    assert well.value("syncd_target_missing_keys", target="app-env") == 0


def test_a_reload_that_fails(stack: Stack, daemon: Start) -> None:
    """It is failing until it works; the changes are counted once, the latency when the reload has worked."""
    stack.config["reloads"] = {"app": {"run": ["sh", "-c", "test ! -e broken"]}}
    stack.config["targets"]["app-env"]["reload"] = "app"
    running = daemon()
    (stack.folder / "broken").touch()
    stack.put(services__app__url="http://127.0.0.1:10")
    failed = comes_to(running, "app-env", "failed")
    assert failed.value("syncd_reload_failing", reload="app") == 1
    failed = soon(running, "syncd_reloads_total", 2, reload="app", result="failed")
    assert failed.value("syncd_target_changes_total", target="app-env", op="update") == 1
    assert failed.value(f"{LATENCY}_count", target="app-env") == 0
    (stack.folder / "broken").unlink()
    well = comes_to(running, "app-env", "in_sync")
    assert well.value("syncd_reload_failing", reload="app") == 0
    assert well.value("syncd_target_changes_total", target="app-env", op="update") == 1
    assert well.value(f"{LATENCY}_count", target="app-env") == 1


def test_unsafe_held_and_paused(stack: Stack, daemon: Start) -> None:
    """Each has its state and its passes; a target that is held or unsafe stays what it is while others go on."""
    stack.config["targets"]["edge"]["limits"] = {"min_entries": 1}
    stack.config["targets"]["short"] = {
        "kind": "env_file",
        "path": "out/short.env",
        "vars": {"API": "config/domains/api"},
        "expect": {"min_entries": 2},
    }
    running = daemon(ready=False)
    wait_until(lambda: (stack.folder / "out/app.env").exists(), 20)
    held = comes_to(running, "short", "held")
    assert held.value("syncd_target_passes_total", target="short", outcome="held") >= 1
    comes_to(running, "edge", "in_sync")
    stack.delete("config/domains/web")
    unsafe = comes_to(running, "edge", "unsafe")
    assert unsafe.value("syncd_target_passes_total", target="edge", outcome="unsafe") >= 1
    assert unsafe.value("syncd_target_changes_total", target="edge", op="delete") == 0
    (stack.folder / ".syncd/paused").touch()
    stack.put(services__app__url="http://127.0.0.1:10")
    paused = comes_to(running, "app-env", "paused")
    assert paused.value("syncd_target_passes_total", target="app-env", outcome="paused") >= 1


def test_pending(stack: Stack, daemon: Start) -> None:
    """A change that waits for its debounce."""
    stack.config["targets"]["app-env"]["debounce"] = {"quiet": "10m", "max": "10m"}
    running = daemon()
    stack.put(services__app__url="http://127.0.0.1:10")
    assert comes_to(running, "app-env", "pending").value("syncd_ready") == 0


def test_a_config_edit_that_is_refused(stack: Stack, daemon: Start) -> None:
    """It says so until a good one is in use; what was counted goes on, with the source made anew too."""
    running = daemon()
    good = (stack.folder / "config.yaml").read_text()
    before = Scrape.of(running.port)
    assert before.value("syncd_config_last_reload_successful") == 1
    (stack.folder / "config.yaml").write_text(good + "nonsense: 1\n")
    refused = wait_until(lambda: Scrape.of(running.port).value("syncd_config_last_reload_successful") == 0, 10)
    assert refused
    other = yaml.safe_load(good)
    other["consul"]["wait"] = "20s"
    (stack.folder / "config.yaml").write_text(yaml.safe_dump(other))

    def loaded() -> Scrape | None:
        try:
            now = Scrape.of(running.port)
        except OSError:  # nobody answers while the source is made anew
            return None
        passed = now.value("syncd_target_passes_total", target="edge", outcome="in_sync")
        return now if passed > before.value("syncd_target_passes_total", target="edge", outcome="in_sync") else None

    after = wait_until(loaded, 15)
    assert after is not None
    assert after.value("syncd_config_last_reload_success_timestamp_seconds") > before.value(
        "syncd_config_last_reload_success_timestamp_seconds"
    )
    assert after.value("syncd_config_last_reload_successful") == 1
    assert after.value("syncd_start_time_seconds") == before.value("syncd_start_time_seconds")
    for name, family in before.families.items():
        if family.type == "counter":
            for sample in family.samples:
                assert after.value(sample.name, **sample.labels) >= sample.value, name


def test_a_source_that_is_away(stack: Stack, make_consul: Callable[..., ConsulServer], daemon: Start) -> None:
    """Down, with errors and an age; back again, the watches have reconnected, and are as many as before."""
    consul = make_consul()
    consul.put_many({stack.prefix + "services/app/url": "http://127.0.0.1:9", stack.prefix + "secrets/db": "x"})
    stack.config["consul"]["address"] = consul.url
    del stack.config["targets"]["edge"]
    running = daemon()
    wait_until(lambda: Scrape.of(running.port).value("syncd_source_connections") > 0, 10)
    before = Scrape.of(running.port)
    assert (before.value("syncd_source_errors_total"), before.value("syncd_source_reconnects_total")) == (0, 0)
    consul.stop()
    away = soon(running, "syncd_source_errors_total", 2)
    assert (away.value("syncd_source_up"), away.value("syncd_ready")) == (0, 1)  # stale, and still fresh
    consul.start()
    back = soon(running, "syncd_source_reconnects_total", before.value("syncd_source_connections"))
    back = soon(running, "syncd_source_up", 1)
    assert back.value("syncd_source_connections") == before.value("syncd_source_connections")
    assert back.value("syncd_source_last_contact_timestamp_seconds") > away.value(
        "syncd_source_last_contact_timestamp_seconds"
    )


def calls_of(stack: Stack) -> dict[tuple[str, str], int]:
    """Return how many calls of each operation the server has answered with each status."""
    asked = stack.kv.requests()
    return Counter((OPERATIONS[f"{one['method']} {one['op']}"], str(one["status"] or "none")) for one in asked)


def test_workers_kv_counts_what_the_server_saw(stack: Stack, daemon: Start) -> None:
    """Every call by operation and status, refused and unanswered ones too; pairs, bills and waits add up."""
    stack.kv.put("config/domains/left", "x", {"o": "test-owner", "h": "0" * 32, "mi": 1})
    stack.config["targets"]["edge"]["limits"] = {"max_delete_percent": 100}
    stack.config["targets"]["edge"]["keys"].append("lists/free")
    stack.put(lists__free="1")
    stack.kv.put("lists/free", "by hand")
    stack.kv.reset()
    stack.kv.fault("PUT bulk", status=429, headers={"retry-after": "3"}, body={"success": False, "errors": []})
    stack.kv.fault("PUT bulk", skip=1, drop="before")
    stack.kv.fault("GET keys", status=500, body={"success": False, "errors": []})
    running = daemon(ready=False)
    wait_until(lambda: (stack.folder / "out/app.env").exists(), 20)
    soon(running, "syncd_target_changes_total", 1, target="edge", op="delete")

    def agreed() -> tuple[Scrape, dict[tuple[str, str], float]] | None:  # a call may be on its way
        now = Scrape.of(running.port)
        samples = [(dict(one), value) for one, value in now.values("syncd_workers_kv_calls_total").items()]
        counted = {(one["operation"], one["status"]): value for one, value in samples}
        return (now, counted) if counted == calls_of(stack) else None

    found = wait_until(agreed, 10, f"daemon and server have counted the same; the server {calls_of(stack)}")
    assert found is not None
    now, counted = found
    assert {("write", "429"), ("write", "none"), ("list", "500"), ("read", "200"), ("delete", "200")} <= set(counted)
    billed = {
        one: now.value("syncd_workers_kv_billed_operations_total", target="edge", operation=one)
        for one in ("list", "read", "write", "delete")
    }
    assert billed == {"list": counted["list", "200"], "read": counted["read", "200"], "write": 2, "delete": 1}
    assert now.value("syncd_workers_kv_writes_total", target="edge") == 2
    assert now.value("syncd_workers_kv_wait_seconds_total", target="edge", reason="retry_after") > 0


def test_a_probe_that_has_files_put_back(stack: Stack, daemon: Start) -> None:
    """Nothing is counted as changed or applied; where the change is taken back the reload fails no more."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        probe = {"tcp": f"127.0.0.1:{server.getsockname()[1]}", "within": "1s"}
        stack.config["reloads"] = {"app": {"run": ["true"], "probe": probe}}
        stack.config["targets"]["app-env"]["reload"] = "app"
        running = daemon()
    stack.put(services__app__url="http://127.0.0.1:10")
    failed = comes_to(running, "app-env", "failed")
    assert failed.value("syncd_reload_failing", reload="app") == 1
    assert failed.value("syncd_target_changes_total", target="app-env", op="update") == 0
    stack.put(services__app__url="http://127.0.0.1:9")
    well = comes_to(running, "app-env", "in_sync")
    assert well.value("syncd_reload_failing", reload="app") == 0
    assert well.value(f"{LATENCY}_count", target="app-env") == 0
