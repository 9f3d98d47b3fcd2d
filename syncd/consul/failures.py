"""What can go wrong between us and Consul, as classes: retries and hiding are decided by class, never by text."""

from typing import Self

from syncd.core.errors import NotConsul, SourceDenied, SourceUnavailable

_ADVICE = "check consul.address or CONSUL_HTTP_ADDR"


class Unreachable(SourceUnavailable):
    """No connection, no answer in time, 5xx or 429: worth another try."""

    def __init__(self, label: str, what: str, advice: str = _ADVICE, *, tried: str = "") -> None:
        self.label = label
        self.what = what
        self.advice = advice
        super().__init__(f"Consul at {label} {what}{tried}; {advice}")

    def after(self, tries: int, seconds: float) -> Self:
        """Return the same failure with how often and how long it was tried."""
        times = "once" if tries == 1 else f"{tries} times"
        return type(self)(self.label, self.what, self.advice, tried=f" (tried {times} in {seconds:.1f} s)")


class Untrusted(SourceUnavailable):
    """The TLS connection was refused by one of the two sides: trying again cannot help."""


class PermissionDenied(SourceDenied):
    """The token is good, but may not read this one path."""


def not_consul(url: str, seen: str) -> NotConsul:
    """Return the error for an answer that Consul would not give: `seen` says in a few words what came."""
    return NotConsul(f"{url} does not answer as Consul does: {seen}; {_ADVICE}, and what stands in between")
