"""The last line of defence for words that are not ours: the output of a check may quote a line that holds a secret."""

import base64
from urllib.parse import quote

from syncd.core.snapshot import Snapshot

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
    text = value.decode(errors="replace").strip()
    whole = {text, quote(text, safe=""), base64.b64encode(value).decode()}
    return {form for form in whole if len(form) >= _SHORTEST} | {line for line in text.split("\n") if len(line) >= 8}
