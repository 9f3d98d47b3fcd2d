"""Between a reload and its proof: killed, stopped, failed, changed again. What was proved last is never lost."""

from __future__ import annotations

import json
import signal
import sqlite3
from datetime import datetime
from pathlib import Path

import pytest

from tests.support.probed import Probed, probed
from tests.support.processes import wait_until

__all__ = ["probed"]

pytestmark = pytest.mark.e2e


def test_killed_while_probing_the_next_pass_proves_it(probed: Probed) -> None:
    """The reload is owed and the old file kept; reloaded and probed again, both are gone."""
    assert probed.ended_while_probing("new", signal.SIGKILL) == -signal.SIGKILL
    assert len(probed.site.left_over()) == 1
    code, plan, _ = probed.site.syncd("plan", "--format", "json", "--detailed-exitcode")
    document = json.loads(plan)
    assert (code, document["reloads"][0]["state"], document["targets"][0]["in_sync"]) == (2, "owed", True)
    probed.open()
    code, report = probed.site.once()
    assert (code, report["reloads"][0]["state"], probed.held, probed.loaded()) == (0, "done", "new", ["new"])
    assert probed.site.left_over() == []
    assert probed.site.once()[1]["reloads"] == []


def test_stopped_while_probing(probed: Probed) -> None:
    """SIGTERM ends it at once, in the same state as a kill."""
    assert probed.ended_while_probing("new", signal.SIGTERM) == 1
    assert probed.site.once()[0] == 1
    assert (probed.held, probed.loaded()) == ("old", ["new", "old"])


def test_changed_again_before_it_was_proved(probed: Probed) -> None:
    """Back to what was proved last, and not to what came between; once it is proved that is kept no longer."""
    probed.ended_while_probing("middle", signal.SIGKILL)
    probed.want("new")
    assert probed.site.once()[0] == 1
    assert (probed.held, probed.loaded(), probed.site.left_over()) == ("old", ["new", "old"], [])
    probed.ended_while_probing("middle", signal.SIGKILL)
    probed.want("new")
    probed.open()
    assert probed.site.once()[0] == 0
    assert (probed.held, probed.loaded(), probed.site.left_over()) == ("new", ["new"], [])
    probed.close()
    probed.want("newer")
    assert probed.site.once()[0] == 1
    assert (probed.held, probed.loaded()) == ("new", ["newer", "new"])


def test_changed_again_before_there_was_anything_to_go_back_to(tmp_path: Path) -> None:
    """No file, and none that syncd thinks to have written: another's is a conflict."""
    probed = Probed(tmp_path)
    probed.ended_while_probing("middle", signal.SIGKILL)
    probed.want("new")
    assert probed.site.once()[0] == 1
    assert (probed.held, probed.loaded()[:1], probed.site.left_over()) == (None, ["new"], [])
    probed.site.path("out/a").write_text("theirs\n")
    code, report = probed.site.once()
    assert (code, len(report["targets"][0]["conflicts"]), probed.held) == (1, 1, "theirs")


def test_refused_before_the_one_before_was_proved(probed: Probed) -> None:
    """The check restores what was there; that is owed its proof still, and does not get it."""
    probed.ended_while_probing("middle", signal.SIGKILL)
    probed.want("refused")
    code, report = probed.site.once()
    assert code == 1
    assert "check of app failed" in report["targets"][0]["error"]
    assert "the files were put back" in report["reloads"][0]["error"]
    assert (probed.held, probed.loaded(), probed.site.left_over()) == ("old", ["middle", "old"], [])


def test_a_failed_reload_leaves_the_files_and_the_way_back(probed: Probed) -> None:
    """It is owed, as without a probe; when it works and the probe fails, the old file is back."""
    (probed.site.folder / "broken").touch()
    probed.close()
    probed.want("new")
    code, report = probed.site.once()
    assert (code, probed.held, probed.loaded()) == (1, "new", ["new"])
    assert "reload of app failed" in report["reloads"][0]["error"]
    (probed.site.folder / "broken").unlink()
    assert probed.site.once()[0] == 1
    assert (probed.held, probed.loaded()) == ("old", ["new", "old"])


def test_a_way_back_that_does_not_reload_is_owed(probed: Probed) -> None:
    """The files are the old ones; both reasons are told; what is wanted then is tried anew."""
    probed.site.reload["run"] = ["sh", "-c", "cat out/a >> loaded; grep -q new out/a"]
    probed.close()
    probed.want("new")
    code, report = probed.site.once()
    assert (code, probed.held, probed.loaded()) == (1, "old", ["new", "old"])
    error = report["reloads"][0]["error"]
    assert "cannot be reached" in error
    assert "; the files were put back, their reload is owed: reload of app failed (exit code 1)" in error
    probed.open()
    assert probed.site.once()[0] == 0
    assert (probed.held, probed.loaded()) == ("new", ["new"])


def test_a_probe_without_anything_to_put_back(probed: Probed) -> None:
    """What was reloaded is as old as the journal: the reload stays owed until the probe passes."""
    probed.close()
    (probed.site.folder / "broken").touch()
    probe = probed.site.reload.pop("probe")
    probed.want("new")
    assert probed.site.once()[0] == 1
    (probed.site.folder / "broken").unlink()
    probed.site.reload["probe"] = probe
    code, report = probed.site.once()
    assert (code, probed.held) == (1, "new")
    assert report["reloads"][0]["error"].endswith("there is nothing to put back, the reload stays owed")
    probed.open()
    assert probed.site.once()[0] == 0
    assert probed.loaded() == ["new", "new", "new"]


def test_a_probe_that_left_the_config(probed: Probed) -> None:
    """What it did not prove counts as proved by the reload alone; nothing is left over."""
    probed.ended_while_probing("new", signal.SIGKILL)
    del probed.site.reload["probe"]
    assert probed.site.once()[0] == 0
    assert (probed.held, probed.loaded(), probed.site.left_over()) == ("new", ["new"], [])
    with sqlite3.connect(probed.site.folder / ".syncd/journal.db") as journal:
        assert journal.execute("SELECT * FROM unproved").fetchall() == []
    journal.close()


def test_the_daemon_tries_again_with_growing_pauses_and_heals(probed: Probed) -> None:
    """The same content is not tried at full speed; each time all goes back; when the probe passes it stays."""
    probed.close()
    probed.want("new")
    process = probed.site.start("run")
    log = probed.site.folder / "log"

    def reloads() -> list[dict[str, str]]:
        lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == "reload"]

    try:
        wait_until(lambda: len(reloads()) >= 3, 20, why="three passes have failed")
        assert {one["state"] for one in reloads()} == {"failed"}
        at = [datetime.fromisoformat(one["timestamp"]) for one in reloads()]
        assert (at[1] - at[0]).total_seconds() >= 1
        assert (at[2] - at[1]).total_seconds() >= 2
        assert probed.held == "old"
        probed.open()
        wait_until(lambda: reloads()[-1]["state"] == "done", 20, why="it heals by itself")
        assert probed.held == "new"
        assert probed.site.left_over() == []
        words = probed.loaded()
        assert words[:-1] == ["new", "old"] * (len(words) // 2)
        assert words[-1] == "new"
    finally:
        process.terminate()
        assert process.wait(10) == 0
