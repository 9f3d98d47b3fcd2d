"""What the demo says. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from syncd.core.report.lines import headline, obstacles, summary
from syncd.core.report.model import PassResult
from syncd.dev.demo_config import ENVIRONMENT
from syncd.dev.serve import ACCOUNT, NAMESPACE, TOKEN, DevServers

_NO_NGINX = "none here: its files are not checked, nothing is reloaded"
_STAYS = ("What it wrote stays in out/. Before you run syncd here for real: rm -r out",)
_DOMAIN, _BACKEND = "config/domains/api", "services/ai-backend/url"


def introduction(
    servers: DevServers, files: Mapping[str, str], status: Mapping[str, Any], status_url: str, nginx_url: str | None
) -> Iterator[str]:
    """Yield what runs where, what it did, and what to type to see a change arrive.

    Args:
        files: target -> path of its file.
        status: the daemon's status document.
    """
    pairs = sum(one["entries"] for one in status["targets"] if one["name"] not in files)
    yield from (
        "",
        "Ready. All of it runs on this machine only:",
        "",
        f"  Consul      {servers.consul_url}   embedded, filled from seed.yaml",
        f"  Workers KV  {servers.kv_url}   embedded",
        f"  nginx       {nginx_url}   the demo's own" if nginx_url else f"  nginx       {_NO_NGINX}",
        f"  syncd       {status_url}/api/v1/status",
        "",
        f"{servers.seeded} keys became {pairs} pairs in Workers KV and {len(files)} files:",
        *(f"  {path}" for path in files.values()),
        "",
    )
    yield from _to_type(servers, status_url, nginx_url)
    yield from ("", "Ctrl-C ends it.", "")


def _to_type(servers: DevServers, status_url: str, nginx_url: str | None) -> Iterator[str]:
    keys = f"{servers.consul_url}/v1/kv/blog/env/{ENVIRONMENT}"
    values = f"{servers.environment['CLOUDFLARE_BASE_URL']}/accounts/{ACCOUNT}/storage/kv/namespaces/{NAMESPACE}/values"
    yield from (
        "Change a key, in another terminal in this folder:",
        f"  curl -X PUT -d https://hi.example {keys}/{_DOMAIN}",
        "The file has it, and the pair:",
        "  grep API_BASE_URL out/backend.env",
        f"  curl -H 'Authorization: Bearer {TOKEN}' {values}/{_DOMAIN}",
    )
    if nginx_url is not None:
        yield from (
            "nginx says 502: no AI backend runs here. Give it one (syncd will do):",
            f"  curl {nginx_url}/healthz",
            f"  curl -X PUT -d {status_url} {keys}/{_BACKEND}",
            f"  curl {nginx_url}/healthz",
        )


def waiting(status: Mapping[str, Any]) -> Iterator[str]:
    """Yield why the demo is not ready yet, from the daemon's status document."""
    yield from ("", "Not ready; the demo goes on as soon as this is put right:")
    yield from (f"  {reason}" for reason in status["not_ready"])


def after_run() -> Iterator[str]:
    """Yield what is left when the daemon has ended."""
    yield from ("", "The demo is over.", *_STAYS)


def after_once(servers: DevServers, files: Mapping[str, str], result: PassResult, health: str | None) -> Iterator[str]:
    """Yield what one pass did.

    Args:
        files: target -> path of its file.
        health: what nginx answered, None where none was started.
    """
    yield f"{servers.seeded} keys of seed.yaml, in an embedded Consul:"
    for one in result.targets:
        name = one.plan.target
        yield f"  {files.get(name, f'{name} ({one.plan.kind})')}: {headline(one)}"
        yield from (f"    ! {text}" for text in obstacles(one))
    yield from (f"  ! {one.error}" for one in result.reloads if one.error)
    yield summary(result)
    if health is not None:
        yield f"nginx answered: {health}"
    elif result.exit_code == 0:
        yield f"nginx: {_NO_NGINX}"
    yield from _STAYS
