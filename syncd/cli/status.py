"""`syncd status`: what the daemon says."""

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from syncd.cli import options, output, session
from syncd.core.errors import SyncdError

_DEFAULT_URL = "http://127.0.0.1:9464"
_TIMEOUT_S = 5.0
_READY, _NOT_READY, _NO_DAEMON = 0, 1, 69


class StatusRefused(SyncdError):
    """Something answers, and does not tell its status."""

    exit_code = _NO_DAEMON


def status(
    context: typer.Context,
    url: Annotated[str | None, typer.Option("--url", metavar="URL", help="The daemon; default http.listen.")] = None,
    form: Annotated[
        options.StatusFormat, typer.Option("--format", help="How the status is written.")
    ] = options.StatusFormat.text,
    watch: Annotated[
        bool, typer.Option("--watch", help="Show it again and again until Ctrl-C; off a terminal, what changes.")
    ] = False,
    config: options.Config = None,
    log_format: options.LogFormat = None,
    log_level: options.LogLevel = None,
) -> int:
    """Show what the daemon says of source and targets; exit 0 ready, 1 not ready, 69 no daemon."""
    given = session.start(context, config, log_format, log_level)
    url = url or _url_of(given)
    if watch:
        from syncd.cli.watching import watch as watch_status

        return watch_status(lambda: _fetch(url), text_lines, _silence(url), as_json=form is options.StatusFormat.json)
    document = _fetch(url)
    if document is None:
        print(f"syncd: {_silence(url)}", file=sys.stderr)
        return _NO_DAEMON
    if form is options.StatusFormat.json:
        output.write_json(document)
    else:
        for line in text_lines(document):
            print(line)
    return _READY if document["ready"] else _NOT_READY


def _silence(url: str) -> str:
    return f"no daemon answers at {url}; start it with `syncd run`, or give --url"


def _url_of(given: options.Globals) -> str:
    if not given.config_path.exists():
        return _DEFAULT_URL
    http = session.load(given, offline=True).config.http
    if http is None:
        return _DEFAULT_URL
    host, port = http.address
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - where it listens, not where we do
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _fetch(url: str) -> dict[str, Any] | None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url.rstrip('/')}/api/v1/status", timeout=_TIMEOUT_S) as answer:
            document = json.load(answer)
    except urllib.error.HTTPError as error:
        raise StatusRefused(
            f"{url} answers {error.code} {error.reason}; is it the daemon, and its name in http.hosts?"
        ) from error
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) and "ready" in document else None


def text_lines(document: dict[str, Any]) -> Iterator[str]:
    """Yield a status document as lines of text."""
    source = document["source"]
    contact = _time(source["last_contact_at"])
    yield f"source: {source['state']}, index {source['index']}, last contact {contact}"
    if source["error"]:
        yield f"  ! {source['error']}"
    if source.get("last_good_at"):
        yield f"  the last known good of {_time(source['last_good_at'])} stands in for it"
    if lock := document.get("lock"):
        yield f"lock {lock['key']}: held by {'this instance' if lock['leading'] else lock['holder'] or 'nobody'}"
        if lock["error"]:
            yield f"  ! {lock['error']}"
    if (config := document.get("config")) and config["error"]:
        yield f"{config['file']}: was changed and is not in use:"
        for line in config["error"].splitlines():
            yield f"  ! {line}"
    for target in document["targets"]:
        applied = _time(target["last_applied_at"])
        yield (
            f"{target['name']} ({target['kind']}): {target['state']}, {_entries(target['entries'])}, applied {applied}"
        )
        for reason in target["reasons"]:
            yield f"  ! {reason}"
        if target["next_retry_at"]:
            yield f"  next try {_time(target['next_retry_at'])}"
    yield "ready" if document["ready"] else "not ready"


def _entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{count} entries"


def _time(at: float | None) -> str:
    return "never" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
