"""A template that is edited under a running daemon: what cannot be used harms nothing, and what was before goes on."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.daemon import Daemon
from tests.support.nginx import NginxServer
from tests.support.processes import wait_until
from tests.support.stack import Stack

Start = Callable[..., Daemon]
WithNginx = tuple[Stack, NginxServer, int]


def follows(stack: Stack, path: Path, port: int) -> bool:
    """Return whether a change of the upstream arrives in the file."""
    stack.put(services__app__url=f"http://127.0.0.1:{port}")
    return bool(wait_until(lambda: f"127.0.0.1:{port}" in path.read_text(), 10))


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("{% if %}", "app.conf.j2:1"),
        ("{{ key('no/such/key') }}", "key 'no/such/key' has no value"),
        ("no directive of nginx;\n", "all files of the group are as they were"),
    ],
)
def test_what_was_before_goes_on(with_nginx: WithNginx, daemon: Start, bad: str, why: str) -> None:
    """Changes of the source still arrive, by the template from before; the edit is told until it is mended."""
    stack, nginx, _ = with_nginx
    running = daemon()
    template, path = stack.folder / "app.conf.j2", stack.folder / "out/nginx/app.conf"
    good = template.read_text()
    template.write_text(bad + good)
    wait_until(lambda: why in str(running.target("proxy")["last_error"]), 10)
    assert follows(stack, path, 8001)
    path.write_text("# by hand\n")
    running.process.send_signal(1)
    wait_until(lambda: "8001" in path.read_text(), 10)
    wait_until(lambda: "stays in use" in str(running.target("proxy")["last_error"]), 10)
    assert running.target("proxy")["state"] == "failed"
    template.write_text(good + "# mended\n")
    wait_until(running.ready, 15)
    assert path.read_text().endswith("# mended\n")
    assert follows(stack, path, 8002)
    assert nginx.test()[0]


def test_a_bad_value_is_no_bad_edit(with_nginx: WithNginx, daemon: Start) -> None:
    """Where the old template is refused too, the files stay, and the check is not asked in a loop."""
    stack, nginx, _ = with_nginx
    stack.config["reloads"]["nginx"]["check"] = ["sh", "-c", f"echo >> asked; exec {' '.join(nginx.test_argv)}"]
    running = daemon()
    template, path = stack.folder / "app.conf.j2", stack.folder / "out/nginx/app.conf"
    before = path.read_text()
    (stack.folder / ".syncd/paused").touch()
    template.write_text(template.read_text() + "# edited\n")
    stack.put(services__app__url="http://no-such-host.invalid:1")
    wait_until(lambda: running.target("proxy")["state"] == "paused", 10)
    asked = len((stack.folder / "asked").read_text())
    (stack.folder / ".syncd/paused").unlink()
    wait_until(lambda: running.target("proxy")["state"] == "failed", 10)
    stack.put(config__domains__more="x")
    wait_until(lambda: stack.kv.get("config/domains/more") == b"x", 10)
    wait_until(lambda: path.read_text() == before, 10)  # but while the check looks at the new one
    assert len((stack.folder / "asked").read_text()) - asked <= 6
