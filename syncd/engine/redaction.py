"""The last line of defence for words that are not ours: the output of a check may quote a line that holds a secret."""

import base64
import html
import json
import re
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import quote, quote_plus

from syncd.core.snapshot import Snapshot

_SHORTEST_LINE = 8
_SHORTEST_ENCODED = 8
_SHORTEST = 4
"""Characters; masking every `1` of a text because a secret is `1` would tell more than it hides."""
_USER_PART = re.compile(r"://[^/\s:@]*:([^@\s/]+)@")


class Redaction:
    """Replaces the sensitive values of one snapshot, and credentials, in text; encoded and escaped ones, too."""

    def __init__(self, snapshot: Snapshot, credentials: Callable[[], Mapping[str, bytes]] = dict) -> None:
        """Make it; `credentials` is asked only where there is something to clean."""
        self._snapshot = snapshot
        self._credentials = credentials

    def clean(self, text: str) -> str:
        """Return `text` with every sensitive value replaced by `«key»`, the longest first."""
        words: dict[str, str] = {}
        for name, value in self._values():
            words.update(dict.fromkeys(_forms(value), f"«{name}»"))
        for word in sorted(words, key=len, reverse=True):
            text = text.replace(word, words[word])
        return text

    def _values(self) -> Iterable[tuple[str, bytes]]:
        yield from self._credentials().items()
        for item in self._snapshot.items.values():
            if item.sensitive:
                yield item.key, item.value


def _forms(value: bytes) -> set[str]:
    """Return what of a sensitive value must not be shown: the whole, its lines and parts, all of them encoded, too."""
    text = value.decode(errors="replace").strip()
    words = {text, *_parts(text), *_json_texts(text)}
    forms = {form for word in words for form in _escaped(word)}
    encoded = {form for raw in (value, *(word.encode(errors="replace") for word in words)) for form in _encoded(raw)}
    return {one for one in forms if len(one) >= _SHORTEST} | {one for one in encoded if len(one) >= _SHORTEST_ENCODED}


def _parts(text: str) -> set[str]:
    """Return the lines of a text, what stands behind the `=` of each, and the password of a URL."""
    lines = {line.strip() for line in text.split("\n")}
    found = lines | {line.partition("=")[2].strip("\"' ") for line in lines}
    return {one for one in found if len(one) >= _SHORTEST_LINE} | set(_USER_PART.findall(text))


def _escaped(word: str) -> set[str]:
    escaped = {json.dumps(word)[1:-1], json.dumps(word, ensure_ascii=False)[1:-1], html.escape(word)}
    return {word, *escaped, quote(word, safe="", errors="replace"), quote_plus(word, errors="replace"), quote(word)}


def _encoded(value: bytes) -> set[str]:
    """Return a value in base64, also where it begins in the middle of three bytes, and in hexadecimal digits."""
    found = {base64.b64encode(value).decode()}
    for before, skipped in enumerate((0, 2, 3)):
        whole = base64.b64encode(b"\0" * before + value).decode()
        found.add(whole[skipped : (before + len(value)) * 8 // 6])  # what bytes behind it cannot change
    return found | {one.replace("+", "-").replace("/", "_") for one in found} | {value.hex(), value.hex(" ")}


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
