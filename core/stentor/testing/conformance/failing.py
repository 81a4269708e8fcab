"""Rules about messages that the provider does not take, or of which nobody knows."""

from collections.abc import Mapping

import pytest

from stentor.contract.errors import (
    TARGET_REASONS,
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
from stentor.testing.conformance import rules
from stentor.testing.conformance.behaviours import QUIET_SECONDS, Behaviour
from stentor.testing.conformance.case import ChannelCase, on_stage
from stentor.testing.conformance.stage import Stage, told

# What each behaviour proves, in any of these classes.
PROVES: Mapping[Behaviour, tuple[type[DeliveryError], ...]] = {
    # A channel that holds a connection of its own knows that there is none.
    Behaviour.REFUSE: (NotSent, Unavailable),
    Behaviour.DROP: (Ambiguous,),
    Behaviour.RESET: (Ambiguous,),
    Behaviour.HANG: (Ambiguous,),
    Behaviour.GARBAGE: (Ambiguous,),
    Behaviour.HTML: (Ambiguous,),
    Behaviour.SERVER_ERROR: (Ambiguous,),
    Behaviour.THROTTLE: (Throttled,),
    Behaviour.UNAUTHORISED: (CredentialsRejected,),
    Behaviour.NO_SUCH_TARGET: (Rejected,),
    Behaviour.BLOCKED: (Rejected,),
    Behaviour.BAD_FORMAT: (Rejected,),
    Behaviour.TOO_LARGE: (Rejected,),
    Behaviour.UNKNOWN_ERROR: (Rejected,),
    Behaviour.MOVED: (Moved,),
}
_ABOUT_THE_TARGET = frozenset({Behaviour.NO_SUCH_TARGET, Behaviour.BLOCKED})
_NAMED = {Behaviour.BAD_FORMAT: "bad_format", Behaviour.TOO_LARGE: "too_large"}
# Nothing left, so nothing can have been counted.
_UNCOUNTED = frozenset({Behaviour.REFUSE})

each_failure = pytest.mark.parametrize("behaviour", [pytest.param(each, id=each.value) for each in PROVES])


class FailureRules(ChannelCase):
    @each_failure
    @on_stage
    async def test_a_failed_send_raises_what_is_proved(self, stage: Stage, behaviour: Behaviour) -> None:
        error = await _failure(stage, behaviour)
        proved = PROVES[behaviour]
        # Where a second copy is dropped, it does no harm to be sure of less than could be.
        harmless = stage.traits.idempotency != "none" and isinstance(error, NotSent)
        kept = isinstance(error, proved) or (Ambiguous in proved and harmless)
        due = " or ".join(each.__name__ for each in proved)
        rules.PROVED.holds(kept, f"{behaviour}: {due} was due, and it was {told(error)}")
        if isinstance(error, Rejected):
            _check_reason(behaviour, error)

    @each_failure
    @on_stage
    async def test_a_failed_send_is_tried_once(self, stage: Stage, behaviour: Behaviour) -> None:
        await _failure(stage, behaviour)
        attempts = stage.provider.attempts
        if behaviour not in _UNCOUNTED and attempts != 1 and not _repeats_are_one(stage):
            rules.ONCE.broken(f"{behaviour}: the provider counted {attempts} attempts")
        await stage.behave(Behaviour.ACCEPT)
        await check_no_more_attempts(stage, f"{behaviour}: `send` had failed")

    @on_stage
    async def test_a_provider_that_wants_quiet_is_understood(self, stage: Stage) -> None:
        error = await _failure(stage, Behaviour.THROTTLE)
        if not isinstance(error, Throttled):
            rules.PROVED.broken(f"{Behaviour.THROTTLE}: Throttled was due, and it was {told(error)}")
        wait = f"asked for {QUIET_SECONDS} s, it became {error.retry_after:g} s"
        rules.QUIET.holds(QUIET_SECONDS <= error.retry_after <= QUIET_SECONDS + 1, wait)
        scope = stage.provider.throttle_scope
        rules.QUIET.holds(scope in (None, error.scope), f"the scope is {scope}, it became {error.scope}")

    @on_stage
    async def test_no_id_is_made_up(self, stage: Stage) -> None:
        await stage.behave(Behaviour.NO_ID)
        came_to = await stage.send(stage.part())
        unproved = isinstance(came_to, Ambiguous) or (isinstance(came_to, Receipt) and not came_to.message_id)
        rules.ANSWER_DECIDES.holds(unproved, f"the answer held no id, and send came to {told(came_to)}")

    @on_stage
    async def test_a_message_taken_for_another_target_is_no_success(self, stage: Stage) -> None:
        part = stage.part()
        await stage.behave(Behaviour.ELSEWHERE)
        came_to = await stage.send(part)
        told_so = not isinstance(came_to, Receipt) or came_to.target.canonical != part.target.canonical
        rules.ANSWER_DECIDES.holds(
            told_so, f"the answer named another target, and send came to {told(came_to)}"
        )

    @on_stage
    async def test_the_connection_works_again_when_the_provider_does(self, stage: Stage) -> None:
        for behaviour in (Behaviour.DROP, Behaviour.SERVER_ERROR, Behaviour.REFUSE):
            await stage.connection()
            if await stage.can(behaviour):
                await stage.send(stage.part())
                await stage.behave(Behaviour.ACCEPT)
            came_to = await stage.send(stage.part())
            found = f"after {behaviour} the provider was well again, and send came to {told(came_to)}"
            rules.RECOVERY.holds(isinstance(came_to, Receipt), found)


async def check_no_more_attempts(stage: Stage, so_far: str) -> None:
    attempts = stage.provider.attempts
    await stage.some_time_later()
    more = stage.provider.attempts - attempts
    rules.ONCE.holds(not more, f"{so_far}, and later the provider counted {more} more attempts")


async def _failure(stage: Stage, behaviour: Behaviour) -> DeliveryError:
    """What is raised when the provider behaves like this, once the account is open."""
    await stage.connection()
    await stage.behave(behaviour)
    came_to = await stage.send(stage.part(), hanging=behaviour is Behaviour.HANG)
    if not isinstance(came_to, DeliveryError):
        rules.CLOSED_SET.broken(f"{behaviour}: send came to {told(came_to)}")
    return came_to


def _repeats_are_one(stage: Stage) -> bool:
    """Whether all tries carried one key, as the channel claims."""
    if stage.traits.idempotency == "none" or not stage.provider.attempts:
        return False
    return len(set(stage.provider.keys)) == 1 and "" not in stage.provider.keys


def _check_reason(behaviour: Behaviour, error: Rejected) -> None:
    said = f"{behaviour}: the reason is {error.reason!r}"
    if behaviour in _ABOUT_THE_TARGET:
        due = f"one of {', '.join(sorted(TARGET_REASONS))} is due, so that the target is suspended"
        rules.PROVED.holds(error.reason in TARGET_REASONS, f"{said}; {due}")
    if behaviour in _NAMED:
        rules.PROVED.holds(error.reason == _NAMED[behaviour], f"{said}; {_NAMED[behaviour]!r} is due")
