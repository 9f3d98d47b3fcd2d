"""The time limit: what it ends, and that it leaves nothing behind."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from syncd.core.errors import TargetError
from syncd.core.snapshot import View
from syncd.engine.render_limits import RENDER_MAX_S, _TooLong, time_limit
from tests.unit.templating.rendering import snapshot, template

ENDLESS = [
    "{% for a in range(99999) %}{% if a in range(99999) | list %}{% endif %}{% endfor %}",
    "{{ ('a' * 5000) | regex_replace('(a*)*b', '') }}",
    "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(30) }}",
    "{{ range(99999) | map('string') | map('sha256') | map('regex_replace', '(a|b|c|d)*e', '') | list }}",
]


@pytest.mark.parametrize("source", ENDLESS)
def test_endless_work_is_ended(source: str) -> None:
    """Loops without output, recursion and regular expressions end at the limit, with the line."""
    snap = snapshot()
    file = template("\n" + source)
    with pytest.raises(TargetError, match=r"^t/main.j2:2: rendering takes more than 0.2 s; make"), time_limit(0.2):
        file.render(View(snap), View(snap))
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_the_template_works_again_afterwards() -> None:
    """An interrupted rendering leaves nothing half done in the compiled template."""
    file = template("{% for i in range(key('n') | int) %}{{ 'x' | sha256 }}{% endfor %}ok")
    many, few = snapshot({"n": b"99999"}), snapshot({"n": b"1"})
    with pytest.raises(TargetError), time_limit(0.01):
        file.render(View(many), View(many))
    with time_limit():
        made = file.render(View(few), View(few))
    assert made.content is not None
    assert made.content.endswith(b"ok")


def test_compiling_counts_too() -> None:
    """A template that takes long to compile is ended as well."""
    snap = snapshot()
    file = template("{% if true %}" + "{{ 1 }}" * 60_000 + "{% endif %}")
    with pytest.raises(TargetError), time_limit(0.05):
        file.render(View(snap), View(snap))


def test_nothing_is_left_behind() -> None:
    """The handler of before is back and no timer runs, whatever ended the block."""
    calls: list[int] = []

    def handler(number: int, frame: object) -> None:
        calls.append(number)

    before = signal.signal(signal.SIGALRM, handler)
    try:
        with time_limit():
            pass
        with pytest.raises(KeyError), time_limit():
            raise KeyError
        assert signal.getsignal(signal.SIGALRM) is handler
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert not calls


def test_a_swallowed_signal_comes_again() -> None:
    """Even code that catches everything is ended by a later signal."""

    def stubborn() -> None:
        caught = 0
        while True:
            try:
                while True:
                    pass
            except BaseException:
                caught += 1
                if caught > 2:
                    raise

    with pytest.raises(TargetError), time_limit(0.05):
        stubborn()


def test_the_border_is_never_interrupted() -> None:
    """Blocks that end just when the time is over: either way the timer is off and the limit can be used again."""
    for step in range(400):
        try:
            with time_limit(0.0002 + step / 2_000_000):
                for _ in range(2_000):
                    pass
        except TargetError:
            pass
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_the_border_itself_raises_nothing() -> None:
    """A signal that arrives while the block is entered or left is let go: raised there, it would leave the timer on."""
    handler: Callable[[int, object], None]
    with time_limit():
        handler = cast(Any, signal.getsignal(signal.SIGALRM))
        for method in (time_limit.__enter__, time_limit.__exit__):
            handler(signal.SIGALRM, SimpleNamespace(f_code=method.__code__))
        with pytest.raises(_TooLong):
            handler(signal.SIGALRM, None)
    handler(signal.SIGALRM, None)


def test_only_in_the_main_thread() -> None:
    """Elsewhere no signal could end it: it refuses before anything is rendered."""
    caught: list[BaseException] = []

    def elsewhere() -> None:
        try:
            with time_limit():
                pass
        except RuntimeError as error:
            caught.append(error)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert "main thread" in str(caught[0])


def test_not_nested() -> None:
    """One timer cannot serve two limits; the outer one stays in force."""
    with time_limit():
        with pytest.raises(RuntimeError, match="nested"), time_limit():
            pass
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0


def test_the_limit_is_the_contracts() -> None:
    """Five seconds."""
    assert RENDER_MAX_S == 5


def test_loop_of_asyncio_lives_on() -> None:
    """The signal does not upset an event loop."""

    async def main() -> str:
        with pytest.raises(TargetError), time_limit(0.05):
            _spin()
        await asyncio.sleep(0)
        return "alive"

    assert asyncio.run(main()) == "alive"


def _spin() -> None:
    while True:
        pass
