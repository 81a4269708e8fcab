"""What an agent sends itself during its run, and what that leaves of the announce at the end of it."""

from dataclasses import replace

import pytest

from stentor.contract.targets import Target
from stentor.domain.outbox import Verdict
from stentor.domain.records import DeliverySeed, Finished
from stentor.domain.states import Purpose, RunStatus
from stentor.ports import Store
from stentor.testing.rows import (
    BOOT,
    NOW_MS,
    SECOND_MS,
    accepted,
    delivery_seed,
    not_sent,
    rejected,
    room,
    run_end,
    run_seed,
    settlement,
    unknown,
)
from stentor.testing.store_conformance.steps import (
    RunLog,
    alerts_about,
    answered,
    claimed_run,
    events_of,
    finish_one,
    handed_out,
    logged_delivery,
    logged_run,
    open_accounts,
    part_states,
    running_run,
    sending,
    settle_one,
)

_OTHER_BOOT = "boot-2"


def tool_seed(delivery_id: str = "t-1", *, to: Target | None = None) -> DeliverySeed:
    return replace(delivery_seed(delivery_id, to=to, run_id="r-1"), purpose=Purpose.TOOL)


class ToolSendRules:
    async def test_a_run_under_way_sends_at_once(self, store: Store, read: RunLog) -> None:
        await self._sent(store)
        assert logged_delivery(read, "t-1")["runId"] == "r-1"
        assert await handed_out(store) == ["t-1.1"]

    async def test_a_run_may_send_several_messages_to_one_target(self, store: Store, read: RunLog) -> None:
        await self._sent(store, tool_seed("t-1"), tool_seed("t-2"))
        assert [entry["id"] for entry in read.deliveries(run="r-1")] == ["t-1", "t-2"]

    async def test_the_same_message_is_written_down_once(self, store: Store, read: RunLog) -> None:
        await self._sent(store, tool_seed(), tool_seed())
        assert [entry["id"] for entry in read.deliveries(run="r-1")] == ["t-1"]
        assert await handed_out(store) == ["t-1.1"]

    async def test_a_run_that_is_over_sends_nothing_and_that_is_noted(
        self, store: Store, read: RunLog
    ) -> None:
        await running_run(store)
        await finish_one(store, run_end("r-1", RunStatus.TIMEOUT))
        assert await store.enqueue_of_run(tool_seed(), BOOT) is False
        assert read.deliveries() == []
        (noted,) = events_of(read, "run.late_output")
        assert (noted["runId"], noted["data"]) == ("r-1", {"what": "a message to page:room1"})

    async def test_a_run_that_has_not_begun_or_is_somebody_elses_sends_nothing(
        self, store: Store, read: RunLog
    ) -> None:
        await claimed_run(store)
        assert await store.enqueue_of_run(tool_seed(), BOOT) is False
        await store.start_run("r-1", BOOT, NOW_MS, None)
        await store.recover(_OTHER_BOOT)
        assert await store.enqueue_of_run(tool_seed(), BOOT) is False
        assert read.deliveries() == []

    @pytest.mark.parametrize("verdict", [accepted(), unknown()], ids=["accepted", "unknown"])
    async def test_what_may_have_arrived_is_not_announced_there_once_more(
        self, store: Store, read: RunLog, verdict: Verdict
    ) -> None:
        await self._sent(store)
        await answered(store, verdict)
        await finish_one(store, run_end("r-1", RunStatus.OK, delivery_seed(run_id="r-1")))
        self._is_owned(read)
        assert await handed_out(store, NOW_MS + SECOND_MS) == []

    async def test_what_is_on_its_way_is_not_announced_there_once_more(
        self, store: Store, read: RunLog
    ) -> None:
        await self._sent(store)
        await sending(store)
        await finish_one(store, run_end("r-1", RunStatus.OK, delivery_seed(run_id="r-1")))
        self._is_owned(read)

    async def test_what_waits_is_not_announced_there_once_more_and_is_sent_itself(
        self, store: Store, read: RunLog
    ) -> None:
        await self._sent(store)
        await answered(store, not_sent(NOW_MS + SECOND_MS))
        await finish_one(store, run_end("r-1", RunStatus.OK, delivery_seed(run_id="r-1")))
        self._is_owned(read)
        assert await handed_out(store, NOW_MS + SECOND_MS) == ["t-1.1"]

    async def test_what_was_rejected_is_announced_in_its_stead(self, store: Store, read: RunLog) -> None:
        await self._sent(store)
        await answered(store, rejected())
        await finish_one(store, run_end("r-1", RunStatus.OK, delivery_seed(run_id="r-1")))
        announce = logged_delivery(read)
        assert (announce["state"], announce["link"], announce["linkedTo"]) == ("pending", "fallback", "t-1")
        assert logged_run(read)["fallbackUsed"] is True
        assert await handed_out(store) == ["d-1.1"]

    async def test_another_target_or_account_is_announced(self, store: Store, read: RunLog) -> None:
        await self._sent(
            store, tool_seed("t-1", to=room("room2")), tool_seed("t-2", to=room(account="second"))
        )
        await finish_one(store, run_end("r-1", RunStatus.OK, delivery_seed(run_id="r-1")))
        announce = logged_delivery(read)
        assert (announce["state"], announce["linkedTo"]) == ("pending", None)

    async def test_the_messages_of_another_run_own_nothing(self, store: Store, read: RunLog) -> None:
        await self._sent(store)
        await finish_one(store, run_end("r-1", RunStatus.OK))
        await store.enqueue(delivery_seed(run_id="r-2"))
        assert logged_delivery(read)["state"] == "pending"

    async def test_what_nobody_has_begun_to_send_is_taken_back_when_the_run_is_done_once_more(
        self, store: Store, read: RunLog
    ) -> None:
        await self._sent(store, tool_seed("t-1"), tool_seed("t-2", to=room("room2")))
        assert (await self._given_up(store)).successor is not None
        assert await handed_out(store) == []
        assert [part_states(read, delivery) for delivery in ("t-1", "t-2")] == [["cancelled"], ["cancelled"]]
        assert alerts_about(read, delivery="t-1") == []

    async def test_a_run_that_may_have_sent_something_is_not_done_once_more(
        self, store: Store, read: RunLog
    ) -> None:
        await self._sent(store, tool_seed("t-1"), tool_seed("t-2"))
        await sending(store)
        assert (await self._given_up(store)).successor is None
        assert [part_states(read, delivery) for delivery in ("t-1", "t-2")] == [["sending"], ["pending"]]
        assert "sent something already" in logged_run(read)["warnings"][0]

    async def test_a_run_that_is_to_be_done_once_more_in_any_case_is(
        self, store: Store, read: RunLog
    ) -> None:
        await self._sent(store, tool_seed("t-1"), tool_seed("t-2"))
        await sending(store)
        assert (await self._given_up(store, unless_sent=False)).successor is not None
        assert [part_states(read, delivery) for delivery in ("t-1", "t-2")] == [["sending"], ["cancelled"]]

    async def test_what_was_tried_before_is_not_taken_back(self, store: Store, read: RunLog) -> None:
        await self._sent(store, tool_seed("t-1"), tool_seed("t-2"))
        await settle_one(store, settlement(await sending(store), not_sent(NOW_MS + 60_000)))
        assert (await self._given_up(store, unless_sent=False)).successor is not None
        assert [part_states(read, delivery) for delivery in ("t-1", "t-2")] == [["retry_wait"], ["cancelled"]]

    async def test_what_was_rejected_was_not_sent(self, store: Store) -> None:
        await self._sent(store)
        await settle_one(store, settlement(await sending(store), rejected()))
        assert (await self._given_up(store)).successor is not None

    async def test_what_waits_goes_out_when_the_run_is_not_done_once_more(self, store: Store) -> None:
        await self._sent(store)
        await finish_one(store, run_end("r-1", RunStatus.ERROR))
        assert await handed_out(store) == ["t-1.1"]

    async def _given_up(self, store: Store, *, unless_sent: bool = True) -> Finished:
        """The run has failed, and is to be done once more."""
        end = replace(run_end("r-1", RunStatus.ERROR), successor=run_seed("r-2"), unless_sent=unless_sent)
        return await finish_one(store, end)

    async def _sent(self, store: Store, *seeds: DeliverySeed) -> None:
        """A run under way that has sent messages."""
        await running_run(store)
        messages = seeds or (tool_seed(),)
        await open_accounts(store, messages)
        for seed in messages:
            assert await store.enqueue_of_run(seed, BOOT) is True

    def _is_owned(self, read: RunLog) -> None:
        announce = logged_delivery(read)
        assert (announce["state"], announce["reason"]) == ("suppressed", "already_sent")
        assert (announce["linkedTo"], announce["parts"]) == ("t-1", [])
        assert logged_run(read)["suppression"] == "already_sent"
