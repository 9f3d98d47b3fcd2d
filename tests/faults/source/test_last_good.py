"""A start while Consul is away: the last known good stands in for it, says so, and never undoes anything newer."""

from __future__ import annotations

import base64
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.source.kit import AREA, Place
from tests.faults.support.proxy import FaultProxy
from tests.faults.support.reader import Reader
from tests.faults.support.report import record
from tests.support.cli import syncd_cli
from tests.support.consul import ConsulServer
from tests.support.processes import wait_until

MakePlace = Callable[..., Place]
SECRET = "planted-s3cret-of-the-last-good"


@pytest.fixture
def proxy(make_proxy: Callable[[str], FaultProxy], consul_server: ConsulServer) -> FaultProxy:
    """A way to Consul that can be shut."""
    return make_proxy(consul_server.url)


def saved(place: Place) -> bool:
    """Return whether the last known good is there and has everything."""
    folder = place.folder / ".syncd"
    return (folder / "last_good").exists() and not (folder / "last_good.behind").exists()


def with_secret(place: Place) -> Place:
    """Give a place a second file, which needs a sensitive value."""
    place.put("secrets/db", SECRET)
    place.config["targets"]["db-env"] = {"kind": "env_file", "path": "out/db.env", "vars": {"DB": "secrets/db"}}
    return place


def test_a_start_during_an_outage(proxy: FaultProxy, consul_server: ConsulServer, make_place: MakePlace) -> None:
    """Lost files are made again; what needs a secret is held; all is marked stale; then all converges by itself."""
    place = with_secret(make_place(consul_server, proxy.url))
    other = make_place(consul_server, proxy.url, name="other")
    places = (place, other)
    for one, without in zip(places, ("", "no_last_good"), strict=True):
        one.start(without=without, ready=False)
    for one in places:
        one.daemon.wait_ready()
        wait_until(lambda one=one: saved(one))
        assert one.daemon.stop() == 0
    kept = (place.folder / ".syncd/last_good").read_bytes()
    assert not [form for form in _forms(SECRET) if form in kept]
    assert (place.folder / ".syncd/last_good").stat().st_mode & 0o777 == 0o600
    before = place.env.read_bytes()
    proxy.deaf()
    for one in places:
        one.env.unlink()
        one.daemon.start()
    place.kv.reset()
    with Reader(place.env, place.folder / "out/db.env") as reader:
        daemon = place.daemon
        wait_until(place.env.exists, 15)
        wait_until(lambda: daemon.target("db-env")["state"] == "held", 10)
        _says_so(place)
        _one_shots_do_not_use_it(place)
        place.put("services/app/url", "http://new")
        proxy.listen()
        listening = time.monotonic()
        wait_until(lambda: b"APP_URL=http://new\n" in place.env.read_bytes(), 20)
        wait_until(daemon.ready, 20)
        recover_s = time.monotonic() - listening
        assert daemon.source()["last_good_at"] is None
    after = before.replace(b"http://127.0.0.1:9", b"http://new")
    assert not [content for content in reader.other(place.env, before, after) if content is not None]
    assert len(reader.seen[place.folder / "out/db.env"]) == 1
    assert not [call for call in place.kv.requests() if call["method"] != "GET"]
    record(
        "start while Consul is away",
        area=AREA,
        injected="no connection from the start on, an output lost",
        times=1,
        recover_s=recover_s,
        red_without="the last known good",
    )


def _says_so(place: Place) -> None:
    """See that status, readiness, log and metrics say that the source is stale, and why a target is held."""
    daemon = place.daemon
    assert "the last known good does not keep sensitive values" in daemon.target("db-env")["last_error"]
    assert daemon.source()["state"] == "stale"
    assert daemon.source()["last_good_at"] is not None
    code, text = daemon.readyz()
    assert (code, "source: stale: was never reached, the last known good of" in text) == (503, True)
    assert daemon.metric("syncd_source_up") == 0.0
    assert daemon.metric("syncd_source_last_good") == 1.0
    assert daemon.events("last_good")
    wait_until(lambda: set(daemon.states().values()) == {"in_sync", "held"}, 10)


def _one_shots_do_not_use_it(place: Place) -> None:
    """See that `once` says that Consul cannot be reached, whatever is kept."""
    code, _, err = syncd_cli("once", "--timeout", "1s", cwd=_beside(place))
    assert (code, "unreachable" in err) == (69, True), err


def _beside(place: Place) -> Path:
    """Return a folder with the same config and the same last known good, where no daemon holds the lock."""
    folder = place.folder.with_name("beside")
    shutil.rmtree(folder, ignore_errors=True)
    (folder / ".syncd").mkdir(parents=True)
    shutil.copy(place.folder / "config.yaml", folder)
    shutil.copy(place.folder / ".syncd/last_good", folder / ".syncd")
    return folder


@pytest.mark.e2e
def test_what_is_newer_is_not_undone(proxy: FaultProxy, consul_server: ConsulServer, make_place: MakePlace) -> None:
    """Killed before the newest state was kept, started while Consul is away: what was applied last stays.

    Without the marker beside the file the older state is written over the newer one.
    """
    place = make_place(consul_server, proxy.url)
    other = make_place(consul_server, proxy.url, name="other")
    places = (place, other)
    for one, without in zip(places, ("", "forgets_to_mark"), strict=True):
        one.start(without=without, ready=False)
    for one in places:
        one.daemon.wait_ready()
        wait_until(lambda one=one: saved(one))
        one.put("services/app/url", "http://newer")
        wait_until(lambda one=one: [event for event in one.daemon.events("target") if event.get("update")], 10)
        one.daemon.kill()
        assert b"APP_URL=http://newer\n" in one.env.read_bytes()
        assert (one.folder / ".syncd/last_good.behind").exists(), "killed after it was saved: nothing is tested"
    proxy.deaf()
    newer = place.env.read_bytes()
    with Reader(place.env) as reader:
        for one in places:
            one.daemon.start()
        wait_until(lambda: place.daemon.target("app-env")["state"] == "held", 15)
        assert "may be older than what was applied" in place.daemon.target("app-env")["last_error"]
        wait_until(lambda: b"APP_URL=http://127.0.0.1:9\n" in other.env.read_bytes(), 15)
        proxy.listen()
        listening = time.monotonic()
        wait_until(place.daemon.ready, 20)
        recover_s = time.monotonic() - listening
    assert not reader.other(place.env, newer)
    record(
        "killed before the newest state was kept, started while Consul is away",
        area=AREA,
        injected="SIGKILL, no connection",
        times=1,
        recover_s=recover_s,
        red_without="the marker of a last known good that is behind",
    )


def _forms(secret: str) -> list[bytes]:
    raw = secret.encode()
    return [raw, *(base64.b64encode(raw[start:])[2:-4] for start in range(3))]
