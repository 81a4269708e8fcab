"""How the main session is looked after, for people: a line of `stentor status`."""

from stentor.cli.output import when
from stentor.domain.durations import format_duration
from stentor.domain.json_types import JsonObject

# What only a daemon can say.
UNKNOWN: JsonObject = {"everyMs": None, "nextHeartbeatAt": None, "leftOut": None}


def main_session_text(figures: JsonObject, now_ms: int) -> str:
    """`heartbeat every 30m, next in 5 min; last turn 25 min ago (ok); 2 events unanswered`."""
    parts = [_heartbeat(figures, now_ms)]
    last = figures["lastTurn"]
    if last is not None:
        parts.append(f"last turn {when(last['at'], now_ms)} ({last['suppression'] or last['status']})")
    waiting = figures["unanswered"]
    if waiting:
        parts.append("1 event unanswered" if waiting == 1 else f"{waiting} events unanswered")
    left_out = figures["leftOut"]
    if left_out is not None:
        parts.append(f"left out: {left_out['why']}")
    return "; ".join(filter(None, parts)) or "quiet"


def _heartbeat(figures: JsonObject, now_ms: int) -> str:
    if not figures["everyMs"]:
        return ""
    following = figures["nextHeartbeatAt"]
    soon = f", next {when(following, now_ms)}" if following is not None else ""
    return f"heartbeat every {format_duration(figures['everyMs'])}{soon}"
