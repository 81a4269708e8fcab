"""Models that just failed are asked last for a while: every turn of every job learns from the others."""

from dataclasses import dataclass, field
from math import ceil

from stentor.contract.errors import RunnerError
from stentor.domain.candidates import quiet_seconds, rest_seconds
from stentor.domain.instants import iso
from stentor.ports import Clock


@dataclass(frozen=True, slots=True)
class Rest:
    """Until when a model is asked last, on the monotonic clock, and why."""

    until: float
    why: str


@dataclass(frozen=True)
class Cooldowns:
    """Kept in memory: a process that starts knows nothing of them, and finds out.

    What a model is called means what its owner makes of it, so a model rests for that owner alone.
    """

    clock: Clock
    _rests: dict[tuple[str, str | None], Rest] = field(default_factory=dict[tuple[str, str | None], Rest])

    def failed(self, owner: str, model: str | None, error: RunnerError) -> None:
        """What a provider has said holds until it says something else."""
        quiet = quiet_seconds(error.retry_after)
        until = self.clock.monotonic() + rest_seconds(error.kind, quiet)
        known = self.resting(owner, model)
        if quiet is not None or known is None or known.until < until:
            self._rests[owner, model] = Rest(until, str(error))

    def answered(self, owner: str, model: str | None) -> None:
        self._rests.pop((owner, model), None)

    def resting(self, owner: str, model: str | None) -> Rest | None:
        rest = self._rests.get((owner, model))
        return rest if rest is not None and rest.until > self.clock.monotonic() else None

    def ends(self, rest: Rest) -> str:
        """The moment when it has rested enough, to the second."""
        left = rest.until - self.clock.monotonic()
        return iso(ceil(self.clock.now_ms() / 1000 + left) * 1000)
