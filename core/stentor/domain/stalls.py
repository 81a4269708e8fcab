"""A loop that did not answer: what is kept of it until somebody has been told."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stall:
    """`ended` says whether the process was ended for it."""

    at_ms: int
    seconds: int
    ended: bool

    def __str__(self) -> str:
        consequence = "; it was ended for it" if self.ended else ""
        return f"the daemon stalled {self.seconds} s{consequence}"
