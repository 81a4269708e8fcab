"""The closed sets of words that runs, parts and deliveries are described with."""

from enum import IntEnum, StrEnum


class RunStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    OK = "ok"
    ERROR = "error"
    SKIPPED = "skipped"
    TIMEOUT = "timeout"
    INTERRUPTED = "interrupted"
    CANCELLED = "cancelled"


class Trigger(StrEnum):
    SCHEDULE = "schedule"
    MANUAL = "manual"
    CATCHUP = "catchup"
    RETRY = "retry"
    WAKE = "wake"


class Purpose(StrEnum):
    ANNOUNCE = "announce"
    TOOL = "tool"
    FAILURE = "failure"
    RECOVERY = "recovery"
    REPLY = "reply"
    MANUAL = "manual"


class Priority(IntEnum):
    """Orders lanes against each other, never the parts inside one."""

    INTERACTIVE = 0
    ALERT = 1
    ANNOUNCE = 2
    DIGEST = 3


class PartState(StrEnum):
    PENDING = "pending"
    SENDING = "sending"
    RETRY_WAIT = "retry_wait"
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    READ = "read"
    UNKNOWN = "unknown"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class DeliveryState(StrEnum):
    NOT_REQUESTED = "not_requested"
    SUPPRESSED = "suppressed"
    PENDING = "pending"
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    READ = "read"
    PARTIAL = "partial"
    UNKNOWN = "unknown"
    FAILED = "failed"
    BLOCKED = "blocked"


class DeliveryStatus(StrEnum):
    """What older tools call the outcome of a run's deliveries; always derived."""

    DELIVERED = "delivered"
    NOT_DELIVERED = "not-delivered"
    UNKNOWN = "unknown"
    NOT_REQUESTED = "not-requested"


class CompletionStatus(StrEnum):
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"


OPEN_PART = frozenset({PartState.PENDING, PartState.SENDING, PartState.RETRY_WAIT})
GOOD_PART = frozenset({PartState.ACCEPTED, PartState.DELIVERED, PartState.READ})
GOOD_DELIVERY = frozenset({DeliveryState.ACCEPTED, DeliveryState.DELIVERED, DeliveryState.READ})
