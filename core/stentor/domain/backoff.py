"""When work that failed is done again: how long it waits, and which failures pass by themselves.

A job that keeps failing comes round more and more slowly. Apart from that a failure that is likely to pass is
tried again soon, a few times. What nobody knows counts as permanent: trying again may cost money.
"""

import re

_BACKOFF_MS = (30_000, 60_000, 300_000, 900_000, 3_600_000)
_RETRY_MS = (30_000, 60_000, 300_000)

_TRANSIENT_KINDS = frozenset(
    {"rate_limit", "overloaded", "network", "unavailable", "timeout", "setup_timeout", "stalled", "preflight"}
)
_PERMANENT_KINDS = frozenset(
    {
        "auth",
        "bad_request",
        "context",
        "denied",
        "empty",
        "filtered",
        "agent_missing",
        "answered",
        "delivery_target",
        "model_not_allowed",
        "model_switch",
    }
)

# A number is a status only where it is said to be one: `line 503` and `port 5000` are not.
_STATUS = (
    r"(?:^|:\s|\":|\b(?:http(?:/[\d.]+)?|status(?:[ _-]?code)?|code|error|response|returned))[\s:=('\"]{{0,3}}"
    r"(?:{codes})(?!\.?\w)"
)
_PERMANENT_TEXT = re.compile(
    "|".join(
        (
            _STATUS.format(codes="40[0134]"),
            r"\bunauthorized\b|\bforbidden\b|\binvalid[ _-](?:api[ _-])?key\b",
            r"\bnot[ _]found\b",
        )
    ),
    re.IGNORECASE,
)
_TRANSIENT_TEXT = re.compile(
    "|".join(
        (
            _STATUS.format(codes="408|425|429|50[0234]|52[0-4]|529"),
            r"\btoo many requests\b|\brate[ _-]?limit|\boverloaded",
            r"\b(?:internal server error|bad gateway|service unavailable)\b",
            r"\bE(?:CONNRESET|CONNREFUSED|CONNABORTED|PIPE|AI_AGAIN|HOSTUNREACH|NETUNREACH|TIMEDOUT)\b",
            r"\bconnection[ ]?(?:was |has been )?(?:reset|refused|aborted|closed|lost)|\bconnect(?:ion)?error\b",
            r"\bfetch failed\b|\bsocket hang up\b|\bserver disconnected\b|\bnetwork is unreachable\b",
            r"\btemporary failure in name resolution\b|\bdeadline exceeded\b",
            r"\btimed out\b|\btimeouterror\b|\b(?:connect|read|request|gateway)[ -]?time-?out\b",
        )
    ),
    re.IGNORECASE,
)


def delay_ms(consecutive_errors: int) -> int:
    """How long a job waits after its latest error: 30 s, 1 m, 5 m, 15 m, and then an hour each time."""
    return _step(_BACKOFF_MS, consecutive_errors)


def retry_delay_ms(attempt: int, max_attempts: int) -> int | None:
    """How long after attempt number `attempt` failed it is tried again: 30 s, 1 m, 5 m. The first attempt is 1.

    `max_attempts` is how often it may be tried again; None when that is used up. Meant for transient failures.
    """
    return _step(_RETRY_MS, attempt) if attempt <= max_attempts else None


def transient(kind: str, message: str) -> bool:
    """Whether a failure is likely to pass by itself. Its kind decides; where that says nothing, its text does."""
    if kind in _TRANSIENT_KINDS or kind in _PERMANENT_KINDS:
        return kind in _TRANSIENT_KINDS
    return not _PERMANENT_TEXT.search(message) and bool(_TRANSIENT_TEXT.search(message))


def _step(steps: tuple[int, ...], number: int) -> int:
    """The step for the first, second … time; the last one repeats."""
    return steps[min(number, len(steps)) - 1] if number > 0 else 0
