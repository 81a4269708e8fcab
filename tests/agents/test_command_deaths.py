"""A program that dies while one of its tools is at work is not waited for; one that has said it all may go."""

import asyncio
import os
from collections.abc import Callable, Mapping
from contextlib import aclosing
from pathlib import Path

import pytest

from stentor.agents.command import CommandRunner, CommandSettings
from stentor.contract.errors import RunnerError
from stentor.contract.runners import Final, RunnerEvent, ToolResult, TurnRequest

Settings = Callable[..., CommandSettings]
Request = Callable[..., TurnRequest]

CALL = '{"type": "tool_call", "id": "1", "name": "wait", "args": {}}'
TEXT = '{"type": "text", "delta": "done"}'
USAGE = '{"type": "usage", "input": 1}'
FINAL = '{"type": "final", "text": "really done"}'
# Written once the tool has been given up.
WAITS_FOR_THAT = "import time\nwhile not os.path.exists('given-up'): time.sleep(0.01)"


def saying(*lines: str, then: str = "") -> str:
    """A program that says where it runs, and these lines, without ever reading what its tools give."""
    text = "".join(f"{line}\n" for line in lines)
    start = 'print(\'{"type": "phase", "name": "%d"}\' % os.getpid())'
    return f"import os, sys\n{start}\nsys.stdout.write({text!r})\nsys.stdout.flush()\n{then}\n"


class Turn:
    """One turn, and the tool that is called in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.events: list[RunnerEvent] = []
        self.steps: list[str] = []

    async def for_ever(self, name: str, args: Mapping[str, object]) -> ToolResult:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self.steps.append("given up")
            (self.folder / "given-up").touch()
        raise AssertionError("it ended by itself")

    async def until_it_is_gone(self, name: str, args: Mapping[str, object]) -> ToolResult:
        while self._is_there():
            await asyncio.sleep(0)
        for _ in range(100):  # whoever wants to give it up has heard of it by then
            await asyncio.sleep(0)
        self.steps.append("done")
        return ToolResult(ok=True, result="waited")

    def _is_there(self) -> bool:
        try:
            os.kill(int(getattr(self.events[1], "name", "")), 0)
        except ProcessLookupError:
            return False
        return True

    async def take(self, request: TurnRequest) -> RunnerEvent:
        async with asyncio.timeout(60), aclosing(CommandRunner().turn(request)) as turn:
            async for event in turn:
                self.events.append(event)
        return self.events[-1]


@pytest.mark.parametrize(
    ("source", "why"),
    [
        pytest.param(saying(CALL, then="os.kill(os.getpid(), 9)"), "exited with -9 (SIGKILL)", id="killed"),
        pytest.param(saying(TEXT, CALL, then="sys.exit(7)"), "exited with 7", id="failed after some text"),
        pytest.param(saying(CALL, USAGE, then="sys.exit(7)"), "exited with 7", id="failed after it went on"),
        pytest.param(saying(CALL), "ended without an answer; print text, or a final event", id="just left"),
        pytest.param(
            saying(CALL, then=f"os.close(1)\n{WAITS_FOR_THAT}\nsys.exit(7)"),
            "exited with 7",
            id="closed its output",
        ),
        pytest.param(
            saying(CALL, then="while True: print('x' * 999, end='')"),
            "printed more than 1024 KiB; print less, or write a file and attach it",
            id="floods",
        ),
    ],
)
async def test_a_tool_whose_program_dies_is_given_up_and_the_turn_fails_as_without_it(
    settings_for: Settings, request_for: Request, tmp_path: Path, source: str, why: str
) -> None:
    turn = Turn(tmp_path)
    settings = settings_for(source, cwd=str(tmp_path))

    with pytest.raises(RunnerError) as caught:
        await turn.take(request_for(settings, turn.for_ever))

    assert (caught.value.kind, str(caught.value)) == ("crashed", why)
    assert turn.steps == ["given up"]


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        pytest.param(saying(TEXT, CALL), Final("done"), id="text before the call"),
        pytest.param(saying(CALL, TEXT), Final("done"), id="text behind the call"),
        pytest.param(saying(CALL, USAGE, FINAL), Final("really done"), id="a final answer"),
        pytest.param(
            saying(CALL, FINAL, then="sys.exit(7)"),
            Final("really done", warnings=("after its final answer it exited with 7",)),
            id="a final answer and a bad end",
        ),
    ],
)
async def test_a_program_that_has_said_it_all_may_end_before_its_tool(
    settings_for: Settings, request_for: Request, tmp_path: Path, source: str, answer: Final
) -> None:
    turn = Turn(tmp_path)

    assert await turn.take(request_for(settings_for(source), turn.until_it_is_gone)) == answer
    assert turn.steps == ["done"]


async def test_what_a_program_says_while_its_tool_is_at_work_is_heard_in_its_turn(
    settings_for: Settings, request_for: Request, tmp_path: Path
) -> None:
    turn = Turn(tmp_path)
    source = saying(TEXT, CALL, "", "oops, a stray print")

    with pytest.raises(RunnerError, match=r"line 5 of its output .* 'oops, a stray print'"):
        await turn.take(request_for(settings_for(source), turn.until_it_is_gone))

    assert turn.steps == ["done"]
