"""Words that are not ours lose every form of a sensitive value."""

import base64
import html
import json
from urllib.parse import quote

from syncd.core.model import Item
from syncd.core.snapshot import Snapshot
from syncd.engine.redaction import Redaction


def _redaction(**values: str) -> Redaction:
    return Redaction(
        Snapshot({key: Item(f"secrets/{key}", value.encode(), 1, sensitive=True) for key, value in values.items()})
    )


def test_every_form_of_a_secret_is_replaced() -> None:
    """Plain, base64- and URL-encoded, a line of many, and each text inside a JSON value."""
    secret, part = "p@ss w/rd!", "inner-s3cret"
    many = "first line of key\nsecond line of key"
    clean = _redaction(plain=secret, json=f'{{"a": ["{part}"], "n": 123456}}', many=many).clean
    for form in (secret, base64.b64encode(secret.encode()).decode(), quote(secret, safe="")):
        assert clean(f"x {form} y") == "x «secrets/plain» y"
    for form in (part, base64.b64encode(part.encode()).decode(), "123456"):
        assert clean(f"unknown directive {form}") == "unknown directive «secrets/json»"
    assert clean("near second line of key!") == "near «secrets/many»!"


def test_what_is_too_short_to_hide_is_left() -> None:
    """Masking every `1` of a text would tell more than it hides."""
    assert _redaction(short="1").clean("line 1") == "line 1"


def test_other_encodings_and_parts_are_replaced() -> None:
    """JSON escapes, HTML, hexadecimal digits, base64 from the middle of three bytes, a URL's password, credentials."""
    secret = 'a"b<c>\\d+é-s3cret'
    credentials = {"consul.token": b"t0ken-of-ours"}
    items = {"s": Item("secrets/s", secret.encode(), 1, sensitive=True)}
    items["u"] = Item("secrets/u", b"postgres://app:in-a-url@db/app", 1, sensitive=True)
    clean = Redaction(Snapshot(items), lambda: credentials).clean
    for said in (json.dumps(secret), html.escape(secret), secret.encode().hex()):
        assert "s3cret" not in clean(said)
        assert "«secrets/s»" in clean(said)
    for before in ("", "x", "xy"):
        assert "«secrets/s»" in clean(base64.b64encode(f"{before}{secret} after".encode()).decode())
    assert clean("password in-a-url refused") == "password «secrets/u» refused"
    assert clean("X-Consul-Token: t0ken-of-ours") == "X-Consul-Token: «consul.token»"
