"""Between a reload and its proof: killed there, the next pass goes on; a probe that fails leaves nothing behind."""

from __future__ import annotations

import json
import signal
from pathlib import Path

from tests.support.probed import Probed, probed

__all__ = ["probed"]


def test_killed_while_probing_the_next_pass_puts_it_back(probed: Probed) -> None:
    """It fails there too: the old file, reloaded; nothing is owed, and the new one is wanted as before."""
    probed.ended_while_probing("new", signal.SIGKILL)
    code, report = probed.site.once()
    assert (code, probed.held, probed.loaded()) == (1, "old", ["new", "old"])
    assert report["targets"][0]["error"].endswith("; the files were put back and reloaded")
    assert probed.site.left_over() == []
    code, plan, _ = probed.site.syncd("plan", "--format", "json", "--detailed-exitcode")
    (target,) = json.loads(plan)["targets"]
    assert (code, [one["op"] for one in target["changes"]], target["conflicts"]) == (2, ["update"], [])
    assert "-old\n+new\n" in target["diff"]


def test_a_file_that_was_not_there_is_gone_again(tmp_path: Path) -> None:
    """The first pass of all fails its probe: no file, and none that syncd thinks to have written."""
    one = Probed(tmp_path)
    code, report = one.site.once()
    assert (code, one.held, report["targets"][0]["outcome"]) == (1, None, "failed")
    one.open()
    one.site.path("out/a").write_text("theirs\n")
    code, report = one.site.once()
    assert (code, len(report["targets"][0]["conflicts"]), one.held) == (1, 1, "theirs")
    one.site.path("out/a").unlink()
    assert one.site.once()[0] == 0
    assert one.held == "old"
    one.close()
