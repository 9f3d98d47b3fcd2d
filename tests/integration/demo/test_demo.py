"""`syncd demo`: the first command of a newcomer, typed as they would, on what a checkout holds."""

from __future__ import annotations

import re
import shutil
import signal
import socket
from urllib.parse import urlsplit

from tests.integration.demo.kit import Checkout, lines_to_type
from tests.support import binaries
from tests.support.processes import wait_until

FILES = ["ai.env", "backend.env", "n8n.env", "nginx/ai-gateway.conf", "nginx/upstreams.conf"]


def urls(said: str) -> list[str]:
    """Return every address that is named, without its path."""
    return sorted(set(re.findall(r"http://127\.0\.0\.1:\d+", said)))


def listens(url: str) -> bool:
    """Return whether somebody takes connections at an address."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", urlsplit(url).port or 0)) == 0


def test_what_it_tells_to_type_works(checkout: Checkout) -> None:
    """The printed lines, typed as they stand: file, pair and nginx's answer change; Ctrl-C leaves nothing but files."""
    if not shutil.which("curl"):
        binaries.missing("curl")
    demo = checkout.start("demo")
    said = demo.until("Ctrl-C")
    assert "79 keys became 7 pairs in Workers KV and 5 files" in said
    assert [line.strip() for line in said.splitlines() if line.startswith("  out/")] == [
        f"out/{name}" for name in ("backend.env", "ai.env", "n8n.env", *FILES[3:])
    ]
    put, grep, pair, before, put_backend, after = lines_to_type(said)
    assert demo.typed(grep) == "API_BASE_URL=http://127.0.0.1:8787\n"
    assert demo.typed(pair) == "http://127.0.0.1:8787"
    assert demo.typed(put).strip() == "true"
    wait_until(lambda: demo.typed(grep) == "API_BASE_URL=https://hi.example\n", why="the file has it")
    wait_until(lambda: demo.typed(pair) == "https://hi.example", why="the pair has it")
    assert "502 Bad Gateway" in demo.typed(before)
    assert demo.typed(put_backend).strip() == "true"
    wait_until(lambda: demo.typed(after) == "ok\n", why="nginx answers from the new backend")
    servers = urls(said)
    assert len(servers) == 4
    assert all(map(listens, servers))
    assert demo.stop() == 0
    assert not any(map(listens, servers))
    assert list(checkout.temp.iterdir()) == []
    assert sorted(path.name for path in checkout.folder.iterdir()) == ["config.yaml", "out", "seed.yaml", "templates"]
    assert sorted(checkout.outputs()) == FILES


def test_a_second_time_is_the_same(checkout: Checkout) -> None:
    """Once, and again on what the first left: 0, nginx answers, nothing temporary stays, all is on this machine."""
    first = checkout.syncd("demo", "--once")
    assert (first.rc, "Targets: 6 applied." in first.stdout) == (0, True), first
    assert 'nginx answered: 200 {"ok":true,"service":"ai-gateway"}' in first.stdout
    before = checkout.outputs()
    second = checkout.syncd("demo", "--once")
    assert (second.rc, "nginx answered: 200" in second.stdout) == (0, True), second
    after = checkout.outputs()
    assert {name for name in FILES if after[name] != before[name]} == {"nginx/ai-gateway.conf"}  # another free port
    assert list(checkout.temp.iterdir()) == []
    gateway = after["nginx/ai-gateway.conf"]
    assert re.search(r"listen 127\.0\.0\.1:\d+;", gateway)
    assert "listen 127.0.0.1:7000;" not in gateway
    addresses = [name for text in after.values() for name in re.findall(r"\w+://([\w.-]+:[^@/]*@)?([\w.-]+):\d", text)]
    assert {host for _, host in addresses} == {"127.0.0.1"}


def test_without_nginx(checkout: Checkout) -> None:
    """Where none is installed its files are written all the same, and the demo says what that means."""
    demo = checkout.start("demo", NGINX="no-such-nginx")
    said = demo.until("Ctrl-C")
    assert "  nginx       none here: its files are not checked, nothing is reloaded" in said
    assert sorted(checkout.outputs()) == FILES
    assert len(lines_to_type(said)) == 3
    assert demo.stop(signal.SIGTERM) == 0


def test_files_of_a_real_run_are_not_touched(checkout: Checkout) -> None:
    """The demo refuses (3), names them and says what to do."""
    account = {"CF_ACCOUNT_ID": "a", "CF_KV_NAMESPACE_ID": "b", "CLOUDFLARE_API_TOKEN": "c"}
    real = ("once", "--source", "seed.yaml", "--target", "ai-env", "--target", "upstreams")
    assert checkout.syncd(*real, **account).rc == 0
    before = checkout.outputs()
    refused = checkout.syncd("demo", "--once")
    assert refused.rc == 3
    assert "out/ai.env, out/nginx/upstreams.conf: there already" in refused.stderr
    assert "mv out out.mine" in refused.stderr
    assert checkout.outputs() == before


def test_it_touches_no_servers_but_its_own(checkout: Checkout) -> None:
    """A config that names its servers or its nginx itself is refused (78), each place with its line."""
    config = checkout.folder / "config.yaml"
    text = re.sub(r"\$\{CONSUL_HTTP_ADDR[^}]*\}", "http://127.0.0.1:1", config.read_text())
    text = re.sub(r"\$\{CLOUDFLARE_BASE_URL[^}]*\}", "https://api.example.com", text)
    config.write_text(
        text.replace('run: [sh, templates/nginx/reload.sh, "${NGINX:-nginx}"]', "run: [nginx, -s, reload]")
    )
    refused = checkout.syncd("demo", "--once")
    assert refused.rc == 78
    where = [line.split(": ")[1] for line in refused.stderr.splitlines()]
    assert where == ["consul.address", "reloads.nginx.run", "targets.edge.base_url"]
    assert checkout.outputs() == {}


def test_elsewhere_it_says_what_is_missing(checkout: Checkout) -> None:
    """Without config.yaml and seed.yaml: 78, one line for each."""
    for name in ("config.yaml", "seed.yaml"):
        (checkout.folder / name).unlink()
    refused = checkout.syncd("demo")
    assert refused.rc == 78
    assert [line.split(": ")[0] for line in refused.stderr.splitlines()] == ["config.yaml", "seed.yaml"]


def test_an_nginx_that_does_not_start(checkout: Checkout) -> None:
    """Exit 1 with its words; daemon and servers end with it, and nothing temporary stays."""
    broken = checkout.folder / "broken-nginx"
    broken.write_text(
        '#!/bin/sh\ncase "$*" in *" -t "*) exit 0;; *"-s reload") exit 0;; esac\necho out of order >&2\nexit 1\n'
    )
    broken.chmod(0o755)
    ran = checkout.syncd("demo", NGINX=str(broken))
    assert ran.rc == 1
    assert "nginx did not start: out of order; NGINX=true does without" in ran.stderr
    assert list(checkout.temp.iterdir()) == []


def test_a_broken_template_can_be_mended_while_it_runs(checkout: Checkout) -> None:
    """It says what is wrong, and goes on when that is put right."""
    template = checkout.folder / "templates/nginx/upstreams.conf.j2"
    good = template.read_text()
    template.write_text(good + "{{ key('no/such') }}")
    demo = checkout.start("demo")
    said = demo.until("Not ready")
    wait_until(lambda: "no/such" in demo.said, why="the reason is named")
    assert "Ctrl-C" not in said
    template.write_text(good)
    demo.until("Ctrl-C")
    assert demo.stop() == 0


def test_it_ends_at_once_while_it_starts(checkout: Checkout) -> None:
    """Ctrl-C before all is in place: 0, nothing left."""
    demo = checkout.start("demo")
    wait_until(lambda: list(checkout.temp.iterdir()), why="its temporary folder is there")
    assert demo.stop() == 0
    assert list(checkout.temp.iterdir()) == []


def test_it_ends_with_its_terminal(checkout: Checkout) -> None:
    """SIGHUP, which to the daemon alone means another thing: 0, nothing left."""
    demo = checkout.start("demo")
    servers = urls(demo.until("Ctrl-C"))
    assert demo.stop(signal.SIGHUP) == 0
    assert not any(map(listens, servers))
    assert list(checkout.temp.iterdir()) == []
