"""Inputs that nobody would write, for every file and text that syncd reads."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Sequence

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

FEW, MANY = 150, 1500
"""Examples per test: in `make test`, and in `make faults`, which sets FUZZ_LONG: more than 10,000 in all."""
FUZZ = settings(
    max_examples=MANY if os.environ.get("FUZZ_LONG") else FEW,
    deadline=None,
    derandomize=not os.environ.get("FUZZ_LONG"),
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
ODD = (
    "\0",
    "\n",
    "\r",
    "\x1b[31m",
    "\u202e",
    "\ufeff",
    "\x85",
    "\u2028",
    "é",
    "🎉",
    "'",
    '"',
    "$",
    "`",
    "\\",
    "//",
    "..",
)
TEXT = st.one_of(st.text(max_size=12), st.lists(st.sampled_from(ODD), max_size=4).map("".join))
BYTES = st.one_of(st.binary(max_size=40), TEXT.map(lambda text: text.encode(errors="surrogatepass")))
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXT),
    lambda below: st.one_of(st.lists(below, max_size=3), st.dictionaries(TEXT, below, max_size=3)),
    max_leaves=8,
)


def cut(texts: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Return inputs that are whole, end too early, or hold a byte that does not belong there."""
    return st.one_of(
        texts,
        st.tuples(texts, st.integers(0, 200)).map(lambda p: p[0][: p[1]]),
        st.tuples(texts, st.integers(0, 200), st.binary(max_size=3)).map(lambda p: p[0][: p[1]] + p[2] + p[0][p[1] :]),
    )


def mapping(keys: Sequence[str], values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return YAML flow mappings of some of the keys."""
    return st.dictionaries(st.one_of(st.sampled_from(keys), TEXT.map(json.dumps)), values, max_size=5).map(
        lambda items: "{" + ", ".join(f"{key}: {value}" for key, value in items.items()) + "}"
    )


def nested(depth: int) -> list[bytes]:
    """Return what is nested so deeply that a reader may fall over it."""
    return [
        opening.encode() * depth
        for opening in ("[", "{", "{a: ", "- ", "[[", '{"a":', "? ", "&a [", "!!seq [", "'", "(")
    ]


BOMB = b"a: &a [x, x, x, x, x, x, x, x, x]\n" + b"".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n".encode() for n in range(12)
)
"""A billion laughs."""
YAML_SCALARS = st.one_of(
    st.sampled_from(
        ["~", "yes", "1e999", ".nan", "!!binary x", "!!binary aGk=", "&a x", "*a", "|", "0x1", "2020-01-01"]
    ),
    TEXT.map(json.dumps),
    TEXT,
)
YAML_VALUES = st.recursive(
    YAML_SCALARS,
    lambda below: st.one_of(
        st.lists(below, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        mapping(["address", "port", "tags", "meta", "status", "a/", "a"], below),
    ),
    max_leaves=10,
)
SEEDS = mapping(["prefix", "kv", "services"], YAML_VALUES).map(lambda text: text.encode(errors="surrogatepass"))
EXPORTS = st.lists(
    st.one_of(
        JSON,
        st.fixed_dictionaries(
            {"key": TEXT, "value": st.one_of(BYTES.map(lambda raw: base64.b64encode(raw).decode()), JSON)},
            optional={"flags": JSON},
        ),
    ),
    max_size=4,
).map(lambda entries: json.dumps(entries).encode())
PLANS = st.fixed_dictionaries(
    {},
    optional={
        "version": st.one_of(st.just(1), JSON),
        "checksum": st.one_of(st.just("sha256:0"), JSON),
        "selected": st.one_of(st.lists(TEXT, max_size=2), JSON),
        "key_id": st.one_of(st.none(), JSON),
        "targets": st.one_of(st.lists(st.dictionaries(TEXT, JSON, max_size=2), max_size=2), JSON),
    },
).map(lambda plan: json.dumps(plan).encode())
