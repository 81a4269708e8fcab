"""Identities: sortable by time, short enough for a provider's idempotency key."""

from functools import lru_cache

_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
_TIME_DIGITS = 9  # 45 bits of milliseconds: enough until the year 3084


def ident(kind: str, now_ms: int, chance: str) -> str:
    """`kind` (one letter), the time, then `chance`: later ones sort behind earlier ones."""
    return f"{kind}{_time(now_ms)}{chance}"


@lru_cache(maxsize=64)  # many are made within one millisecond
def _time(now_ms: int) -> str:
    digits: list[str] = []
    rest = now_ms
    for _ in range(_TIME_DIGITS):
        rest, digit = divmod(rest, 32)
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))


def part_ident(delivery_id: str, n: int) -> str:
    return f"{delivery_id}.{n}"
