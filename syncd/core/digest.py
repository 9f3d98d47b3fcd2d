"""Digests of contents."""

import hashlib
from collections.abc import Iterable


def sha256_hex(content: bytes) -> str:
    """Return the SHA-256 of `content`, 64 hex characters."""
    return hashlib.sha256(content).hexdigest()


def group_digest(files: Iterable[tuple[str, str]]) -> str:
    """Return one digest for the files of a group, each given as (name without folder, SHA-256 of its content).

    It is what a consumer gets from `sha256sum FILES | sed 's| .*/|  |' | LC_ALL=C sort | sha256sum`.
    """
    lines = sorted(f"{digest}  {name}\n".encode() for name, digest in files)
    return sha256_hex(b"".join(lines))
