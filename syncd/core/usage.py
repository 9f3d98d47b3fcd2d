"""What a target asked of Workers KV: counts and seconds that only grow. Pure."""

from collections import Counter
from typing import Literal

Operation = Literal["list", "read", "write", "delete"]
OPERATIONS: tuple[Operation, ...] = ("list", "read", "write", "delete")
Wait = Literal["spacing", "budget", "retry_after"]
WAITS: tuple[Wait, ...] = ("spacing", "budget", "retry_after")


class Usage:
    """The calls of one target since the process began, whichever configuration it had.

    `calls` are by operation and status: the HTTP status, "none" where no answer came. `billed` are operations as
    Cloudflare bills them, of calls that were answered with 200. `writes` are the pairs that were confirmed as written.
    `waited_s` are the seconds that calls waited: because Workers KV takes one write per key and second, because the
    token had no call left in its five minutes, because the API asked for it.
    """

    def __init__(self) -> None:
        self.calls: Counter[tuple[Operation, str]] = Counter()
        self.billed: Counter[Operation] = Counter()
        self.waited_s: dict[Wait, float] = dict.fromkeys(WAITS, 0.0)
        self.writes = 0

    def called(self, operation: Operation, status: int | None, billed: int) -> None:
        """Note one call; `billed` is how many operations it is billed as where it succeeds."""
        known = status is not None and 100 <= status < 600  # else whatever stands in between could make up labels
        self.calls[operation, str(status) if known else "none"] += 1
        if status == 200:
            self.billed[operation] += billed

    def waited(self, why: Wait, seconds: float) -> None:
        """Note a wait."""
        self.waited_s[why] += seconds
