"""When a watched source is stale, when it is not to be trusted, and what is logged of that."""

from structlog.testing import capture_logs

from syncd.consul.budget import Path
from syncd.consul.failures import Unreachable
from syncd.core.errors import NotConsul
from syncd.sources.health import Health

A, B = Path("folder", "a/"), Path("folder", "b/")


def test_one_failing_path_makes_it_stale() -> None:
    """However often another one is heard, and its last contact is not renewed meanwhile."""
    health = Health()
    assert health.status(0, 0).state == "starting"
    health.heard(None)
    contact = health.status(7, 2).last_contact_at
    health.failed(A, Unreachable("x", "is away"))
    health.heard(B)
    status = health.status(7, 2)
    assert (status.state, status.last_contact_at, status.distrusted_since) == ("stale", contact, None)
    assert "is away" in (status.error or "")
    health.heard(A)
    assert health.status(7, 2).state == "ok"
    assert health.status(7, 2).error is None


def test_a_full_reading_ends_every_failure() -> None:
    """And a failed one is known as such."""
    health = Health()
    health.failed(A, Unreachable("x", "is away"))
    health.failed(None, Unreachable("x", "is away"))
    assert health.reading_fails
    health.heard(None)
    assert (health.reading_fails, health.status(0, 0).state) == (False, "ok")


def test_what_answers_oddly_is_not_trusted() -> None:
    """From its first odd answer until its next good one; being away is no reason for distrust."""
    health = Health()
    health.failed(A, Unreachable("x", "is away"))
    assert health.status(0, 0).distrusted_since is None
    health.failed(B, NotConsul("odd"))
    since = health.status(0, 0).distrusted_since
    health.failed(B, NotConsul("odd again"))
    assert since is not None
    assert health.status(0, 0).distrusted_since == since
    health.heard(B)
    assert (health.status(0, 0).distrusted_since, health.status(0, 0).state) == (None, "stale")


def test_the_log_says_it_once() -> None:
    """Each path's trouble once, equal words once, and the end of it; the next time anew."""
    health = Health()
    with capture_logs() as logs:
        for _ in range(2):
            for _ in range(3):
                health.failed(A, Unreachable("x", "is away"))
                health.failed(B, Unreachable("x", "is away"))
                health.failed(B, NotConsul("odd"))
            health.heard(A)
            health.heard(B)
    assert [log["event"] for log in logs] == ["source_stale", "source_stale", "source_ok"] * 2
    assert [log.get("distrusted") for log in logs[:2]] == [False, True]


def test_errors_and_reconnects_are_counted() -> None:
    """Every failure is an error; a watch that failed and is heard again is one reconnect, however the others do."""
    health = Health()
    health.heard(A)
    health.failed(A, Unreachable("x", "is away"))
    health.failed(A, Unreachable("x", "is away"))
    health.failed(B, Unreachable("x", "is away"))
    health.failed(None, Unreachable("x", "is away"))
    health.heard(None)  # a full reading is no watch
    assert (health.status(0, 0).errors, health.status(0, 0).reconnects) == (4, 0)
    for _ in range(3):
        health.heard(A)
    health.heard(B)
    assert (health.status(0, 0).errors, health.status(0, 0).reconnects) == (4, 2)
