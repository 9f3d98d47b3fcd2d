"""Tells a webhook what became of targets; nothing waits for it, and a message that is refused holds up no other."""

import asyncio
import contextlib
import json
import random
import socket
import time
from collections.abc import Callable
from dataclasses import replace

import structlog

from syncd.config.notifying import BODY, Notify
from syncd.config.reloads import check_url
from syncd.core.errors import ReloadError
from syncd.core.notices import Notice, Notices, Rules, message
from syncd.core.outbox import Outbox, Waiting
from syncd.core.snapshot import Snapshot
from syncd.core.status import Status
from syncd.core.templating.errors import TemplateFault
from syncd.core.templating.inline import render_inline
from syncd.engine.setup import Setup
from syncd.reloads.http import Request, Unanswered

LOOK_S = 1.0
"""Between two looks at the status."""
_MOST_WAITING = 100
_HOOK = "the webhook"
_log = structlog.get_logger()


class Notifier:
    """What was told and what is still to be told; it outlives a change of configuration.

    Args:
        count: is told of each message whether it was sent; False where it was given up.
    """

    def __init__(self, count: Callable[[bool], None]) -> None:
        self._count = count
        self._notices = Notices()
        self._outbox = Outbox(_MOST_WAITING)
        self._wake = asyncio.Event()

    async def run(self, setup: Setup, status: Callable[[], Status]) -> None:
        """Tell what the configuration wants told, until cancelled."""
        config = setup.config.notify
        if config is None:
            self._notices = Notices()
            self._outbox.clear()
            return
        rules = Rules(frozenset(config.on), config.after, config.min_interval)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._send(setup, config), name="notification")
            while True:
                self._look(status(), rules)
                await asyncio.sleep(LOOK_S)

    def _look(self, status: Status, rules: Rules) -> None:
        self._outbox.revise(lambda notice: self._notices.still(notice, status))
        now = time.monotonic()  # the clock on the wall may be set, and a state then last for ever
        for notice in self._notices.look(status, now, rules):
            lost = self._outbox.add(replace(notice, since=time.time() - (now - notice.since)))
            if lost is not None:
                self._failed(lost, f"{_MOST_WAITING} others wait behind it for {_HOOK} to answer")
            self._wake.set()

    async def _send(self, setup: Setup, config: Notify) -> None:
        while True:
            self._wake.clear()
            one = self._outbox.next()
            wait_s = None if one is None else max(0.0, one.due - time.monotonic())
            if one is not None and wait_s == 0.0:
                await self._try(one, setup, config)
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()

    async def _try(self, one: Waiting, setup: Setup, config: Notify) -> None:
        """Send a notice once; never raises. What may work later stays, and others have their turn before."""
        notice = one.notice
        try:
            await _post(notice, setup, config)
        except (ReloadError, TemplateFault) as error:
            if isinstance(error, Unanswered) and one.tries < config.retries:
                self._outbox.again(one, time.monotonic(), random.random())  # noqa: S311 - spreads load, guards nothing
                return
            self._failed(notice, setup.redaction(Snapshot()).clean(str(error)))
        except Exception as error:
            _log.error("internal_error", exc_info=error)
            self._count(False)
        else:
            _log.info("notified", what=notice.event, targets=list(notice.targets))
            self._count(True)
        self._outbox.end(one)

    def _failed(self, notice: Notice, error: str) -> None:
        _log.warning("notification_failed", what=notice.event, targets=list(notice.targets), error=error)
        self._count(False)


async def _post(notice: Notice, setup: Setup, config: Notify) -> None:
    request = _request(notice, setup, config)
    try:
        async with asyncio.timeout(config.timeout):
            await request.send()
    except TimeoutError:
        raise Unanswered(f"{_HOOK} gave no answer in {config.timeout:g} s") from None


def _request(notice: Notice, setup: Setup, config: Notify) -> Request:
    about = {
        "owner": setup.config.owner,
        "environment": setup.config.environment or "",
        "config": setup.config_file.name,
        "host": socket.gethostname(),
    }
    reason = setup.redaction(Snapshot()).clean(notice.reason)
    said = message(replace(notice, reason=reason), about)
    body = json.dumps(said, ensure_ascii=False) if config.body is None else render_inline(config.body, said, name=BODY)
    headers = {name: value.get_secret_value() for name, value in config.headers.items() if value.get_secret_value()}
    if not any(name.lower() == "content-type" for name in (*headers, *config.headers_file)):
        headers["Content-Type"] = "application/json"
    return Request(
        config.method,
        _url(setup, config),
        headers,
        {name: setup.base_dir / path for name, path in config.headers_file.items()},
        body=body.encode(errors="replace"),
        label=_HOOK,
    )


def _url(setup: Setup, config: Notify) -> str:
    if config.url_file is None:
        return config.url.get_secret_value() if config.url is not None else ""
    path = setup.base_dir / config.url_file
    try:
        return check_url(path.read_bytes().decode().strip())
    except OSError as error:
        raise ReloadError(f"notify.url_file {path} cannot be read: {error.strerror}; make it, or correct it") from error
    except ValueError:
        raise ReloadError(f"notify.url_file {path} holds no URL; write one line such as https://…") from None
