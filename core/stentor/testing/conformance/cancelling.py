"""Rules about sends that are called off, and such as are under way together."""

import asyncio
from functools import partial

from stentor.contract.receipts import Receipt
from stentor.testing.conformance import rules
from stentor.testing.conformance.behaviours import Behaviour
from stentor.testing.conformance.case import ChannelCase, on_stage
from stentor.testing.conformance.failing import check_no_more_attempts
from stentor.testing.conformance.stage import PATIENCE_SECONDS, Stage, told

_MOST_AT_ONCE = 8


class CancellationRules(ChannelCase):
    @on_stage
    async def test_a_send_that_is_cancelled_ends_and_the_connection_goes_on(self, stage: Stage) -> None:
        connection, part = await stage.connection(), stage.part()
        await stage.behave(Behaviour.HANG)
        sending = stage.traces.calling(lambda: connection.send(part))
        await stage.until(lambda: stage.provider.attempts or sending.done())
        sending.cancel()
        await asyncio.wait([sending], timeout=PATIENCE_SECONDS)
        rules.CANCELLATION.holds(sending.done(), "it goes on after it was cancelled")
        if not sending.cancelled():
            rules.CANCELLATION.broken(f"it was cancelled, and came to {told(sending.result())}")
        await stage.behave(Behaviour.ACCEPT)
        await check_no_more_attempts(stage, "`send` was cancelled")
        came_to = await stage.send(stage.part())
        found = f"the send after one that was cancelled came to {told(came_to)}"
        rules.CANCELLATION.holds(isinstance(came_to, Receipt), found)

    @on_stage
    async def test_several_sends_are_under_way_together(self, stage: Stage) -> None:
        connection = await stage.connection()
        many = min(stage.traits.at_once or _MOST_AT_ONCE, _MOST_AT_ONCE)
        parts = [stage.part(f"Number {number}") for number in range(many)]
        sends = [stage.traces.calling(partial(connection.send, part)) for part in parts]
        await asyncio.wait(sends, timeout=stage.traits.send_timeout)
        rules.AT_ONCE.holds(all(send.done() for send in sends), f"of {many} sends together, some never ended")
        results = [send.result() for send in sends]
        receipts = [came_to for came_to in results if isinstance(came_to, Receipt)]
        bad = [told(came_to) for came_to in results if not isinstance(came_to, Receipt)]
        rules.AT_ONCE.holds(not bad, f"of {many} sends together, some came to {bad}")
        ids = {receipt.message_id for receipt in receipts}
        rules.AT_ONCE.holds(len(ids) == many, f"{many} sends together have the ids {sorted(ids)}")
        shown = len(stage.provider.shown)
        rules.AT_ONCE.holds(shown == many, f"of {many} sends together, {shown} are seen")
