"""The config of a target, and that it costs no SDK."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.unit.cloudflare import kit

FULL = {"kind": "cloudflare_kv", "account_id": "acc", "namespace_id": "ns", "keys": ["a"]}


def test_defaults() -> None:
    """Contract.md's defaults."""
    settings = kit.config(keys=["a"])
    assert (settings.base_url, settings.key_prefix, settings.policy, settings.allow_sensitive, settings.adopt) == (
        "https://api.cloudflare.com/client/v4",
        "",
        "sync",
        False,
        False,
    )


@pytest.mark.parametrize(
    ("fields", "where", "words"),
    [
        ({}, "api_token_file", "is missing, and so is api_token"),
        ({"api_token": ""}, "api_token_file", "is missing, and so is api_token"),
        ({"api_token": "t", "api_token_file": "f"}, "api_token_file", "stands beside api_token"),
        ({"api_token": "t", "keys": []}, "keys", "at least 1"),
        ({"api_token": "t", "keys": ["/a"]}, "keys", "is not a key"),
        ({"api_token": "t", "account_id": ""}, "account_id", "at least 1"),
        ({"api_token": "t", "policy": "mirror"}, "policy", "upsert-only"),
        ({"api_token": "t", "base_url": "ftp://x"}, "base_url", "is not a base URL"),
        ({"api_token": "t", "base_url": "https://"}, "base_url", "is not a base URL"),
        ({"api_token": "t", "base_url": "https://[x"}, "base_url", "is not a base URL"),
        ({"api_token": "t", "base_url": "https://u:pw@host"}, "base_url", "holds a user name or password"),
        ({"api_token": "t", "colour": "red"}, "colour", "Extra"),
    ],
)
def test_faults_are_at_their_field(fields: dict[str, Any], where: str, words: str) -> None:
    """Each fault has the field it is to be mended at."""
    with pytest.raises(ValidationError) as caught:
        kit.Config.model_validate({**FULL, **fields})
    (fault,) = caught.value.errors()
    assert fault["loc"][0] == where
    assert words in fault["msg"]


def test_no_token_in_any_text_of_the_config() -> None:
    """A config can be printed."""
    settings = kit.config()
    assert "t0ken" not in repr(settings) + str(settings) + settings.model_dump_json()


@pytest.mark.parametrize(
    ("url", "warned"),
    [
        ("https://api.cloudflare.com/client/v4", False),
        ("http://127.0.0.1:8787/client/v4/", False),
        ("http://[::1]:8787", False),
        ("http://localhost", False),
        ("http://kv.internal/v4", True),
        ("http://10.0.0.1", True),
    ],
)
def test_http_is_warned_of_unless_loopback(url: str, warned: bool) -> None:
    """The token travels in the clear over http."""
    assert bool(list(kit.config(base_url=url).warnings())) is warned


def test_claims_its_part_of_the_namespace() -> None:
    """Two targets on one namespace collide where one's key_prefix starts the other's."""
    (claim,) = kit.Config.claims({**FULL, "key_prefix": "p/"}, Path())
    assert (claim.space, claim.prefix, claim.field) == (("cloudflare_kv", "acc", "ns"), "p/", "key_prefix")
    assert list(kit.Config.claims({"account_id": None}, Path())) == []


def test_kind_needs_no_sdk() -> None:
    """Config and target are made without the SDK, which costs 0.1 s and 30 MiB."""
    code = f"""
import sys
from pathlib import Path
from syncd.targets.base import Context
from syncd.targets.cloudflare_kv import KIND
config = KIND.config.model_validate({ {**FULL, "api_token": "t"}!r})
KIND.make("edge", config, Context("o", Path(), lambda _: None, {{}}))
print(*{{"cloudflare", "httpx"}} & set(sys.modules))
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ran.stdout.strip(), ran.stderr) == ("", "")
