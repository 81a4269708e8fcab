"""How many sessions are kept and for how long, and what of them a sweep finds to be too much."""

from dataclasses import asdict, dataclass, field, fields
from typing import Literal

# Made for one piece of work: nobody comes back to them once it is over.
OF_ONE_RUN = ("run", "subagent")

Reason = Literal["retention", "age", "entries", "disk"]


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """`retention_ms` is for the sessions of single runs, the others are for all; 0 is no limit.

    Where the others are not `enforced`, what is beyond them is counted and stays.
    """

    retention_ms: int = 0
    age_ms: int = 0
    entries: int = 0
    bytes: int = 0
    enforced: bool = True

    def __bool__(self) -> bool:
        return bool(self.retention_ms or self.age_ms or self.entries or self.bytes)

    def enforces(self, reason: Reason) -> bool:
        return self.enforced or reason == "retention"


@dataclass(frozen=True, slots=True)
class Tally:
    """So many sessions, and the bytes of what was said in them."""

    sessions: int = 0
    bytes: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.sessions + other.sessions, self.bytes + other.bytes)


@dataclass(frozen=True, slots=True)
class SessionTallies:
    """One tally for each reason for which a session goes."""

    retention: Tally = field(default_factory=Tally)
    age: Tally = field(default_factory=Tally)
    entries: Tally = field(default_factory=Tally)
    disk: Tally = field(default_factory=Tally)

    def __add__(self, other: "SessionTallies") -> "SessionTallies":
        return SessionTallies(
            self.retention + other.retention,
            self.age + other.age,
            self.entries + other.entries,
            self.disk + other.disk,
        )

    @classmethod
    def of(cls, reason: Reason, size: int) -> "SessionTallies":
        """One session of so many bytes."""
        return cls(**{reason: Tally(1, size)})

    @property
    def total(self) -> Tally:
        return sum((getattr(self, each.name) for each in fields(self)), Tally())

    def as_json(self) -> dict[str, dict[str, int]]:
        """By reason, and all together."""
        return {**asdict(self), "total": asdict(self.total)}
