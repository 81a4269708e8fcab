"""Starting again: what a dead process left is taken over, and its lease is worth nothing any more."""

from dataclasses import replace

from stentor.contract.runners import Message
from stentor.domain.records import DeliverySeed, ErrandSeed, OpenRun, Recovery
from stentor.domain.states import Purpose, RunStatus
from stentor.ports import Store
from stentor.testing.job_changes import set_back
from stentor.testing.rows import (
    BOOT,
    NOW_MS,
    SECOND_MS,
    accepted,
    claim_of,
    delivery_seed,
    job_row,
    not_sent,
    run_end,
    run_seed,
    settlement,
    unknown,
)
from stentor.testing.store_conformance.steps import (
    Reopen,
    RunLog,
    claim_one,
    claimed_run,
    finish_one,
    handed_out,
    logged_run,
    open_accounts,
    part_states,
    put,
    running_run,
    sending,
    settle_one,
    stored_job,
)

NEXT_BOOT = "boot-2"


class RecoveryRules:
    async def test_there_is_nothing_to_recover_in_an_empty_store(self, store: Store) -> None:
        assert await store.recover(BOOT) == Recovery()

    async def test_the_open_runs_of_a_dead_process_are_adopted(self, store: Store) -> None:
        await claimed_run(store)
        await running_run(store, run_seed("r-2", job_id="other"), job_row("other"))
        found = await store.recover(NEXT_BOOT)
        assert [(run.seed.id, run.seed.boot, run.started) for run in found.runs] == [
            ("r-1", NEXT_BOOT, False),
            ("r-2", NEXT_BOOT, True),
        ]

    async def test_an_adopted_run_is_what_it_was_except_for_its_lease(self, store: Store) -> None:
        seed = await claimed_run(store, run_seed(attempt=2))
        (found,) = (await store.recover(NEXT_BOOT)).runs
        session = replace(seed.session, shared=found.seed.session.shared)
        assert found == OpenRun(
            replace(seed, boot=NEXT_BOOT, session=session), started=False, sent_something=False
        )

    async def test_ended_runs_and_those_of_this_process_are_left_alone(self, store: Store) -> None:
        await running_run(store)
        await finish_one(store, run_end())
        await running_run(store, run_seed("r-2", job_id="other", boot=NEXT_BOOT), job_row("other"))
        assert (await store.recover(NEXT_BOOT)).runs == ()

    async def test_an_adopted_run_is_adopted_once(self, store: Store) -> None:
        await running_run(store)
        await store.recover(NEXT_BOOT)
        assert (await store.recover(NEXT_BOOT)).runs == ()
        assert [run.seed.id for run in (await store.recover("boot-3")).runs] == ["r-1"]

    async def test_a_process_that_lost_its_lease_can_neither_start_nor_end_its_runs(
        self, store: Store, read: RunLog
    ) -> None:
        await claimed_run(store)
        await store.recover(NEXT_BOOT)
        assert await store.start_run("r-1", BOOT, NOW_MS, None) is False
        await store.note_phase("r-1", BOOT, "forged")
        assert (
            await finish_one(store, run_end("r-1", RunStatus.OK, delivery_seed(run_id="r-1")))
        ).kept is False
        assert (logged_run(read)["status"], logged_run(read)["phase"]) == ("queued", "queued")
        assert read.deliveries() == []

    async def test_the_process_that_adopted_a_run_may_start_and_end_it(
        self, store: Store, read: RunLog
    ) -> None:
        await claimed_run(store)
        await store.recover(NEXT_BOOT)
        assert await store.start_run("r-1", NEXT_BOOT, NOW_MS, None) is True
        assert (await finish_one(store, run_end(boot=NEXT_BOOT))).kept is True
        assert logged_run(read)["status"] == "ok"

    async def test_a_run_whose_parts_all_wait_has_sent_nothing(self, store: Store) -> None:
        await running_run(store)
        await put(store, _tool_delivery())
        assert [run.sent_something for run in (await store.recover(NEXT_BOOT)).runs] == [False]

    async def test_what_one_run_asked_of_another_is_known_to_the_next_process(self, store: Store) -> None:
        errand = ErrandSeed("r-1", outlives=True, doc='{"what": "to do"}')
        await store.queue_run(replace(run_seed("r-2", scheduled_ms=None), errand=errand))
        (found,) = (await store.recover(NEXT_BOOT)).runs
        assert found.seed.errand == errand

    async def test_a_run_has_sent_what_those_it_sent_have_sent(self, store: Store) -> None:
        """However many hands it went through."""
        await running_run(store)
        for number in (2, 3):
            errand = ErrandSeed(f"r-{number - 1}", outlives=False, doc="{}")
            run = await store.queue_run(
                replace(run_seed(f"r-{number}", job_id=f"j-{number}", scheduled_ms=None), errand=errand)
            )
            await store.start_run(run.id, run.boot, NOW_MS, None)
        message = replace(delivery_seed("t-1", run_id="r-3"), purpose=Purpose.TOOL)
        await open_accounts(store, [message])
        assert await store.enqueue_of_run(message, BOOT) is True
        await sending(store)
        sent = {run.seed.id: run.sent_something for run in (await store.recover(NEXT_BOOT)).runs}
        assert sent == {"r-1": True, "r-2": True, "r-3": True}

    async def test_what_was_said_elsewhere_was_sent_unless_it_was_taken_back(self, store: Store) -> None:
        await running_run(store)
        errand = ErrandSeed("r-1", outlives=True, doc="{}")
        run = await store.queue_run(replace(run_seed("r-2", job_id="j-2", scheduled_ms=None), errand=errand))
        assert await self._has_sent(store, NEXT_BOOT)
        await finish_one(store, replace(run_end(run.id, RunStatus.CANCELLED), boot=NEXT_BOOT))
        assert not await self._has_sent(store, "boot-3")

    async def _has_sent(self, store: Store, boot: str) -> bool:
        (found,) = [run for run in (await store.recover(boot)).runs if run.seed.id == "r-1"]
        return found.sent_something

    async def test_a_run_one_of_whose_parts_was_being_sent_may_have_sent_something(
        self, store: Store
    ) -> None:
        await running_run(store)
        await put(store, _tool_delivery())
        await sending(store)
        assert [run.sent_something for run in (await store.recover(NEXT_BOOT)).runs] == [True]


class OrphanRules:
    async def test_a_part_that_was_being_sent_comes_back_as_it_was(self, store: Store) -> None:
        await put(store, delivery_seed())
        part = await sending(store)
        assert (await store.recover(NEXT_BOOT)).parts == (part,)

    async def test_a_part_this_process_is_sending_is_no_orphan(self, store: Store) -> None:
        await put(store, delivery_seed())
        await sending(store, boot=NEXT_BOOT)
        assert (await store.recover(NEXT_BOOT)).parts == ()

    async def test_parts_that_wait_need_no_recovery(self, store: Store) -> None:
        await put(store, delivery_seed())
        assert (await store.recover(NEXT_BOOT)).parts == ()
        assert await handed_out(store) == ["d-1.1"]

    async def test_the_lane_of_an_orphan_stays_shut_until_it_is_settled(
        self, store: Store, read: RunLog
    ) -> None:
        await put(store, delivery_seed("d-1"), delivery_seed("d-2"))
        await sending(store)
        (orphan,) = (await store.recover(NEXT_BOOT)).parts
        assert await handed_out(store) == []
        await settle_one(store, settlement(orphan, unknown()))
        assert part_states(read) == ["unknown"]
        assert await handed_out(store) == ["d-2.1"]

    async def test_a_settled_orphan_is_nobodys_orphan_any_more(self, store: Store) -> None:
        await put(store, delivery_seed())
        await sending(store)
        (orphan,) = (await store.recover(NEXT_BOOT)).parts
        await settle_one(store, settlement(orphan, unknown()))
        assert (await store.recover(NEXT_BOOT)).parts == ()
        assert (await store.recover("boot-3")).parts == ()

    async def test_an_orphan_that_may_go_again_keeps_its_identity_and_counts_on(self, store: Store) -> None:
        await put(store, delivery_seed())
        await sending(store)
        (orphan,) = (await store.recover(NEXT_BOOT)).parts
        await settle_one(store, settlement(orphan, not_sent(NOW_MS + SECOND_MS)))
        again = await sending(store, NOW_MS + SECOND_MS, NEXT_BOOT)
        assert (again.part_id, again.attempt, again.first_sent_ms) == ("d-1.1", 2, NOW_MS)


class RestartRules:
    async def test_everything_committed_is_there_after_a_restart(
        self, store: Store, read: RunLog, reopen: Reopen
    ) -> None:
        run = await running_run(store)
        talk = (Message("assistant", "done"),)
        end = run_end("r-1", RunStatus.OK, delivery_seed(run_id="r-1", texts=("one", "two")))
        await finish_one(store, replace(end, messages=talk))
        jobs, logged = await store.jobs(), logged_run(read)
        await store.close()
        again = await reopen()
        assert await again.jobs() == jobs
        assert logged_run(read) == logged
        assert [message.text for message in await again.history(run.session.id)] == ["done"]

    async def test_the_outbox_goes_on_where_it_stood(
        self, store: Store, read: RunLog, reopen: Reopen
    ) -> None:
        await put(store, delivery_seed(texts=("one", "two", "three")))
        await settle_one(store, settlement(await sending(store), accepted()))
        await store.close()
        again = await reopen()
        assert await handed_out(again) == ["d-1.2"]
        assert part_states(read) == ["accepted", "sending", "pending"]

    async def test_an_instant_that_ran_does_not_run_again_after_a_restart(
        self, store: Store, reopen: Reopen
    ) -> None:
        await claimed_run(store)
        await store.close()
        again = await reopen()
        await again.change_jobs([set_back(await stored_job(again), job_row())])
        assert await claim_one(again, claim_of(await stored_job(again), run_seed("r-2"))) == []


def _tool_delivery() -> DeliverySeed:
    """What a tool put into the outbox while its run was under way."""
    return replace(delivery_seed(run_id="r-1"), purpose=Purpose.TOOL)
