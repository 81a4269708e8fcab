"""Takes the turn of a run: whatever its payload kind, the outcome is a text or a failure with a phase."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from stentor.contract.errors import RunnerError
from stentor.contract.runners import (
    AgentRunner,
    AttachmentRef,
    Denied,
    Final,
    Message,
    ModelSwitched,
    Phase,
    Role,
    TextDelta,
    ToolResult,
    TurnRequest,
    Usage,
)
from stentor.contract.settings import RunnerSettings
from stentor.contract.tools import Tool
from stentor.domain.instants import iso, local
from stentor.domain.jobs import AgentTurn, Command, FixedText, Job, SystemEvent
from stentor.domain.records import RunSeed
from stentor.domain.rendering import fill
from stentor.ports import Clock, Store

_AGENT_SECONDS = 3600.0
_COMMAND_SECONDS = 600.0

RunCommand = Callable[[Command, Mapping[str, str]], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Agent:
    """A configured agent: who runs its turns, and with what."""

    id: str
    runner: AgentRunner
    settings: RunnerSettings
    model: str | None = None
    workspace: Path | None = None


@dataclass(frozen=True, slots=True)
class TurnOutcome:
    """What a turn finished with. `messages` is what its session remembers of it."""

    text: str
    messages: tuple[tuple[str, str], ...] = ()
    attachments: tuple[AttachmentRef, ...] = ()
    usage: Usage = Usage()
    model: str | None = None
    warnings: tuple[str, ...] = ()


class TurnFailed(Exception):
    """A run ended without an answer, in a phase and for a kind of reason."""

    def __init__(
        self, phase: str, kind: str, message: str, *, messages: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__(message)
        self.phase = phase
        self.kind = kind
        self.messages = messages


@dataclass
class Turns:
    """Knows how each payload kind is carried out."""

    store: Store
    clock: Clock
    agents: Mapping[str, Agent]
    tools: Mapping[str, Tool]
    run_command: RunCommand
    boot: str

    async def take(self, run: RunSeed, job: Job) -> TurnOutcome:
        match job.payload:
            case SystemEvent(text=text):
                return TurnOutcome("", (("system", text),))
            case FixedText(text=text):
                return TurnOutcome(fill(text, placeholders(run, job)))
            case Command() as command:
                return await self._command(run, command)
            case AgentTurn() as turn:
                return await self._agent_turn(run, job, turn)

    async def _command(self, run: RunSeed, command: Command) -> TurnOutcome:
        limit = command.timeout_seconds if command.timeout_seconds is not None else _COMMAND_SECONDS
        try:
            async with asyncio.timeout(limit or None):
                text = await self.run_command(command, run_environment(run))
        except RunnerError as error:
            raise TurnFailed("command", error.kind, str(error)) from error
        except TimeoutError as error:
            raise TurnFailed("command", "timeout", f"the command took longer than {limit:g} s") from error
        return TurnOutcome(text, (("assistant", text),))

    async def _agent_turn(self, run: RunSeed, job: Job, turn: AgentTurn) -> TurnOutcome:
        agent = self.agents.get(job.agent_id)
        if agent is None:
            known = ", ".join(sorted(self.agents))
            raise TurnFailed(
                "setup", "agent_missing", f"there is no agent {job.agent_id!r}; configured: {known}"
            )
        limit = turn.timeout_seconds if turn.timeout_seconds is not None else _AGENT_SECONDS
        prompt = f"[cron:{job.id} {job.name}] {turn.message}"
        request = await self._request(run, job, turn, agent, prompt, limit)
        listening = _Listening(self, run, (("user", prompt),))
        try:
            async with asyncio.timeout(limit or None):
                await listening.hear(agent.runner, request)
        except RunnerError as error:
            raise listening.failed(error.kind, str(error)) from error
        except TimeoutError as error:
            raise listening.failed("timeout", f"the turn took longer than {limit:g} s") from error
        return listening.outcome()

    async def _request(
        self, run: RunSeed, job: Job, turn: AgentTurn, agent: Agent, prompt: str, limit: float
    ) -> TurnRequest:
        history = await self.store.history(run.session.id)
        deadline = datetime.fromtimestamp(self.clock.now_ms() / 1000 + limit, UTC) if limit else None
        scheduled = (
            datetime.fromtimestamp(run.scheduled_ms / 1000, UTC) if run.scheduled_ms is not None else None
        )
        return TurnRequest(
            run_id=run.id,
            job_id=job.id,
            agent_id=agent.id,
            session_key=run.session.key,
            session_id=run.session.id,
            message=prompt,
            settings=agent.settings,
            call_tool=self._tool_caller(run),
            history=tuple(Message(_role(entry.role), entry.text) for entry in history),
            tools=tuple(self.tools.values()),
            model=turn.model or agent.model,
            thinking=turn.thinking,
            light_context=turn.light_context,
            deadline=deadline,
            scheduled_for=scheduled,
            workspace=agent.workspace,
        )

    def _tool_caller(self, run: RunSeed) -> Callable[[str, Mapping[str, object]], Awaitable[ToolResult]]:
        call = _Call(run.id, run.job_id, run.session.key)

        async def call_tool(name: str, arguments: Mapping[str, object]) -> ToolResult:
            tool = self.tools.get(name)
            if tool is None:
                known = ", ".join(sorted(self.tools)) or "none"
                return ToolResult(ok=False, result=f"there is no tool {name!r}; available: {known}")
            try:
                return ToolResult(ok=True, result=await tool.handler(call, arguments))
            except Exception as error:  # noqa: BLE001 - the agent is told, and may do better
                return ToolResult(ok=False, result=f"{type(error).__name__}: {error}")

        return call_tool


@dataclass(frozen=True, slots=True)
class _Call:
    run_id: str
    job_id: str | None
    session_key: str


@dataclass
class _Listening:
    """Follows a runner's events: phases are written down at once, the rest is kept until the end."""

    turns: Turns
    run: RunSeed
    messages: tuple[tuple[str, str], ...]
    phase: str = "setup"
    usage: Usage = field(default_factory=Usage)
    model: str | None = None
    final: Final | None = None

    async def hear(self, runner: AgentRunner, request: TurnRequest) -> None:
        self.model = request.model
        async with aclosing(runner.turn(request)) as events:
            async for event in events:
                match event:
                    case Phase(name=name):
                        self.phase = name
                        await self.turns.store.note_phase(self.run.id, self.turns.boot, name)
                    case Usage():
                        self.usage = event
                    case ModelSwitched(model=model):
                        self.model = model
                    case Denied(code=code, message=message):
                        raise self.failed("denied", f"{code}: {message}")
                    case TextDelta():
                        pass
                    case Final():
                        self.final = event

    def outcome(self) -> TurnOutcome:
        if self.final is None:
            raise self.failed("crashed", "the runner ended without a final answer")
        final = self.final
        messages = (*self.messages, ("assistant", final.text))
        return TurnOutcome(final.text, messages, final.attachments, self.usage, self.model, final.warnings)

    def failed(self, kind: str, message: str) -> TurnFailed:
        return TurnFailed(self.phase, kind, f"{message} (last phase: {self.phase})", messages=self.messages)


def placeholders(run: RunSeed, job: Job) -> dict[str, str]:
    """What a fixed text may mention of its own run."""
    instant = run.scheduled_ms if run.scheduled_ms is not None else run.queued_ms
    zone = getattr(job.schedule, "tz", None) or "UTC"
    return {
        "jobName": job.name,
        "runId": run.id,
        "scheduledFor": iso(instant),
        "scheduledForLocal": local(instant, zone),
    }


def run_environment(run: RunSeed) -> dict[str, str]:
    """What a program may know of the run it works for."""
    return {
        "STENTOR_RUN_ID": run.id,
        "STENTOR_JOB_ID": run.job_id,
        "STENTOR_SESSION_KEY": run.session.key,
        "STENTOR_SCHEDULED_FOR": "" if run.scheduled_ms is None else iso(run.scheduled_ms),
    }


def _role(role: str) -> Role:
    match role:
        case "user" | "assistant" | "tool" | "system":
            return role
        case _:
            return "system"
