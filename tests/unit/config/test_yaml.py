"""What is wrong with a file before it is a configuration: every fault is located and none is a traceback."""

from pathlib import Path

import pytest

from syncd.config.compose import MAX_DEPTH
from syncd.config.load import load
from syncd.core.errors import ConfigError
from tests.unit.config.kinds import KINDS, MINIMUM, faults, loaded

BROKEN = {
    "": "config.yaml:1:1: is empty; write at least version, owner and targets",
    "# nothing\n": "config.yaml:1:1: is empty; write at least version, owner and targets",
    "- a\n- b\n": "config.yaml:1:1: holds a list; write a mapping that starts with version: 1",
    "words": "config.yaml:1:1: holds a single value; write a mapping that starts with version: 1",
    "a:\n\tb: 2\n": "config.yaml:2:1: is not YAML: found character that cannot start any token; put the text in "
    "quotes, and indent with spaces, not tabs",
    "a: 1\n\tb: 2\n": "config.yaml:2:1: is not YAML: found a tab character that violates indentation (while scanning a "
    "plain scalar that starts at line 1); indent with spaces, not tabs",
    "a: 1\nb: c: d\n": "config.yaml:2:5: is not YAML: mapping values are not allowed in this context; put a text that "
    "holds a colon in quotes, or mend the indentation",
    "a: *b\n": "config.yaml:1:4: is not YAML: found undefined alias; put a text that starts with * in quotes",
    "a: &b {c: *b}\n": "config.yaml:1:11: is not YAML: found an alias of what it stands in; correct it",
    "a: 1\n---\nb: 1\n": "config.yaml:2:1: is not YAML: another document starts; keep one document in the file",
    "a: {{ b }}\n": "config.yaml:1:5: a: has a mapping or a list as a key; write {{ … }} and the like in quotes",
    "a: !!python/name:os.system x\n": "config.yaml:1:4: a: has the tag 'tag:yaml.org,2002:python/name:os.system'; "
    "leave it out",
    "a: 1\nb: \x01\n": "config.yaml:2:4: holds the control character U+0001; remove it",
    "<<: 5\n": "config.yaml:1:5: has a << of what is no mapping; write << : *NAME",
}


@pytest.mark.parametrize("content", BROKEN)
def test_broken_yaml(tmp_path: Path, content: str) -> None:
    """One line says where the file stops being YAML, and what to do."""
    assert faults(tmp_path, content) == [BROKEN[content]]


def test_not_utf8(tmp_path: Path) -> None:
    """The line and column of the first byte that is not UTF-8; a byte order mark is fine."""
    assert faults(tmp_path, b"version: 1\nowner: caf\xe9\n") == [
        "config.yaml:2:11: is not UTF-8; save the file in UTF-8"
    ]
    assert faults(tmp_path, b"\xef\xbb\xbf" + MINIMUM.encode()) == []


def test_unreadable(tmp_path: Path) -> None:
    """A file that is not there, and a folder, are faults without a line."""
    for path, why in ((tmp_path / "none.yaml", "No such file or directory"), (tmp_path, "Is a directory")):
        with pytest.raises(ConfigError) as caught:
            load(path, KINDS, {})
        assert str(caught.value) == f"{path}: cannot be read: {why}; name the config file with --config or SYNCD_CONFIG"


def test_duplicate_keys_are_all_named(tmp_path: Path) -> None:
    """Each key that is there twice is a fault that names the first."""
    assert faults(tmp_path, MINIMUM + "owner: you\nhttp: {listen: a, listen: b}\n") == [
        "config.yaml:4:1: owner: is there twice, first at line 2; keep one",
        "config.yaml:5:19: http.listen: is there twice, first at line 5; keep one",
    ]


def test_alias_bomb(tmp_path: Path) -> None:
    """Aliases are counted for what they stand for."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert faults(tmp_path, "\n".join(lines)) == [
        "config.yaml:6:10: holds more than 200000 values, aliases counted; make it smaller"
    ]


@pytest.mark.parametrize("content", ["a: " + "[" * 5000, "a: " + "{b: " * 200, "- " * 5000])
def test_too_deep(tmp_path: Path, content: str) -> None:
    """Nesting has an end, long before the interpreter's stack has."""
    assert "is nested deeper than 64; make it flatter" in faults(tmp_path, content)[0]


def test_too_deep_by_aliases(tmp_path: Path) -> None:
    """Aliases of aliases count as deep as they are."""
    deep = "[" * (MAX_DEPTH - 2) + "*a{}" + "]" * (MAX_DEPTH - 2)
    content = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} {deep.format(n - 1)}\n" for n in range(1, 40))
    assert faults(tmp_path, content)[0].endswith("is nested deeper than 64; make it flatter")


def test_too_large(tmp_path: Path) -> None:
    """A file of more than 4 MiB is not read on."""
    assert faults(tmp_path, b"#" * (4 * 1024 * 1024 + 1)) == [
        "config.yaml: is larger than 4194304 bytes; make it smaller"
    ]


def test_anchors_and_merge_keys(tmp_path: Path) -> None:
    """`<<` brings in what is not written out; of two, the first wins."""
    config = loaded(
        tmp_path,
        """
        version: 1
        owner: me
        targets:
          a: &a {kind: file, path: a, vars: {A: one}}
          b: {<<: *a, path: b}
          c: {<<: [{path: c}, *a]}
        """,
    ).config
    assert [(name, one.model_dump()["path"]) for name, one in config.targets.items()] == [
        ("a", "a"),
        ("b", "b"),
        ("c", "c"),
    ]
    assert all(one.model_dump()["vars"] == {"A": "one"} for one in config.targets.values())
