"""The composite action under an emulated runner: outputs, summary, annotations, masks, and nothing leaked."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.deploy.runner import Ended, Runner
from tests.support.binaries import ROOT

pytestmark = pytest.mark.e2e

SECRET = "hunter2-first\nhunter2%second"
VALUE = "https://api.example.com/`x`"
CONFIG = """\
version: 1
owner: action
consul: {prefix: shop/}
targets:
  app:
    kind: env_file
    path: out/app.env
    vars: {API_URL: domains/api, LEVEL: {key: level, default: info}}
"""
SEED = f"prefix: shop/\nkv:\n  domains/api: '{VALUE}'\n"

Act = Callable[..., Ended]


@pytest.fixture
def temp(tmp_path: Path) -> Path:
    """RUNNER_TEMP with an installation of this checkout: the step that installs has nothing to do."""
    folder = tmp_path / "temp"
    programs = folder / "syncd" / "bin"
    programs.mkdir(parents=True)
    for name in ("python", "syncd"):
        (programs / name).write_text(f'#!/bin/sh\nexec "{ROOT}/.venv/bin/{name}" "$@"\n')
        (programs / name).chmod(0o755)
    return folder


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A repository with a config and a seed."""
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "config.yaml").write_text(CONFIG)
    (folder / "seed.yaml").write_text(SEED)
    return folder


@pytest.fixture
def act(workspace: Path, temp: Path) -> Act:
    """act(mode="plan", …): run the action on the seed, with a secret of two lines in its environment."""
    runner = Runner(ROOT, workspace, temp)
    env = {"CLOUDFLARE_API_TOKEN": SECRET, "SYNCD_PLAN_KEY": "plan-key"}

    def run(**inputs: str) -> Ended:
        ended = runner.run(env, **{"source": "seed.yaml", **inputs})
        for text in (ended.log, ended.summary, *ended.outputs.values()):
            assert "hunter2" not in text
        return ended

    return run


def test_plan(act: Act) -> None:
    """A plan has counts and a comment, ends with 0, and shows no value."""
    ended = act()
    assert ended.code == 0
    assert ended.outputs["changed"] == "true"
    assert json.loads(ended.outputs["counts"]) == {"create": 1, "update": 0, "delete": 0}
    assert ended.outputs["plan-file"] == ""
    assert "| `app` | changes | 1 | 0 | 0 |" in ended.summary
    assert Path(ended.outputs["comment"]).read_text() == ended.summary
    assert [one for one, _, _ in ended.annotations] == ["notice"]
    assert "api.example.com" not in ended.summary + ended.log


def test_values_on_request(act: Act) -> None:
    """show-values shows the diff, and backticks in a value do not end its block."""
    ended = act(show_values="true")
    assert f"+API_URL='{VALUE}'" in ended.summary or f"+API_URL={VALUE}" in ended.summary


@pytest.mark.parametrize("mode", ["plan", "once", "apply"])
def test_values_are_hidden_where_they_arise(workspace: Path, temp: Path, mode: str) -> None:
    """In every mode syncd itself is told to hide them, unless they are wanted."""
    stand_in = temp / "path" / "syncd"
    stand_in.mkdir(parents=True)
    (stand_in / "__init__.py").touch()
    (stand_in / "__main__.py").write_text("import sys; sys.exit(print(*sys.argv, file=sys.stderr))")
    runner, env = Runner(ROOT, workspace, temp), {"PYTHONPATH": str(stand_in.parent)}
    for show_values in ("false", "true"):
        ended = runner.run(env, mode=mode, plan_file="plan.json", show_values=show_values)
        assert ("--hide-values" in ended.log.split()) is (show_values == "false")


def test_no_code_of_the_repository_is_run(act: Act, workspace: Path) -> None:
    """A pull request may bring files that are named like what syncd imports: they stay unread."""
    for name in ("typer.py", "syncd.py", "yaml.py", "comment.py"):
        (workspace / name).write_text("raise SystemExit('hunted')")
    ended = act()
    assert (ended.code, "hunted" in ended.log) == (0, False)


def test_masks_line_by_line(act: Act) -> None:
    """Each line of a secret is a mask of its own."""
    assert set(SECRET.splitlines()) <= set(act().masks)


def test_pending_ends_with_2_on_request(act: Act) -> None:
    """detailed-exitcode ends with 2, and with 0 once all is in sync."""
    assert act(detailed_exitcode="true").code == 2
    done = act(mode="once")
    assert (done.code, done.outputs["changed"]) == (0, "true")
    assert "| `app` | applied | 1 | 0 | 0 |" in done.summary
    again = act(detailed_exitcode="true")
    assert (again.code, again.outputs["changed"]) == (0, "false")


def test_a_reviewed_plan_is_applied(act: Act, workspace: Path) -> None:
    """The saved plan is applied as it is; where something moved meanwhile it is refused and nothing is touched."""
    planned = act(plan_file="plan.json")
    assert planned.outputs["plan-file"] == str(workspace / "plan.json")
    (workspace / "seed.yaml").write_text(SEED.replace("api.example", "moved.example"))
    refused = act(mode="apply", plan_file="plan.json")
    assert (refused.code, refused.outputs["changed"]) == (3, "false")
    assert not (workspace / "out").exists()
    assert refused.annotations
    (workspace / "seed.yaml").write_text(SEED)
    assert act(mode="apply", plan_file="plan.json").code == 0
    assert (workspace / "out" / "app.env").exists()


def test_a_fault_is_shown_at_its_place(act: Act, workspace: Path) -> None:
    """A fault of the config is an annotation with file, line and column."""
    (workspace / "config.yaml").write_text(CONFIG.replace("kind: env_file", "kind: env_fil"))
    ended = act()
    assert ended.code == 78
    level, where, _ = ended.annotations[0]
    assert (level, where["file"], where["line"]) == ("error", "config.yaml", "6")


def test_a_missing_key_names_its_target(act: Act, workspace: Path) -> None:
    """What fails in one target is said with the target's name."""
    (workspace / "seed.yaml").write_text("kv: {}\n")
    ended = act()
    assert ended.code == 1
    assert any("app: " in message and "domains/api" in message for _, _, message in ended.annotations)


def test_nothing_syncd_says_is_a_command(act: Act, workspace: Path) -> None:
    """A message that begins like a workflow command is text to the runner."""
    name = "::error::boo.yaml"
    (workspace / name).write_text(CONFIG.replace("env_file", "nothing"))
    ended = act(config=name)
    assert ended.code == 78
    assert name in ended.log
    assert not [message for _, _, message in ended.annotations if message.startswith("boo.yaml")]


@pytest.mark.parametrize("wrong", [{"mode": "destroy"}, {"mode": "apply"}, {"show_values": "yes"}])
def test_wrong_inputs(act: Act, wrong: dict[str, str]) -> None:
    """An input that is wrong is said and ends with 64."""
    ended = act(**wrong)
    assert ended.code == 64
    assert ended.annotations[0][0] == "error"


def test_it_installs_itself(workspace: Path, tmp_path: Path) -> None:
    """From nothing: the locked packages are installed below RUNNER_TEMP, and a second use of it installs nothing."""
    temp = tmp_path / "fresh"
    temp.mkdir()
    runner = Runner(ROOT, workspace, temp)
    assert runner.run({}, source="seed.yaml").code == 0
    installed = (temp / "syncd" / "bin" / "syncd").stat().st_mtime_ns
    assert runner.run({}, source="seed.yaml").code == 0
    assert (temp / "syncd" / "bin" / "syncd").stat().st_mtime_ns == installed
