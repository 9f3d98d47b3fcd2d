"""Small kinds of targets for the tests of the loader, and shortcuts to load a text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any, Literal

from pydantic import Field, model_validator

from syncd.config.load import Loaded, load
from syncd.core.errors import ConfigError
from syncd.core.fields import ExactKey, KeyGlob, Secret, Strict
from syncd.targets.base import Claim, FileTargetConfig, Raw, Reference, TargetConfig, text


class Var(Strict):
    """The long form of a variable."""

    key: ExactKey
    format: Literal["raw", "csv"] = "raw"


class File(FileTargetConfig):
    """A file with variables; a union whose branches pydantic reports one by one."""

    kind: Literal["file"]
    vars: dict[str, ExactKey | Var] = Field(default_factory=dict)
    template: str | None = None
    extra: dict[str, Any] = Field(default_factory=dict)

    @classmethod
    def references(cls, raw: Raw) -> Iterable[Reference]:
        """Return the reload and the template."""
        yield from super().references(raw)
        if name := text(raw, "template"):
            yield Reference("file", name, "template")


class Pairs(TargetConfig):
    """Pairs behind an API."""

    kind: Literal["pairs"]
    space: str = Field(min_length=1)
    api_token: Secret | None = None
    limit: int = 1
    keys: tuple[KeyGlob, ...] = ()
    key_prefix: str = ""

    @model_validator(mode="after")
    def _no_dev(self) -> Pairs:
        if self.space.startswith("dev"):
            raise ValueError(f"must not write to {self.space}; name another space")
        return self

    @classmethod
    def claims(cls, raw: Raw, base_dir: Path) -> Iterable[Claim]:
        """Return its part of the space."""
        if space := text(raw, "space"):
            yield Claim(("pairs", space), "key_prefix", text(raw, "key_prefix") or "")

    def warnings(self) -> Iterable[tuple[str, str]]:
        """Return that 99 is a lot."""
        if self.limit > 99:
            yield "limit", "is a lot; write less"


KINDS: dict[str, type[TargetConfig]] = {"file": File, "pairs": Pairs}
MINIMUM = "version: 1\nowner: me\ntargets: {}\n"


def write(folder: Path, content: str | bytes) -> Path:
    """Write a config file and return its path."""
    path = folder / "config.yaml"
    path.write_bytes(content if isinstance(content, bytes) else dedent(content).encode())
    return path


def loaded(folder: Path, content: str, environ: Mapping[str, str] | None = None, *, offline: bool = False) -> Loaded:
    """Return what a text holds."""
    return load(write(folder, content), KINDS, environ or {}, offline)


def faults(
    folder: Path, content: str | bytes, environ: Mapping[str, str] | None = None, *, offline: bool = False
) -> list[str]:
    """Return a text's faults as they are printed, the folder left out."""
    try:
        load(write(folder, content), KINDS, environ or {}, offline)
    except ConfigError as error:
        return [line.replace(f"{folder}/", "") for line in str(error).splitlines()]
    return []


def rest(folder: Path, content: str, environ: Mapping[str, str] | None = None) -> list[str]:
    """Return the faults of a text that is put behind version, owner and no targets: without place, by line."""
    return [line.split(": ", 1)[1] for line in faults(folder, MINIMUM + dedent(content), environ)]
