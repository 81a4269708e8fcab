"""How much history is kept, and what a slice of tidying up has removed."""

from dataclasses import dataclass, field

from stentor.domain.session_limits import SessionLimits, SessionTallies

_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of its history a job keeps, for how long deliveries stay, and which sessions; 0 keeps all of it."""

    runs: int = 0
    days: float = 0
    bytes: int = 0
    delivery_days: float = 0
    sessions: SessionLimits = field(default_factory=SessionLimits)

    def oldest_ms(self, now_ms: int) -> int | None:
        """What is from before this instant goes; None if age does not matter."""
        return _before(self.days, now_ms)

    def oldest_delivery_ms(self, now_ms: int) -> int | None:
        """Deliveries from before this instant go, once they are over; None if age does not matter."""
        return _before(self.delivery_days, now_ms)

    def __bool__(self) -> bool:
        return bool(self.runs or self.days or self.bytes or self.delivery_days or self.sessions)


def _before(days: float, now_ms: int) -> int | None:
    return now_ms - round(days * _DAY_MS) if days else None


@dataclass(frozen=True, slots=True)
class Removed:
    """What is gone: runs with all that hung on them, rows of instants, events; bytes are those the run log counted.

    Deliveries are those that went by themselves; receipts belonged to nobody, records to deliveries that are gone;
    incoming is what people wrote, sessions those that went by themselves. What is `beyond` limits that are not
    enforced is still there.
    """

    runs: int = 0
    instants: int = 0
    events: int = 0
    bytes: int = 0
    deliveries: int = 0
    receipts: int = 0
    records: int = 0
    incoming: int = 0
    sessions: SessionTallies = field(default_factory=SessionTallies)
    beyond: SessionTallies = field(default_factory=SessionTallies)

    def __add__(self, other: "Removed") -> "Removed":
        return Removed(
            self.runs + other.runs,
            self.instants + other.instants,
            self.events + other.events,
            self.bytes + other.bytes,
            self.deliveries + other.deliveries,
            self.receipts + other.receipts,
            self.records + other.records,
            self.incoming + other.incoming,
            self.sessions + other.sessions,
            self.beyond + other.beyond,
        )

    def __bool__(self) -> bool:
        return self != Removed(bytes=self.bytes, beyond=self.beyond)


@dataclass(frozen=True, slots=True)
class Position:
    """Where the next slice begins. Only the store that made it can read it."""

    stage: int = 0
    after: tuple[str | int, ...] = ()


@dataclass(frozen=True, slots=True)
class Pruned:
    """One slice of a sweep, and where the next one begins; None at the end."""

    removed: Removed
    following: Position | None
