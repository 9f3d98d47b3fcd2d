"""The last line of defence for words that are not ours: the output of a check may quote a line that holds a secret."""

import base64
import json
from urllib.parse import quote

from syncd.core.snapshot import Snapshot

_SHORTEST_LINE = 8
_SHORTEST = 4
"""Characters; masking every `1` of a text because a secret is `1` would tell more than it hides."""


class Redaction:
    """Replaces the sensitive values of one snapshot in text, also base64- and URL-encoded ones."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def clean(self, text: str) -> str:
        """Return `text` with every sensitive value replaced by `«key»`, the longest first."""
        words: dict[str, str] = {}
        for item in self._snapshot.items.values():
            if item.sensitive:
                for form in _forms(item.value):
                    words[form] = f"«{item.key}»"
        for word in sorted(words, key=len, reverse=True):
            text = text.replace(word, words[word])
        return text


def _forms(value: bytes) -> set[str]:
    """Return what of a sensitive value must not be shown: the whole, its lines, the texts in its JSON, encoded ones."""
    text = value.decode(errors="replace").strip()
    words = {text, *(line for line in text.split("\n") if len(line) >= _SHORTEST_LINE), *_json_texts(text)}
    encoded = {base64.b64encode(value).decode(), *(base64.b64encode(word.encode()).decode() for word in words)}
    return {form for form in words | encoded | {quote(word, safe="") for word in words} if len(form) >= _SHORTEST}


def _json_texts(text: str) -> set[str]:
    if text[:1] not in ("{", "["):
        return set()
    try:
        pending = [json.loads(text)]
    except (ValueError, RecursionError):
        return set()
    found: set[str] = set()
    while pending:
        one = pending.pop()
        if isinstance(one, dict):
            pending += one.values()
        elif isinstance(one, list):
            pending += one
        elif isinstance(one, str):
            found.add(one)
        elif one is not None and not isinstance(one, bool):
            found.add(json.dumps(one))
    return found
