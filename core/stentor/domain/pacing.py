"""How fast runs may start: late ones are spread out, and a job that starts again and again is noticed."""

from collections import Counter
from dataclasses import dataclass, field

_MINUTE_MS = 60_000


@dataclass
class Pace:
    """Spreads starts evenly: so many a minute, the first at once; 0 means no spreading."""

    per_minute: int
    _free_ms: int = 0

    def next_start(self, now_ms: int) -> int | None:
        """When the next one may begin; None for at once."""
        if not self.per_minute:
            return None
        start_ms = max(now_ms, self._free_ms)
        self._free_ms = start_ms + _MINUTE_MS // self.per_minute
        return start_ms if start_ms > now_ms else None


@dataclass
class Starts:
    """Counts the starts of each job within a minute."""

    most: int
    _minute: int = 0
    _counts: Counter[str] = field(default_factory=Counter[str])

    def too_many(self, job_id: str, now_ms: int) -> bool:
        """Count a start; whether it was one too many."""
        minute = now_ms // _MINUTE_MS
        if minute != self._minute:
            self._minute = minute
            self._counts.clear()
        self._counts[job_id] += 1
        return self._counts[job_id] > self.most
