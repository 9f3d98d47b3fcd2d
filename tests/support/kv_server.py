"""Real Workers KV (workerd under miniflare) behind Cloudflare's REST shape; its faults and its request log."""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from tests.support import binaries, processes
from tests.support.http import Answer, Http

SOURCES = Path(__file__).parent / "kv"
NAMESPACES = [f"{number:032x}" for number in range(1, 401)]
BULK = 1000


class KVServer:
    """One Workers KV server for the run.

    `base_url` goes into a target's `base_url`, `token` into `api_token`, `account` into `account_id`.
    """

    token = "kv-test-token"
    account = "0123456789abcdef0123456789abcdef"

    def __init__(self, node: str) -> None:
        self._log = Path(tempfile.mkstemp(prefix="syncd-kv-", suffix=".log")[1])
        options = {"modules": str(binaries.CACHE / "kv"), "token": self.token, "account": self.account}
        argv = [node, str(SOURCES / "server.mjs"), json.dumps({**options, "namespaces": NAMESPACES})]
        self._process = processes.spawn_talking(argv, log=self._log)
        self.url = self._first_line()["url"]
        self.base_url = self.url + "/client/v4"
        self._unused = iter(NAMESPACES)

    def _first_line(self) -> dict[str, str]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the Workers KV server ended: {self._log.read_text()[-2000:]}"
        return dict(json.loads(line))

    def fresh(self) -> WorkersKV:
        """Return a namespace that nobody has used yet."""
        namespace = next(self._unused, None)
        assert namespace, "all namespaces are used up: raise NAMESPACES"
        return WorkersKV(self, namespace)

    def close(self) -> None:
        """End it; it removes its own data."""
        if self._process.stdin:
            self._process.stdin.close()
            self._process.stdin = None
        processes.end(self._process)
        self._log.unlink(missing_ok=True)


@dataclass(frozen=True)
class WorkersKV:
    """One namespace, seen through the REST API past all faults that are not meant for it."""

    server: KVServer
    namespace: str

    @property
    def base_url(self) -> str:
        """Return what goes into a target's `base_url`."""
        return self.server.base_url

    @property
    def token(self) -> str:
        """Return what goes into a target's `api_token`."""
        return self.server.token

    @property
    def account(self) -> str:
        """Return what goes into a target's `account_id`."""
        return self.server.account

    def put(self, key: str, value: str | bytes, metadata: Any = None) -> None:
        """Write one pair, as somebody else would (a script, the dashboard)."""
        self.put_many({key: value}, metadata)

    def put_many(self, pairs: dict[str, str | bytes], metadata: Any = None) -> None:
        """Write many pairs, 1,000 per request, each with `metadata` (None = without)."""
        more = {} if metadata is None else {"metadata": metadata}
        bodies = [{"key": key, **_value(value), **more} for key, value in pairs.items()]
        for start in range(0, len(bodies), BULK):
            self._ok(self("PUT", "bulk", bodies[start : start + BULK]))

    def get(self, key: str) -> bytes | None:
        """Return a value as it is, None if there is no such key."""
        answer = self("GET", f"values/{quote(key, safe='')}")
        return None if answer.status == 404 else self._ok(answer).body

    def metadata(self, key: str) -> Any:
        """Return a key's metadata; None if it has none or does not exist."""
        answer = self("GET", f"metadata/{quote(key, safe='')}")
        return None if answer.status == 404 else self._ok(answer).json()["result"]

    def delete(self, *keys: str) -> None:
        """Delete keys."""
        self._ok(self("POST", "bulk/delete", list(keys)))

    def list(self, prefix: str = "") -> dict[str, Any]:
        """Return all keys with their metadata (None = without), in the order of the API."""
        found: dict[str, Any] = {}
        cursor = ""
        while True:
            page = self._ok(self("GET", f"keys?{urlencode({'prefix': prefix, 'cursor': cursor})}")).json()
            found |= {pair["name"]: pair.get("metadata") for pair in page["result"]}
            if not (cursor := page["result_info"]["cursor"]):
                return found

    def read_through_worker(self, key: str) -> str | None:
        """Return what an edge program gets from `env.CONFIG_KV.get(key)` in workerd."""
        query = urlencode({"namespace": self.namespace, "key": key})
        answer = Http(self.server.url)("GET", f"/__reader?{query}")
        return None if answer.status == 404 else self._ok(answer).text

    def fault(self, match: str, **fault: Any) -> None:
        """Let calls like `match` ("PUT bulk", "GET keys", "POST bulk/delete") to this namespace fail.

        `times` (1; -1 = always), `skip`, and one of `status`/`headers`/`body`, `delay_ms`, `drop` ("before" | "after"),
        `unsuccessful_keys`, `empty_page`, `stale`: see kv/faults.mjs.
        """
        reading = {"list_path": self._path("keys"), "authorization": f"Bearer {self.token}"}
        body = {"match": match, "namespace": self.namespace, **reading, **fault}
        self._ok(Http(self.server.url)("POST", "/__faults", body))

    def requests(self, match: str = "") -> Sequence[dict[str, Any]]:
        """Return the calls to this namespace since `reset`, oldest first, only those like `match` if given.

        Each is {at_ms, method, op, namespace, query, keys (of a bulk), status (0 = dropped), faulted}; the calls of
        this object are among them, but for `fault`, `requests`, `reset` and `read_through_worker`.
        """
        calls = [c for c in Http(self.server.url)("GET", "/__requests").json() if c.get("namespace") == self.namespace]
        return [call for call in calls if match in ("", f"{call['method']} {call['op']}")]

    def reset(self) -> None:
        """Forget all calls and all faults."""
        for path in ("/__requests", "/__faults"):
            self._ok(Http(self.server.url)("DELETE", path))

    def __call__(self, method: str, operation: str, body: Any = None, token: str | None = None) -> Answer:
        """Send a raw call: `operation` is "keys?limit=10", "bulk", "values/KEY", …"""
        headers = {"Authorization": f"Bearer {token or self.token}", "Content-Type": "application/json"}
        return Http(self.server.url, headers, timeout_s=60)(method, self._path(operation), body)

    def _path(self, operation: str) -> str:
        return f"/client/v4/accounts/{self.account}/storage/kv/namespaces/{self.namespace}/{operation}"

    @staticmethod
    def _ok(answer: Answer) -> Answer:
        assert answer.status == 200, f"{answer.status} {answer.body[:500]!r}"
        return answer


def _value(value: str | bytes) -> dict[str, Any]:
    if isinstance(value, str):
        return {"value": value}
    return {"value": base64.b64encode(value).decode(), "base64": True}
