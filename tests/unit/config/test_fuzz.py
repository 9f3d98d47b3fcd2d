"""Whatever stands in the file: a configuration or located faults on one line each, never a traceback."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from syncd.config.load import Loaded, load
from syncd.core.errors import ConfigError, Fault
from tests.unit.config.kinds import KINDS, write

KEYS = "version owner owner_was environment state_dir consul sensitive debounce reconcile limits http reloads targets"
BELOW = "kind path mode reload vars template space keys key_prefix extra nginx check run signal token tls a b << é"
SCALARS = st.one_of(
    st.sampled_from(
        ["1", "me", "file", "pairs", "0600", "'0600'", "~", "yes", "5s", ".nan", "-.inf", "0b_", "!!int x"]
    ),
    st.sampled_from(["${A}", "${A:-b}", "$${", "${", "*x", "&x y", "!t z", '"\\0"', "'\\n'", "9" * 5000, "1:2", "="]),
    st.text(max_size=8),
)
VALUES = st.recursive(
    SCALARS,
    lambda below: st.one_of(
        st.lists(below, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.dictionaries(st.sampled_from((KEYS + " " + BELOW).split()), below, max_size=4).map(
            lambda items: "{" + ", ".join(f"{key}: {value}" for key, value in items.items()) + "}"
        ),
    ),
    max_leaves=12,
)
FILES = st.dictionaries(st.sampled_from(KEYS.split()), VALUES, max_size=6).map(
    lambda items: "".join(f"{key}: {value}\n" for key, value in items.items())
)
QUICK = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)


def outcome(folder: Path, content: bytes) -> Loaded | None:
    """Load it online and offline, and return what it is, if it is sound."""
    path = write(folder, content)
    result = None
    for offline in (False, True):
        try:
            result = load(path, KINDS, {"A": "hidden-value\n"}, offline)
        except ConfigError as error:
            check(path, error.faults)
    return result


def check(path: Path, faults: Sequence[Fault]) -> None:
    """Find out whether faults are located, on one line, printable, and hold no value of a variable."""
    assert faults
    for fault in faults:
        line = str(fault)
        assert line.startswith(f"{path}:")
        assert fault.line >= 1
        assert fault.column >= 1
        assert line.isprintable()
        assert "hidden-value" not in line


@QUICK
@given(content=st.binary(max_size=60))
@example(content=b"\xff\xfea\x00")
@example(content=b"a: !!binary x\n? ? b\n")
def test_any_bytes(tmp_path: Path, content: bytes) -> None:
    """Random bytes."""
    outcome(tmp_path, content)


@QUICK
@given(content=st.text(st.characters(codec="utf-8"), max_size=60))
def test_any_text(tmp_path: Path, content: str) -> None:
    """Random text."""
    outcome(tmp_path, content.encode())


@QUICK
@given(content=FILES)
@example(content='version: 1\nowner: me\ntargets: {a: {kind: file, path: "\\0", template: "\\0", reload: "\\0"}}\n')
@example(content="version: 1\nowner: me\ntargets: {a: {kind: file, path: .nan, mode: .nan, vars: {a: .nan}}}\n")
@example(content="version: 1\nowner: me\nlimits: {max_delete_percent: .nan, min_entries: 1e400}\ntargets: {}\n")
def test_any_config(tmp_path: Path, content: str) -> None:
    """Files of our keys with strange values."""
    outcome(tmp_path, content.encode("utf-8", "replace"))


@pytest.mark.parametrize("at", range(0, 400, 7))
def test_a_cut_file(tmp_path: Path, at: int) -> None:
    """A sound file that ends too early is a configuration or a fault."""
    content = """
version: 1
owner: me
consul: {address: "${A:-x:1}", token: t, prefix: blog/}
reloads:
  nginx: {check: [nginx, -t], run: [nginx, -s, reload], timeout: 10s}
targets:
  one: {kind: pairs, space: s, keys: ["a/*", b], key_prefix: x}
  two:
    kind: file
    path: out/x
    mode: "0600"
    vars: {A: b, C: {key: d, format: csv}}
    reload: nginx
"""
    assert outcome(tmp_path, content.encode())
    outcome(tmp_path, content.encode()[:at])
