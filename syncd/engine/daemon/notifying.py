"""Tells a webhook what became of targets; nothing waits for it, and it waits for nothing but its own turn."""

import asyncio
import json
import socket
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace

import stamina
import structlog

from syncd.config.notifying import BODY, Notify
from syncd.config.reloads import check_url
from syncd.core.errors import ReloadError
from syncd.core.notices import Notice, Notices, Rules, message
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
    """What was told and what is still to be told; it outlives a change of configuration."""

    def __init__(self) -> None:
        self._notices = Notices()
        self._waiting: deque[Notice] = deque()
        self._wake = asyncio.Event()

    async def run(self, setup: Setup, status: Callable[[], Status]) -> None:
        """Tell what the configuration wants told, until cancelled."""
        config = setup.config.notify
        if config is None:
            self._notices, self._waiting = Notices(), deque()
            return
        rules = Rules(frozenset(config.on), config.after, config.min_interval)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._send(setup, config), name="notification")
            while True:
                for notice in self._notices.look(status(), time.time(), rules):
                    self._add(notice)
                await asyncio.sleep(LOOK_S)

    def _add(self, notice: Notice) -> None:
        if len(self._waiting) >= _MOST_WAITING:
            lost = self._waiting.popleft()
            _failed(lost, f"{_MOST_WAITING} others wait behind it for {_HOOK} to answer")
        self._waiting.append(notice)
        self._wake.set()

    async def _send(self, setup: Setup, config: Notify) -> None:
        while True:
            self._wake.clear()
            while self._waiting:
                notice = self._waiting[0]
                await _deliver(notice, setup, config)
                if self._waiting and self._waiting[0] is notice:
                    self._waiting.popleft()
            await self._wake.wait()


async def _deliver(notice: Notice, setup: Setup, config: Notify) -> None:
    """Send one notice, several times if need be; never raises."""
    try:
        await _try(notice, setup, config)
    except (ReloadError, TemplateFault) as error:
        _failed(notice, setup.redaction(Snapshot()).clean(str(error)))
    except Exception as error:
        _log.error("internal_error", exc_info=error)
    else:
        _log.info("notified", what=notice.event, targets=list(notice.targets))


async def _try(notice: Notice, setup: Setup, config: Notify) -> None:
    tries = stamina.retry_context(
        on=Unanswered, attempts=config.retries + 1, timeout=None, wait_initial=1.0, wait_max=30.0, wait_jitter=1.0
    )
    async for attempt in tries:
        with attempt:
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


def _failed(notice: Notice, error: str) -> None:
    _log.warning("notification_failed", what=notice.event, targets=list(notice.targets), error=error)
