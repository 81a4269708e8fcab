"""A job's sums, in words."""

from stentor.domain.json_types import JsonObject

_OUTCOMES = (("ok", "ok"), ("errors", "failed"), ("skipped", "skipped"))
_USAGE = (("inputTokens", "tokens in"), ("outputTokens", "out"), ("cachedTokens", "cached"))


def totals_text(totals: JsonObject) -> str:
    """Such as `12 runs (10 ok, 2 failed), 1200 tokens in, 300 out, $0.0123`; what nobody reported is left out."""
    counted = ", ".join(f"{totals[key]} {word}" for key, word in _OUTCOMES if totals[key])
    runs = "1 run" if totals["runs"] == 1 else f"{totals['runs']} runs"
    words = [f"{runs} ({counted})" if counted else runs]
    words += [f"{totals[key]} {word}" for key, word in _USAGE if totals[key] is not None]
    if totals["costUsd"] is not None:
        words.append(f"${totals['costUsd']:g}")
    return ", ".join(words)
