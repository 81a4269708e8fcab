"""What a run amounts to. Its own status and its deliveries stay apart; these words are derived from both."""

from dataclasses import dataclass

from stentor.domain.states import (
    GOOD_DELIVERY,
    CompletionStatus,
    DeliveryState,
    DeliveryStatus,
    RunStatus,
)

_UNDECIDED = frozenset({DeliveryState.PENDING, DeliveryState.UNKNOWN})


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """A run's status with the state of each of its deliveries and whether that delivery was required."""

    status: RunStatus
    deliveries: tuple[tuple[DeliveryState, bool], ...]
    # Whether the job wanted anything delivered, also where the run never came that far.
    requested: bool = False


def delivery_status(outcome: RunOutcome) -> DeliveryStatus:
    """The older word for all deliveries of a run together: delivered only if every one is."""
    states = [state for state, _ in outcome.deliveries if state is not DeliveryState.NOT_REQUESTED]
    # What was left out on purpose only counts where everything was: an agent may have sent it itself.
    states = [state for state in states if state is not DeliveryState.SUPPRESSED] or states
    if not states:
        return DeliveryStatus.NOT_DELIVERED if outcome.requested else DeliveryStatus.NOT_REQUESTED
    if any(state in _UNDECIDED for state in states):
        return DeliveryStatus.UNKNOWN
    if all(state in GOOD_DELIVERY for state in states):
        return DeliveryStatus.DELIVERED
    return DeliveryStatus.NOT_DELIVERED


def completion_status(outcome: RunOutcome) -> CompletionStatus:
    """Did the run do what its job is for? A delivery left out on purpose does not count against it."""
    if outcome.status in (RunStatus.QUEUED, RunStatus.RUNNING):
        return CompletionStatus.UNKNOWN
    if outcome.status is not RunStatus.OK:
        return CompletionStatus.FAILED
    required = [
        state
        for state, needed in outcome.deliveries
        if needed and state not in (DeliveryState.SUPPRESSED, DeliveryState.NOT_REQUESTED)
    ]
    if any(state in _UNDECIDED for state in required):
        return CompletionStatus.UNKNOWN
    good = all(state in GOOD_DELIVERY for state in required)
    return CompletionStatus.SUCCEEDED if good else CompletionStatus.FAILED
