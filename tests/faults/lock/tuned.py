"""Runs the syncd command line with the lock's times or its gate changed: `python -m tests.faults.lock.tuned ARGS…`.

`TUNED_LEASE_S` is how long a leader may write after a renewal (8 s in earnest: a test need not wait so long).
`TUNED_NO_GATE` takes out the check before each write: the protection that most of the tests are about.
`TUNED_NO_TTL` lets a session live for ever: the protection against a leader that is killed.
"""

from __future__ import annotations

import os
import sys

from syncd.cli.main import main
from syncd.consul import lock
from syncd.engine import leadership
from syncd.engine.lease import Permit

if lease_s := os.environ.get("TUNED_LEASE_S"):
    leadership.LEASE_S = float(lease_s)
    leadership.RENEW_S = leadership.LEASE_S / 4
if os.environ.get("TUNED_NO_GATE"):
    Permit.check = lambda _: None  # type: ignore[method-assign]
if os.environ.get("TUNED_NO_TTL"):
    lock.TTL_S = None  # type: ignore[assignment]

if __name__ == "__main__":
    sys.exit(main())
