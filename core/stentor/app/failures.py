"""Every error as users and scripts see it: a code, a sentence, a hint, and the exit code that goes with it."""

from dataclasses import dataclass

from stentor.adapters.lock import LockHeld
from stentor.adapters.secrets import SecretError
from stentor.app.missing import NotFound
from stentor.config import ConfigError
from stentor.domain.faults import (
    AlreadyExists,
    AmbiguousName,
    StaleRevision,
    StoreError,
    StoreRefused,
    StoreUnavailable,
)
from stentor.domain.refusals import Refused
from stentor.domain.routing import RouteError

_MAY_GO_ON = "a daemon goes on with what it was asked for: `stentor cron runs` shows it"


@dataclass(frozen=True, slots=True)
class Failure:
    exit_code: int
    code: str
    message: str
    hint: str = ""
    details: tuple[tuple[str, str], ...] = ()

    def as_json(self) -> dict[str, object]:
        details = [{"path": path, "message": message} for path, message in self.details]
        return {"error": {"code": self.code, "message": self.message, "hint": self.hint, "details": details}}


def failure_of(error: BaseException) -> Failure:
    """What an error means to whoever asked."""
    match error:
        case Refused():
            details = tuple((detail.path, detail.message) for detail in error.details)
            return Failure(2, error.code, error.message, error.hint, details)
        case RouteError():
            return Failure(2, error.code, error.message, error.hint)
        case NotFound():
            return Failure(4, "not_found", str(error), error.hint)
        case ConfigError():
            details = tuple((entry["path"], entry["message"]) for entry in error.details)
            return Failure(2, "bad_config", error.message, error.hint, details)
        case KeyboardInterrupt():
            return Failure(130, "interrupted", "interrupted before it was over", _MAY_GO_ON)
        case _:
            return _by_kind(error)


def _by_kind(error: BaseException) -> Failure:
    for kind, exit_code, code, hint in _KINDS:
        if isinstance(error, kind):
            return Failure(exit_code, code, _words(error), hint)
    return Failure(
        1, "internal", f"{type(error).__name__}: {error}", "this is a bug in stentor; please report it"
    )


def _words(error: BaseException) -> str:
    """The system's own words about a file, without its numbers."""
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return str(error)


_KINDS: tuple[tuple[type[BaseException], int, str, str], ...] = (
    (AlreadyExists, 2, "already_exists", "choose another id, or remove that job first"),
    (AmbiguousName, 2, "ambiguous_name", "say which by its id"),
    (StaleRevision, 2, "stale_revision", "look at the job again"),
    (LockHeld, 3, "store_held", "stop that process, or use another --home"),
    (StoreRefused, 1, "store_refused", ""),
    (StoreUnavailable, 1, "store_unavailable", "try again in a moment"),
    (StoreError, 1, "store_error", ""),
    (SecretError, 1, "bad_secret", ""),
    (OSError, 1, "system", "check the path, its permissions and the space on its disk"),
)
