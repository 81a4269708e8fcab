"""Everything through which the outside world reaches the core, replaceable in one place."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from stentor.adapters.aside import Threads
from stentor.adapters.chance import SystemChance
from stentor.adapters.clock import SystemClock
from stentor.adapters.sqlite.store import SqliteStore
from stentor.contract.channel import Connection
from stentor.contract.runners import AgentRunner
from stentor.domain.idents import ident
from stentor.ports import Aside, Chance, Clock, Points, Store

T = TypeVar("T")


class Unwatched:
    """Production reaches its points without anybody looking."""

    def reach(self, name: str) -> None:
        """Nothing happens here."""


def _as_it_is(part: T) -> T:
    return part


def _sqlite(path: Path, points: Points) -> Store:
    return SqliteStore.open(path, points)


@dataclass(frozen=True)
class Seams:
    """The ports of a running product. A simulation replaces them, and wraps stores, connections and runners."""

    clock: Clock = field(default_factory=SystemClock)
    chance: Chance = field(default_factory=SystemChance)
    points: Points = field(default_factory=Unwatched)
    aside: Aside = field(default_factory=Threads)
    open_store: Callable[[Path, Points], Store] = _sqlite
    around_connection: Callable[[Connection], Connection] = _as_it_is
    around_runner: Callable[[AgentRunner], AgentRunner] = _as_it_is

    def new_id(self, kind: str) -> str:
        return ident(kind, self.clock.now_ms(), self.chance.token(10))
