"""When a shared session is over by itself, so that the next run begins a new one."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from stentor.domain.offsets import first_instant, offset_at
from stentor.domain.records import Freshness, SessionSeed
from stentor.domain.zones import zone

_MINUTE_MS = 60_000
_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class ResetPolicy:
    """`daily_minute` is a time of day, in minutes after midnight; whichever of the two comes first ends a session."""

    daily_minute: int | None = None
    idle_minutes: int = 0

    def freshness(self, now_ms: int, tz: str) -> Freshness:
        """What a session must not be older than to go on."""
        born = 0 if self.daily_minute is None else last_time_of_day(now_ms, self.daily_minute, tz)
        spoken = now_ms - self.idle_minutes * _MINUTE_MS if self.idle_minutes else 0
        return Freshness(born, spoken)

    def __bool__(self) -> bool:
        return self.daily_minute is not None or self.idle_minutes > 0


@dataclass(frozen=True, slots=True)
class Resets:
    """The policies of a product. That of a kind stands in for the general one altogether."""

    tz: str = "UTC"
    general: ResetPolicy = ResetPolicy()
    by_kind: Mapping[str, ResetPolicy] = field(default_factory=dict[str, ResetPolicy])

    def applied(self, session: SessionSeed, now_ms: int) -> SessionSeed:
        """The session as a run asks for it now."""
        if not session.shared:
            return session
        policy = self.by_kind.get(session.kind, self.general)
        return replace(session, fresh=policy.freshness(now_ms, self.tz)) if policy else session


def last_time_of_day(now_ms: int, minute: int, tz: str) -> int:
    """The newest instant, not after now, at which a clock in the zone showed this time.

    Where clocks are put forward over it, it is the moment of that; where they show it twice, the first time.
    """
    place = zone(tz)
    midnight = (now_ms + offset_at(place, now_ms)) // _DAY_MS * _DAY_MS
    # Clocks that were put back over midnight have shown some of tomorrow already.
    days = (midnight + day * _DAY_MS for day in (1, 0, -1))
    instants = (first_instant(place, day + minute * _MINUTE_MS) for day in days)
    return next(instant for instant in instants if instant <= now_ms)
