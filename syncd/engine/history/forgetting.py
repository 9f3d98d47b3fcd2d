"""What rules of now make of contents that were kept under other rules."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from syncd.core.snapshot import Rules
from syncd.engine.journal import Journal

if TYPE_CHECKING:
    from syncd.config.models import Config


def forget_sensitive(journal: Journal, rules: Rules, bare_key: Callable[[str, str], str]) -> None:
    """Forget the contents of targets that hold something sensitive by these rules, whatever their state.

    Args:
        bare_key: takes a target and the key of one of its pairs; gives the key that the rules know.

    Raises:
        StateError: the journal cannot be written.
    """
    journal.forget_sensitive(lambda target, key: rules.is_sensitive(key) or rules.is_sensitive(bare_key(target, key)))


def hide_sensitive(journal: Journal, config: "Config") -> None:
    """Do so to a copy of the journal before anything of it is shown: no pass may have run since the config changed."""

    def bare_key(name: str, key: str) -> str:
        return key.removeprefix(getattr(config.targets.get(name), "key_prefix", ""))

    forget_sensitive(journal, Rules(config.environment, tuple(config.sensitive)), bare_key)
