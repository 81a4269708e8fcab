"""Any program as an agent: it speaks JSON lines, or simply prints its answer."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field, field_validator

from stentor.agents.environment import folder, mcp_facts, run_facts
from stentor.agents.process import Child, ending, running
from stentor.agents.protocol import ToolCall, decode_line, encode_tool_result, encode_turn, is_event
from stentor.contract.errors import RunnerError
from stentor.contract.runners import (
    AgentRunner,
    Final,
    McpAccess,
    Phase,
    RunnerEvent,
    TextDelta,
    ToolResult,
    TurnRequest,
)
from stentor.contract.settings import RunnerSettings

LINGER_S = 3.0
"""How long a program may go on after its final answer, to put its things away."""


class CommandSettings(RunnerSettings):
    """The program, where it runs and what is added to its environment."""

    command: tuple[str, ...]
    cwd: str | None = None
    env: dict[str, str] = Field(default_factory=dict)
    # Whether it finds the tools of its turn over MCP.
    mcp: Annotated[bool, Field(strict=True)] = False

    @field_validator("command", mode="before")
    @classmethod
    def _refuse_a_shell_line(cls, value: object) -> object:
        if isinstance(value, str):
            # pydantic reports a ValueError to the user and lets a TypeError through.
            raise ValueError(  # noqa: TRY004 - pydantic reports a ValueError, a TypeError escapes
                'write the command as a list of words, such as ["python3", "agent.py"]'
            )
        return value

    @field_validator("command")
    @classmethod
    def _need_a_program(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value or not value[0]:
            raise ValueError('name the program first, such as ["python3", "agent.py"]')
        return value


class CommandRunner(AgentRunner):
    """Runs one process a turn and ends it, with all it started, when the turn ends."""

    name = "command"
    settings: ClassVar[type[RunnerSettings]] = CommandSettings

    async def turn(self, request: TurnRequest) -> AsyncGenerator[RunnerEvent]:
        async with _mcp_access(request) as mcp, _program(request, mcp) as child:
            child.write(encode_turn(request, mcp))
            # The turn is the program's now: unless it speaks, nobody can tell how far it is.
            yield Phase("process-spawned")
            lines = _Lines(child)
            line, number = await lines.next()
            if line and not is_event(line):
                yield await _plain_answer(child, line)
                return
            spoken: list[str] = []
            while line:
                event = decode_line(line, number)
                if isinstance(event, Final):
                    yield await _conclude(child, event)
                    return
                if isinstance(event, ToolCall):
                    calling = request.call_tool(event.name, event.args)
                    result = await lines.result(calling, has_answer=bool(spoken))
                    if result is None:
                        break
                    child.write(encode_tool_result(event, result))
                else:
                    if isinstance(event, TextDelta):
                        spoken.append(event.text)
                    yield event
                line, number = await lines.next()
            yield await _answer_without_final(child, "".join(spoken))


class _Dead(Exception):
    """A program has ended, and nothing that it said makes a good end of it."""


class _Lines:
    """What a program says, line by line. It is heard also while a tool works for it, because it may die meanwhile."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self._ahead: deque[tuple[bytes, int]] = deque()

    async def next(self) -> tuple[bytes, int]:
        """The next line that is not blank, and its number; b"" at the end."""
        return self._ahead.popleft() if self._ahead else await self._read()

    async def result(self, calling: Awaitable[ToolResult], *, has_answer: bool) -> ToolResult | None:
        """What a tool gives; None where the program died before, and nobody is left who would hear it."""
        try:
            async with asyncio.TaskGroup() as tasks:
                hearing = tasks.create_task(self._until_dead(has_answer=has_answer))
                result = await calling
                hearing.cancel()
        except ExceptionGroup as group:
            if isinstance(error := group.exceptions[0], _Dead):
                return None
            raise error from None
        return result

    async def _until_dead(self, *, has_answer: bool) -> None:
        """A program that has said all that there is to say may well end: what it called works all the same."""
        while not self._ahead or self._ahead[-1][0]:
            self._ahead.append(await self._read())
        kinds = {_kind(line) for line, _ in self._ahead if line}
        if Final in kinds:
            return
        if not (has_answer or TextDelta in kinds) or await self._child.wait():
            raise _Dead

    async def _read(self) -> tuple[bytes, int]:
        while (line := await self._child.read_line()).isspace():
            pass
        return line, self._child.lines_read


def _kind(line: bytes) -> type:
    """What a line is. The turn ends as well with one that nobody can read, but not before it has come to that."""
    try:
        return type(decode_line(line, 0))
    except RunnerError:
        return Final


def _settings_of(request: TurnRequest) -> CommandSettings:
    if not isinstance(request.settings, CommandSettings):
        raise RunnerError("bad_request", f"agent {request.agent_id!r} names no command; set command = [...]")
    return request.settings


def _mcp_access(request: TurnRequest) -> AbstractAsyncContextManager[McpAccess | None]:
    return request.over_mcp() if _settings_of(request).mcp else nullcontext()


def _program(request: TurnRequest, mcp: McpAccess | None) -> AbstractAsyncContextManager[Child]:
    settings = _settings_of(request)
    facts = run_facts(
        run_id=request.run_id,
        job_id=request.job_id,
        session_key=request.session_key,
        scheduled_for=request.scheduled_for,
    )
    env = {**settings.env, **facts, **mcp_facts(mcp)}
    return running(settings.command, cwd=_folder(settings.cwd, request.workspace), env=env)


def _folder(cwd: str | None, workspace: Path | None) -> Path | None:
    """A relative `cwd` is meant inside the workspace, where there is one."""
    return workspace if cwd is None else (workspace or Path()) / folder(cwd)


async def _plain_answer(child: Child, start: bytes) -> Final:
    """The answer of a program that knows nothing of the protocol: all it prints, if it ends well."""
    child.close_stdin()
    text = start + await child.read_all()
    await _expect_success(child)
    return Final(text.decode("utf-8", "replace").strip())


async def _answer_without_final(child: Child, spoken: str) -> Final:
    await _expect_success(child)
    if not spoken:
        raise RunnerError("crashed", "ended without an answer; print text, or a final event")
    return Final(spoken)


async def _expect_success(child: Child) -> None:
    code = await child.wait()
    if code:
        raise RunnerError("crashed", ending(code, child.stderr_tail()))


async def _conclude(child: Child, final: Final) -> Final:
    """The answer stands; a bad end after it is only worth a warning."""
    child.close_stdin()
    try:
        async with asyncio.timeout(LINGER_S):
            code = await child.wait()
    except TimeoutError:
        await child.end()
        return replace(final, warnings=("kept running after its final answer and was ended",))
    if not code:
        return final
    return replace(final, warnings=(f"after its final answer it {ending(code, child.stderr_tail())}",))
