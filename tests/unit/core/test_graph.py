"""The graph as text and as Mermaid: no name breaks it."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from syncd.core.graph.as_mermaid import document
from syncd.core.graph.as_text import lines
from syncd.core.graph.model import Fed, Feed, Graph

LABEL = r'"(?:[^"#;\n<>&`]|#[0-9]+;)*"'
NODE = re.compile(rf"  [ftr][0-9]+(\[{LABEL}\]|\({LABEL}\)|\(\[{LABEL}\]\)|\[/{LABEL}/\]|\{{\{{{LABEL}\}}\}})")
EDGE = re.compile(r"  ([ft][0-9]+) --> ([tr][0-9]+)")


def graph(name: str) -> Graph:
    """Return a graph in which everything is called so."""
    feeds = tuple(Feed(kind, name) for kind in ("key", "glob", "service", "services", "template"))
    target = Fed(name, "template", name, feeds, name, ((name, (name,)),), note=name)
    return Graph("", (target, Fed("other", "env_file", "", feeds[:1])), ((name, "run"),), rendered=True)


@given(st.text())
def test_any_name_makes_a_valid_flowchart(name: str) -> None:
    """Every line is a node with a quoted label or an edge between nodes that are there."""
    first, *rest = document(graph(name)).removesuffix("\n").split("\n")
    assert first == "flowchart LR"
    nodes = {line.strip().split("[", 1)[0].split("(", 1)[0].split("{", 1)[0] for line in rest if NODE.fullmatch(line)}
    edges = [EDGE.fullmatch(line) for line in rest if " --> " in line and not NODE.fullmatch(line)]
    assert len(nodes) == 5 + 2 + 1
    assert len(edges) == 5 + 1 + 1
    assert all(edge and {edge[1], edge[2]} <= nodes for edge in edges)
    assert len(rest) == len(nodes) + len(edges)


def test_a_key_that_several_read_names_them_all() -> None:
    """Keys of a glob count as keys; the reload stands once; a target without one adds none."""
    text = "\n".join(line.text for line in lines(graph("k/a")))
    assert "  k/a → k/a, other; reload k/a" in text
    assert "k/a (1 key)" in text
    assert "   ! k/a" in text or "│  ! k/a" in text
