"""A small model of what a store must say about its jobs: dictionaries, and no idea of how it is done.

All its jobs are beats that fall on half seconds, and everything that happens to them happens on whole ones.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

RUN = frozenset({"run"})
MISSED = frozenset({"missed"})
RUN_OR_MISSED = RUN | MISSED


class Instant(NamedTuple):
    job: str
    at: int


@dataclass
class ModelJob:
    """`since`: everything up to then is accounted for, or owed by nobody."""

    every: int
    policy: str
    grace: int
    name: str
    since: int
    enabled: bool = True
    revision: int = 1
    manual: int = 0

    def instants(self, until: int) -> list[int]:
        """Half seconds: the beat counts from 1970."""
        first = self.since - self.since % self.every + self.every // 2
