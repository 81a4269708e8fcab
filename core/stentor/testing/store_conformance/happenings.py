"""Events of the main session: each waits until a run has answered it, whatever becomes of its session meanwhile."""

from dataclasses import replace

import pytest

from stentor.contract.runners import Message, ToolUse
from stentor.domain.happenings import ANSWERED, HEARTBEAT, UNCONCERNED, Attention, Beats, WakeMode
from stentor.domain.records import RunEnd, RunSeed, SessionSeed
from stentor.domain.retention import Limits
from stentor.domain.rulings import Hand
from stentor.domain.session_limits import SessionLimits
from stentor.domain.states import RunStatus
from stentor.ports import Store
from stentor.testing.rows import BOOT, HOUR_MS, NOW_MS, run_end, run_seed, session_seed
from stentor.testing.store_conformance.steps import RunLog, finish_one, swept

MAIN = "agent:main:main"
SESSION = session_seed("s-main", shared_key=MAIN)
SOMEBODY = Hand("cli:somebody", NOW_MS)
LONG_AFTER_MS = NOW_MS + 999 * 24 * HOUR_MS


class HappeningRules:
    async def test_an_event_waits_to_be_answered(self, store: Store, read: RunLog) -> None:
        await store.happen(SESSION, "one", "now", NOW_MS)
        await store.happen(SESSION, "two", "next-heartbeat", NOW_MS + 1)
        found = await store.unanswered(MAIN)
        assert [(event.text, event.wake, event.at_ms - NOW_MS) for event in found] == [
            ("one", "now", 0),
            ("two", "next-heartbeat", 1),
        ]
        assert await store.history(found[0].session_id) == [
            Message("system", "one"),
            Message("system", "two"),
        ]
        assert _counted(read) == (2, len("onetwo"))

    async def test_the_event_of_a_run_waits_as_its_end_says(self, store: Store) -> None:
        said = (Message("system", "tea"),)
        await _turn(store, "r-1", messages=said, attention=Attention("next-heartbeat"))
        await _turn(store, "r-2", messages=said)
        assert [event.wake for event in await store.unanswered(MAIN)] == ["next-heartbeat"]

    async def test_what_a_run_has_answered_is_answered_and_nothing_else(self, store: Store) -> None:
        await store.happen(SESSION, "one", "now", NOW_MS)
        seen = tuple(await store.unanswered(MAIN))
        await store.happen(SESSION, "two", "now", NOW_MS)
        await _turn(store, "r-1", attention=Attention(answered=seen))
        assert [event.text for event in await store.unanswered(MAIN)] == ["two"]

    async def test_the_end_of_a_run_that_is_not_taken_answers_nothing(self, store: Store) -> None:
        await store.happen(SESSION, "one", "now", NOW_MS)
        seen = tuple(await store.unanswered(MAIN))
        run = await _begun(store, "r-1")
        late = replace(_end(run), boot="another", attention=Attention(answered=seen, forgotten=True))
        assert (await finish_one(store, late)).kept is False
        assert len(await store.unanswered(MAIN)) == 1

    async def test_an_event_is_found_although_its_session_is_over(self, store: Store) -> None:
        await store.happen(SESSION, "one", "now", NOW_MS)
        await store.reset_session(SESSION.id, SOMEBODY)
        await store.happen(session_seed("s-next", shared_key=MAIN), "two", "now", NOW_MS - 1)
        found = await store.unanswered(MAIN)
        assert {(event.session_id, event.text) for event in found} == {("s-main", "one"), ("s-next", "two")}
        assert await store.unanswered("agent:main:session:talk") == []

    @pytest.mark.parametrize("wake", ["now", "next-heartbeat"])
    @pytest.mark.parametrize(
        "limits",
        [
            pytest.param(SessionLimits(age_ms=1), id="age"),
            pytest.param(SessionLimits(entries=1), id="number"),
            pytest.param(SessionLimits(bytes=1), id="size"),
        ],
    )
    async def test_a_session_that_holds_an_event_stays_until_that_is_answered(
        self, store: Store, read: RunLog, limits: SessionLimits, wake: WakeMode
    ) -> None:
        await store.happen(SESSION, "tea", wake, NOW_MS)
        # Also one that is over: whoever answers the event looks for it there.
        await store.reset_session(SESSION.id, SOMEBODY)
        other = session_seed("s-talk", shared_key="agent:main:session:talk")
        await store.happen(other, "milk", wake, NOW_MS + 1)
        events = [*await store.unanswered(MAIN), *await store.unanswered(other.key)]
        assert not read.sessions_beyond(limits, LONG_AFTER_MS).sessions.total.sessions
        await swept(store, Limits(sessions=limits), now_ms=LONG_AFTER_MS)
        assert await store.remove_session(SESSION.id) is False
        assert [event.text for event in await store.unanswered(MAIN)] == ["tea"]
        run = await _begun(store, "r-1", session=other)
        await finish_one(store, replace(_end(run), attention=Attention(answered=tuple(events))))
        assert read.sessions_beyond(limits, LONG_AFTER_MS).sessions.total.sessions
        await swept(store, Limits(sessions=limits), now_ms=LONG_AFTER_MS)
        assert read.session(SESSION.id) is None

    async def test_others_go_in_place_of_a_session_that_holds_an_event(
        self, store: Store, read: RunLog
    ) -> None:
        await store.happen(SESSION, "tea", "now", NOW_MS)
        for n in (1, 2):
            later = session_seed(f"s-{n}", shared_key=f"agent:main:session:talk-{n}")
            run = await _begun(store, f"r-{n}", job_id="brief", session=later)
            await finish_one(store, _end(run))
        await swept(store, Limits(sessions=SessionLimits(entries=2)), now_ms=NOW_MS)
        assert [read.session(name) is not None for name in ("s-main", "s-1", "s-2")] == [True, False, True]

    async def test_what_was_said_in_a_run_that_had_nothing_to_tell_is_gone(
        self, store: Store, read: RunLog
    ) -> None:
        await store.happen(SESSION, "tea", "now", NOW_MS)
        before = _counted(read)
        run = await _begun(store, "r-1")
        await store.remember(run.id, BOOT, [Message("user", "anything?")], NOW_MS)
        assert _counted(read) != before
        await finish_one(store, replace(_end(run), attention=Attention(forgotten=True)))
        assert _counted(read) == before
        assert await store.history(SESSION.id) == [Message("system", "tea")]

    async def test_what_an_agent_has_done_is_not_gone_although_it_had_nothing_to_tell(
        self, store: Store, read: RunLog
    ) -> None:
        said = (
            Message("user", "anything?"),
            Message("assistant", "", (ToolUse("c-1", "cron", {"action": "list"}),)),
            Message("tool", "none", call_id="c-1"),
            Message("assistant", "HEARTBEAT_OK"),
        )
        await _turn(store, "r-1", messages=said, attention=Attention(forgotten=True))
        assert await store.history(SESSION.id) == list(said)
        assert _session(read)["messages"] == len(said)

    async def test_a_heartbeat_is_no_part_of_a_conversation(self, store: Store, read: RunLog) -> None:
        said = (Message("user", "anything?"), Message("assistant", "no"))
        await _turn(store, "r-1", messages=said)
        assert _session(read)["spokenAt"] is None
        await _turn(store, "r-2", messages=said, job_id="brief")
        assert _session(read)["spokenAt"] is not None

    async def test_the_last_heartbeat_is_known_by_its_instant(self, store: Store) -> None:
        assert await store.beats(HEARTBEAT) == Beats()
        await _begun(store, "r-1", scheduled_ms=NOW_MS - 5)
        await _begun(store, "r-2", queued_ms=NOW_MS + 7)
        assert await store.beats(HEARTBEAT) == Beats(NOW_MS - 5, NOW_MS + 7)

    async def test_the_last_turn_that_went_well_is_known_and_whether_one_has_failed_since(
        self, store: Store
    ) -> None:
        await _turn(store, "r-1")
        await _turn(store, "r-2", started_ms=NOW_MS + 4)
        await _turn(store, "r-3", job_id="brief", started_ms=NOW_MS + 9)
        assert await store.beats(HEARTBEAT) == Beats(None, NOW_MS, "r-2", NOW_MS + 4, is_good=True)
        under_way = await _begun(store, "r-4", started_ms=NOW_MS + 5)
        assert (await store.beats(HEARTBEAT)).is_good
        skipped = replace(run_end(under_way.id, RunStatus.SKIPPED), error_kind=ANSWERED)
        await finish_one(store, skipped)
        assert (await store.beats(HEARTBEAT)).is_good
        await _turn(store, "r-5", status=RunStatus.ERROR, started_ms=NOW_MS + 6)
        assert await store.beats(HEARTBEAT) == Beats(None, NOW_MS, "r-2", NOW_MS + 4)


async def _turn(
    store: Store,
    run_id: str,
    *,
    messages: tuple[Message, ...] = (),
    attention: Attention = UNCONCERNED,
    job_id: str = HEARTBEAT,
    status: RunStatus = RunStatus.OK,
    started_ms: int = NOW_MS,
) -> None:
    run = await _begun(store, run_id, job_id=job_id, started_ms=started_ms)
    await finish_one(store, replace(run_end(run.id, status), messages=messages, attention=attention))


async def _begun(
    store: Store,
    run_id: str,
    *,
    job_id: str = HEARTBEAT,
    scheduled_ms: int | None = None,
    queued_ms: int = NOW_MS,
    started_ms: int = NOW_MS,
    session: SessionSeed = SESSION,
) -> RunSeed:
    seed = replace(
        run_seed(), id=run_id, job_id=job_id, session=session, scheduled_ms=scheduled_ms, queued_ms=queued_ms
    )
    run = await store.queue_run(seed)
    await store.start_run(run.id, run.boot, started_ms, None)
    return run


def _end(run: RunSeed) -> RunEnd:
    return run_end(run.id, RunStatus.OK)


def _session(read: RunLog) -> dict[str, object]:
    found = read.session(MAIN)
    if found is None:
        raise AssertionError("there is no main session")
    return found


def _counted(read: RunLog) -> tuple[object, object]:
    """How many entries the session has, and their bytes."""
    found = _session(read)
    return found["messages"], found["bytes"]
