"""Digests of contents."""

import hashlib


def sha256_hex(content: bytes) -> str:
    """Return the SHA-256 of `content`, 64 hex characters."""
    return hashlib.sha256(content).hexdigest()
