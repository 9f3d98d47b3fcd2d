"""Each test that takes `consul` or `kv` runs twice: on the real server and on the embedded one."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

import pytest

from syncd.dev.serve import TOKEN, DevServers, start
from tests.support.consul import ConsulServer
from tests.support.http import Answer, Http
from tests.support.kv_server import KVServer

T = TypeVar("T")


class Embedded:
    """The embedded servers in a thread with a loop of its own, so that tests can ask them as they ask real ones."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.servers: DevServers = self.run(start())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Carry out `work` in the servers' loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def close(self) -> None:
        """Stop servers and loop."""
        self.run(self.servers.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@dataclass
class Consul:
    """A Consul, real or embedded, with a prefix and service names of this test's own."""

    http: Http
    real: bool
    prefix: str
    pool: ThreadPoolExecutor

    @property
    def name(self) -> str:
        """Return a name that no other test uses, for services and nodes."""
        return self.prefix.strip("/")

    def get(self, key: str = "", query: str = "") -> Answer:
        """Read `/v1/kv/` under the prefix."""
        return self.http("GET", self._path(key, query))

    def put(self, key: str, value: bytes = b"", query: str = "") -> bool:
        """Write a key under the prefix; return Consul's answer."""
        return self._yes("PUT", key, query, value)

    def delete(self, key: str = "", query: str = "") -> bool:
        """Delete under the prefix; return Consul's answer."""
        return self._yes("DELETE", key, query)

    def _yes(self, method: str, key: str, query: str, body: bytes | None = None) -> bool:
        answer = self.http(method, self._path(key, query), body)
        assert answer.status == 200, answer.text
        return bool(answer.json())

    def _path(self, key: str, query: str) -> str:
        return f"/v1/kv/{self.prefix}{quote(key, safe='/%')}{query and '?' + query}"

    def entry(self, key: str) -> dict[str, Any]:
        """Return one key as the server shows it."""
        [entry] = self.get(key).json()
        return dict(entry)

    def index(self, key: str = "", query: str = "recurse") -> int:
        """Return the index of a read under the prefix."""
        return index(self.get(key, query))

    def api(self, method: str, path: str, body: Any = None) -> Answer:
        """Ask `/v1/PATH`, which must answer 200."""
        answer = self.http(method, f"/v1/{path}", body)
        assert answer.status == 200, f"{path}: {answer.status} {answer.text}"
        return answer

    def refused(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        """Return (status, text) of an answer that is not 200."""
        answer = self.http(method, f"/v1/{path}", body)
        assert answer.status != 200, answer.text
        return answer.status, answer.text

    def txn(self, *ops: dict[str, Any]) -> Answer:
        """Send a transaction of operations on keys under the prefix."""
        return self.http("PUT", "/v1/txn", [{"KV": {**op, "Key": self.prefix + op["Key"]}} for op in ops])


def index(answer: Answer) -> int:
    """Return the index that an answer carries."""
    return int(answer.headers["x-consul-index"])


@pytest.fixture(scope="session")
def embedded() -> Iterator[Embedded]:
    """The embedded servers, one pair for the run."""
    servers = Embedded()
    yield servers
    servers.close()


@pytest.fixture(params=["real", "embedded"])
def consul(request: pytest.FixtureRequest) -> Iterator[Consul]:
    """A real Consul, then the embedded one."""
    real = request.param == "real"
    if real:
        server: ConsulServer = request.getfixturevalue("consul_server")
        url = server.url
    else:
        url = request.getfixturevalue("embedded").servers.consul_url
    prefix = f"d-{uuid.uuid4().hex[:8]}/"
    with ThreadPoolExecutor() as pool:
        consul = Consul(Http(url), real, prefix, pool)
        yield consul
    consul.delete(query="recurse")


@dataclass
class Namespace:
    """A namespace of a KV server, real or embedded, of this test's own."""

    url: str
    account: str
    token: str
    namespace: str

    def __call__(self, method: str, operation: str, body: Any = None, **headers: str) -> Answer:
        """Ask `/…/namespaces/ID/OPERATION`."""
        sent = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", **headers}
        path = f"/client/v4/accounts/{self.account}/storage/kv/namespaces/{self.namespace}/{operation}"
        return Http(self.url, sent, timeout_s=30)(method, path, body)

    def result(self, method: str, operation: str, body: Any = None) -> Any:
        """Return the result of a call that must succeed."""
        answer = self(method, operation, body)
        assert answer.status == 200, answer.text
        told = answer.json()
        assert told["success"] is True
        assert told["errors"] == []
        return told["result"]

    def code(self, method: str, operation: str, body: Any = None, **headers: str) -> tuple[int, int]:
        """Return (status, code) of a refusal."""
        answer = self(method, operation, body, **headers)
        told = answer.json()
        assert told["success"] is False
        return answer.status, told["errors"][0]["code"]


@pytest.fixture(params=["real", "embedded"])
def kv(request: pytest.FixtureRequest) -> Namespace:
    """A namespace of real Workers KV, then one of the embedded server."""
    if request.param == "real":
        server: KVServer = request.getfixturevalue("workers_kv")
        return Namespace(server.url, server.account, server.token, server.fresh().namespace)
    url = request.getfixturevalue("embedded").servers.kv_url
    return Namespace(url, "any-account", TOKEN, uuid.uuid4().hex)
