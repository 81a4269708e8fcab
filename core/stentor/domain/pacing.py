"""How fast things may happen: late runs are spread out, a job that starts again and again is noticed, sends keep to rates.

Sends are paced by the generic cell rate algorithm. All it remembers of a rate is one instant, its pace: when everything
sent so far would be through at the steady rate.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from stentor.contract.traits import Rate

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


def free_at(rates: Sequence[Rate], paces: Sequence[float]) -> int:
    """The earliest instant at which all rates allow another send."""
    burdens = [pace - (rate.burst - 1) * _interval_ms(rate) for rate, pace in zip(rates, paces, strict=False)]
    return math.ceil(max(burdens, default=0))


def spent(rates: Sequence[Rate], paces: Sequence[float], now_ms: int) -> tuple[float, ...]:
    """The paces after one more send. A rate that is new has not been used."""
    known = (*paces, *[0.0] * (len(rates) - len(paces)))
    return tuple(max(now_ms, pace) + _interval_ms(rate) for rate, pace in zip(rates, known, strict=False))


def affordable(rates: Sequence[Rate], paces: Sequence[float], now_ms: int, most: int) -> int:
    """How many sends could begin at this very instant, at most `most`."""
    if not rates:
        return most
    for count in range(most):
        if free_at(rates, paces) > now_ms:
            return count
        paces = spent(rates, paces, now_ms)
    return most


def _interval_ms(rate: Rate) -> float:
    return 1000 / rate.per_second
