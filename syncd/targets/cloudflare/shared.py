"""What all targets of a process share: a budget per API token, a ledger per namespace, and what each asked for.

Cloudflare counts calls by token and writes by key, whichever target makes them, so these live as long as the process
and outlive a target that a changed config replaces.
"""

from syncd.core.digest import sha256_hex
from syncd.core.usage import Usage
from syncd.targets.cloudflare.budget import Budget
from syncd.targets.cloudflare.clock import Clock, SystemClock
from syncd.targets.cloudflare.ledger import Ledger


class Shared:
    """Budgets by token, ledgers by namespace and usage by target, made on first use."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._budgets: dict[str, Budget] = {}
        self._ledgers: dict[tuple[str, str, str], Ledger] = {}
        self._usages: dict[str, Usage] = {}

    def budget(self, token: str) -> Budget:
        """Return the budget of an API token; the token itself is not kept."""
        return self._budgets.setdefault(sha256_hex(token.encode()), Budget(self.clock))

    def ledger(self, base_url: str, account_id: str, namespace_id: str) -> Ledger:
        """Return the ledger of a namespace."""
        return self._ledgers.setdefault((base_url, account_id, namespace_id), Ledger(self.clock))

    def usage(self, target: str) -> Usage:
        """Return what targets of this name asked of the API."""
        return self._usages.setdefault(target, Usage())


PROCESS = Shared(SystemClock())
"""The one of this process."""
