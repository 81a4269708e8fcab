"""Which models a turn may be asked of, and in which order. Nothing is ever asked that was not named."""

import math
from collections.abc import Sequence
from typing import Final, get_args

from stentor.contract.errors import RunnerErrorKind

# After these another model may well do better. What the runner itself broke on, it would break on again.
PASSED_ON: Final = frozenset(get_args(RunnerErrorKind)) - {"crashed"}
# How long a model is not the first that is asked, after this happened to it.
_REST_SECONDS: Final = {
    "rate_limit": 60.0,
    "overloaded": 30.0,
    "network": 30.0,
    "unavailable": 30.0,
    "timeout": 30.0,
    "auth": 300.0,
}
# Whoever wants more than that is not waited for any longer.
_LONGEST_QUIET_SECONDS: Final = 31 * 86_400.0
_ALL_OF = ":*"


def line_up(first: str | None, fallbacks: Sequence[str]) -> tuple[str | None, ...]:
    """The model that is to answer, and those that stand in for it, each once."""
    return tuple(dict.fromkeys((first, *fallbacks)))


def permitted(model: str, allowed: Sequence[str]) -> bool:
    """Whether an agent may use a model: all of them where none are named, else those, or `provider:*`."""
    return not allowed or any(
        model == entry or (entry.endswith(_ALL_OF) and model.startswith(entry.removesuffix("*")))
        for entry in allowed
    )


def rest_seconds(kind: str, quiet: float | None) -> float:
    """How long a model is left alone after a failure; what its provider says wins, be it more or less."""
    return _REST_SECONDS.get(kind, 0.0) if quiet is None else quiet


def quiet_seconds(retry_after: object) -> float | None:
    """How long a provider wants to be left alone, if it says so with a number that can be waited for."""
    if not isinstance(retry_after, int | float) or not 0 <= retry_after < math.inf:
        return None
    return min(float(retry_after), _LONGEST_QUIET_SECONDS)
