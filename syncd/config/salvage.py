"""What a config file says of its state dir though it cannot be loaded: a daemon goes on with what it loaded before."""

import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from syncd.config.compose import compose
from syncd.config.expand import Expansion
from syncd.config.models import Config
from syncd.config.nodes import Scalar, find
from syncd.core.errors import ConfigError

_LINE = re.compile(rb"^state_dir:[ \t]+\S.*$", re.MULTILINE)


def state_dir(path: Path, environ: Mapping[str, str]) -> Path:
    """Return the state dir that a config file names, absolute; the default where it does not, or cannot be read.

    Of a file that is no YAML the line counts that begins with `state_dir:`.
    """
    try:
        data = path.read_bytes()
    except OSError:
        data = b""
    named = str(Config.model_fields["state_dir"].default)
    for text in (*_LINE.findall(data)[:1], data):
        with suppress(ConfigError):
            found = find(Expansion(str(path), environ).tree(compose(str(path), text)), ("state_dir",))
            if isinstance(found, Scalar) and isinstance(found.value, str) and not found.unknown:
                named = found.value
    return path.absolute().parent / named
