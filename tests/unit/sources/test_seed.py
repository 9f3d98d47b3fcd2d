"""The seed file."""

from pathlib import Path

import pytest

from syncd.core.errors import ConfigError
from syncd.core.model import Instance
from syncd.sources.seed import parse_seed

ROOT = Path(__file__).resolve().parents[3]


def values(text: str) -> dict[str, bytes]:
    """Return the keys of a seed with their values."""
    return {one.key: one.value for one in parse_seed(text, "seed.yaml").keys}


def faults(text: str) -> list[str]:
    """Return the lines that a seed's faults print."""
    with pytest.raises(ConfigError) as caught:
        parse_seed(text, "seed.yaml")
    return str(caught.value).split("\n")


def test_scalars_are_taken_as_written() -> None:
    """YAML's own ideas of what `yes`, `0644` or `12:30` mean are not Consul's."""
    text = "kv:\n  a: yes\n  b: 0644\n  c: 12:30\n  d: '1.10'\n  e: 2024-01-01\n  f: |\n    two\n    lines\n  9: ü\n"
    assert values(text) == {
        "a": b"yes",
        "b": b"0644",
        "c": b"12:30",
        "d": b"1.10",
        "e": b"2024-01-01",
        "f": b"two\nlines\n",
        "9": "ü".encode(),
    }


def test_empty_values() -> None:
    """Nothing, null and ~ are the empty value; a quoted null is a text."""
    assert values("kv: {a: , b: null, c: ~, d: '', e: 'null'}") == {
        "a": b"",
        "b": b"",
        "c": b"",
        "d": b"",
        "e": b"null",
    }


def test_mappings_and_lists_are_compact_json() -> None:
    """With JSON's own types; what JSON has no word for is text."""
    text = "kv:\n  a: {n: 120000, f: 1.5, t: true, z: , s: '5', y: yes, o: 010, i: .inf, e: 1e999, l: [ü, {}, []]}\n"
    assert values(text)["a"].decode() == (
        '{"n":120000,"f":1.5,"t":true,"z":null,"s":"5","y":"yes","o":"010","i":".inf","e":"1e999","l":["ü",{},[]]}'
    )


def test_folders_prefix_and_a_key_with_children() -> None:
    """A name that ends in / holds keys; another one with the same name holds a value."""
    text = "prefix: blog/\nkv:\n  s/gw: {url: x}\n  s/gw/:\n    url: x\n    deep/: {a: 1}\n  empty/:\n"
    assert values(text) == {"blog/s/gw": b'{"url":"x"}', "blog/s/gw/url": b"x", "blog/s/gw/deep/a": b"1"}


def test_binary_values() -> None:
    """As YAML writes them."""
    assert values("kv: {a: !!binary /wAB}") == {"a": b"\xff\x00\x01"}


def test_services() -> None:
    """Instances with all fields, and with only what is needed."""
    text = (
        "services:\n  web:\n"
        "    - {address: 10.0.0.2, port: 80}\n"
        "    - {id: a, address: 10.0.0.1, port: 81, tags: [x, y], meta: {z: 1}, status: critical, node: n}\n"
    )
    assert parse_seed(text, "f").services == {
        "web": (
            Instance("a", "web", "10.0.0.1", 81, ("x", "y"), {"z": "1"}, "critical", "n"),
            Instance("web-1", "web", "10.0.0.2", 80, (), {}, "passing", "seed"),
        )
    }


def test_without_services_nothing_is_said_about_them() -> None:
    """That differs from having none."""
    assert parse_seed("kv: {}", "f").services is None
    assert parse_seed("services:", "f").services == {}


def test_all_faults_at_once() -> None:
    """Each with line, column and path."""
    text = (
        "prefix: blog\nkv:\n  a/: text\n  b: !!binary '%'\n  c/: {d: 1}\n  c/d: 2\nextra: 1\n"
        "services:\n  web: [{port: 99999, status: up, colour: red}]\n"
    )
    assert faults(text) == [
        "seed.yaml:1:9: prefix: has to end in /; write blog/",
        "seed.yaml:3:7: kv.a/: is a folder (it ends in /), and holds no mapping of keys",
        "seed.yaml:4:6: kv.blogb: is not base64",
        "seed.yaml:6:3: kv: the key blogc/d comes twice",
        "seed.yaml:7:1: extra: is not known here; a seed has prefix, kv and services",
        "seed.yaml:9:9: services.web.0.address: is missing; write where the instance listens",
        "seed.yaml:9:16: services.web.0.port: is not a port; write a number up to 65535",
        "seed.yaml:9:31: services.web.0.status: is not passing, warning or critical",
        "seed.yaml:9:35: services.web.0.colour: is not known here; "
        "write one of id, address, port, tags, meta, status, node",
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "seed.yaml:1:1: is empty; a seed has a `kv:` mapping"),
        ("kv: [", "seed.yaml:2:1: is not YAML: did not find expected node content"),
        ("text", "seed.yaml:1:1: is no seed; it has a `kv:` mapping, and may have `prefix:` and `services:`"),
        ("kv: [1]", "seed.yaml:1:5: kv: is not a mapping of keys to values"),
        ("kv: {a: 1,\n a: 2}", "seed.yaml:2:2: the key 'a' comes twice"),
        ("kv: {? [x] : 1}", "seed.yaml:1:8: a key is not a text"),
        ("a: &x 1\nb: *x", "seed.yaml:1:4: anchors and aliases are not read here; write the value out"),
        (
            "kv: !!python/name:os.system x",
            "seed.yaml:1:5: has a tag that is not read here; only !!str and !!binary are",
        ),
        ("kv: {}\n---\nkv: {}", "seed.yaml:2:1: a second document is not read; put everything into one"),
        ("kv: {a: \0}", "seed.yaml: is not YAML: it holds control characters"),
        ("[" * 100_000, "seed.yaml:1:51: is nested deeper than 50 levels"),
    ],
)
def test_what_cannot_be_read_at_all(text: str, line: str) -> None:
    """One fault with its place, never a traceback, whatever the file holds."""
    assert faults(text) == [line]


def test_a_bomb_does_not_go_off() -> None:
    """Aliases that multiply are refused at the first."""
    bomb = "a: &a [x,x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)},*{chr(97 + n)}]\n" for n in range(20)
    )
    assert faults(bomb) == ["seed.yaml:1:4: anchors and aliases are not read here; write the value out"]


def test_a_number_of_thousands_of_digits_is_a_text() -> None:
    """Python would refuse to convert it."""
    assert values("kv: {a: [" + "9" * 5000 + "]}")["a"] == b'["' + b"9" * 5000 + b'"]'
