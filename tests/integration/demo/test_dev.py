"""`syncd dev`: the embedded servers as a command; what they do is proved in tests/integration/dev/."""

from __future__ import annotations

import re
import signal
import socket

import pytest

from tests.integration.demo.kit import Checkout
from tests.support.http import Http

FREE = ("--port", "0", "--kv-port", "0")


def exported(said: str) -> dict[str, str]:
    """Return what the lines to copy set."""
    return dict(re.findall(r"^export (\w+)=(.*)$", said, re.MULTILINE))


def test_the_shipped_config_runs_on_it(checkout: Checkout) -> None:
    """What it prints is a shell script that leads the shipped config to it; SIGINT ends it with 0."""
    dev = checkout.start("dev", *FREE, "--seed", "seed.yaml")
    told = exported(dev.until("CLOUDFLARE_BASE_URL"))
    done = checkout.syncd("once", **told, NGINX="true")
    assert (done.rc, "Targets: 6 applied." in done.stdout) == (0, True), done
    assert dev.stop() == 0


def test_data_stays(checkout: Checkout) -> None:
    """With --data a key is there after a restart, and the seed is not loaded over it."""
    for seeded in ("79 keys", "not seed.yaml"):
        dev = checkout.start("dev", *FREE, "--seed", "seed.yaml", "--data", "kept")
        said = dev.until("CLOUDFLARE_BASE_URL")
        assert seeded in said
        consul = Http(exported(said)["CONSUL_HTTP_ADDR"])
        if seeded.startswith("79"):
            consul("PUT", "/v1/kv/blog/config/env", b"mine")
        assert consul("GET", "/v1/kv/blog/config/env?raw").text == "mine"
        assert dev.stop(signal.SIGTERM) == 0


@pytest.mark.parametrize("option", ["--port", "--kv-port"])
def test_a_taken_port(checkout: Checkout, option: str) -> None:
    """78, with the port and the option."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ended = checkout.syncd("dev", *FREE, option, str(port))
    assert ended.rc == 78
    assert f"port {port} of 127.0.0.1 is taken" in ended.stderr
    assert option in ended.stderr


@pytest.mark.parametrize("port", ["70000", "-1", "http"])
def test_what_is_no_port(checkout: Checkout, port: str) -> None:
    """64."""
    assert checkout.syncd("dev", "--port", port).rc == 64


def test_a_faulty_seed(checkout: Checkout) -> None:
    """78, and where."""
    (checkout.folder / "seed.yaml").write_text("kv:\n  a: &x 1\n")
    ended = checkout.syncd("dev", *FREE, "--seed", "seed.yaml")
    assert (ended.rc, "seed.yaml:2" in ended.stderr) == (78, True), ended
