"""How fast sends may follow each other, by the generic cell rate algorithm.

All it remembers of a rate is one instant, its pace: when everything sent so far would be through at the steady rate.
"""

import math
from collections.abc import Sequence

from stentor.contract.traits import Rate


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
