"""What every way to reload offers."""

from typing import Protocol


class Reload(Protocol):
    """Makes a consumer read its files again."""

    async def run(self) -> None:
        """Reload once.

        Raises:
            ReloadError: it did not work, or took too long.
        """
        ...
