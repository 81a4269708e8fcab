"""Models that just failed are asked last for a while: every turn of every job learns from the others."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from stentor.domain.candidates import rest_seconds
from stentor.ports import Clock


@dataclass(frozen=True)
class Cooldowns:
    """Kept in memory: a process that starts knows nothing of them, and finds out."""

    clock: Clock
    _until: dict[tuple[str, str | None], float] = field(default_factory=dict[tuple[str, str | None], float])

    def failed(self, runner: str, model: str | None, kind: str, retry_after: float | None) -> None:
        seconds = rest_seconds(kind, retry_after)
        if seconds:
            self._until[runner, model] = self.clock.monotonic() + seconds

    def answered(self, runner: str, model: str | None) -> None:
        self._until.pop((runner, model), None)

    def in_order(self, runner: str, models: Sequence[str | None]) -> tuple[str | None, ...]:
        """As they stand, but those that rest come last: none is left out, for it may be the only one."""
        now = self.clock.monotonic()
        return tuple(sorted(models, key=lambda model: self._until.get((runner, model), 0.0) > now))
