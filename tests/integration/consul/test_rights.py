"""Partial rights on a real Consul with default deny: hidden is not missing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from syncd.core.errors import SourceDenied
from syncd.core.model import Need, Presence
from syncd.core.snapshot import HiddenKey, NeedMore, View
from tests.integration.consul.kit import folders, keys, opened, values
from tests.support import binaries
from tests.support.consul import ConsulOptions, ConsulServer

SEEDED = ("config/a", "config/b", "secrets/x", "secrets/y", "env/p/config/a", "env/p/secrets/x")
CONFIG_ONLY = 'key_prefix "b/config/" { policy = "read" }'


class ListPolicyServer(ConsulServer):
    """A Consul whose folders are denied as a whole to a token without the `list` right (`enable_key_list_policy`)."""

    def _config(self) -> dict[str, Any]:
        config = super()._config()
        config["acl"]["enable_key_list_policy"] = True
        return config


def started(kind: type[ConsulServer]) -> Iterator[ConsulServer]:
    """Give a started server with ACLs and the seeded keys."""
    server = kind(binaries.consul_bin(), ConsulOptions(acl=True))
    try:
        server.start().put_many({"b/" + key: key for key in SEEDED})
        yield server
    finally:
        server.close()


@pytest.fixture(scope="module")
def server() -> Iterator[ConsulServer]:
    """A Consul with ACLs; no test writes to it."""
    yield from started(ConsulServer)


@pytest.fixture(scope="module")
def list_server() -> Iterator[ConsulServer]:
    """The same with the list policy."""
    yield from started(ListPolicyServer)


async def test_a_hidden_key_is_not_a_missing_one(server: ConsulServer) -> None:
    """Alone in its folder or with others, where the folder's listing just leaves it out."""
    async with opened(server, "b/", token=server.token_for(CONFIG_ONLY)) as source:
        for asked in (
            keys("config/a", "config/none", "secrets/x"),
            keys("config/a", "config/none", "secrets/x", "secrets/y"),
        ):
            view = View(await source.read(asked))
            assert view.item("config/a") is not None
            assert view.item("config/none") is None
            with pytest.raises(HiddenKey, match="secrets/x"):
                view.item("secrets/x")


async def test_many_keys_at_once_keep_hidden_and_missing_apart(server: ConsulServer) -> None:
    """Keys that are alone in their folders are read in transactions; what those do not show is asked for singly."""
    missing = [f"config/{number}/none" for number in range(100)]
    async with opened(server, "b/", token=server.token_for(CONFIG_ONLY)) as source:
        snapshot = await source.read(keys("config/a", "secrets/x", "elsewhere/z", *missing))
    assert values(snapshot) == {"config/a": b"config/a"}
    assert snapshot.hidden == {"secrets/x", "elsewhere/z"}
    assert all(snapshot.proves(key) for key in missing)
    async with opened(server, "b/", token=server.token) as source:
        assert len((await source.read(keys(*SEEDED, *missing))).items) == len(SEEDED)


async def test_one_hidden_key_in_a_readable_folder(server: ConsulServer) -> None:
    """The policy that blog stacks use: read a prefix, deny one key in it."""
    token = server.token_for('key_prefix "b/" { policy = "read" } key "b/config/b" { policy = "deny" }')
    async with opened(server, "b/", token=token) as source:
        snapshot = await source.read(keys("config/a", "config/b") | folders("config/"))
    assert values(snapshot) == {"config/a": b"config/a"}
    assert snapshot.hidden == {"config/b"}


async def test_confirm_tells_gone_from_hidden(server: ConsulServer) -> None:
    """In bulk, and singly where the bulk proves nothing."""
    async with opened(server, "b/", token=server.token_for(CONFIG_ONLY)) as source:
        assert await source.confirm(["config/a", "config/none", "secrets/x"]) == {
            "config/a": Presence.PRESENT,
            "config/none": Presence.GONE,
            "secrets/x": Presence.HIDDEN,
        }


async def test_a_hidden_overlay_hides_the_key(server: ConsulServer) -> None:
    """The value below it would be the wrong one; a key without an overlay value is not touched by that."""
    rules = CONFIG_ONLY + ' key_prefix "b/secrets/" { policy = "read" }'
    async with opened(server, "b/", environment="p", token=server.token_for(rules)) as source:
        snapshot = await source.read(keys("config/a", "config/b", "secrets/y", "secrets/none"))
        view = View(snapshot)
        assert set(values(snapshot)) == {"config/b", "secrets/x", "secrets/y"}
        assert snapshot.hidden == {"config/a"}
        assert view.item("secrets/none") is None
        with pytest.raises(NeedMore) as signal:  # listed with its folder, its overlay not looked for
            view.item("secrets/x")
        assert (await source.read(signal.value.needs, snapshot)).hidden == {"config/a", "secrets/x"}


async def test_a_hidden_base_below_a_visible_overlay_does_not_matter(server: ConsulServer) -> None:
    """The overlay's value is the one that counts."""
    token = server.token_for('key_prefix "b/env/p/" { policy = "read" }')
    async with opened(server, "b/", environment="p", token=token) as source:
        snapshot = await source.read(keys("config/a", "secrets/x"))
    assert values(snapshot) == {"env/p/config/a": b"env/p/config/a", "env/p/secrets/x": b"env/p/secrets/x"}


@pytest.mark.parametrize("environment", [None, "p"])
async def test_a_token_that_sees_nothing(server: ConsulServer, environment: str | None) -> None:
    """All needed keys hidden is a refusal as a whole, which says what to grant."""
    async with opened(server, "b/", environment=environment, token=server.token_for("")) as source:
        with pytest.raises(
            SourceDenied, match=r'hides every needed key .*b/config/a.*grant its policy: key_prefix "b/"'
        ):
            await source.read(keys("config/a", "secrets/x", "secrets/none") | folders("config/"))


@pytest.mark.parametrize("needs", [keys("config/a"), folders("config/"), frozenset({Need("service", "web")})])
async def test_an_unknown_token(server: ConsulServer, needs: frozenset[Need]) -> None:
    """It is refused at once, whatever is read, and the message does not show it."""
    async with opened(server, "b/", token="no-such-token") as source:
        with pytest.raises(SourceDenied, match="does not know the token") as caught:
            await source.read(needs)
        assert await source.confirm(["config/a"]) == {"config/a": Presence.HIDDEN}
    assert "no-such-token" not in str(caught.value)


async def test_services_without_rights_are_none(server: ConsulServer) -> None:
    """As for an unknown name."""
    async with opened(server, token=server.token_for("")) as source:
        snapshot = await source.read(frozenset({Need("service", "consul"), Need("catalog")}))
    assert snapshot.services == {"consul": ()}
    assert View(snapshot).catalog() == {}


async def test_a_folder_that_may_not_be_listed(list_server: ConsulServer) -> None:
    """Its exact keys are read singly; a glob over it is hidden; a folder below that may be listed still is."""
    rules = CONFIG_ONLY + ' key_prefix "b/config/sub/" { policy = "list" }'
    list_server.put("b/config/sub/z", "z")
    async with opened(list_server, "b/", token=list_server.token_for(rules)) as source:
        snapshot = await source.read(keys("config/a", "config/b", "config/none") | folders("config/", "config/sub/"))
        again = await source.read(folders("config/"), snapshot)
    view = View(again)
    assert values(again) == {"config/a": b"config/a", "config/b": b"config/b", "config/sub/z": b"z"}
    assert view.item("config/none") is None
    assert list(view.glob("config/sub/*")) == ["config/sub/z"]
    with pytest.raises(HiddenKey, match="config/"):
        view.glob("config/*")


async def test_an_overlay_that_may_not_be_listed(list_server: ConsulServer) -> None:
    """Every glob is hidden then, for its values may not be the right ones; exact keys are proved one by one."""
    rules = 'key_prefix "b/config/" { policy = "list" } key "b/env/p/config/a" { policy = "read" }'
    async with opened(list_server, "b/", environment="p", token=list_server.token_for(rules)) as source:
        first = await source.read(folders("config/"))
        snapshot = await source.read(keys("config/a", "config/b"), first)
    assert values(snapshot)["env/p/config/a"] == b"env/p/config/a"
    with pytest.raises(HiddenKey):
        View(snapshot).glob("config/*")


async def test_a_token_file_that_is_replaced(server: ConsulServer, tmp_path: Path) -> None:
    """The next read uses the new one."""
    file = tmp_path / "token"
    file.write_text(server.token_for(CONFIG_ONLY) + "\n")
    async with opened(server, "b/", token_file=file) as source:
        assert await source.confirm(["secrets/x"]) == {"secrets/x": Presence.HIDDEN}
        file.with_suffix(".new").write_text(server.token + "\n")
        file.with_suffix(".new").replace(file)
        assert await source.confirm(["secrets/x"]) == {"secrets/x": Presence.PRESENT}
