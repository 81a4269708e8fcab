"""How the interpreter is set up for a daemon, and left as it was."""

import asyncio
import gc
import sys
import time

import pytest

from stentor.app import tuning

_PATIENCE_SECONDS = 10.0


def turn_other_than(at_work: float) -> float:
    """After how long threads ask for the interpreter, as soon as that is something else."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while (seen := sys.getswitchinterval()) == at_work and time.monotonic() < end:
        pass
    return seen


async def turns_at_work_and_while_waiting() -> tuple[float, float]:
    at_work = sys.getswitchinterval()
    return at_work, await asyncio.to_thread(turn_other_than, at_work)


def test_the_loop_is_asked_late_and_asks_soon() -> None:
    at_work, waiting = tuning.run(turns_at_work_and_while_waiting())
    assert waiting < at_work / 10


def test_threads_take_turns_afterwards_as_before() -> None:
    async def succeed() -> str:
        return "done"

    before = sys.getswitchinterval()
    assert tuning.run(succeed()) == "done"
    assert sys.getswitchinterval() == before


def test_threads_take_turns_as_before_when_it_ended_with_an_error() -> None:
    async def fail() -> None:
        raise LookupError("gone")

    before = sys.getswitchinterval()
    with pytest.raises(LookupError, match="gone"):
        tuning.run(fail())
    assert sys.getswitchinterval() == before


def test_garbage_is_looked_for_afterwards_as_before() -> None:
    before = gc.get_threshold()
    with tuning.tuned():
        assert gc.get_threshold() != before
        assert gc.get_freeze_count() > 0
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0
