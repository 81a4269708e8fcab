"""How many sessions there are, for people: a line of `stentor status`."""

from stentor.cli.output import when
from stentor.domain.json_types import JsonObject
from stentor.domain.sizes import size_text


def sessions_text(figures: JsonObject) -> str:
    """`12 (10 run, 2 named), 1.5 MB`."""
    if not figures["total"]:
        return "0"
    kinds = ", ".join(f"{number} {kind}" for kind, number in figures["byKind"].items())
    return f"{figures['total']} ({kinds}), {size_text(figures['bytes'])}"


def sweep_text(figures: JsonObject, now_ms: int) -> str | None:
    """When they were last tidied up, and how many went."""
    swept = figures["lastSweep"]
    if swept is None:
        return None
    removed = swept["removed"]["total"]
    gone = f"{counted(removed['sessions'], 'session')} removed, {size_text(removed['bytes'])}"
    return f"{when(swept['at'], now_ms)}: {gone}"


def counted(number: int, what: str) -> str:
    """`1 session`, `2 sessions`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
