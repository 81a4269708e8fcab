"""The outbox state machine: what an answer to a send means, and what its parts make of a delivery."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from stentor.contract.errors import (
    Ambiguous,
    CredentialsRejected,
    DeliveryError,
    Moved,
    NotSent,
    Rejected,
    Throttled,
    Unavailable,
)
from stentor.contract.receipts import Receipt
from stentor.contract.targets import Target
from stentor.contract.traits import Traits
from stentor.domain.states import DeliveryState, PartState

_LEVELS = (PartState.ACCEPTED, PartState.DELIVERED, PartState.READ)
_FAILED = frozenset({PartState.REJECTED, PartState.EXPIRED, PartState.CANCELLED})


@dataclass(frozen=True, slots=True)
class Gate:
    """A closed account: nothing is sent on it before `until_ms`; `down` keeps it shut until the account reopens."""

    until_ms: int
    reason: str
    down: bool = False


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
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

    def after(self, seconds: float) -> int:
        """The instant of the next try: a fixed wait, spread by ±10 % so that failures do not march in step."""
        return self.started_ms + int(seconds * 1000 * (1 + self.jitter))


def accept(receipt: object, attempt: Attempt) -> Verdict:
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
    )


def judge(error: BaseException, attempt: Attempt, traits: Traits) -> Verdict:
    """What a failed send means. Only what is proved unsent, throttled or harmless is ever tried again."""
    text = str(error) or type(error).__name__
    match error:
        case NotSent():
            limit = traits.retry.refusals
            if error.refused and limit is not None and attempt.refusals + 1 >= limit:
                return Verdict(PartState.REJECTED, "exhausted", text)
            return _retry("refused" if error.refused else "not_sent", text, attempt, traits)
        case Throttled():
            return _throttled(error, text, attempt)
        case Rejected():
            return Verdict(PartState.REJECTED, error.reason, text)
        case Moved():
            return Verdict(PartState.REJECTED, "moved", f"{text}; change the job's target")
        case CredentialsRejected():
            gate = Gate(attempt.expires_ms, f"credentials: {text}", down=True)
            return Verdict(PartState.PENDING, "credentials", text, gate=gate, uses_attempt=False)
        case Unavailable():
            gate = Gate(attempt.after(5), f"unavailable: {text}")
            return Verdict(PartState.PENDING, "unavailable", text, gate=gate, uses_attempt=False)
        case Ambiguous() | TimeoutError():
            return in_doubt("no_answer", text, attempt, traits)
        case DeliveryError():
            return in_doubt("unclassified", text, attempt, traits)
        case _:
            return Verdict(PartState.UNKNOWN, "plugin_error", f"{type(error).__name__}: {text}")


def in_doubt(reason: str, text: str, attempt: Attempt, traits: Traits) -> Verdict:
    """A part that may have arrived: sent again where that is harmless or the job asks for it, else unknown."""
    elapsed = (attempt.started_ms - attempt.first_sent_ms) / 1000
    delay = traits.retry.delay(attempt.number)
    if traits.idempotency == "nonce":
        # The window is closing: the sooner the part is offered again, the surer the provider still knows it.
        delay = min(delay, 1.0)
    if attempt.resend_unknown or traits.resend_is_harmless(elapsed + delay):
        return Verdict(PartState.RETRY_WAIT, reason, text, next_at_ms=attempt.after(delay))
    return Verdict(PartState.UNKNOWN, reason, text)


def orphaned(attempt: Attempt, traits: Traits) -> Verdict:
    """A part whose process died between the commit of `sending` and the commit of an answer."""
    elapsed = (attempt.started_ms - attempt.first_sent_ms) / 1000
    text = "the process ended while the part was being sent"
    if attempt.resend_unknown or traits.resend_is_harmless(elapsed):
        return Verdict(PartState.RETRY_WAIT, "crash_after_send", text, next_at_ms=attempt.started_ms)
    return Verdict(PartState.UNKNOWN, "crash_after_send", text)


def _retry(reason: str, text: str, attempt: Attempt, traits: Traits) -> Verdict:
    at = attempt.after(traits.retry.delay(attempt.number))
    return Verdict(PartState.RETRY_WAIT, reason, text, next_at_ms=at)


def _throttled(error: Throttled, text: str, attempt: Attempt) -> Verdict:
    until = attempt.started_ms + int(error.retry_after * 1000)
    if until >= attempt.expires_ms:
        return Verdict(PartState.EXPIRED, "throttled", f"{text}, which is after the delivery expires")
    gate = Gate(until, "throttled") if error.scope == "account" else None
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
