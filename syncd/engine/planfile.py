"""Plans saved for review: digests, never values."""

import contextlib
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from syncd.core.checksum import key_id
from syncd.core.errors import ConfigError, Fault, Refused, UsageError
from syncd.core.report import as_json
from syncd.core.report.model import PassResult

_NO_KEY = (
    "the plan holds sensitive values and there is no key to seal their digests with; "
    "set SYNCD_PLAN_KEY, or let run, once or apply make a key in the state dir first"
)


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """What `apply` needs of a saved plan. `key_id` is None where no digest in it is sealed."""

    checksum: str
    selected: tuple[str, ...]
    key_id: str | None
    targets: tuple[dict[str, Any], ...]


def save(result: PassResult, path: Path, plan_key: bytes | None) -> None:
    """Write a plan to `path` (0600), whole or not at all.

    Raises:
        ConfigError: it holds sensitive digests and there is no key.
        UsageError: it cannot be written.
    """
    sealed = any(change.sensitive for one in result.targets for change in one.plan.changes)
    if sealed and plan_key is None:
        raise ConfigError([Fault(str(path), 0, 0, "", _NO_KEY)])
    document = as_json.document(result, hide_values=True)
    document["selected"] = list(result.selected)
    document["key_id"] = key_id(plan_key) if sealed and plan_key is not None else None
    if path.is_dir():
        raise UsageError(f"--out {path}: is a folder; name a file")
    fresh = path.with_name(f".{path.name}.syncd-{secrets.token_hex(4)}")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(document, file, ensure_ascii=False, indent=2)
            file.write("\n")
        fresh.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise UsageError(f"--out {path}: cannot be written ({error.strerror}); name another file") from error


def load(path: Path) -> SavedPlan:
    """Return a saved plan.

    Raises:
        ConfigError: it cannot be read, or is not a plan that this version understands.
    """
    try:
        document = json.loads(path.read_bytes().decode())
    except OSError as error:
        raise _bad(path, f"cannot be read ({error.strerror}); make it with `syncd plan --out`") from error
    except (ValueError, RecursionError) as error:
        line, column = getattr(error, "lineno", 0), getattr(error, "colno", 0)
        raise _bad(path, "is not JSON; make it with `syncd plan --out`", line, column) from error
    if not isinstance(document, dict) or document.get("version") != 1:
        raise _bad(path, "is not a plan of this version; make it again with `syncd plan --out`")
    checksum, selected, sealed = document.get("checksum"), document.get("selected"), document.get("key_id")
    targets = document.get("targets")
    if (
        not isinstance(checksum, str)
        or not isinstance(selected, list)
        or not all(isinstance(name, str) for name in selected)
        or not (sealed is None or isinstance(sealed, str))
        or not isinstance(targets, list)
        or not all(isinstance(one, dict) for one in targets)
    ):
        raise _bad(path, "is not a complete plan; make it again with `syncd plan --out`")
    return SavedPlan(checksum, tuple(selected), sealed, tuple(targets))


def verify(saved: SavedPlan, result: PassResult, plan_key: bytes | None, *, force: bool) -> None:
    """Make sure that a new plan is exactly the saved one and may be carried out.

    Raises:
        Refused: another key, something moved, or it is unsafe and `force` is not given.
    """
    if saved.key_id is not None and (plan_key is None or key_id(plan_key) != saved.key_id):
        raise Refused(
            "the plan's digests are sealed with another key, so it cannot be compared; nothing was touched. "
            "Use the SYNCD_PLAN_KEY (or the state dir) that it was made with"
        )
    if result.checksum != saved.checksum:
        raise Refused(
            f"{_what_moved(saved, result)} since the plan was saved; nothing was touched. Plan and review again"
        )
    unsafe = [one.plan.target for one in result.targets if one.plan.unsafe]
    if unsafe and not force:
        raise Refused(f"the plan is unsafe for {', '.join(unsafe)}; nothing was touched. Review it and give --force")


def _what_moved(saved: SavedPlan, result: PassResult) -> str:
    now = {one["target"]: one for one in as_json.document(result, hide_values=True)["targets"]}
    before = {one.get("target"): one for one in saved.targets}
    moved = sorted(str(name) for name in now.keys() | before.keys() if now.get(name) != before.get(name))
    return f"the plan of {', '.join(moved)} moved" if moved else "the config or a template changed"


def _bad(path: Path, what: str, line: int = 0, column: int = 0) -> ConfigError:
    return ConfigError([Fault(str(path), line, column, "", what)])
