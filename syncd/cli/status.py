"""`syncd status`: what the daemon says."""

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from syncd.cli import options, output, session
from syncd.core.errors import ConfigError, SyncdError, UsageError
from syncd.core.printable import printable
from syncd.core.status import PauseStatus

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
    places = _places(given) if url is None else _only(url)
    if watch:
        from syncd.cli.watching import watch as watch_status

        return watch_status(
            lambda: _ask(places()),
            text_lines,
            lambda: _silence(places()),
            as_json=form is options.StatusFormat.json,
        )
    document = _ask(places())
    if document is None:
        print(f"syncd: {_silence(places())}", file=sys.stderr)
        return _NO_DAEMON
    if form is options.StatusFormat.json:
        output.write_json(document)
    else:
        for line in text_lines(document):
            print(printable(line))
    return _READY if document["ready"] else _NOT_READY


def _only(url: str) -> Callable[[], Sequence[str]]:
    """Return the one place that `--url` names; UsageError where nobody could be asked there."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # no port, or no address in brackets
        usable = False
    if not usable:
        raise UsageError(f"--url {url}: is not a URL; write one such as {_DEFAULT_URL}")
    return lambda: [url]


def _silence(places: Sequence[str]) -> str:
    return f"no daemon answers at {' or '.join(places)}; start it with `syncd run`, or give --url"


def _places(given: options.Globals) -> Callable[[], Sequence[str]]:
    """Return what says where the daemon may answer: where it noted that it listens, then where the config says.

    Raises:
        ConfigError: the config cannot be loaded, and there is no state dir to go by.
    """
    from syncd.engine.whereabouts import noted, url_of

    try:
        found = session.operated(given)
    except ConfigError:
        if given.names_config or given.config_path.exists():
            raise
        return lambda: [_DEFAULT_URL]
    own = (found.loaded and url_of(found.loaded.config)) or _DEFAULT_URL

    def places() -> Sequence[str]:
        where = noted(found.state.path)
        return list(dict.fromkeys([where.url, own] if where is not None and where.url is not None else [own]))

    return places


def _ask(places: Sequence[str]) -> dict[str, Any] | None:
    """Return the status that the first daemon tells, None where none answers.

    Raises:
        StatusRefused: something answers, and is none.
    """
    refusal: StatusRefused | None = None
    for url in places:
        try:
            if (document := _fetch(url)) is not None:
                return document
        except StatusRefused as error:
            refusal = refusal or error
    if refusal is not None:
        raise refusal
    return None


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
    """Yield a status document as lines of text; some may hold what is not printable."""
    source = document["source"]
    contact = _time(source["last_contact_at"])
    yield f"source: {source['state']}, index {source['index']}, last contact {contact}"
    yield from _bad(source["error"])
    if source.get("last_good_at"):
        yield f"  the last known good of {_time(source['last_good_at'])} stands in for it"
    if lock := document.get("lock"):
        yield f"lock {lock['key']}: held by {'this instance' if lock['leading'] else lock['holder'] or 'nobody'}"
        yield from _bad(lock["error"])
    if (config := document.get("config")) and config["error"]:
        yield f"{config['file']}: was changed and is not in use:"
        yield from _bad(config["error"])
    if paused := document.get("paused"):
        yield PauseStatus(paused["since"], paused["why"]).words()
    for target in document["targets"]:
        applied = _time(target["last_applied_at"])
        yield (
            f"{target['name']} ({target['kind']}): {target['state']}, {_entries(target['entries'])}, applied {applied}"
        )
        for reason in target["reasons"]:
            yield from _bad(reason)
        if target["next_retry_at"]:
            yield f"  next try {_time(target['next_retry_at'])}"
    yield "ready" if document["ready"] else "not ready"


def _bad(text: str | None) -> Iterator[str]:
    return (f"  ! {line}" for line in (text or "").split("\n") if line)


def _entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{count} entries"


def _time(at: float | None) -> str:
    return "never" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
