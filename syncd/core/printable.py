"""Text for one line of a terminal. Pure."""

_LONGEST = 500


def printable(text: str) -> str:
    """Return one line of text with everything that is not printable spelled out, tabs excepted."""
    if text.replace("\t", "").isprintable():
        return text
    return "".join(one if one == "\t" or one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def one_line(text: str) -> str:
    """Return what somebody wrote as one line of no more than 500 characters, fit for a terminal."""
    return printable(" ".join(text.split()))[:_LONGEST]
