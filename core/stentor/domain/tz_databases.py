"""Time zone databases: which of those present is used. Governments change their clocks; only a newer release knows."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Source = Literal["host", "package", "PYTHONTZPATH"]
UNKNOWN = "unknown"
_RELEASE = re.compile(r"\b\d{4}[a-z]{1,2}\b", re.ASCII)


@dataclass(frozen=True, slots=True)
class TzDatabase:
    """`version` is the release, such as 2026f, or `unknown`; `path` are the folders searched for a zone, in order."""

    version: str
    source: Source
    path: tuple[str, ...]

    def __str__(self) -> str:
        known = () if self.source == "package" else self.path
        return f"{self.version} ({' '.join((self.source, *known))})"


def release_in(text: str) -> str:
    """The release that a database's own note names."""
    found = _RELEASE.search(text)
    return found[0] if found else UNKNOWN


def newest(present: Iterable[TzDatabase]) -> TzDatabase | None:
    """Of equals the first. One that does not say its release gives way to any that does."""
    return max(present, key=_rank, default=None)


def _rank(database: TzDatabase) -> str:
    # After z comes za, so releases are ordered like text.
    return "" if database.version == UNKNOWN else database.version
