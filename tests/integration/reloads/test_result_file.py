"""A consumer that checks by itself: what syncd waits for and takes for a result, and the loop of docs/reloads.md."""

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from syncd.core.digest import group_digest, sha256_hex
from syncd.core.errors import ReloadError
from syncd.reloads.result_file import ResultFile
from tests.support.http import Http
from tests.support.nginx import NginxServer
from tests.support.processes import end, free_port, spawn, wait_until
from tests.support.site import Site, dash, on_path

PAGE = (Path(__file__).resolve().parents[3] / "docs/reloads.md").read_text()
LOOP = re.findall(r"^```sh watch\.sh\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)[0]
ANSWER = "server {{ listen 127.0.0.1:{port}; location / {{ return 200 '{word}'; }} }}\n"


def waiting(path: Path, timeout_s: float = 0.3) -> ResultFile:
    """Return a check that waits for a result about the files with the digest `d`."""
    return ResultFile("check of nginx", path, lambda: "d", timeout_s)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "it is not there"),
        (b"", "it holds no {digest, ok, message}"),
        (b'{"digest": "d", "ok": tr', "it holds no"),
        (b'{"digest": "d", "ok": "true"}', "it holds no"),
        (b'["d", true]', "it holds no"),
        (b"[" * 50_000, "it holds no"),
        (b'{"digest": "e", "ok": true}', "it speaks of other files"),
        (b'{"digest": "e", "ok": false, "message": "old"}', "it speaks of other files"),
    ],
)
async def test_what_is_no_result_for_these_files_is_too_late(tmp_path: Path, content: bytes | None, words: str) -> None:
    """Missing, half written, of another shape, about other files: waited for, then a failed check."""
    path = tmp_path / "result"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ReloadError) as raised:
        await waiting(path).run()
    assert str(raised.value).startswith(f"check of nginx failed: no result for these files in {path} within 0.3 s: ")
    assert words in str(raised.value)


async def test_a_result_of_either_kind_counts(tmp_path: Path) -> None:
    """ok passes; not ok is the consumer's own last 20 lines, line breaks and odd bytes as they came."""
    path = tmp_path / "result"
    path.write_text('{"digest": "d", "ok": true}')
    await waiting(path).run()
    lines = b"\n".join(b"line %d" % at for at in range(100))
    path.write_bytes(b'{"digest": "d", "ok": false, "message": "' + lines + b'\xff"}')
    with pytest.raises(ReloadError) as raised:
        await waiting(path).run()
    assert str(raised.value).startswith("check of nginx failed: the consumer refused the files: line 80\n")
    assert str(raised.value).endswith("line 99\N{REPLACEMENT CHARACTER}")


async def test_what_is_no_file_is_no_result(tmp_path: Path) -> None:
    """A pipe that nobody writes does not stop the daemon; a folder is none either."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(ReloadError, match="it holds no"):
            await waiting(path).run()


def test_the_digest_is_what_the_shell_gets(tmp_path: Path) -> None:
    """Any names and contents, wherever the folder is; and not only the contents count."""
    files = {"b.conf": b"two\n", "a.conf": b"two\n", "ä ö.conf": b"\xff\0", "z.conf": b""}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    function = re.findall(r"^digest\(\) \{.*?^\}$", LOOP, re.DOTALL | re.MULTILINE)[0]
    done = subprocess.run([dash(), "-c", f"folder={tmp_path}\n{function}\ndigest"], capture_output=True, check=True)
    ours = group_digest((name, sha256_hex(content)) for name, content in files.items())
    assert done.stdout.decode().strip() == ours
    swapped = files | {"b.conf": b"", "z.conf": b"two\n"}
    assert group_digest((name, sha256_hex(content)) for name, content in swapped.items()) != ours


@pytest.fixture
def watched(tmp_path: Path, nginx_server: Callable[..., NginxServer]) -> Iterator[tuple[Site, NginxServer, int]]:
    """A site whose files an nginx reads that the loop of the docs looks after: (site, nginx, port)."""
    port = free_port()
    nginx = nginx_server("", conf_dir=tmp_path / "out/nginx").start()
    site = Site(tmp_path, "nginx", {"result_file": "out/result/nginx.json", "timeout": "20s"})
    site.outputs = {"out/nginx/one.conf": ANSWER.format(port=port, word="first"), "out/nginx/two.conf": "# two\n"}
    (tmp_path / "out/result").mkdir()
    (tmp_path / "watch.sh").write_text(LOOP)
    path = on_path(tmp_path / "bin", nginx=f'exec {" ".join(nginx.test_argv[:-1])} "$@"')
    argv = [dash(), str(tmp_path / "watch.sh"), str(tmp_path / "out/nginx"), str(tmp_path / "out/result/nginx.json")]
    loop = spawn(argv, log=tmp_path / "loop.log", env={"PATH": path})
    yield site, nginx, port
    end(loop)
    assert (tmp_path / "loop.log").read_text() == ""


def test_the_loop_of_the_docs_checks_and_reloads_nginx(watched: tuple[Site, NginxServer, int]) -> None:
    """Accepted: nginx answers anew. Refused: nginx's words, all files of the group restored, the old answers stay."""
    site, nginx, port = watched
    code, report = site.once()
    assert (code, report["reloads"]) == (0, [])
    http = Http(f"http://127.0.0.1:{port}")
    wait_until(lambda: http("GET", "/").text == "first", why="nginx has the first file")
    before = {output: site.path(output).read_bytes() for output in site.outputs}
    workers = nginx.workers()
    good = dict(site.outputs)
    site.outputs["out/nginx/two.conf"] = 'upstream "no\\body" { }\n'
    site.outputs["out/nginx/one.conf"] = ANSWER.format(port=port, word="second")
    code, report = site.once()
    assert code == 1
    for one in report["targets"]:
        assert one["outcome"] == "failed"
        assert "check of nginx failed: the consumer refused the files: nginx: [emerg]" in one["error"]
        assert "out/nginx/two.conf:1" in one["error"]
    assert {output: site.path(output).read_bytes() for output in site.outputs} == before
    assert site.left_over() == []
    assert http("GET", "/").text == "first"
    wait_until(lambda: nginx.workers() != workers, why="the loop went back to the restored files")
    site.outputs = good | {"out/nginx/one.conf": ANSWER.format(port=port, word="third")}
    assert site.once()[0] == 0
    wait_until(lambda: http("GET", "/").text == "third", why="nginx has the third file")
    result = json.loads((site.folder / "out/result/nginx.json").read_text())
    assert (result["ok"], len(result["digest"])) == (True, 64)


def test_no_consumer_restores(tmp_path: Path) -> None:
    """Nobody answers: a failed check, and nothing is left in place; a check that comes first is not waited after."""
    site = Site(tmp_path, "app", {"result_file": "result", "timeout": "300ms"}, {"out/a": "a\n"})
    code, report = site.once()
    assert code == 1
    assert "no result for these files in " in report["targets"][0]["error"]
    assert not site.path("out/a").exists()
    site.reload["check"] = ["false"]
    assert "check of app failed (exit code 1)" in site.once()[1]["targets"][0]["error"]


def test_a_member_that_was_not_selected_counts(tmp_path: Path) -> None:
    """The digest is of all files of the group as they are in place, not of those that changed."""
    site = Site(tmp_path, "app", {"run": ["true"]}, {"out/a": "a\n", "out/b": "b\n"})
    assert site.once()[0] == 0
    site.outputs = {"out/a": "changed\n", "out/b": "changed too\n"}
    site.reload = {"result_file": "result", "timeout": "5s"}
    digest = group_digest([("a", sha256_hex(b"changed\n")), ("b", sha256_hex(b"b\n"))])
    (tmp_path / "result").write_text(json.dumps({"digest": digest, "ok": True}))
    code, _ = site.once("--target", "out-a")
    assert (code, site.path("out/a").read_text(), site.path("out/b").read_text()) == (0, "changed\n", "b\n")
