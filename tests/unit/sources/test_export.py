"""Exports and seeds as a source."""

import base64
import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.errors import ConfigError, SourceLacks
from syncd.core.model import Need, Presence
from syncd.core.snapshot import Rules, View
from syncd.sources.export import ExportSource, load_seed
from syncd.sources.kv_export import parse_export


def entry(key: object, value: object) -> dict[str, object]:
    """Return one entry of an export."""
    return {"key": key, "flags": 0, "value": base64.b64encode(value).decode() if isinstance(value, bytes) else value}


def write(folder: Path, text: str) -> Path:
    """Write a source file."""
    file = folder / "export.json"
    file.write_text(text)
    return file


async def test_only_keys_below_the_prefix_are_seen(tmp_path: Path) -> None:
    """Relative to it, with the overlay resolved, and all of them covered."""
    entries = [
        entry("b/a", b"1"),
        entry("b/env/p/a", b"2"),
        entry("b/dir/", b""),
        entry("bb/a", b"3"),
        entry("b/e", None),
    ]
    source = ExportSource(write(tmp_path, json.dumps(entries)), "b/", Rules("p"))
    snapshot = await source.read(frozenset({Need("key", "a")}))
    assert {item.source_key: item.value for item in snapshot.items.values()} == {"env/p/a": b"2", "e": b""}
    assert View(snapshot).item("missing") is None
    assert dict(View(snapshot).glob("env/**")) == {}


async def test_a_key_is_there_or_gone(tmp_path: Path) -> None:
    """A file hides nothing."""
    source = ExportSource(write(tmp_path, json.dumps([entry("b/a", b"1")])), "b/", Rules())
    assert await source.confirm(["a", "c"]) == {"a": Presence.PRESENT, "c": Presence.GONE}


async def test_an_export_has_no_services(tmp_path: Path) -> None:
    """Reading one says what to do; the rest of the snapshot is good."""
    file = write(tmp_path, "[]")
    snapshot = await ExportSource(file, "", Rules()).read(frozenset({Need("service", "web"), Need("catalog")}))
    with pytest.raises(SourceLacks, match=r"export\.json holds no services; a seed with `services:` can"):
        View(snapshot).service("web")
    assert View(snapshot).catalog() == {}


async def test_a_seed_has_the_services_it_names(tmp_path: Path) -> None:
    """An unknown name has no instances, also when it is asked for in a later round."""
    file = write(tmp_path, "services: {web: [{address: h, port: 1, tags: [b, a]}]}")
    source = ExportSource(file, "", Rules())
    first = await source.read(frozenset({Need("service", "web")}))
    second = await source.read(frozenset({Need("service", "nope"), Need("catalog")}), first)
    view = View(second)
    assert [one.address for one in view.service("web")] == ["h"]
    assert view.service("nope") == ()
    assert view.catalog() == {"web": ("a", "b")}


async def test_a_new_pass_reads_the_file_anew(tmp_path: Path) -> None:
    """A further round of the same pass does not: both see the same file."""
    file = write(tmp_path, "kv: {a: 1}")
    source = ExportSource(file, "", Rules())
    first = await source.read(frozenset())
    file.write_text("kv: {a: 2}")
    assert (await source.read(frozenset(), first)).items["a"].value == b"1"
    assert (await source.read(frozenset())).items["a"].value == b"2"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('[{"key": 5}]', "x:1:2: has no key, or one that is not a text"),
        ('[\n  {"key": "a", "value": "%%"}]', "x:2:3: the value of a is not base64"),
        ('[{"key": "a", "value": 5}]', "x:1:2: the value of a is not base64 text"),
        ('[{"key":"a"},\n{"key":"a"}]', "x:2:1: the key a comes twice"),
        ('[{"key": "\\ud800"}]', "x:1:2: has a key that is not UTF-8"),
        ("[5]", "x:1:2: is not an object with key, flags and value"),
        ("[{},]", "x:1:5: is not JSON: Expecting value"),
        ("[{} {}]", "x:1:5: is not JSON: here a comma or the end of the list is missing"),
        ("[{}", "x:1:4: is not JSON: here a comma or the end of the list is missing"),
        ("[] x", "x:1:4: something follows the list"),
        ("null", "x:1:1: is not a list; `consul kv export` writes one"),
        ("[" + "[" * 100_000, "x:1:2: is nested deeper than Python reads, or holds too long a number"),
    ],
)
def test_faults_have_their_place(text: str, line: str) -> None:
    """The first fault's line, as it is printed."""
    with pytest.raises(ConfigError) as caught:
        parse_export(text, "x")
    assert line.replace("deeper than Python reads", "too deep") in str(caught.value).split("\n")


@pytest.mark.parametrize(("content", "why"), [(None, "no such file"), (b"kv:\n  a: \xff", ":2:6: is not UTF-8")])
def test_files_that_cannot_be_read(tmp_path: Path, content: bytes | None, why: str) -> None:
    """Missing, or not text."""
    file = tmp_path / "seed.yaml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=why):
        load_seed(file)


@given(st.text(alphabet='[]{}",: kvabc\\\n\t-&*!|>0', max_size=40) | st.text(max_size=20))
def test_any_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """Never a traceback."""
    file = tmp_path_factory.getbasetemp() / "any"
    file.write_text(text, errors="replace")
    with contextlib.suppress(ConfigError):
        load_seed(file)
