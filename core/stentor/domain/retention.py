"""How much history is kept, and what a slice of tidying up has removed."""

from dataclasses import dataclass

_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of its history a job keeps; 0 keeps all of it."""

    runs: int = 0
    days: float = 0
    bytes: int = 0

    def oldest_ms(self, now_ms: int) -> int | None:
        """What is from before this instant goes; None if age does not matter."""
        return now_ms - round(self.days * _DAY_MS) if self.days else None

    def __bool__(self) -> bool:
        return bool(self.runs or self.days or self.bytes)


@dataclass(frozen=True, slots=True)
class Removed:
    """What is gone: runs with all that hung on them, rows of instants, events; bytes are those the run log counted."""

    runs: int = 0
    instants: int = 0
    events: int = 0
    bytes: int = 0

    def __add__(self, other: "Removed") -> "Removed":
        return Removed(
            self.runs + other.runs,
            self.instants + other.instants,
            self.events + other.events,
            self.bytes + other.bytes,
        )

    def __bool__(self) -> bool:
        return bool(self.runs or self.instants or self.events)


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
