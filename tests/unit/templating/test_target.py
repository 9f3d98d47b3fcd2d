"""The template target: from a snapshot to one file, masked where it holds what is sensitive."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from syncd.core.model import Desired, Need, ServiceUse
from syncd.core.snapshot import NeedMore, Snapshot, View
from syncd.targets.base import Context, Reference
from syncd.targets.template import KIND, TemplateConfig, TemplateTarget
from tests.unit.templating.rendering import instance, snapshot


def target(source: str, files: Mapping[str, str] | None = None, **config: Any) -> TemplateTarget:
    """Return a target whose template is `t.j2` beside the config."""
    texts = {"t.j2": source, **(files or {})}
    context = Context("blog", Path(), texts.get, {"HOME": "/home/x"})
    given = {"kind": "template", "path": "out/x.conf", "template": "t.j2", **config}
    return TemplateTarget("x", TemplateConfig.model_validate(given), context)


def desired(one: TemplateTarget, snap: Snapshot | None = None) -> Desired:
    """Return what it wants."""
    snap = snapshot() if snap is None else snap
    return one.desired(View(snap), View(snap, mask=True))


def test_one_file_as_rendered() -> None:
    """Path, bytes, digest, mode 0644, origins, and the templates it was made from."""
    source = "{{ key('config/env') }} {{ v }} {{ env('HOME') }}\n{% include 'p.j2' %}"
    found = desired(target(source, {"p.j2": "p\n"}, vars={"v": [1, {"a": None}]}))
    entry = found.entries["out/x.conf"]
    assert entry.content == b"production [1, {'a': None}] /home/x\np\n"
    assert entry.digest == hashlib.sha256(entry.content).hexdigest()
    assert (entry.mode, entry.sensitive, entry.owner) == (0o644, False, None)
    assert [(item.key, item.modify_index) for item in entry.origins] == [("config/env", 7)]
    digests = {
        name: hashlib.sha256(text.encode()).hexdigest() for name, text in {"t.j2": source, "p.j2": "p\n"}.items()
    }
    assert found.templates == digests
    assert (found.masked, found.error, found.missing) == (None, None, ())


def test_sensitive_file_is_masked_and_private() -> None:
    """A file that read a sensitive value is 0600 and shown from a second rendering, encodings included."""
    found = desired(target("a {{ key('secrets/db') }} {{ key('secrets/db') | b64encode }}"))
    entry = found.entries["out/x.conf"]
    assert (entry.mode, entry.sensitive) == (0o600, True)
    assert entry.content == b"a s3cr3t czNjcjN0"
    assert found.masked is not None
    assert found.masked.startswith("a «secrets/db» ")
    assert "czNjcjN0" not in found.masked


def test_masked_is_none_where_it_cannot_be_made() -> None:
    """A filter that refuses the mask leaves the file without a text to show, and still rendered."""
    found = desired(target("{{ (key('secrets/j') | fromjson).a }}"), snapshot({"secrets/j": b'{"a": 1}'}))
    assert found.entries["out/x.conf"].content == b"1"
    assert found.masked is None


def test_a_key_named_by_a_secret_asks_for_nothing_new() -> None:
    """The masked rendering may look for keys that nobody has; that is no need."""
    keys = {"secrets/which": b"a", "x/a": b"1"}
    covers = frozenset([Need("key", "secrets/which"), Need("key", "x/a")])
    found = desired(target("{{ key('x/' ~ key('secrets/which')) }}"), snapshot(keys, covers=covers))
    assert found.entries["out/x.conf"].content == b"1"
    assert found.masked is None


@pytest.mark.parametrize(("mode", "wanted"), [("0640", 0o640), (None, 0o600)])
def test_mode_of_the_config_wins(mode: str | None, wanted: int) -> None:
    """A mode that was written out is kept for sensitive files too."""
    assert desired(target("{{ key('secrets/db') }}", mode=mode)).entries["out/x.conf"].mode == wanted


def test_missing_key_is_an_error_with_its_line() -> None:
    """No entry, the key in `missing`, the reason in `error`, and the templates still known (to be watched)."""
    found = desired(target("\n{{ key('services/foo/url') }}"))
    assert found.error == "t.j2:2: key 'services/foo/url' has no value"
    assert (found.missing, found.entries, list(found.templates)) == (("services/foo/url",), {}, ["t.j2"])


def test_services_are_told() -> None:
    """What the catalog answered is part of what is wanted."""
    snap = snapshot(services={"web": (instance("web", 1),)})
    assert desired(target("{{ service('web') | length }}"), snap).services == (ServiceUse("web", 1),)


def test_needs_and_need_more() -> None:
    """Constant names are needed at once, computed ones are asked for."""
    one = target("{{ key('a') }}{{ key('b' ~ 1) }}")
    assert one.needs() == {Need("key", "a")}
    with pytest.raises(NeedMore) as raised:
        desired(one, Snapshot(covers=frozenset([Need("key", "b2")])))
    assert raised.value.needs == {Need("key", "a"), Need("key", "b1")}


def test_an_edited_template_is_used() -> None:
    """Templates are compiled once per text: an edit of the file or an include is seen at once."""
    texts = {"t.j2": "1{% include 'p.j2' %}", "p.j2": "2"}
    given = {"kind": "template", "path": "x", "template": "t.j2"}
    one = TemplateTarget("x", TemplateConfig.model_validate(given), Context("o", Path(), texts.get, {}))
    seen = [desired(one).entries["x"].content]
    texts["p.j2"] = "3"
    seen.append(desired(one).entries["x"].content)
    texts["t.j2"] = "4"
    seen.append(desired(one).entries["x"].content)
    assert seen == [b"12", b"13", b"4"]


def test_mask_of_what_is_there() -> None:
    """A present file is shown where the wanted one holds nothing sensitive and can be rendered."""
    plain, secret, broken = target("x"), target("{{ key('secrets/db') }}"), target("{{ nope }}")
    assert plain.mask(b"old", desired(plain), was_sensitive=False) == "old"
    assert plain.mask(b"\xff", desired(plain), was_sensitive=False) is None
    assert secret.mask(b"old", desired(secret), was_sensitive=False) is None
    assert broken.mask(b"old", desired(broken), was_sensitive=False) is None
    assert plain.owner_of(b"x") is None


@pytest.mark.parametrize("name", ["key", "env", "fail", "range", "loop", "true", "a-b", "1a", "_x", ""])
def test_vars_cannot_take_a_name(name: str) -> None:
    """A var that would hide a function, or that no template can name, is a fault of the configuration."""
    with pytest.raises(ValidationError, match=f"has '{name}'"):
        target("", vars={name: 1})


def test_config_names_its_template() -> None:
    """The loader hears of the template, beside the reload, so that a missing file is a fault with its line."""
    raw = {"template": "t.j2", "reload": "nginx"}
    assert set(TemplateConfig.references(raw)) == {
        Reference("reload", "nginx", "reload"),
        Reference("file", "t.j2", "template"),
    }
    assert KIND.config is TemplateConfig


def test_check_gives_faults_of_the_configuration() -> None:
    """`syncd check` gets what is wrong with a template, with file and line."""
    assert [str(fault) for fault in target("\n{% if %}").check()] == [
        "t.j2:2:1: syntax: Expected an expression, got 'end of statement block'"
    ]
