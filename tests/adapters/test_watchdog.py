"""A loop that does not answer is noticed from a thread, on a clock and with pauses of the test's own."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from stentor.adapters.clock import SystemClock
from stentor.adapters.stall_note import StallFile
from stentor.adapters.watchdog import Watchdog
from stentor.domain.stalls import Stall

NOW_MS = 1_782_889_200_000
STALL_SECONDS = 30.0
EVERY_SECONDS = 5.0


class HandClock(SystemClock):
    """Stands still until somebody turns it."""

    seconds = 1000.0

    def now_ms(self) -> int:
        return NOW_MS

    def monotonic(self) -> float:
        return self.seconds


@dataclass
class Looks:
    """The pauses between the looks of a thread: what happens in each is told, and with the last it is stopped."""

    clock: HandClock
    events: Iterator[Callable[[], None]]
    lengths: list[float] = field(default_factory=list[float])

    def set(self) -> None:
        self.events = iter(())

    def wait(self, timeout: float) -> bool:
        self.lengths.append(timeout)
        self.clock.seconds += timeout
        event = next(self.events, None)
        if event is not None:
            event()
        return event is None


@dataclass
class World:
    """A loop and a store that answer or do not, and what becomes of the process."""

    folder: Path
    clock: HandClock = field(default_factory=HandClock)
    loop_answers: bool = True
    store_asked_at: float | None = None
    exits: list[int] = field(default_factory=list[int])
    _unheard: list[Callable[[], None]] = field(default_factory=list[Callable[[], None]])

    def watch(self, *events: Callable[[], None], exit_on_stall: bool = False) -> None:
        """One look after each of `events`."""
        dog = Watchdog(
            self.clock,
            STALL_SECONDS,
            lambda: self.store_asked_at,
            StallFile(self.folder),
            exit_on_stall=exit_on_stall,
            leave=self.exits.append,
            stopped=Looks(self.clock, iter(events)),
        )
        dog.watch(self._ask)

    def stop_answering(self) -> None:
        self.loop_answers = False

    def answer(self) -> None:
        self.loop_answers = True
        for hear in self._unheard:
            hear()
        self._unheard.clear()

    def _ask(self, hear: Callable[[], None]) -> None:
        if self.loop_answers:
            hear()
        else:
            self._unheard.append(hear)

    @property
    def noted(self) -> Stall | None:
        return StallFile(self.folder).read()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def pass_time() -> None:
    """Nothing happens between two looks."""


def said(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(record.levelname, vars(record)["event"]) for record in caplog.records]


def test_a_loop_that_answers_is_left_in_peace(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.watch(*[pass_time] * 100, exit_on_stall=True)
    assert (world.exits, world.noted, said(caplog)) == ([], None, [])


def test_a_loop_that_is_silent_for_long_is_said_to_have_stalled_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.watch(world.stop_answering, *[pass_time] * 20)
    assert said(caplog) == [("CRITICAL", "stalled")]
    assert "the loop has not answered for 30 s." in caplog.text
    assert world.noted == Stall(NOW_MS, 30, ended=False)
    assert world.exits == []


def test_a_silence_shorter_than_a_stall_is_none(world: World, caplog: pytest.LogCaptureFixture) -> None:
    just_before = int(STALL_SECONDS / EVERY_SECONDS) - 1
    world.watch(world.stop_answering, *[pass_time] * just_before, world.answer, *[pass_time] * 20)
    assert (said(caplog), world.noted) == ([], None)


def test_the_process_is_ended_with_eight_where_that_was_asked_for(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.watch(world.stop_answering, *[pass_time] * 6, exit_on_stall=True)
    assert world.exits == [8]
    assert world.noted == Stall(NOW_MS, 30, ended=True)
    assert "ending with exit code 8" in caplog.text


def test_the_log_says_where_the_loop_stands(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.watch(world.stop_answering, *[pass_time] * 6)
    assert "in test_the_log_says_where_the_loop_stands" in caplog.text


def test_a_loop_that_comes_back_is_welcomed_and_may_stall_again(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    once = [world.stop_answering, *[pass_time] * 8, world.answer, pass_time]
    world.watch(*once, *once)
    assert said(caplog) == [("CRITICAL", "stalled"), ("WARNING", "stall_ended")] * 2
    assert "the loop answers again, after 40 s" in caplog.text


def test_a_process_that_was_stopped_for_an_hour_has_not_stalled(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    def sleep_an_hour() -> None:
        world.clock.seconds += 3600

    world.watch(world.stop_answering, sleep_an_hour, world.answer, pass_time, exit_on_stall=True)
    assert (world.exits, said(caplog)) == ([], [])


def test_a_store_that_hangs_is_named_and_nobody_is_ended_for_it(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    def ask_the_store() -> None:
        world.store_asked_at = world.clock.seconds

    def store_answers() -> None:
        world.store_asked_at = None

    world.watch(ask_the_store, *[pass_time] * 9, store_answers, pass_time, exit_on_stall=True)
    assert said(caplog) == [("CRITICAL", "store_stalled"), ("WARNING", "store_stall_ended")]
    assert (world.exits, world.noted) == ([], None)


def test_a_store_that_answers_each_question_in_its_time_does_not_hang(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    def ask_another() -> None:
        world.store_asked_at = world.clock.seconds

    world.watch(*[ask_another, pass_time, pass_time] * 20)
    assert said(caplog) == []


def test_a_loop_that_stands_still_is_not_blamed_on_the_store(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """The answer of the store cannot be heard by a loop that does not turn."""

    def ask_and_stop() -> None:
        world.store_asked_at = world.clock.seconds
        world.stop_answering()

    world.watch(ask_and_stop, *[pass_time] * 20)
    assert said(caplog) == [("CRITICAL", "stalled")]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"atMs": "x"}'], ids=["nothing", "half", "a list", "no number"]
)
def test_a_note_that_was_cut_short_tells_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "stentor.stall").write_text(text)
    assert StallFile(tmp_path).read() is None


def test_a_note_is_read_as_often_as_wanted_until_it_is_cleared(tmp_path: Path) -> None:
    note = StallFile(tmp_path)
    note.write(Stall(NOW_MS, 31, ended=True))
    assert note.read() == note.read() == Stall(NOW_MS, 31, ended=True)
    note.clear()
    note.clear()
    assert note.read() is None


def test_a_note_that_cannot_be_written_keeps_nobody_from_leaving(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(tmp_path / "gone")
    world.watch(world.stop_answering, *[pass_time] * 6, exit_on_stall=True)
    assert world.exits == [8]
    assert ("CRITICAL", "stall_not_noted") in said(caplog)


async def test_a_loop_that_is_really_blocked_is_seen_from_the_thread_which_ends_with_its_service(
    tmp_path: Path,
) -> None:
    exits: list[int] = []
    left = threading.Event()

    def leave(code: int) -> None:
        exits.append(code)
        left.set()

    note = StallFile(tmp_path)
    dog = Watchdog(SystemClock(), 0.06, lambda: None, note, exit_on_stall=True, leave=leave)

    async with asyncio.TaskGroup() as tasks:
        service = tasks.create_task(dog.run())
        await asyncio.sleep(0)
        assert left.wait(10), "nobody saw that the loop stood still"
        service.cancel()

    assert exits == [8]
    assert note.read() is not None
    assert "watchdog" not in [thread.name for thread in threading.enumerate()]
