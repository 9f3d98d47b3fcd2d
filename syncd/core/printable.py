"""Text for one line of a terminal. Pure."""


def printable(text: str) -> str:
    """Return one line of text with everything that is not printable spelled out, tabs excepted."""
    if text.replace("\t", "").isprintable():
        return text
    return "".join(one if one == "\t" or one.isprintable() else one.encode("unicode_escape").decode() for one in text)
