"""What a secret may look like where it does not belong, and who let it out."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus


def forms(secret: str) -> set[bytes]:
    """Return a secret as it is, escaped and encoded; in base64 also from the middle of three bytes on."""
    raw = secret.encode()
    texts = {secret, quote(secret, safe=""), quote_plus(secret), quote(secret), html.escape(secret)}
    texts |= {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]}
    texts |= {raw.hex(), raw.hex(" ")}
    for before, skipped in enumerate((0, 2, 3)):
        whole = base64.b64encode(b"\0" * before + raw).decode()
        inner = whole[skipped : (before + len(raw)) * 8 // 6]
        texts |= {inner, inner.replace("+", "-").replace("/", "_")}
    return {text.encode() for text in texts}


def spilled(secrets: Mapping[str, str], places: Mapping[str, bytes]) -> list[str]:
    """Return `SECRET in PLACE` for every secret that stands somewhere in some form."""
    return sorted(
        f"{name} in {place}: …{_around(content, form)!r}"
        for name, secret in secrets.items()
        for place, content in places.items()
        for form in forms(secret)
        if form in content
    )


def _around(content: bytes, form: bytes) -> bytes:
    at = content.index(form)
    return content[max(0, at - 40) : at + len(form) + 20]


def files_below(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield every file below a folder with its content."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield str(path.relative_to(folder.parent)), path.read_bytes()
