"""The outbox state machine: what an answer to a send means, and what its parts make of a delivery."""

from collections.abc import Sequence
from dataclasses import field, replace

from stentor.contract.errors import (
    FILE_REASONS,
    TARGET_REASONS,
    Ambiguous,
    CredentialsRejected,
    DeliveryError,
    Moved,
    NotSent,
    Rejected,
    Throttled,
    ThrottleScope,
    Unavailable,
)
from stentor.contract.receipts import Receipt
from stentor.contract.targets import Target
from stentor.contract.traits import Traits
from stentor.domain.states import DeliveryState, PartState
from stentor.domain.values import value

_LEVELS = (PartState.ACCEPTED, PartState.DELIVERED, PartState.READ)
_FAILED = frozenset({PartState.REJECTED, PartState.EXPIRED, PartState.CANCELLED})


# Why a part waits that may have arrived already.
IN_DOUBT = frozenset({"no_answer", "unclassified", "crash_after_send", "reconcile"})
TARGET_SUSPENDED = "target_suspended"
# Two deliveries of a run have met at one place.
DUPLICATE = "duplicate"
CANCELLED_BY_HAND = "cancelled by hand"
_CONFIRMED_WITHIN_MS = 30 * 60_000
_UNAVAILABLE_SECONDS = 5
_LEAST_QUIET_SECONDS = 0.5
# Whom a provider does not let write for longer than this is told to people.
LONG_QUIET_SECONDS = 900
# Tries of a part whose provider forgets it: about five in its window.
_FIRST_WAIT_SECONDS = 1.0
_GROWTH = 4
_OF_THE_REST = 0.85
_END_OF_WINDOW = 0.25


@value
class Gate:
    """A closed account or chat: nothing goes there before `until_ms`, and then one part goes ahead alone.

    `down` keeps an account shut until it is opened anew.
    """

    until_ms: int
    reason: str
    down: bool = False
    scope: ThrottleScope = "account"


@value
class NewAddress:
    """Where a delivery goes from now on; with `for_all`, whatever was meant for the old address goes there too."""

    target: Target
    for_all: bool


@value
class Verdict:
    """What becomes of a part after one attempt. `uses_attempt` is false when nothing was offered to the wire."""

    state: PartState
    reason: str = ""
    error: str = ""
    message_id: str = ""
    degraded: str = ""
    detail: dict[str, str] = field(default_factory=dict[str, str])
    next_at_ms: int | None = None
    gate: Gate | None = None
    uses_attempt: bool = True
    # The part goes without its markup from now on.
    plain: bool = False
    readdress: NewAddress | None = None
    # Why nothing else is sent to this target until somebody says so.
    suspends: str = ""
    # By when the provider should have confirmed what it accepted.
    confirm_by_ms: int | None = None
    # The provider itself said: not accepted, try later.
    refused: bool = False
    # Where the later parts of the delivery go.
    opened: Target | None = None
    # The part goes without its files from now on, with these words about them.
    without_files: str = ""


@value
class Attempt:
    """The circumstances of one send, as far as the verdict depends on them."""

    target: Target
    number: int
    refusals: int
    started_ms: int
    first_sent_ms: int
    expires_ms: int
    resend_unknown: bool
    jitter: float = 0.0
    has_plain: bool = False
    # Where it may go instead when its thread is gone.
    parent: Target | None = None
    readdressed: bool = False
    # The files that go with its text, by their names.
    files: tuple[str, ...] = ()
    # It goes to a conversation that an earlier part has begun: what is wrong there says nothing of the target.
    follows: bool = False

    def after(self, seconds: float) -> int:
        """The instant of the next try: a fixed wait, spread by ±10 % so that failures do not march in step."""
        return self.started_ms + int(seconds * 1000 * (1 + self.jitter))


def accept(receipt: object, attempt: Attempt, traits: Traits) -> Verdict:
    """The only way to `accepted`: a receipt with an id, for the very target that was meant."""
    if not isinstance(receipt, Receipt):
        return Verdict(
            PartState.UNKNOWN, "no_identity", f"the channel returned {type(receipt).__name__}, not a receipt"
        )
    if not receipt.message_id:
        return Verdict(
            PartState.UNKNOWN, "no_identity", "the channel returned a receipt without a message id"
        )
    got = receipt.target
    if (got.channel, got.canonical) != (attempt.target.channel, attempt.target.canonical):
        return Verdict(
            PartState.UNKNOWN,
            "wrong_target",
            f"the channel accepted the part for {got.canonical}",
            detail={"messageId": receipt.message_id},
        )
    return Verdict(
        PartState.ACCEPTED,
        message_id=receipt.message_id,
        degraded=receipt.degraded,
        detail=dict(receipt.detail),
        opened=_opened(receipt.opened, attempt.target),
        confirm_by_ms=None
        if traits.receipt_level == "accepted"
        else attempt.started_ms + _CONFIRMED_WITHIN_MS,
    )


def _opened(opened: Target | None, meant: Target) -> Target | None:
    """A conversation of the same account, and another one than this."""
    if opened is None or opened.channel != meant.channel or opened.canonical == meant.canonical:
        return None
    return opened.on(meant.account or "")


def judge(error: BaseException, attempt: Attempt, traits: Traits) -> Verdict:
    """What a failed send means. Only what is proved unsent, throttled or harmless is ever tried again."""
    text = str(error) or type(error).__name__
    match error:
        case NotSent():
            return _not_sent(error, text, attempt, traits)
        case Throttled():
            return _throttled(error, text, attempt)
        case Rejected():
            return _rejected(error, text, attempt)
        case Moved():
            return _moved(error.new_target, text, attempt)
        case CredentialsRejected():
            gate = Gate(attempt.expires_ms, f"credentials: {text}", down=True)
            return Verdict(PartState.PENDING, "credentials", text, gate=gate, uses_attempt=False)
        case Unavailable():
            gate = Gate(attempt.after(_UNAVAILABLE_SECONDS), f"unavailable: {text}")
            return Verdict(PartState.PENDING, "unavailable", text, gate=gate, uses_attempt=False)
        case Ambiguous() | TimeoutError():
            quiet = error.retry_after if isinstance(error, Ambiguous) else 0
            return in_doubt("no_answer", text, attempt, traits, quiet_seconds=quiet)
        case DeliveryError():
            return in_doubt("unclassified", text, attempt, traits)
        case _:
            return Verdict(PartState.UNKNOWN, "plugin_error", f"{type(error).__name__}: {text}")


def in_doubt(
    reason: str, text: str, attempt: Attempt, traits: Traits, *, quiet_seconds: float = 0
) -> Verdict:
    """A part that may have arrived: the provider is asked where it can be, and the part sent again where that is
    harmless or the job asks for it. Else it is unknown. If it wants quiet, that is kept first."""
    if quiet_seconds > 0:
        return _in_doubt_and_quiet(reason, text, attempt, traits, quiet_seconds)
    if traits.reconcile == "lookup":
        return Verdict(
            PartState.RETRY_WAIT, "reconcile", text, next_at_ms=attempt.after(traits.retry.delay(1))
        )
    elapsed = (attempt.started_ms - attempt.first_sent_ms) / 1000
    delay = traits.retry.delay(attempt.number)
    if traits.idempotency == "nonce":
        delay = min(delay, _while_it_is_known(elapsed, traits.nonce_window))
    if attempt.resend_unknown or traits.resend_is_harmless(elapsed + delay):
        return Verdict(PartState.RETRY_WAIT, reason, text, next_at_ms=attempt.after(delay))
    return Verdict(PartState.UNKNOWN, reason, text)


def _while_it_is_known(elapsed: float, window: float) -> float:
    """The wait before the next try of a part that the provider forgets: ever longer, and the last one well before the
    end, for then nothing is harmless any more.
    """
    left = window - elapsed
    if left < window * _END_OF_WINDOW:
        return left + _FIRST_WAIT_SECONDS
    return max(_FIRST_WAIT_SECONDS, min(_GROWTH * elapsed, left * _OF_THE_REST))


def _in_doubt_and_quiet(
    reason: str, text: str, attempt: Attempt, traits: Traits, quiet_seconds: float
) -> Verdict:
    until = attempt.started_ms + int(quiet_seconds * 1000)
    gate = Gate(until, "throttled", scope="target")
    elapsed = (until - attempt.first_sent_ms) / 1000
    asked = traits.reconcile == "lookup"
    goes_on = asked or attempt.resend_unknown or traits.resend_is_harmless(elapsed)
    if not goes_on or until >= attempt.expires_ms:
        return Verdict(PartState.UNKNOWN, reason, text, gate=gate)
    return Verdict(PartState.RETRY_WAIT, "reconcile" if asked else reason, text, next_at_ms=until, gate=gate)


def orphaned(attempt: Attempt, traits: Traits) -> Verdict:
    """A part whose process died between the commit of `sending` and the commit of an answer."""
    elapsed = (attempt.started_ms - attempt.first_sent_ms) / 1000
    text = "the process ended while the part was being sent"
    if traits.reconcile == "lookup":
        return Verdict(PartState.RETRY_WAIT, "reconcile", text, next_at_ms=attempt.started_ms)
    if attempt.resend_unknown or traits.resend_is_harmless(elapsed):
        return Verdict(PartState.RETRY_WAIT, "crash_after_send", text, next_at_ms=attempt.started_ms)
    return Verdict(PartState.UNKNOWN, "crash_after_send", text)


def doubtful(reason: str, attempt: Attempt, traits: Traits) -> Verdict | None:
    """A part whose turn has come again, though it may have arrived: None while sending it again is right."""
    elapsed = (attempt.started_ms - attempt.first_sent_ms) / 1000
    if attempt.resend_unknown or traits.resend_is_harmless(elapsed):
        return None
    text = "by now the provider may have forgotten the part, so sending it again could show it twice"
    return Verdict(PartState.UNKNOWN, reason, text, uses_attempt=False)


def not_told(error: BaseException, attempt: Attempt, traits: Traits) -> Verdict:
    """The provider was asked whether a part arrived, and did not say: it is asked again, ever more seldom.

    Where it refused to say, it never will, and nobody knows.
    """
    if isinstance(error, Rejected):
        return Verdict(PartState.UNKNOWN, "not_told", str(error), uses_attempt=False)
    verdict = judge(error, attempt, traits)
    if verdict.reason == "plugin_error":
        return replace(verdict, uses_attempt=False)
    elapsed = (attempt.started_ms - attempt.first_sent_ms) / 1000
    delays = traits.retry.delays
    gate = verdict.gate
    at = attempt.after(min(max(elapsed, delays[0]), delays[-1]))
    return Verdict(
        PartState.RETRY_WAIT,
        "reconcile",
        verdict.error,
        next_at_ms=at if gate is None else None,
        gate=gate,
        uses_attempt=False,
    )


def still_in_doubt(verdict: Verdict, doubt: str) -> Verdict:
    """Whatever becomes of a later try says nothing of an earlier one that may have arrived, unless it is accepted."""
    match verdict.state:
        case PartState.PENDING | PartState.RETRY_WAIT if doubt:
            return replace(verdict, state=PartState.RETRY_WAIT, reason=doubt)
        case PartState.REJECTED | PartState.EXPIRED if doubt:
            return replace(verdict, state=PartState.UNKNOWN, reason=doubt)
        case _:
            return verdict


def proved(verdict: Verdict, message_id: str) -> Verdict:
    """Whatever became of this try: an earlier one is known to have been accepted."""
    return Verdict(
        PartState.ACCEPTED, message_id=message_id, gate=verdict.gate, uses_attempt=verdict.uses_attempt
    )


def called_off(verdict: Verdict) -> Verdict:
    """The last try of a part of which somebody wants no other: what would be tried again ends."""
    if verdict.state not in (PartState.PENDING, PartState.RETRY_WAIT):
        return verdict
    doubt = verdict.reason if verdict.reason in IN_DOUBT else ""
    ended = replace(
        verdict,
        state=PartState.UNKNOWN if doubt else PartState.CANCELLED,
        reason=doubt or CANCELLED_BY_HAND,
        next_at_ms=None,
    )
    return replace(ended, plain=False, degraded="", readdress=None, without_files="")


def _not_sent(error: NotSent, text: str, attempt: Attempt, traits: Traits) -> Verdict:
    limit = traits.retry.refusals
    if error.refused and limit is not None and attempt.refusals + 1 >= limit:
        return Verdict(PartState.REJECTED, "exhausted", text)
    verdict = _retry("refused" if error.refused else "not_sent", text, attempt, traits)
    return replace(verdict, refused=error.refused)


def _rejected(error: Rejected, text: str, attempt: Attempt) -> Verdict:
    if error.reason == "bad_format" and attempt.has_plain:
        return Verdict(PartState.PENDING, "bad_format", text, plain=True, degraded="plain_text")
    if error.reason in FILE_REASONS and attempt.files:
        note = f"File not sent: {', '.join(attempt.files)}"
        return Verdict(PartState.PENDING, error.reason, text, without_files=note, degraded="no_files")
    if error.reason == "thread_gone" and attempt.parent is not None:
        address = NewAddress(attempt.parent, for_all=False)
        return Verdict(PartState.PENDING, "thread_gone", text, readdress=address, degraded="parent")
    suspends = error.reason if error.reason in TARGET_REASONS and not attempt.follows else ""
    return Verdict(PartState.REJECTED, error.reason, text, suspends=suspends)


def _moved(new: Target, text: str, attempt: Attempt) -> Verdict:
    """The same conversation has another address. Threads do not come along, so they need somebody's decision."""
    old = attempt.target
    if old.thread is not None:
        why = f"{text}; its threads do not move along: review the thread and change the job's target"
        return Verdict(PartState.REJECTED, "moved", why, suspends="moved")
    if attempt.readdressed or new.channel != old.channel or new.canonical == old.canonical:
        return Verdict(PartState.REJECTED, "moved", f"{text}; change the job's target", suspends="moved")
    address = NewAddress(new.on(old.account or ""), for_all=True)
    return Verdict(PartState.PENDING, "moved", text, readdress=address)


def _retry(reason: str, text: str, attempt: Attempt, traits: Traits) -> Verdict:
    at = attempt.after(traits.retry.delay(attempt.number))
    return Verdict(PartState.RETRY_WAIT, reason, text, next_at_ms=at)


def _throttled(error: Throttled, text: str, attempt: Attempt) -> Verdict:
    # A provider that names no time, or none to speak of, is not asked without a pause.
    until = attempt.started_ms + int(max(error.retry_after, _LEAST_QUIET_SECONDS) * 1000)
    reason = "throttled" if error.retry_after < LONG_QUIET_SECONDS else f"throttled: {text}"
    gate = Gate(until, reason, scope=error.scope)
    if until >= attempt.expires_ms:
        why = f"{text}, which is after the delivery expires"
        return Verdict(PartState.EXPIRED, "throttled", why, gate=gate)
    return Verdict(PartState.RETRY_WAIT, "throttled", text, next_at_ms=until, gate=gate)


def roll_up(parts: Sequence[PartState]) -> tuple[DeliveryState, str]:
    """The state of a delivery from the states of its parts, and how much of it is through."""
    done = sum(part in _LEVELS for part in parts)
    share = f"{done}/{len(parts)}"
    if PartState.UNKNOWN in parts:
        return DeliveryState.UNKNOWN, share
    if any(part not in _FAILED and part not in _LEVELS for part in parts):
        return DeliveryState.PENDING, share
    if 0 < done < len(parts):
        return DeliveryState.PARTIAL, share
    if done == 0:
        return DeliveryState.FAILED, share
    lowest = min(parts, key=_LEVELS.index)
    return DeliveryState(lowest.value), ""
