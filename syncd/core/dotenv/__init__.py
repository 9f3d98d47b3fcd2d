"""Env files in four dialects: how a value is written so that the dialect's own reader gets exactly it. Pure.

One module per dialect, with the reader's rules in its docstring; `docs/env-files.md` says what proved them.
"""

import re
from collections.abc import Mapping
from types import ModuleType
from typing import Literal, get_args

from syncd.core.dotenv import compose, docker, shell, systemd
from syncd.core.dotenv.faults import CannotHold

__all__ = ["DIALECTS", "CannotHold", "Dialect", "encode", "name_fault", "quoted"]

Dialect = Literal["compose", "docker", "shell", "systemd"]

DIALECTS: tuple[Dialect, ...] = get_args(Dialect)

_MODULES: Mapping[Dialect, ModuleType] = {"compose": compose, "docker": docker, "shell": shell, "systemd": systemd}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def quoted(dialect: Dialect, value: str) -> str:
    """Return `value` as it stands after the `=`, quoted only where the dialect needs it.

    Raises:
        CannotHold: the dialect has no way to write it.
    """
    if "\0" in value:
        raise CannotHold("no environment variable can hold a NUL character")
    written: str = _MODULES[dialect].quoted(value)
    return written


def encode(dialect: Dialect, name: str, value: str) -> str:
    """Return the line `NAME=value` without its line break; several lines where the value has line breaks.

    Raises:
        CannotHold: the dialect has no way to write it.
    """
    line = f"{name}={quoted(dialect, value)}"
    if dialect == "docker":
        docker.check_length(line)
    return line


def name_fault(dialect: Dialect, name: str) -> str | None:
    """Return why `name` cannot be a variable in this dialect, None where it can."""
    if not _NAME.fullmatch(name):
        return "is not a variable name; use letters, digits and _, the first one not a digit"
    if dialect == "shell" and shell.SPECIAL.fullmatch(name):
        return "has a meaning of its own to the shell and would not keep its value; choose another name"
    return None
