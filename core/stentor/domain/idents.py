"""Identities: sortable by time, short enough for a provider's idempotency key."""

_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
_TIME_DIGITS = 9  # 45 bits of milliseconds: enough until the year 3084


def ident(kind: str, now_ms: int, chance: str) -> str:
    """`kind` (one letter), the time, then `chance`: later ones sort behind earlier ones."""
    digits: list[str] = []
    rest = now_ms
    for _ in range(_TIME_DIGITS):
        rest, digit = divmod(rest, 32)
        digits.append(_DIGITS[digit])
    return f"{kind}{''.join(reversed(digits))}{chance}"


def part_ident(delivery_id: str, n: int) -> str:
    return f"{delivery_id}.{n}"
