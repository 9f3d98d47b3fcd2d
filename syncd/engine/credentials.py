"""What syncd itself must keep to itself: tokens, the headers of requests, the key that seals plans."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel, SecretStr

from syncd.engine.statedir import PLAN_KEY_VARIABLE

_FILES = ("token_file", "api_token_file", "key_file", "headers_file", "url_file")
"""Fields that name files with a secret, or map names to such files."""
_SHORTEST = 8
"""Bytes; what is shorter is no real token, and may well be the value of another variable, too."""


class Credentials:
    """The credentials of one configuration. Files are read each time: what they hold changes."""

    def __init__(self, config: BaseModel, base_dir: Path, env: Mapping[str, str], plan_key: Path) -> None:
        self._given: dict[str, bytes] = {}
        self._files: dict[str, Path] = {PLAN_KEY_VARIABLE: plan_key}
        for path, value in _walk(config, ()):
            name = ".".join(path)
            if isinstance(value, SecretStr):
                self._given[name] = value.get_secret_value().encode(errors="surrogateescape")
            elif isinstance(value, str) and any(part in _FILES for part in path[-2:]):
                self._files[name] = base_dir / value
        if PLAN_KEY_VARIABLE in env:
            self._given[PLAN_KEY_VARIABLE] = env[PLAN_KEY_VARIABLE].encode(errors="surrogateescape")

    def values(self) -> dict[str, bytes]:
        """Return what may not be shown, by where the config names it; a file that cannot be read is left out."""
        found = dict(self._given)
        for name, path in self._files.items():
            try:
                found[name] = path.read_bytes()
            except OSError:
                continue
        return {name: value for name, value in found.items() if value}

    def without(self, env: Mapping[str, str]) -> dict[str, str]:
        """Return the environment without the variables that hold one of the credentials which the config gives."""
        secret = {value for value in self._given.values() if len(value) >= _SHORTEST}
        return {
            name: text
            for name, text in env.items()
            if name != PLAN_KEY_VARIABLE and text.encode(errors="surrogateescape") not in secret
        }


def _walk(value: object, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], object]]:
    """Yield every value that is no mapping and no list of values, with the way to it."""
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _walk(getattr(value, name), (*path, name))
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from _walk(one, (*path, str(key)))
    elif isinstance(value, tuple | list):
        for at, one in enumerate(value):
            yield from _walk(one, (*path, str(at)))
    else:
        yield path, value
