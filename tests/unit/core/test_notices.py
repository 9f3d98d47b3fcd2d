"""What is told of states that come and go: each once, when it lasts, and not more often than somebody can bear."""

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from syncd.core.notices import CONFIG, SAMPLE, Event, Notice, Notices, Rules, message
from syncd.core.status import ConfigStatus, Freshness, SourceStatus, Status, TargetState, TargetStatus

RULES = Rules(frozenset({"failed", "held", "unsafe", "recovered"}), after_s=30, min_interval_s=300)
ABOUT = {"owner": "me", "environment": "production", "config": "config.yaml", "host": "here"}


def status(config: str | None = None, **states: tuple[TargetState, str]) -> Status:
    """Return a status with targets in these states, for these reasons."""
    targets = tuple(
        TargetStatus(name, "template", state, last_checked_at=1.0, reasons=(why,) if why else ())
        for name, (state, why) in states.items()
    )
    return Status("1", 0.0, SourceStatus(), targets, Freshness(1, 1), None, ConfigStatus("config.yaml", 0.0, config))


def told(looks: list[tuple[float, Status]], rules: Rules = RULES) -> list[tuple[float, Event, tuple[str, ...], str]]:
    """Return when what was told of whom, and why."""
    notices = Notices()
    return [(now, one.event, one.targets, one.reason) for now, seen in looks for one in notices.look(seen, now, rules)]


def test_a_state_is_told_once_when_it_lasts_and_recovered_once() -> None:
    """Half a minute of failure is told once, and so is half a minute in sync after it."""
    bad, good = status(edge=("failed", "no")), status(edge=("in_sync", ""))
    looks = [(float(now), good if now < 10 or now >= 100 else bad) for now in range(200)]
    assert told(looks) == [(40.0, "failed", ("edge",), "no"), (130.0, "recovered", ("edge",), "")]


def test_what_passes_by_itself_is_not_told() -> None:
    """A first try that fails and a second that works wake nobody, however often."""
    bad, good = status(edge=("failed", "no")), status(edge=("in_sync", ""))
    assert told([(float(now), bad if now % 20 < 10 else good) for now in range(1000)]) == []


def test_flapping_is_told_at_most_once_an_interval() -> None:
    """A minute each way for an hour: a failure every five minutes at most, and each of them is called off."""
    bad, good = status(edge=("failed", "no")), status(edge=("in_sync", ""))
    found = told([(float(now), bad if now % 120 < 60 else good) for now in range(3600)])
    failures = [now for now, event, _, _ in found if event == "failed"]
    assert 6 <= len(failures) <= 12
    assert min(b - a for a, b in pairwise(failures)) >= 300
    assert [event for _, event, _, _ in found] == ["failed", "recovered"] * len(failures)


def test_another_reason_is_told_and_another_number_in_it_is_not() -> None:
    """A reason that counts seconds is one reason; a new one waits for the interval."""
    looks = [(float(now), status(edge=("failed", f"again in {now} s"))) for now in range(100)]
    looks += [(float(now), status(edge=("unsafe", "9 deletes"))) for now in range(100, 600)]
    assert [one[:2] for one in told(looks)] == [(30.0, "failed"), (330.0, "unsafe")]


def test_targets_with_the_same_trouble_share_a_notice() -> None:
    """One outage of the source is one message and not one for each target."""
    why = "the source cannot be trusted now"
    seen = status(a=("held", why), b=("held", why), c=("failed", "other"))
    assert told([(0.0, seen), (30.0, seen)]) == [
        (30.0, "held", ("a", "b"), why),
        (30.0, "failed", ("c",), "other"),
    ]


def test_only_what_is_asked_for_is_told() -> None:
    """A state that nobody wants told is never told, and neither is its end."""
    rules = replace(RULES, on=frozenset({"failed", "recovered"}))
    held, good = status(edge=("held", "why")), status(edge=("in_sync", ""))
    assert told([(float(now), held if now < 100 else good) for now in range(200)], rules) == []


def test_what_is_pending_or_paused_is_neither_trouble_nor_its_end() -> None:
    """A failure that is followed by a pause is not called off by it."""
    states = {0: status(edge=("failed", "no")), 50: status(edge=("paused", "x")), 100: status(edge=("pending", "x"))}
    assert [one[:2] for one in told([(float(now), states[now // 50 * 50]) for now in range(150)])] == [(30.0, "failed")]


def test_what_never_could_be_read_is_a_failure() -> None:
    """A daemon that never reached its source has pending targets; somebody must hear of it."""
    never = status(edge=("pending", "Consul does not answer"))
    never = replace(never, targets=(replace(never.targets[0], last_checked_at=None, last_error="no answer"),))
    assert [one[1] for one in told([(0.0, never), (30.0, never)])] == ["failed"]


def test_a_refused_config_is_told_and_called_off() -> None:
    """A bad edit is one message, its correction another."""
    looks = [(float(now), status("line 3 is wrong" if now < 50 else None, edge=("in_sync", ""))) for now in range(100)]
    found = told(looks)
    assert [(event, targets) for _, event, targets, _ in found] == [("failed", ()), ("recovered", ())]
    said = message(Notice("failed", (CONFIG,), found[0][3], 0.0), ABOUT)
    assert said["text"] == (
        "syncd me: the config file config.yaml: is refused, the one before stays in use: line 3 is wrong"
    )


def test_a_target_that_left_is_forgotten() -> None:
    """One of the same name that comes later is told anew, after the same wait."""
    bad, gone = status(edge=("failed", "no")), status()
    assert [one[0] for one in told([(0.0, bad), (30.0, bad), (31.0, gone), (32.0, bad), (40.0, bad), (62.0, bad)])] == [
        30.0,
        62.0,
    ]


def test_a_message_says_all_in_one_line() -> None:
    """Who, what and why; a long reason is cut."""
    said = message(Notice("unsafe", ("a", "b"), "x" * 5_000, 1_700_000_000.0), ABOUT)
    assert said["text"].startswith("syncd me: a, b: unsafe: xxx")
    assert (len(said["reason"]), said["since"]) == (2_000, "2023-11-14T22:13:20+00:00")


def test_the_page_shows_the_whole_message() -> None:
    """docs/notification.md has an example with the fields that a message has, in their order."""
    page = (Path(__file__).resolve().parents[3] / "docs/notification.md").read_text()
    shown = json.loads(page.split("```json\n", 1)[1].split("```", 1)[0])
    assert list(shown) == list(SAMPLE)
    assert (
        shown["text"]
        == message(
            Notice(shown["event"], (shown["target"],), shown["reason"], 0.0),
            {name: shown[name] for name in ("owner", "environment", "config", "host")},
        )["text"]
    )


def test_what_is_over_before_it_was_sent_is_open() -> None:
    """It is not sent; a trouble that is back is told anew at once, and so is its end."""
    bad, good, other = status(edge=("failed", "no")), status(edge=("in_sync", "")), status(edge=("pending", ""))
    for now_is, names in ((bad, ("edge",)), (other, ("edge",)), (good, ()), (status(), ())):
        notices = Notices()
        (notice,) = [one for at in (0.0, 30.0) for one in notices.look(bad, at, RULES)]
        assert notices.still(notice, now_is).names == names
    notices = Notices()
    (notice,) = [one for at in (0.0, 30.0) for one in notices.look(bad, at, RULES)]
    notices.still(notice, good)
    assert notices.look(good, 31.0, RULES) == []
    assert [one.event for at in (32.0, 62.0) for one in notices.look(bad, at, RULES)] == ["failed"]
    assert [one.event for at in (63.0, 93.0) for one in notices.look(good, at, RULES)] == ["recovered"]
