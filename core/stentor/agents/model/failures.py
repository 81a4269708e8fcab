"""What went wrong with a request, as one of the kinds that the core knows.

What a provider says is never quoted, because it may quote the key. Its own code for the matter is, where that is a word.
"""

import re
from typing import Final

import httpx2
from pydantic_ai import exceptions as theirs

from stentor.agents.model.causes import why_unreachable
from stentor.agents.model.endpoints import Endpoint
from stentor.contract.errors import RunnerError, RunnerErrorKind
from stentor.domain.durations import in_seconds

_CODE: Final = re.compile(r"[A-Za-z]+(_[A-Za-z]+){0,6}")
_LONGEST_CODE: Final = 60

_KINDS: Final[tuple[tuple[type[theirs.ModelAPIError], RunnerErrorKind, str], ...]] = (
    (theirs.ModelQuotaExceededError, "rate_limit", "the account has used up its quota or its credit"),
    (theirs.ModelRateLimitError, "rate_limit", "too many requests"),
    (theirs.ModelUnavailableError, "overloaded", "the provider cannot serve it now"),
    (theirs.ModelServerError, "overloaded", "the provider failed"),
    (
        theirs.ModelContextWindowExceededError,
        "context",
        "the conversation does not fit into the model's window",
    ),
    (theirs.ModelAuthenticationError, "auth", "the key is not accepted, or not for this model"),
    (theirs.ModelNotFoundError, "bad_request", "there is no such model, or base_url is wrong"),
    (theirs.ModelRequestRejectedError, "bad_request", "the request was refused"),
)

# These pass, though they are in the range of what is our fault.
_PASSING: Final = frozenset({408, 409, 425})
_TOO_LARGE: Final = 413


def failure_of(error: Exception, endpoint: Endpoint, phase: str) -> RunnerError:
    who = endpoint.candidate
    match error:
        case RunnerError():
            return error
        case theirs.ModelRequestTimeout(setting="first_event_timeout"):
            return timed_out(f"{who} said nothing within {in_seconds(error.timeout)}", phase)
        case theirs.ModelRequestTimeout():
            return timed_out(f"{who} was not done within {in_seconds(error.timeout)}", phase)
        case theirs.ModelTimeoutError() | httpx2.TimeoutException():
            return timed_out(f"{who} did not answer in time", phase)
        case theirs.ModelConnectionError() | httpx2.TransportError() | OSError():
            return RunnerError("network", f"{who}: {endpoint.address} {_trouble(error, phase)}")
        case theirs.ModelAPIError():
            return _refusal(error, who)
        case theirs.ContentFilterError():
            return RunnerError("filtered", f"{who} held its answer back (content filter)")
        case theirs.UserError():
            return RunnerError("bad_request", f"{who} cannot be asked this: {error.message[:200]}")
        case _:
            return RunnerError("unavailable", f"{who}: what came is no answer of a model")


def timed_out(what: str, phase: str) -> RunnerError:
    return RunnerError("timeout", f"{what} (phase {phase})")


def _trouble(error: Exception, phase: str) -> str:
    """A connection that had begun to bring an answer was there, whatever the system calls its end."""
    return "cut the answer off" if phase == "model-streaming" else why_unreachable(error)


def _refusal(error: theirs.ModelAPIError, who: str) -> RunnerError:
    status = _status(error)
    said = " ".join(str(word) for word in (status, _code(error)) if word)
    prefix = f"{who} answered {said}" if said else who
    if status in _PASSING:
        return RunnerError("overloaded", f"{prefix}: try again", retry_after=error.retry_after)
    if status == _TOO_LARGE:
        return RunnerError("context", f"{prefix}: the conversation is too large")
    for kind_of_theirs, kind, words in _KINDS:
        if isinstance(error, kind_of_theirs):
            return RunnerError(kind, f"{prefix}: {words}", retry_after=error.retry_after)
    if status is None:
        return RunnerError("unavailable", f"{prefix}: what came is no answer of a model")
    if status < 400:
        return RunnerError("bad_request", f"{prefix}: base_url leads elsewhere, and that is not followed")
    if status >= 500:
        return RunnerError("overloaded", f"{prefix}: the provider failed", retry_after=error.retry_after)
    return RunnerError("bad_request", f"{prefix}: the request was refused")


def _status(error: theirs.ModelAPIError) -> int | None:
    """What came back. Of a redirection only the client underneath knows."""
    if isinstance(error, theirs.ModelHTTPError):
        return error.status_code
    status: object = getattr(error.__cause__, "status_code", None)
    return status if isinstance(status, int) else None


def _code(error: theirs.ModelAPIError) -> str:
    code = error.provider_error_code or error.provider_error_type or ""
    return f"({code})" if len(code) <= _LONGEST_CODE and _CODE.fullmatch(code) else ""
