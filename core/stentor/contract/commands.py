"""How a plugin adds commands to the CLI without knowing what the CLI is made of."""

from collections.abc import Callable, Sequence
from typing import Protocol


class Commands(Protocol):
    """The command line as a plugin sees it."""

    def add(self, path: str, handler: Callable[[Sequence[str]], int], *, help: str) -> None:  # noqa: A002 - what every command line calls it
        """Add `stentor PATH …`; `handler` gets the remaining words and returns the exit code."""
        ...
