"""What the turn of the main session that is under way has been told of: so it is known who answers an event."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from stentor.domain.happenings import Happening
from stentor.domain.heartbeats import MOST_EVENTS
from stentor.domain.records import RunEnd, RunSeed
from stentor.domain.states import RunStatus


@dataclass
class Hearing:
    """Turns there go on one after the other, so at most one is under way.

    While somebody holds the `lock`, no turn looks for events: one that has begun and has not looked yet will find those
    that are there now.
    """

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _run: RunSeed | None = None
    # None for as long as it has not looked.
    _told: frozenset[tuple[str, int]] | None = None
    # The last one that ended well: what is not open any more was answered by it.
    _last: RunSeed | None = None

    async def tell(
        self, run: RunSeed, look: Callable[[], Awaitable[Sequence[Happening]]]
    ) -> tuple[Sequence[Happening], int]:
        """The events that a turn is to be told of, the oldest first, and how many are left for the next one."""
        self._run, self._told = run, None
        try:
            async with self.lock:
                events = await look()
        except BaseException:
            self._run = None
            raise
        told = events[:MOST_EVENTS]
        self._told = frozenset(event.place for event in told)
        return told, len(events) - len(told)

    @property
    def about_to_look(self) -> RunSeed | None:
        """The run that will be told of all that has happened by now, if one has begun."""
        return self._run if self._told is None else None

    def answering(self, events: Sequence[Happening]) -> RunSeed | None:
        """The run that answers all these, which are open. Where none are any more, the one that has answered them."""
        if not events:
            return self._run if self._told else self._last
        if self._told is None or all(event.place in self._told for event in events):
            return self._run
        return None

    def over(self, end: RunEnd) -> None:
        """A run has ended, and what it has answered is written down."""
        if self._run is None or self._run.id != end.run_id:
            return
        if end.status is RunStatus.OK:
            self._last = self._run
        self._run = self._told = None
