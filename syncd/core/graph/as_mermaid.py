"""A graph as a Mermaid flowchart. Every label is quoted and every id ours, so that no name can break the syntax."""

from collections.abc import Iterator

from syncd.core.graph.as_text import feed_words
from syncd.core.graph.model import Feed, Graph

_SHAPES = {"key": '["{}"]', "glob": '["{}"]', "service": '(["{}"])', "services": '(["{}"])', "template": '[/"{}"/]'}
_PLAIN = set(" -_./:*+,()@→=~")


def document(graph: Graph) -> str:
    """Return the flowchart, from keys on the left to reloads on the right."""
    return "\n".join(_lines(graph)) + "\n"


def _lines(graph: Graph) -> Iterator[str]:
    yield "flowchart LR"
    ids: dict[Feed, str] = {}
    for target in graph.targets:
        for feed in target.feeds:
            if feed not in ids:
                ids[feed] = f"f{len(ids) + 1}"
                yield f"  {ids[feed]}{_SHAPES[feed.kind].format(_label(feed_words(feed)))}"
    for number, target in enumerate(graph.targets, 1):
        what = f" → {target.what}" if target.what else ""
        yield f'  t{number}("{_label(f"{target.target} ({target.kind}){what}")}")'
    reloads = {name: f"r{number}" for number, (name, _) in enumerate(graph.reloads, 1)}
    for name, node in reloads.items():
        yield f'  {node}{{{{"{_label(f"reload {name}")}"}}}}'
    for number, target in enumerate(graph.targets, 1):
        yield from (f"  {ids[feed]} --> t{number}" for feed in target.feeds)
        if target.reload is not None:
            yield f"  t{number} --> {reloads[target.reload]}"


def _label(text: str) -> str:
    """Return a label's text; what Mermaid, Markdown or HTML could take for its own is written as its number."""
    return "".join(one if one.isalnum() or one in _PLAIN else f"#{ord(one)};" for one in text)
