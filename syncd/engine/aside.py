"""Work that could keep the event loop, done by a copy of this process, which can be ended at any time.

The copy (fork) has all that the work needs, so nothing is sent to it; what it makes comes back through a pipe. It has
no open file but that pipe: neither the state dir's lock nor a connection outlives this process in it.
"""

import asyncio
import contextlib
import os
import pickle
import signal
import traceback
import warnings
from collections.abc import Callable
from typing import Any, BinaryIO, TypeVar
from weakref import WeakKeyDictionary

from syncd.core.errors import TargetError

T = TypeVar("T")
AT_ONCE = 4
"""So many copies at most; more work waits for its turn."""
GONE_S = 1.0
"""So long the end of a copy is waited for; one that hangs in the system ends whenever that lets it."""
_LOOK_S = 0.001
_NICER = 5
_ending: set[asyncio.Task[None]] = set()
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


async def aside(work: Callable[[], T], seconds: float) -> T:
    """Return what `work` returns, done in a copy of this process; it is ended when it takes longer.

    Args:
        work: has no effect beside its result, and that can be pickled.

    Raises:
        TimeoutError: it took longer.
        TargetError: no process could be started, or it was ended by somebody else.
        RuntimeError: `work` raised; the message says what and where, without values.
    """
    turns = _turns.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(AT_ONCE))
    async with turns:
        pid, pipe = _start(work)
        try:
            async with asyncio.timeout(seconds):
                answer = await _read(pipe)
        finally:
            pipe.close()
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)  # it has said all that it had to say, or is too late
            ending = asyncio.create_task(_gone(pid), name=f"end of {pid}")
            _ending.add(ending)
            ending.add_done_callback(_ending.discard)
            await asyncio.wait({ending}, timeout=GONE_S)
    if not answer:
        raise TargetError("the process that rendered it was ended by somebody; is there memory enough?")
    done, result = pickle.loads(answer)  # noqa: S301 - written by a copy of ourselves
    if not done:
        raise RuntimeError(result)
    made: T = result
    return made


async def _gone(pid: int) -> None:
    """Wait until a copy that was ended is gone, without keeping the event loop."""
    pause_s = _LOOK_S
    while os.waitpid(pid, os.WNOHANG) == (0, 0):  # noqa: ASYNC222 - it does not wait
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, GONE_S)


def _start(work: Callable[[], Any]) -> tuple[int, BinaryIO]:
    """Return the id of a process that works, and the pipe that it answers by."""
    ours, its = os.pipe()
    try:
        with warnings.catch_warnings():
            # Other threads of ours wait in the system; a copy that hangs on what one of them held is ended in time.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
    except OSError as error:
        os.close(ours)
        os.close(its)
        raise TargetError(f"no process can be started to render it ({error.strerror}); raise the limit") from error
    if pid == 0:
        _answer(work, its)
    os.close(its)
    return pid, os.fdopen(ours, "rb", 0)


def _answer(work: Callable[[], Any], pipe: int) -> None:
    """Do the work, write what came of it, and end; the copy never returns from here."""
    try:
        signal.set_wakeup_fd(-1)  # else a signal of ours would be taken for one of the original's
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # to the whole process group: it ends nobody
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        os.closerange(0, pipe)
        os.closerange(pipe + 1, os.sysconf("SC_OPEN_MAX"))
        os.nice(_NICER)
        try:
            said = pickle.dumps((True, work()))
        except Exception as error:
            where = "".join(traceback.format_tb(error.__traceback__))
            said = pickle.dumps((False, f"{type(error).__name__} in a rendering:\n{where}"))
        while said:
            said = said[os.write(pipe, said) :]
    finally:
        os._exit(0)


async def _read(pipe: BinaryIO) -> bytes:
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), pipe
    )
    try:
        return await reader.read()
    finally:
        transport.close()
