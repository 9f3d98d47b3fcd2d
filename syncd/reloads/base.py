"""What every way to check and to reload offers."""

from dataclasses import dataclass
from typing import Protocol


class Reload(Protocol):
    """Makes a consumer read its files again, or finds out whether it can."""

    async def run(self) -> None:
        """Do it once.

        Raises:
            ReloadError: it did not work, or took too long.
        """
        ...


@dataclass(frozen=True, slots=True)
class InTurn:
    """Does one after the other, up to the first that fails."""

    steps: tuple[Reload, ...]

    async def run(self) -> None:
        """Do all of them.

        Raises:
            ReloadError: one did not work; those after it were not begun.
        """
        for step in self.steps:
            await step.run()


TAIL_LINES = 20
TAIL_BYTES = 16_384


def tail(output: bytes) -> str:
    """Return the last lines of what a consumer said, to be put behind our own words; "" for nothing.

    Of what was cut the first and the last line are left out: in half of a secret nobody would know it again.
    """
    lines = output[-TAIL_BYTES:].decode(errors="replace").strip().splitlines()
    lines = (lines[1:-1] if len(output) >= TAIL_BYTES else lines)[-TAIL_LINES:]
    return ": " + "\n".join(lines) if lines else ""
