"""Who owns a send: what an agent has sent to a place itself is not announced there once more."""

from collections.abc import Sequence
from dataclasses import replace

from stentor.contract.targets import Target
from stentor.domain.records import DeliverySeed
from stentor.domain.states import DeliveryState, Purpose
from stentor.domain.values import value

ALREADY_SENT = "already_sent"
FALLBACK = "fallback"


@value
class ToolSend:
    """A message an agent sent during its run: where it was meant to go, where it goes, and how far it is."""

    id: str
    channel: str
    account: str
    targets: frozenset[str]
    state: DeliveryState

    @property
    def failed(self) -> bool:
        """Nothing of it has arrived, will arrive or may have arrived."""
        return self.state is DeliveryState.FAILED

    @property
    def decided(self) -> bool:
        """It will not fail any more."""
        return self.state is not DeliveryState.PENDING

    def is_for(self, target: Target, meant_for: str | None) -> bool:
        places = {target.canonical, meant_for} & self.targets
        return bool(places) and (self.channel, self.account) == (target.channel, target.account)


def may_be_owned(seed: DeliverySeed) -> bool:
    """Only what would be announced can have been sent already."""
    return seed.purpose is Purpose.ANNOUNCE and seed.run_id is not None and bool(seed.parts)


def with_one_owner(announce: DeliverySeed, sends: Sequence[ToolSend]) -> DeliverySeed:
    """The announce as it is beside what the run's agent sent: not at all, in its stead, or as it was meant.

    While it is open what becomes of the agent's message, the announce keeps what it would have said.
    """
    same = [send for send in sends if send.is_for(announce.target, announce.meant_for)]
    standing = [send for send in same if not send.failed]
    if not standing:
        return replace(announce, link=FALLBACK, linked_to=same[-1].id) if same else announce
    owner = next((send for send in standing if send.decided), standing[0])
    return replace(
        announce,
        state=DeliveryState.SUPPRESSED,
        reason=ALREADY_SENT,
        linked_to=owner.id,
        parts=() if owner.decided else announce.parts,
        given_up="",
    )
