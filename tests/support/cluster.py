"""Three real Consul servers that elect a leader."""

from __future__ import annotations

import json
from typing import Any

from tests.support import processes
from tests.support.consul import ConsulOptions, ConsulServer


class _Member(ConsulServer):
    """One server of a cluster; it asks the others to join."""

    def __init__(self, binary: str, number: int) -> None:
        self.number = number
        super().__init__(binary, ConsulOptions(persistent=True))

    def join(self, serf_ports: list[int]) -> None:
        """Learn where the others are; before the first start."""
        config = self._config_now() | {"retry_join": [f"127.0.0.1:{port}" for port in serf_ports]}
        (self.folder / "config.json").write_text(json.dumps(config | {"retry_interval": "1s"}))

    @property
    def serf_port(self) -> int:
        """The port at which others join it."""
        return int(self._config_now()["ports"]["serf_lan"])

    @property
    def rpc(self) -> str:
        """Its address as `status/leader` names it."""
        return f"127.0.0.1:{self._config_now()['ports']['server']}"

    def launch(self) -> None:
        """Start it (again); `ConsulCluster.start` waits for the leader."""
        argv = [self.bin, "agent", "-server", "-bootstrap-expect=3", f"-data-dir={self.folder / 'data'}"]
        argv.append(f"-config-file={self.folder / 'config.json'}")
        self._process = processes.spawn(argv, log=self.log)

    def answers(self) -> bool:
        """Return whether it answers a consistent read."""
        try:
            return self._answers()
        except OSError:
            return False

    def _config_now(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "config.json").read_text())
        return found

    def _config(self) -> dict[str, Any]:
        config = super()._config()
        config["node_name"] = f"test-{self.number}"
        return config


class ConsulCluster:
    """Three servers; `members` are ordinary `ConsulServer`s for reading, writing, pausing and killing."""

    def __init__(self, binary: str) -> None:
        self.members = [_Member(binary, number) for number in range(3)]
        ports = [member.serf_port for member in self.members]
        for member in self.members:
            member.join(ports)

    def start(self) -> ConsulCluster:
        """Start all and wait until each answers."""
        for member in self.members:
            member.launch()
        for member in self.members:
            processes.wait_until(member.answers, 30, f"server {member.number} answers: {member.log}")
        return self

    def leader(self) -> ConsulServer:
        """Return the server that leads, as all of them say."""
        said = self.members[0].http("GET", "/v1/status/leader").json()
        return next(member for member in self.members if member.rpc == said)

    def close(self) -> None:
        """End all."""
        for member in self.members:
            member.close()
