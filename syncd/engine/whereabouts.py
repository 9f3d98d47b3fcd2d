"""Where the daemon that has a state dir listens: it notes that there, for its config file may be edited since."""

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syncd.engine.owning import hand_over

if TYPE_CHECKING:
    from syncd.config.models import Config

_NAME = "daemon.json"
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where it listens, not where we do


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """A daemon's process, and the URL at which it answers from this machine; None where it serves no HTTP."""

    pid: int
    url: str | None


def url_of(config: "Config") -> str | None:
    """Return the URL at which a daemon with this configuration answers, None where it serves no HTTP."""
    if config.http is None:
        return None
    host, port = config.http.address
    host = _ANYWHERE.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def note(state_dir: Path, config: "Config") -> None:
    """Note where this process listens. Where the disk takes nothing `status` has to go by the config file."""
    fresh = state_dir / f"{_NAME}.new"
    with suppress(OSError):
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            hand_over(descriptor, state_dir)
            json.dump(asdict(Whereabouts(os.getpid(), url_of(config))), file)
        fresh.replace(state_dir / _NAME)


def noted(state_dir: Path) -> Whereabouts | None:
    """Return what the daemon of a state dir noted, None where none did, or its process is gone."""
    try:
        found: Any = json.loads((state_dir / _NAME).read_bytes())
        where = Whereabouts(int(found["pid"]), None if found["url"] is None else str(found["url"]))
        os.kill(where.pid, 0)
    except PermissionError:
        return where
    except (OSError, OverflowError, ValueError, TypeError, KeyError):
        return None
    return where
