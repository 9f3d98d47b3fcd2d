"""Runs the syncd command line and ends it with SIGKILL at the N-th system call of its transaction code.

`python -m tests.support.killer N ARGS…`; without reaching N it writes how many calls there were to `KILLER_COUNT`.
A call counts where the engine's transaction, file or journal code makes it: that is between any two of its steps.
"""

import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from syncd.cli.main import main
from syncd.engine import once
from syncd.engine.applying import apply_pass

_FILES = "transaction files journal applying pausing history/table history/contents"
_WATCHED = tuple(f"engine/{name}.py" for name in _FILES.split())
_CALLS = {"execute", "executemany", "link", "rename", "replace", "unlink", "mkdir", "open", "write", "flush"}
_CALLS |= {"fsync", "fchmod", "fchown", "fdopen", "close", "chmod", "scandir"}


def _counts(frame: FrameType, event: str, function: Any) -> bool:
    """Return True for a system call that watched code makes, itself or through pathlib."""
    if event != "c_call" or function.__name__ not in _CALLS:
        return False
    if frame.f_code.co_filename.endswith("pathlib.py") and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_code.co_filename.endswith(_WATCHED)


def counted(arguments: list[str], limit: int, *, only_applying: bool = False) -> tuple[int, int]:
    """Run the command line with a profile hook that counts calls and kills at the `limit`-th; return code and count.

    Args:
        only_applying: the hook, which makes all slow, is there only while a pass's plans are carried out.
    """
    sys.argv = ["syncd", *arguments]
    count = 0

    def hook(frame: FrameType, event: str, function: Any) -> None:
        nonlocal count
        if _counts(frame, event, function):
            count += 1
            if count == limit:
                os.kill(os.getpid(), signal.SIGKILL)

    async def applying(*args: Any) -> Any:
        sys.setprofile(hook)
        try:
            return await apply_pass(*args)
        finally:
            sys.setprofile(None)

    if only_applying:
        once.apply_pass = applying
    else:
        sys.setprofile(hook)
    code = main()
    sys.setprofile(None)
    return code, count


def run(argv: list[str]) -> int:
    """Run it, and write down the count."""
    code, count = counted(argv[1:], int(argv[0]))
    Path(os.environ["KILLER_COUNT"]).write_text(str(count))
    return code


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
