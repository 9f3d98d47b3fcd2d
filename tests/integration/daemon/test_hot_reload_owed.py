"""What a reload owes when the config is edited under a running daemon, and its name is gone."""

from collections.abc import Callable

from tests.support.daemon import Daemon
from tests.support.processes import wait_until
from tests.support.stack import Stack

Start = Callable[..., Daemon]


def test_a_renamed_reload_is_owed_by_its_new_name(stack: Stack, daemon: Start) -> None:
    """The daemon takes the config, and the reload that failed under the old name is done."""
    stack.config["reloads"] = {"old": {"run": ["false"]}}
    stack.config["targets"]["app-env"]["reload"] = "old"
    running = daemon(ready=False)
    wait_until(lambda: running.events("started") and running.target("app-env")["state"] == "failed", 20)
    stack.config["reloads"] = {"new": {"run": ["touch", "loaded"]}}
    stack.config["targets"]["app-env"]["reload"] = "new"
    stack.write_config()
    wait_until(lambda: (stack.folder / "loaded").exists(), 20)
    wait_until(running.ready, 10)
    (handed_on,) = running.events("reload_handed_on")
    assert (handed_on["reload"], handed_on["to"]) == ("old", ["new"])
