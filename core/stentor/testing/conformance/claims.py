"""Rules about what a channel claims to know of messages that may have arrived."""

from dataclasses import replace

import pytest

from stentor.contract.errors import DeliveryError
from stentor.contract.payloads import Part
from stentor.contract.receipts import Receipt
from stentor.testing.conformance import rules
from stentor.testing.conformance.behaviours import Behaviour
from stentor.testing.conformance.case import ChannelCase, on_stage
from stentor.testing.conformance.stage import Stage, told


class ClaimRules(ChannelCase):
    @on_stage
    async def test_a_part_sent_twice_is_seen_once(self, stage: Stage) -> None:
        if stage.traits.idempotency == "none":
            pytest.skip("the channel claims no idempotency")
        part, other = stage.part("Only once"), stage.part("Something else")
        await stage.connection()
        if await stage.can(Behaviour.DROP):
            await stage.send(part)
        await stage.behave(Behaviour.ACCEPT)
        receipts = [await stage.accepted(replace(part, attempt=2))]
        # After a restart, nothing but the part itself is left to go by.
        await stage.close()
        receipts.append(await stage.accepted(replace(part, attempt=3)))
        again = [message for message in stage.provider.shown if "Only once" in message.text]
        rules.IDEMPOTENCY.holds(len(again) == 1, f"a part that was sent again is seen {len(again)} times")
        ids = {receipt.message_id for receipt in receipts}
        rules.IDEMPOTENCY.holds(len(ids) == 1, f"its receipts name several messages: {sorted(ids)}")
        await stage.accepted(other)
        _check_keys(stage)

    @on_stage
    async def test_a_part_that_arrived_is_found(self, stage: Stage) -> None:
        _need_lookup(stage)
        part = stage.part("Only once")
        await stage.connection()
        await stage.accepted(stage.part("Something else"))
        await stage.behave(Behaviour.DROP)
        await stage.send(part)
        await stage.behave(Behaviour.ACCEPT)
        found = await _looked_up(stage, part)
        if not isinstance(found, Receipt):
            rules.RECONCILE.broken(f"the message arrived, and reconcile came to {told(found)}")
        rules.RECONCILE.holds(found.message_id, "the message that was found has no id")
        where = found.target.canonical
        rules.RECONCILE.holds(where == part.target.canonical, f"the message was found in {where}")

    @on_stage
    async def test_a_part_that_did_not_arrive_is_not_found(self, stage: Stage) -> None:
        _need_lookup(stage)
        part = stage.part("Never sent")
        await stage.accepted(stage.part("Never sent"))
        found = await _looked_up(stage, part)
        rules.RECONCILE.holds(found is None, f"nothing was sent, and reconcile came to {told(found)}")

    @on_stage
    async def test_not_knowing_is_no_answer(self, stage: Stage) -> None:
        _need_lookup(stage)
        part = stage.part()
        await stage.connection()
        for behaviour in (Behaviour.SERVER_ERROR, Behaviour.REFUSE):
            await stage.behave(behaviour, everywhere=True)
            found = await _looked_up(stage, part)
            said = f"{behaviour}: the provider could not say, and reconcile came to {told(found)}"
            rules.RECONCILE.holds(isinstance(found, DeliveryError), said)


def _need_lookup(stage: Stage) -> None:
    if stage.traits.reconcile != "lookup":
        pytest.skip("the channel claims no lookup")


async def _looked_up(stage: Stage, part: Part) -> object:
    """Nobody asks about a part that was not tried."""
    connection = await stage.connection()
    tried = replace(part, first_tried=part.first_tried or stage.context.now())
    return await stage.outcome(lambda: connection.reconcile(tried))


def _check_keys(stage: Stage) -> None:
    """Several tries of one part, and one of another."""
    *keys, other = stage.provider.keys
    rules.IDEMPOTENCY.holds("" not in keys, f"a try carried no key: {keys}")
    rules.IDEMPOTENCY.holds(len(set(keys)) == 1, f"the tries of one part carried several keys: {keys}")
    rules.IDEMPOTENCY.holds(other not in keys, f"two parts carried the key {other!r}")
