"""A child that dies, hangs or writes nonsense costs a restart, and whoever waited for it hears of that at once."""

import asyncio
import gc
import stat
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.plugins.whatsapp.backstage import CONNECTED, SHORT, Backstage, Ears, WaitingContext

from stentor_whatsapp.line import Lost, Refused
from stentor_whatsapp.process import LOG_BYTES, Log
from stentor_whatsapp.supervisor import NOT_PAIRED, Leave, Patience, Start, Supervisor

Supervised = Callable[..., AbstractAsyncContextManager[Supervisor]]
NO_ANSWER = pytest.mark.parametrize(
    "act", ["die", "panic", "half_answer", "nonsense", "list", "say_neither", "giant", "stranger"]
)


@pytest.fixture
def ears() -> Ears:
    return Ears()


@pytest.fixture
def supervised(backstage: Backstage, ctx: WaitingContext, ears: Ears) -> Supervised:
    """A supervisor of children that stand in; when it is closed, nobody is left."""

    @asynccontextmanager
    async def opened(patience: Patience = SHORT, **script: Any) -> AsyncGenerator[Supervisor]:
        supervisor = Supervisor(backstage.start(**script), ctx, patience, ears)
        try:
            yield supervisor
        finally:
            await supervisor.close()
            assert await backstage.nobody_is_left()
            assert asyncio.all_tasks() == {asyncio.current_task()}

    return opened


async def test_the_child_is_opened_and_connected(
    supervised: Supervised, backstage: Backstage, ears: Ears
) -> None:
    async with supervised() as supervisor:
        opened = await supervisor.begin()
        assert ears.openings == [opened]
        assert opened["me"] == "6281234500001"
        assert (await supervisor.request("who"))["name"] == "Ops"
    assert [request["session"] for request in backstage.asked("open")] == ["s"]
    assert len(backstage.asked("connect")) == 1
    assert len(backstage.asked("close")) == 1


async def test_what_the_child_says_by_itself_is_heard(
    supervised: Supervised, backstage: Backstage, ears: Ears
) -> None:
    async with supervised() as supervisor:
        await supervisor.begin()
        backstage.tell(CONNECTED)
        event = await ears.event()
        assert (event.name, event.facts["state"]) == ("state", "connected")


async def test_an_error_that_the_child_answers_with_is_handed_on(supervised: Supervised) -> None:
    error = {"error": {"kind": "library_error", "text": "no LID found", "announced": False}}
    async with supervised(answers={"send": error}) as supervisor:
        await supervisor.begin()
        with pytest.raises(Refused, match="no LID found") as refused:
            await supervisor.request("send")
        assert (refused.value.kind, refused.value.facts["announced"]) == ("library_error", False)


@NO_ANSWER
async def test_whoever_waits_for_a_child_that_fails_hears_of_it(
    supervised: Supervised, ears: Ears, act: str
) -> None:
    async with supervised(acts={"send": [act, "answer"], "who": "hang"}) as supervisor:
        await supervisor.begin()
        other = supervisor.ask("who")
        with pytest.raises(Lost) as lost:
            await supervisor.request("send")
        assert lost.value.written
        async with asyncio.timeout(1):
            with pytest.raises(Lost):
                await other
        await ears.death()


@NO_ANSWER
async def test_a_child_that_fails_is_followed_by_another(
    supervised: Supervised, backstage: Backstage, ears: Ears, act: str
) -> None:
    async with supervised(acts={"send": [act, "answer"]}, after={"connect": [CONNECTED]}) as supervisor:
        await supervisor.begin()
        await ears.event()
        with pytest.raises(Lost):
            await supervisor.request("send")
        await ears.event()
        assert (await supervisor.request("send"))["message_id"] == "3EB0AA"
    assert len(backstage.lives) == 2


async def test_between_two_children_nothing_is_asked(
    supervised: Supervised, backstage: Backstage, ctx: WaitingContext, ears: Ears
) -> None:
    ctx.held = True
    async with supervised() as supervisor:
        await supervisor.begin()
        backstage.tell("die")
        await ears.death()
        with pytest.raises(Lost) as lost:
            await supervisor.request("send")
        assert not lost.value.written


async def test_a_panic_says_what_it_was(supervised: Supervised, backstage: Backstage, ears: Ears) -> None:
    async with supervised() as supervisor:
        await supervisor.begin()
        backstage.tell("panic")
        assert str(await ears.death()) == "panic: runtime error: index out of range [3] with length 3"


async def test_children_that_die_again_and_again_are_started_ever_more_seldom(
    supervised: Supervised, ctx: WaitingContext
) -> None:
    async with supervised(acts={"connect": "die"}) as supervisor:
        await supervisor.begin()
        await ctx.until(lambda: len(ctx.slept) == 6)
    assert ctx.slept == [1, 5, 25, 120, 600, 600]


async def test_after_a_long_life_the_pauses_begin_anew(
    supervised: Supervised, backstage: Backstage, ctx: WaitingContext, ears: Ears
) -> None:
    async with supervised(
        acts={"connect": ["die", "die", "answer"]}, after={"connect": [CONNECTED]}
    ) as supervisor:
        await supervisor.begin()
        await ears.event()
        ctx.at += timedelta(minutes=5)
        backstage.tell("die")
        await ctx.until(lambda: len(ctx.slept) == 3)
    assert ctx.slept == [1, 5, 1]


async def test_a_child_that_is_of_no_use_is_followed_by_another_when_there_is_some(
    supervised: Supervised, backstage: Backstage, ctx: WaitingContext, ears: Ears
) -> None:
    ears.useless = {"banned": Leave("banned for an hour", 3600)}
    async with supervised(after={"connect": [CONNECTED]}) as supervisor:
        await supervisor.begin()
        await ears.event()
        backstage.tell({"event": "state", "state": "banned"})
        assert str(await ears.death()) == "banned for an hour"
        assert (await ears.event()).facts["state"] == "banned"
        assert (await ears.event()).facts["state"] == "connected"
    assert (len(backstage.lives), ctx.slept) == (2, [3600])


async def test_a_child_that_is_of_no_use_for_good_is_the_last(
    supervised: Supervised, backstage: Backstage, ctx: WaitingContext, ears: Ears
) -> None:
    ears.useless = {"logged_out": Leave("logged out", for_good=True)}
    async with supervised() as supervisor:
        await supervisor.begin()
        backstage.tell({"event": "state", "state": "logged_out"})
        await ears.death()
        assert await backstage.nobody_is_left()
        with pytest.raises(Lost) as lost:
            await supervisor.request("send")
        assert not lost.value.written
    assert (len(backstage.lives), ctx.slept) == (1, [])


async def test_whoever_hears_of_a_death_may_want_no_other_child(
    supervised: Supervised, backstage: Backstage, ctx: WaitingContext, ears: Ears
) -> None:
    ears.another = False
    async with supervised(acts={"connect": "die"}) as supervisor:
        await supervisor.begin()
        await ears.death()
    assert (len(backstage.lives), ctx.slept) == (1, [])


@pytest.mark.parametrize("act", ["die", "hang", "freeze", "nonsense"])
async def test_a_first_child_that_does_not_open_is_the_last(
    supervised: Supervised, backstage: Backstage, act: str
) -> None:
    async with supervised(replace(SHORT, open=0.3), acts={"open": act}) as supervisor:
        with pytest.raises(Lost):
            await supervisor.begin()
        assert await backstage.nobody_is_left()
    assert len(backstage.lives) == 1


async def test_a_program_that_is_not_there_is_a_child_that_does_not_open(
    tmp_path: Path, ctx: WaitingContext, ears: Ears
) -> None:
    start = Start([str(tmp_path / "python")], tmp_path / "child.log", {})
    supervisor = Supervisor(start, ctx, SHORT, ears)
    with pytest.raises(Lost, match="cannot be started") as lost:
        await supervisor.begin()
    assert not lost.value.written


async def test_a_child_that_says_why_it_cannot_open_is_believed(supervised: Supervised) -> None:
    broken = {"error": {"kind": "library", "text": "libmagic is missing: apt install libmagic1"}}
    async with supervised(answers={"open": broken}) as supervisor:
        with pytest.raises(Refused, match="apt install") as refused:
            await supervisor.begin()
        assert refused.value.kind == "library"


async def test_a_session_that_is_not_paired_is_not_connected(
    supervised: Supervised, backstage: Backstage
) -> None:
    async with supervised(answers={"open": {"version": "0.0.0", "paired": False, "me": ""}}) as supervisor:
        with pytest.raises(Refused) as refused:
            await supervisor.begin()
        assert refused.value.kind == NOT_PAIRED
    assert not backstage.asked("connect")


async def test_a_later_child_that_does_not_open_is_tried_again(
    supervised: Supervised, ctx: WaitingContext, ears: Ears
) -> None:
    locked = {"error": {"kind": "locked", "text": "another process has this session"}}
    opened = {"paired": True}
    async with supervised(
        answers={"open": [opened, locked, opened]}, acts={"connect": ["die", "answer"]}
    ) as supervisor:
        await supervisor.begin()
        assert isinstance(await ears.death(), Lost)
        assert isinstance(await ears.death(), Refused)
        await ctx.until(lambda: len(ctx.slept) == 2)
        assert ctx.slept == [1, 5]


async def test_an_answer_that_comes_twice_changes_nothing(supervised: Supervised) -> None:
    async with supervised(acts={"who": "twice"}) as supervisor:
        await supervisor.begin()
        assert (await supervisor.request("who"))["name"] == "Ops"
        assert (await supervisor.request("count"))["count"] == 0


async def test_an_answer_that_nobody_waits_for_any_more_changes_nothing(
    supervised: Supervised, backstage: Backstage
) -> None:
    async with supervised(acts={"send": "hang"}) as supervisor:
        await supervisor.begin()
        with pytest.raises(Lost, match=r"no answer to send within 0\.1 s") as lost:
            await supervisor.request("send", 0.1)
        assert lost.value.written
        backstage.tell({"id": backstage.asked("send")[0]["id"], "ok": {}})
        assert (await supervisor.request("who"))["name"] == "Ops"
    assert len(backstage.lives) == 1


@pytest.mark.parametrize("act", ["hang", "freeze", "leave_somebody_behind"])
async def test_closing_ends_also_those_who_do_not_leave(
    supervised: Supervised, backstage: Backstage, act: str
) -> None:
    async with supervised(acts={"close": act}) as supervisor:
        await supervisor.begin()
    assert len(backstage.asked("close")) == 1


async def test_closing_ends_those_who_hang_at_once_when_there_is_no_time(
    supervised: Supervised, backstage: Backstage, ctx: WaitingContext
) -> None:
    """The first `close` is called off while the child still has time to leave."""
    slow = replace(SHORT, grace=replace(SHORT.grace, asked=60))
    async with supervised(slow, acts={"close": "freeze"}) as supervisor:
        await supervisor.begin()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await supervisor.close()
        async with asyncio.timeout(5):
            await supervisor.close()
        assert await backstage.nobody_is_left()


async def test_closing_while_a_child_dies_leaves_nothing(
    supervised: Supervised, backstage: Backstage
) -> None:
    """However far its end has come by then."""
    for turns in range(12):
        async with supervised(acts={"send": "panic"}) as supervisor:
            await supervisor.begin()
            with pytest.raises(Lost):
                await supervisor.request("send")
            for _ in range(turns):
                await asyncio.sleep(0)
        gc.collect()


async def test_closing_while_the_first_child_opens_leaves_nobody(
    supervised: Supervised, backstage: Backstage
) -> None:
    async with supervised(acts={"open": "hang"}) as supervisor:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await supervisor.begin()
        assert await backstage.nobody_is_left()


async def test_closing_between_two_children_starts_no_other(
    supervised: Supervised, backstage: Backstage, ctx: WaitingContext, ears: Ears
) -> None:
    ctx.held = True
    async with supervised() as supervisor:
        await supervisor.begin()
        backstage.tell("die")
        await ears.death()
    assert len(backstage.lives) == 1


def test_what_comes_after_the_end_is_not_kept(tmp_path: Path) -> None:
    log = Log(tmp_path / "child.log")
    log.write(b"before\n")
    log.close()
    log.write(b"panic: after\n")
    assert (tmp_path / "child.log").read_bytes() == b"before\n"
    assert log.last_words() == "panic: after"


async def test_what_a_child_prints_is_kept_within_bounds(
    supervised: Supervised, backstage: Backstage
) -> None:
    async with supervised(acts={"who": "print"}) as supervisor:
        await supervisor.begin()
        await supervisor.request("who")
        await supervisor.close()
    log, older = backstage.folder / "child.log", backstage.folder / "child.log.1"
    assert log.read_text().endswith("line 039999 of what a library has to say about itself in its log\n")
    assert 0 < log.stat().st_size <= LOG_BYTES
    assert LOG_BYTES / 2 < older.stat().st_size <= LOG_BYTES
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert {path.name for path in backstage.folder.glob("child.log*")} == {"child.log", "child.log.1"}


def test_a_log_that_cannot_be_written_is_no_reason_to_fail(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.write(b"panic: nobody keeps this\n")
    log.close()
    assert log.last_words() == "panic: nobody keeps this"
