"""syncd's own filters: data formats, encodings, digests, addresses. Pure functions of their arguments.

A wrong value raises Refusal in words that follow the filter's name, such as `fromjson: is not JSON`.
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn
from urllib.parse import urlsplit

import tomli_w
import yaml

from syncd.core.dotenv import DIALECTS, CannotHold, quoted
from syncd.core.templating.errors import Refusal
from syncd.core.templating.meter import VALUE_MAX_BYTES
from syncd.core.templating.values import kind_of

_INDENT_MAX = 16
_REPLACEMENT_MAX = 10_000
_PORTS = {
    "amqp": 5672,
    "amqps": 5671,
    "ftp": 21,
    "http": 80,
    "https": 443,
    "ldap": 389,
    "ldaps": 636,
    "mongodb": 27017,
    "mysql": 3306,
    "nats": 4222,
    "postgres": 5432,
    "postgresql": 5432,
    "redis": 6379,
    "rediss": 6379,
    "smtp": 25,
    "ws": 80,
    "wss": 443,
}
_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9a-fA-F:.]+:[0-9a-fA-F:.]*")


def fromjson(value: Any) -> Any:
    """Return the data that JSON text holds."""
    try:
        return json.loads(_text(value), parse_constant=_not_json)
    except RecursionError:
        raise Refusal("the JSON is nested too deeply") from None
    except ValueError:
        raise Refusal("is not JSON") from None


def tojson(value: Any, indent: int | None = None) -> str:
    """Return data as plain JSON: no HTML escaping, members in their order, other scripts as they are."""
    if indent is not None and not 0 <= indent <= _INDENT_MAX:
        raise Refusal(f"the indent is not between 0 and {_INDENT_MAX}")
    try:
        return json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError):
        raise Refusal("holds something that JSON has no form for, such as bytes") from None


def toyaml(value: Any) -> str:
    """Return data as YAML in block style, without a line break at its end."""
    try:
        text = yaml.dump(
            value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=1_000_000
        )
    except yaml.YAMLError:
        raise Refusal("holds something that YAML has no form for") from None
    return text.removesuffix("...\n").removesuffix("\n")


def totoml(value: Any) -> str:
    """Return a map as a TOML document, without a line break at its end."""
    if not isinstance(value, Mapping):
        raise Refusal(f"a TOML document is a map, not {kind_of(value)}")
    try:
        return tomli_w.dumps(value).removesuffix("\n")
    except (TypeError, ValueError):
        raise Refusal("holds something that TOML has no form for, such as none") from None


def b64encode(value: Any) -> str:
    """Return text (as UTF-8) or bytes as base64."""
    return base64.b64encode(_bytes(value)).decode()


def b64decode(value: Any) -> str:
    """Return the text that base64 holds."""
    try:
        return base64.b64decode(_bytes(value), validate=True).decode()
    except binascii.Error:
        raise Refusal("is not base64") from None
    except UnicodeDecodeError:
        raise Refusal("what the base64 holds is not UTF-8 text") from None


def sha256(value: Any) -> str:
    """Return the SHA-256 of text (as UTF-8) or bytes, 64 hex characters."""
    return hashlib.sha256(_bytes(value)).hexdigest()


def regex_replace(value: Any, pattern: str, replacement: str = "", count: int = 0) -> str:
    r"""Return the text with what matches a Python regular expression replaced; `\1` stands for a group.

    Args:
        count: replace the first ones only; 0 for all.
    """
    if len(replacement) > _REPLACEMENT_MAX:
        raise Refusal(f"the replacement is longer than {_REPLACEMENT_MAX:,} characters")
    try:
        compiled = re.compile(pattern)
    except (re.error, OverflowError):
        raise Refusal("is not given a regular expression that Python knows") from None
    size = 0

    def put(found: re.Match[str]) -> str:
        nonlocal size
        new = found.expand(replacement)
        size += len(new)
        if size > VALUE_MAX_BYTES:
            raise Refusal("makes a text that is too large")
        return new

    try:
        return compiled.sub(put, _text(value), count=count)
    except (re.error, IndexError):
        raise Refusal("the replacement names a group that the regular expression has not") from None


def hostport(value: Any) -> str:
    """Return `host:port` of a URL, with the default port of its scheme; brackets around an IPv6 address.

    `host:port` without a scheme is returned as it is.
    """
    text = _text(value).strip()
    try:
        parts = urlsplit(text if "//" in text else f"//{text}")
        host, port = parts.hostname or "", parts.port if parts.port is not None else _PORTS.get(parts.scheme)
    except ValueError:
        raise Refusal("is not a URL") from None
    if not _HOST.fullmatch(host):
        raise Refusal("has no host name or address")
    if not port:
        raise Refusal("has no port, and no scheme whose default port is known")
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def envquote(value: Any, dialect: str = "compose") -> str:
    """Return text as it stands after `NAME=` in an env file of a dialect, quoted where that is needed."""
    if dialect not in DIALECTS:
        raise Refusal(f"the dialect is not one of {', '.join(DIALECTS)}")
    try:
        return quoted(dialect, _text(value))
    except CannotHold as error:
        raise Refusal(str(error)) from None


OWN: Mapping[str, Callable[..., Any]] = {
    "fromjson": fromjson,
    "tojson": tojson,
    "toyaml": toyaml,
    "totoml": totoml,
    "b64encode": b64encode,
    "b64decode": b64decode,
    "sha256": sha256,
    "regex_replace": regex_replace,
    "hostport": hostport,
    "envquote": envquote,
}


class _Dumper(yaml.SafeDumper):
    """Writes a value that occurs twice twice, instead of by an anchor."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Refusal(f"takes text, not {kind_of(value)}")
    return value


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    try:
        return _text(value).encode()
    except UnicodeEncodeError:
        raise Refusal("is not Unicode text") from None


def _not_json(constant: str) -> NoReturn:
    raise ValueError
