"""A real Consul server for tests: plain, with ACLs, with TLS and client certificates, on a unix socket."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.support import processes
from tests.support.http import Answer, Http
from tests.support.tls import PrivateCA

TXN_OPS = 64


@dataclass(frozen=True)
class ConsulOptions:
    """What kind of server: `persistent` keeps its data over stop and start (2 s to start instead of 0.4 s)."""

    acl: bool = False
    tls: bool = False
    unix: bool = False
    persistent: bool = False


class ConsulServer:
    """One Consul server on loopback.

    `url` is what goes into `consul.address`; `token` the management token ("" without ACLs); `ca` the private CA of a
    TLS server (`ca.ca_file`, `ca.client()`), which refuses clients without a certificate of it.
    """

    def __init__(self, binary: str, options: ConsulOptions) -> None:
        self.bin = binary
        self.options = options
        self.token = str(uuid.uuid4()) if options.acl else ""
        self.folder = Path(tempfile.mkdtemp(prefix="syncd-consul-"))
        self.log = self.folder / "consul.log"
        self.ca = PrivateCA(self.folder) if options.tls else None
        self.port = processes.free_port()
        self._services: set[str] = set()
        self._process: subprocess.Popen[bytes] | None = None
        headers = {"X-Consul-Token": self.token} if self.token else {}
        self.http = Http(self.url, headers, self.ca.client_context() if self.ca else None)
        (self.folder / "config.json").write_text(json.dumps(self._config()))

    @property
    def url(self) -> str:
        """Return the address in the form that `consul.address` takes."""
        if self.options.unix:
            return f"unix://{self.folder / 'http.sock'}"
        return f"{'https' if self.options.tls else 'http'}://127.0.0.1:{self.port}"

    # --- the process ---

    def start(self) -> ConsulServer:
        """Start it (again) on the same address and wait until it answers consistent reads."""
        kind = ["-server", "-bootstrap-expect=1", f"-data-dir={self.folder / 'data'}"]
        argv = [self.bin, "agent", *(kind if self.options.persistent else ["-dev"])]
        self._process = processes.spawn([*argv, f"-config-file={self.folder / 'config.json'}"], log=self.log)
        processes.await_server("Consul", self._process, self.log, self._answers)
        return self

    def stop(self) -> None:
        """End it by SIGTERM, as an operator does."""
        if self._process:
            processes.end(self._process)

    def kill(self) -> None:
        """End it by SIGKILL."""
        self._signal(signal.SIGKILL)
        self._running().wait(10)

    def pause(self) -> None:
        """SIGSTOP: connections stay open and nothing answers; returns when it has stopped."""
        self._signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._running().pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume(self) -> None:
        """SIGCONT after `pause`."""
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        """End it and remove its files."""
        if self._process:
            processes.end(self._process, grace_s=0)
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- what it holds ---

    def put(self, key: str, value: str | bytes) -> None:
        """Write one key."""
        self._ok("PUT", _kv(key), value.encode() if isinstance(value, str) else value)

    def put_many(self, pairs: dict[str, str]) -> None:
        """Write many keys, 64 per transaction."""
        ops = [
            {"KV": {"Verb": "set", "Key": key, "Value": base64.b64encode(value.encode()).decode()}}
            for key, value in pairs.items()
        ]
        for start in range(0, len(ops), TXN_OPS):
            self._ok("PUT", "/v1/txn", ops[start : start + TXN_OPS])

    def get(self, key: str) -> bytes | None:
        """Return a key's value by a consistent read, None if there is no such key."""
        answer = self.http("GET", _kv(key) + "?raw&consistent")
        return answer.body if answer.status == 200 else None

    def keys(self, prefix: str) -> list[str]:
        """Return all keys that start with `prefix`."""
        answer = self.http("GET", _kv(prefix) + "?keys&consistent")
        return list(answer.json()) if answer.status == 200 else []

    def delete(self, key: str, recurse: bool = False) -> None:
        """Delete one key, or with `recurse` all that start with it."""
        self._ok("DELETE", _kv(key) + ("?recurse" if recurse else ""))

    def register(self, service: dict[str, Any]) -> None:
        """Register a service instance with the agent (its JSON: Name, ID, Address, Port, Tags, Meta, Check)."""
        self._ok("PUT", "/v1/agent/service/register", service)
        self._services.add(service.get("ID", service["Name"]))

    def deregister(self, service_id: str) -> None:
        """Remove a service instance."""
        self._ok("PUT", f"/v1/agent/service/deregister/{quote(service_id)}")
        self._services.discard(service_id)

    def deregister_all(self) -> None:
        """Remove every instance that was registered through this object."""
        for service_id in sorted(self._services):
            self.deregister(service_id)

    def export(self, prefix: str) -> bytes:
        """Return what `consul kv export PREFIX` prints, by the real command."""
        environment = {"CONSUL_HTTP_ADDR": self.url, "CONSUL_HTTP_TOKEN": self.token}
        argv = [self.bin, "kv", "export", prefix]
        return subprocess.run(argv, env=environment, capture_output=True, check=True, timeout=20).stdout

    def token_for(self, rules: str) -> str:
        """Return the secret id of a new token that may do what `rules` (HCL) say and nothing else."""
        name = f"p-{uuid.uuid4().hex}"
        self._ok("PUT", "/v1/acl/policy", {"Name": name, "Rules": rules})
        return str(self._ok("PUT", "/v1/acl/token", {"Policies": [{"Name": name}]}).json()["SecretID"])

    # --- inside ---

    def _ok(self, method: str, path: str, body: Any = None) -> Answer:
        answer = self.http(method, path, body)
        assert answer.status == 200, f"{method} {path}: {answer.status} {answer.body[:300]!r}"
        return answer

    def _answers(self) -> bool:
        return self.http("GET", "/v1/kv/ready?consistent").status in (200, 404)

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "not started"
        return self._process

    def _signal(self, sign: signal.Signals) -> None:
        processes.signal_group(self._running(), sign)

    def _config(self) -> dict[str, Any]:
        free = processes.free_port
        ports = {"http": self.port, "https": -1, "dns": -1, "grpc": -1, "serf_wan": -1}
        config: dict[str, Any] = {
            "node_name": "test",
            "bind_addr": "127.0.0.1",
            "client_addr": "127.0.0.1",
            "disable_update_check": True,
            "performance": {"raft_multiplier": 1},
            "ports": {**ports, "serf_lan": free(), "server": free()},
        }
        if self.options.acl:
            config["acl"] = {"enabled": True, "default_policy": "deny", "tokens": {"master": self.token}}
        if self.options.unix:
            config["addresses"] = {"http": self.url}
        if self.ca:
            cert_file, key_file = self.ca.server()
            config["ports"] |= {"http": -1, "https": self.port}
            config |= {"ca_file": self.ca.ca_file, "cert_file": cert_file, "key_file": key_file}
            config["verify_incoming_https"] = True
        return config


def _kv(key: str) -> str:
    return "/v1/kv/" + quote(key, safe="/")
