r"""The compose dialect: `env_file:` and `.env` of Docker Compose, read by compose-go's fork of godotenv.

The reader: a bare value ends at the line break or at ` #`, loses white space at both ends, and has `$NAME` replaced.
In single quotes all is literal, line breaks too; a backslash before the closing quote would escape it. In double
quotes `\n`, `\r`, `\\`, `\"` and `\$` are escapes.
"""

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "$": r"\$", "\n": r"\n", "\r": r"\r"})


def quoted(value: str) -> str:
    """Return `value` bare where that is safe, else in single quotes, else in double quotes."""
    if value == value.strip() and not value.startswith(("'", '"')) and not any(mark in value for mark in "$#\n\r"):
        return value
    # A carriage return survives in single quotes, but not every editor and checkout on the way.
    if "'" not in value and "\r" not in value and not value.endswith("\\"):
        return f"'{value}'"
    return f'"{value.translate(_ESCAPES)}"'
