"""Every error that crosses the plugin line.

    StentorError
    ├── InvalidTarget             not a target of this channel; says why and what would be
    ├── DeliveryError             the closed set `Connection.send` may raise
    │   ├── NotSent               proved: nothing reached the recipient; may be tried again
    │   ├── Throttled             not before `retry_after` seconds, for this target or the whole account
    │   ├── Ambiguous             it may have arrived
    │   ├── Rejected              never again, for `reason`
    │   ├── Moved                 the same conversation has another address now
    │   ├── CredentialsRejected   the account is not let in; its parts wait
    │   └── Unavailable           not connected; waits without using up an attempt
    └── RunnerError               an agent turn failed, of a stated kind

The class says what the core does next; facts are attributes.
"""

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from stentor.contract.targets import Target

ThrottleScope = Literal["account", "target"]


class StentorError(Exception):
    """The root of all errors of this product."""


class InvalidTarget(StentorError):
    """The text is not a target of this channel."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class DeliveryError(StentorError):
    """A part was not accepted; the subclass says what is known about it."""


class NotSent(DeliveryError):
    """Proof that the recipient got nothing. `refused` means the provider itself said: not accepted, try later."""

    def __init__(self, message: str, *, refused: bool = False) -> None:
        super().__init__(message)
        self.refused = refused


class Throttled(DeliveryError):
    """The provider wants `retry_after` seconds of quiet for one target or for the whole account."""

    def __init__(self, retry_after: float, *, scope: ThrottleScope = "target", message: str = "") -> None:
        super().__init__(message or f"throttled for {retry_after:g} s")
        self.retry_after = retry_after
        self.scope: ThrottleScope = scope


class Ambiguous(DeliveryError):
    """The request left and no definite answer came back: sending again may duplicate.

    Where the provider wants quiet all the same, `retry_after` says for how many seconds, for that target.
    """

    def __init__(self, message: str = "", *, retry_after: float = 0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


# Reasons that concern the target, not what was sent to it: nothing else would be accepted there either.
TARGET_REASONS = frozenset(
    {
        "archived",
        "bad_target",
        "blocked",
        "deactivated",
        "gone",
        "moved",
        "no_permission",
        "not_a_member",
        "not_found",
        "thread_gone",
    }
)


# Reasons that concern the files of a part, and not its text.
FILE_REASONS = frozenset({"bad_file", "file_gone", "files_forbidden", "too_large"})


class Rejected(DeliveryError):
    """The provider will never accept this part. `reason` is a short stable word.

    One of `TARGET_REASONS` suspends the target for all jobs. `bad_format` has the part sent once more without markup,
    if it has any, `thread_gone` may have it sent to the parent, if the job wants that, and one of `FILE_REASONS` has
    the text of a part with files sent once more without them.
    """

    def __init__(self, reason: str, message: str = "") -> None:
        super().__init__(message or reason)
        self.reason = reason


class Moved(DeliveryError):
    """The provider names the address that replaces this one."""

    def __init__(self, new_target: "Target") -> None:
        super().__init__(f"moved to {new_target.canonical}")
        self.new_target = new_target


class CredentialsRejected(DeliveryError):
    """The account's credentials are refused; sending again is useless until they change."""


class Unavailable(DeliveryError):
    """There is no connection. `extra` names the pip extra that is missing, where that is the reason."""

    def __init__(self, message: str, *, extra: str = "") -> None:
        super().__init__(f"{message}: pip install 'stentor[{extra}]'" if extra else message)
        self.extra = extra


RunnerErrorKind = Literal[
    "rate_limit",
    "overloaded",
    "network",
    "unavailable",
    "auth",
    "context",
    "filtered",
    "empty",
    "crashed",
    "timeout",
    "bad_request",
]


class RunnerError(StentorError):
    """An agent turn ended without an answer. `retry_after` is how many seconds the provider wants to be left alone."""

    def __init__(self, kind: RunnerErrorKind, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.kind: RunnerErrorKind = kind
        self.retry_after = retry_after
