"""Sizes as people read them."""

_UNITS = ((1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB"))


def size_text(count: int) -> str:
    """In the largest unit of which there is at least one: `512 B`, `1.5 MB`."""
    for size, unit in _UNITS:
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} B"
