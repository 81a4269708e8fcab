"""Sessions that runs share: when they begin anew, by hand or by themselves, and what somebody wants of them."""

from dataclasses import replace

import pytest

from stentor.contract.runners import Message, Role
from stentor.domain.records import Freshness, Preferences, RunSeed
from stentor.domain.rulings import Hand
from stentor.domain.wishes import Wishes
from stentor.ports import Store
from stentor.testing.rows import HOUR_MS, NOW_MS, job_row, run_end, run_seed
from stentor.testing.store_conformance.steps import RunLog, events_of, finish_one

KEY = "agent:ops:session:weekly"
SOMEBODY = Hand("cli:somebody", NOW_MS)


class SessionResetRules:
    async def test_after_a_reset_the_next_run_begins_another_session(
        self, store: Store, read: RunLog
    ) -> None:
        first = await talked(store, "r-1")
        assert await store.reset_session(first.session.id, SOMEBODY) is True
        second = await talked(store, "r-2")
        assert second.session.id != first.session.id
        assert [message.text for message in await store.history(second.session.id)] == ["hello"]
        assert _standing(read, KEY) == (second.session.id, True, 1)

    async def test_what_was_said_before_a_reset_is_kept(self, store: Store, read: RunLog) -> None:
        run = await talked(store, "r-1")
        await store.reset_session(run.session.id, SOMEBODY)
        assert [message.text for message in await store.history(run.session.id)] == ["hello"]
        assert _standing(read, run.session.id) == (run.session.id, False, 0)
        assert _standing(read, KEY) == (run.session.id, False, 0)

    async def test_a_reset_is_done_once_and_says_who_did_it(self, store: Store, read: RunLog) -> None:
        run = await talked(store, "r-1")
        done = [await store.reset_session(run.session.id, SOMEBODY) for _ in range(2)]
        assert done == [True, False]
        (event,) = events_of(read, "session.reset")
        assert event["data"] == {"sessionId": run.session.id, "by": SOMEBODY.by}

    async def test_a_session_that_is_not_there_is_not_reset(self, store: Store) -> None:
        assert await store.reset_session("s-none", SOMEBODY) is False

    async def test_a_run_under_way_goes_on_in_a_session_that_is_reset(self, store: Store) -> None:
        run = await _queued(store, "r-1")
        await store.reset_session(run.session.id, SOMEBODY)
        await finish_one(store, replace(run_end(), messages=(Message("user", "hello"),)))
        assert len(await store.history(run.session.id)) == 1


class SessionRemovalRules:
    async def test_a_session_that_is_removed_goes_with_what_was_said(
        self, store: Store, read: RunLog
    ) -> None:
        run = await talked(store, "r-1")
        done = [await store.remove_session(run.session.id) for _ in range(2)]
        assert done == [True, False]
        assert await store.history(run.session.id) == []
        assert read.session(run.session.id) is None

    async def test_a_session_that_is_in_use_stays(self, store: Store) -> None:
        run = await _queued(store, "r-1")
        assert await store.remove_session(run.session.id) is False
        await finish_one(store, replace(run_end(), messages=(Message("user", "hello"),)))
        assert await store.remove_session(run.session.id) is True

    async def test_a_session_that_is_pinned_stays(self, store: Store) -> None:
        run = await talked(store, "r-1")
        await store.prefer(run.session.base_key, Wishes(pinned=True), SOMEBODY)
        assert await store.remove_session(run.session.id) is False
        assert len(await store.history(run.session.id)) == 1


class FreshnessRules:
    async def test_a_session_from_before_is_not_gone_on_with(self, store: Store, read: RunLog) -> None:
        first = await talked(store, "r-1")
        again = await talked(store, "r-2", NOW_MS + HOUR_MS, Freshness(born_ms=NOW_MS))
        assert again.session.id == first.session.id
        anew = await talked(store, "r-3", NOW_MS + HOUR_MS, Freshness(born_ms=NOW_MS + 1))
        assert anew.session.id != first.session.id
        assert _standing(read, KEY) == (anew.session.id, True, 1)

    async def test_a_session_that_begins_with_a_day_is_of_that_day(self, store: Store) -> None:
        """A run is written down a moment before its instant."""
        await talked(store, "r-1", NOW_MS - HOUR_MS)
        dawn = Freshness(born_ms=NOW_MS)
        first = await talked(store, "r-2", NOW_MS - 250, dawn)
        second = await talked(store, "r-3", NOW_MS + HOUR_MS, dawn)
        assert second.session.id == first.session.id

    async def test_a_session_in_which_nobody_has_spoken_for_long_is_not_gone_on_with(
        self, store: Store
    ) -> None:
        first = await talked(store, "r-1")
        again = await talked(store, "r-2", NOW_MS + HOUR_MS, Freshness(spoken_ms=NOW_MS))
        assert again.session.id == first.session.id
        still = await talked(store, "r-3", NOW_MS + 2 * HOUR_MS, Freshness(spoken_ms=NOW_MS + HOUR_MS))
        assert still.session.id == first.session.id
        anew = await talked(store, "r-4", NOW_MS + 9 * HOUR_MS, Freshness(spoken_ms=NOW_MS + 3 * HOUR_MS))
        assert anew.session.id != first.session.id

    @pytest.mark.parametrize(("role", "is_kept"), [("user", True), ("system", False), ("assistant", False)])
    async def test_only_whoever_speaks_to_the_agent_keeps_a_session_fresh(
        self, store: Store, role: Role, *, is_kept: bool
    ) -> None:
        first = await talked(store, "r-1")
        await talked(store, "r-2", NOW_MS + HOUR_MS, role=role)
        third = await talked(store, "r-3", NOW_MS + 2 * HOUR_MS, Freshness(spoken_ms=NOW_MS + HOUR_MS))
        assert (third.session.id == first.session.id) is is_kept

    async def test_a_session_in_which_a_run_is_under_way_is_not_silent(self, store: Store) -> None:
        first = await _queued(store, "r-1")
        second = await _queued(store, "r-2", NOW_MS + HOUR_MS, Freshness(spoken_ms=NOW_MS + HOUR_MS))
        assert second.session.id == first.session.id


class PreferenceRules:
    async def test_nothing_is_wanted_until_somebody_says_so(self, store: Store) -> None:
        assert await store.preferences(KEY) is None

    async def test_what_is_wanted_of_a_conversation_is_kept(self, store: Store) -> None:
        wanted = await store.prefer(KEY, Wishes(model="m-1", thinking="low", fast_mode=False), SOMEBODY)
        assert wanted == Preferences("m-1", "low", fast_mode=False)
        assert await store.preferences(KEY) == wanted

    async def test_what_is_not_said_stays_and_what_is_cleared_goes(self, store: Store) -> None:
        await store.prefer(KEY, Wishes(model="m-1", thinking="low", fast_mode=True), SOMEBODY)
        await store.prefer(KEY, Wishes(pinned=True), SOMEBODY)
        await store.prefer(KEY, Wishes(model="m-2", clear=frozenset(("thinking", "fast_mode"))), SOMEBODY)
        assert await store.preferences(KEY) == Preferences("m-2", pinned=True)

    async def test_who_wants_nothing_any_more_is_forgotten(self, store: Store) -> None:
        await store.prefer(KEY, Wishes(pinned=True), SOMEBODY)
        assert await store.prefer(KEY, Wishes(pinned=False), SOMEBODY) == Preferences()
        assert await store.preferences(KEY) is None

    async def test_a_change_says_who_made_it_and_no_change_says_nothing(
        self, store: Store, read: RunLog
    ) -> None:
        for _ in range(2):
            await store.prefer(KEY, Wishes(model="m-1"), SOMEBODY)
        (event,) = events_of(read, "session.preferred")
        assert (event["data"]["baseKey"], event["data"]["model"], event["data"]["by"]) == (
            KEY,
            "m-1",
            SOMEBODY.by,
        )

    async def test_preferences_outlive_the_sessions_of_their_conversation(
        self, store: Store, read: RunLog
    ) -> None:
        run = await talked(store, "r-1")
        await store.prefer(KEY, Wishes(model="m-1", pinned=True), SOMEBODY)
        await store.reset_session(run.session.id, SOMEBODY)
        await talked(store, "r-2")
        session = read.session(KEY)
        assert session is not None
        assert (session["pinned"], session["preferences"]["model"]) == (True, "m-1")


async def talked(
    store: Store,
    run_id: str,
    at_ms: int = NOW_MS,
    fresh: Freshness | None = None,
    *,
    role: Role = "user",
) -> RunSeed:
    """A run in the shared session, in which somebody said hello."""
    run = await _queued(store, run_id, at_ms, fresh)
    await finish_one(store, replace(run_end(run_id, ended_ms=at_ms), messages=(Message(role, "hello"),)))
    return run


async def _queued(store: Store, run_id: str, at_ms: int = NOW_MS, fresh: Freshness | None = None) -> RunSeed:
    if await store.job("brief") is None:
        await store.add_job(job_row())
    seed = run_seed(run_id, scheduled_ms=None, shared_key=KEY)
    return await store.queue_run(replace(seed, queued_ms=at_ms, session=replace(seed.session, fresh=fresh)))


def _standing(read: RunLog, name: str) -> tuple[str, bool, int]:
    """Which session is meant by a name, whether it is the current one, and how many others its conversation had."""
    session = read.session(name)
    assert session is not None, name
    return session["sessionId"], session["current"], session["others"]
