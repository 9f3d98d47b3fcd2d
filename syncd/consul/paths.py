"""Which keys, folders and services a URL can name. Pure."""


def addressable(path: str) -> bool:
    """Return True where a URL can name this key, folder or service.

    Consul redirects `//`, `.`, `..` and a leading `/`.
    """
    parts = path.removesuffix("/").split("/") if path else []
    return not any(part in ("", ".", "..") for part in parts) and encodable(path)


def encodable(text: str) -> bool:
    """Return True where a text is UTF-8; JSON in a template may bring in lone surrogates, and no such key exists."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
