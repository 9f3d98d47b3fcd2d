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


def hostile(folder: Path) -> None:
    """Put files into a folder that are named like what Python, pip and syncd import."""
    for name in ("typer", "syncd", "yaml", "venv", "pip", "sysconfig", "logging", "json", "ensurepip", "encodings"):
        (folder / f"{name}.py").write_text("import sys; sys.exit('hunted')")


@pytest.fixture
def temp(tmp_path: Path) -> Path:
    """RUNNER_TEMP with an installation of this checkout: the step that installs has nothing to do."""
    folder = tmp_path / "temp"
    programs = folder / "syncd" / "bin"
    programs.mkdir(parents=True)
    (folder / "syncd" / "from").write_text(f"{ROOT}\n")
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
    assert "| app | env_file | 1 | 0 | 0 | changes |" in ended.summary
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
    asked = temp / "asked"
    asked.write_text('#!/bin/sh\necho "$@" >&2\n')
    asked.chmod(0o755)
    action = f"import runpy, sys; sys.executable = '{asked}'; runpy.run_path(sys.argv[1], run_name='__main__')"
    python = temp / "syncd" / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec "{ROOT}/.venv/bin/python" -c "{action}" "$2"\n')
    for show_values in ("false", "true"):
        ended = Runner(ROOT, workspace, temp).run({}, mode=mode, plan_file="plan.json", show_values=show_values)
        assert ("--hide-values" in ended.log.split()) is (show_values == "false")


def test_no_code_of_the_repository_is_run(act: Act, workspace: Path) -> None:
    """A pull request may bring files that are named like what syncd imports: they stay unread."""
    hostile(workspace)
    ended = act()
    assert (ended.code, "hunted" in ended.log) == (0, False)


def test_the_installation_sees_no_secret(workspace: Path, tmp_path: Path) -> None:
    """What installs gets none of the job's variables but those it needs."""
    python = tmp_path / "python3"
    python.write_text('#!/bin/sh\nenv >"$0.env"\nexit 1\n')
    python.chmod(0o755)
    ended = Runner(ROOT, workspace, tmp_path).run({"CONSUL_HTTP_TOKEN": SECRET}, python=str(python))
    assert ended.code == 64
    seen = (tmp_path / "python3.env").read_text()
    assert f"RUNNER_TEMP={tmp_path}" in seen
    assert "hunter2" not in seen


def test_masks_line_by_line(act: Act) -> None:
    """Each line of a secret is a mask of its own."""
    assert set(SECRET.splitlines()) <= set(act().masks)


def test_pending_ends_with_2_on_request(act: Act) -> None:
    """detailed-exitcode ends with 2, and with 0 once all is in sync."""
    assert act(detailed_exitcode="true").code == 2
    done = act(mode="once")
    assert (done.code, done.outputs["changed"]) == (0, "true")
    assert "| app | env_file | 1 | 0 | 0 | applied |" in done.summary
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
    """From nothing: the locked packages are installed below RUNNER_TEMP, and a second use of it installs nothing.

    What lies in the repository is not run by it.
    """
    temp = tmp_path / "fresh"
    temp.mkdir()
    hostile(workspace)
    runner = Runner(ROOT, workspace, temp)
    ended = runner.run({}, source="seed.yaml")
    assert (ended.code, "hunted" in ended.log) == (0, False)
    installed = (temp / "syncd" / "bin" / "syncd").stat().st_mtime_ns
    assert runner.run({}, source="seed.yaml").code == 0
    assert (temp / "syncd" / "bin" / "syncd").stat().st_mtime_ns == installed


def test_another_version_is_installed_anew(workspace: Path, temp: Path, tmp_path: Path) -> None:
    """Two uses in one job at two commits: each gets the syncd of its own folder, not what the first one left."""
    (temp / "syncd" / "from").write_text("/another/commit\n")
    ended = Runner(ROOT, workspace, temp).run({}, source="seed.yaml", python=str(tmp_path / "none"))
    assert ended.code != 0
    assert not (temp / "syncd" / "bin").exists()


def test_a_plan_of_an_earlier_run_is_no_output(act: Act, workspace: Path) -> None:
    """Where no plan was saved there is none, whatever lay there before."""
    (workspace / "plan.json").write_text("old")
    (workspace / "config.yaml").write_text("version: 2\n")
    ended = act(plan_file="plan.json")
    assert (ended.code, ended.outputs["plan-file"]) == (78, "")
    assert not (workspace / "plan.json").exists()


def test_a_fault_without_a_place_is_said(act: Act) -> None:
    """A file that is not there is no «syncd ended with 78»."""
    ended = act(config="none.yaml")
    assert ended.code == 78
    assert any("none.yaml" in text and "cannot be read" in text for _, _, text in ended.annotations)


CHECKED = """\
reloads:
  web: {check: [sh, -c, "echo pri$((1 + 1))nted; exit 1"]}
  late: {run: ["false"]}
"""


def reloading(workspace: Path, name: str) -> None:
    """Give the target a reload of CHECKED."""
    text = CONFIG.replace("path: out", f"reload: {name}\n    path: out")
    (workspace / "config.yaml").write_text(text.replace("targets:", CHECKED + "targets:"))


def test_what_a_check_prints_is_hidden(act: Act, workspace: Path) -> None:
    """Its lines may hold values: neither summary nor comment nor annotations have them, only that it failed."""
    reloading(workspace, "web")
    ended = act(mode="once")
    assert ended.code == 1
    for text in (ended.summary, *(message for _, _, message in ended.annotations)):
        assert "pri2nted" not in text
    assert "check of web failed" in ended.summary
    assert "pri2nted" in act(mode="once", show_values="true").summary


def test_an_owed_reload_is_shown(act: Act, workspace: Path) -> None:
    """Files that were written count as changed though the reload failed; the next plan says what is owed."""
    reloading(workspace, "late")
    failed = act(mode="once")
    assert (failed.code, failed.outputs["changed"]) == (1, "true")
    owed = act()
    assert (owed.code, owed.outputs["changed"]) == (0, "true")
    assert "Reload `late`: owed" in owed.summary


def test_a_cut_comment_says_so(act: Act, workspace: Path) -> None:
    """A plan that is too long for a comment ends with the note, outside of every fold and block."""
    lines = "\n".join(f"  k{number:05}: '{number}'" for number in range(9000))
    (workspace / "seed.yaml").write_text(f"prefix: shop/\nkv:\n{lines}\n")
    text = CONFIG.split("    vars:")[0] + "    include: [{keys: 'k*'}]\n"
    (workspace / "config.yaml").write_text(text)
    ended = act(show_values="true")
    assert ended.summary.count("<details>") == ended.summary.count("</details>") == 1
    assert len(ended.summary) < 65_536
    assert "**Cut here" in ended.summary.rpartition("</details>")[2]


def test_a_mask_is_worth_hiding(workspace: Path, temp: Path) -> None:
    """A brace of a key in JSON is no mask, it would blot out the log; a name is no pattern for files."""
    env = {"KEY": '{\n  "private": "hunter2"\n}'}
    runner = Runner(ROOT, workspace, temp)
    ended = runner.run(env, source="seed.yaml", mask="KEY")
    assert ended.masks == ['  "private": "hunter2"']
    (workspace / "GOOD").touch()
    assert runner.run(env, mask="*").code == 64
