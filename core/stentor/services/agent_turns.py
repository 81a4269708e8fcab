"""Takes an agent's turn: asks its runner, keeps the time, and makes an outcome of what was heard."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from stentor.contract.errors import RunnerError
from stentor.contract.runners import AgentRunner, Message, Role, TurnRequest, Usage
from stentor.contract.settings import RunnerSettings
from stentor.contract.tools import Tool
from stentor.domain.jobs import AgentTurn, Job
from stentor.domain.records import RunSeed
from stentor.domain.replies import Reason, denial, is_interim
from stentor.ports import Clock, Store
from stentor.services.listening import Listening
from stentor.services.messenger import RunMessages
from stentor.services.outcomes import Messages, TurnFailed, TurnOutcome
from stentor.services.turn_clocks import Alarm, TurnClocks

log = logging.getLogger(__name__)
T = TypeVar("T", int, float)
# What a runner gets to put its things away once it is told to stop.
_CLEANUP_SECONDS = 20.0
_ASK_AGAIN = (
    "Your last message only announces work, and nobody waits for more of it. Do the work now and answer with the "
    "complete result. If that message was the complete result, repeat it."
)
_STILL_INTERIM = f"{Reason.INTERIM}: the agent only announces work, also when it was asked again"


@dataclass(frozen=True, slots=True)
class Agent:
    """A configured agent: who runs its turns, and with what."""

    id: str
    runner: AgentRunner
    settings: RunnerSettings
    model: str | None = None
    workspace: Path | None = None


@dataclass(frozen=True, slots=True)
class AgentTurns:
    """Takes the turns of whatever agent is asked."""

    store: Store
    clock: Clock
    tools: Mapping[str, Tool]
    boot: str
    setup_seconds: float
    stall_seconds: float

    async def take(self, question: "Question", tasks: asyncio.TaskGroup) -> TurnOutcome:
        """An agent that only announces its work is asked for the result, once and within the same time."""
        began = self.clock.monotonic()
        ended = await self._take(question, tasks)
        first = ended.outcome()
        left = question.limit - (self.clock.monotonic() - began)
        if not ended.announces_only or (question.limit and left <= 0):
            return first
        try:
            second = (await self._take(question.once_more(first, left), tasks)).outcome()
        except TurnFailed as failure:
            failure.usage = _sum(first.usage, failure.usage)
            raise
        warnings = (*first.warnings, *second.warnings)
        if is_interim(second.text) and not question.has_sent:
            warnings = (*warnings, _STILL_INTERIM)
        return replace(second, usage=_sum(first.usage, second.usage), warnings=warnings)

    async def _take(self, question: "Question", tasks: asyncio.TaskGroup) -> "Ended":
        """The runner has a task of its own: one that does not end when told to is left behind in `tasks`."""
        run = question.run
        clocks = TurnClocks(self.clock, question.limit, self.setup_seconds, self.stall_seconds)
        listening = Listening(run, self.store, self.clock, self.boot, self._tools(question), clocks)
        following = listening.follow(question.agent.runner, lambda: self._request(question, listening))
        turn = tasks.create_task(following, name=f"turn {run.id}")
        turn.add_done_callback(lambda _: clocks.stop())
        try:
            alarm = await clocks.run_out(turn)
        except asyncio.CancelledError:
            await _stop(turn, listening)
            raise
        return Ended(question, listening, alarm, confirmed=await _stop(turn, listening))

    def _tools(self, question: "Question") -> Mapping[str, Tool]:
        """The plugins' tools, and the built-in one where the job lets its agent send messages."""
        message = question.messages.tool if question.messages is not None else None
        return self.tools if message is None else {**self.tools, message.name: message}

    async def _request(self, question: "Question", listening: Listening) -> TurnRequest:
        run, agent, turn = question.run, question.agent, question.turn
        stored = [(entry.role, entry.text) for entry in await self.store.history(run.session.id)]
        limit_ms = round(listening.clocks.limit * 1000)
        return TurnRequest(
            run_id=run.id,
            job_id=question.job.id,
            agent_id=agent.id,
            session_key=run.session.key,
            session_id=run.session.id,
            message=question.text,
            settings=agent.settings,
            call_tool=listening.call_tool,
            history=tuple(Message(_role(role), text) for role, text in (*stored, *question.earlier)),
            tools=tuple(listening.tools.values()),
            model=turn.model or agent.model,
            thinking=turn.thinking,
            light_context=turn.light_context,
            deadline=_moment(self.clock.now_ms() + limit_ms) if limit_ms else None,
            scheduled_for=None if run.scheduled_ms is None else _moment(run.scheduled_ms),
            workspace=agent.workspace,
        )


@dataclass(frozen=True, slots=True)
class Question:
    """Who is asked what, for which run, after what was said in it `earlier`. `limit` is in seconds; 0 is none."""

    run: RunSeed
    job: Job
    turn: AgentTurn
    agent: Agent
    limit: float
    messages: RunMessages | None = None
    earlier: Messages = ()

    @property
    def text(self) -> str:
        return _ASK_AGAIN if self.earlier else f"[cron:{self.job.id} {self.job.name}] {self.turn.message}"

    @property
    def has_sent(self) -> bool:
        """Whether the agent has sent something itself."""
        return self.messages is not None and bool(self.messages.sent)

    def once_more(self, answer: TurnOutcome, left: float) -> "Question":
        return replace(self, limit=left if self.limit else 0.0, earlier=answer.messages)


@dataclass(frozen=True, slots=True)
class Ended:
    """A turn that is over: what was heard of it, which clock ended it, if one did, and whether it really ended."""

    question: Question
    heard: Listening
    alarm: Alarm | None
    confirmed: bool

    def outcome(self) -> TurnOutcome:
        """The answer, or the failure. An answer heard in time stands, even if its runner had to be stopped."""
        heard, final = self.heard, self.heard.final
        if heard.denied is not None:
            raise self._failed(Reason.DENIED, f"{heard.denied.code}: {heard.denied.message}")
        if heard.failure is not None:
            raise self._broken(heard.failure) from heard.failure
        if final is None:
            raise self._unanswered()
        refused = denial(final.text)
        if refused is not None:
            raise self._failed(Reason.DENIED, refused)
        messages = (*self._asked, ("assistant", final.text))
        warnings = (*heard.refusals, *final.warnings)
        if self.alarm is not None:
            warnings = (*warnings, "the runner went on after its final answer until its time was up")
        return TurnOutcome(final.text, messages, final.attachments, heard.usage, heard.model, warnings)

    @property
    def announces_only(self) -> bool:
        """There is an answer, but it is none. An agent that has sent something itself may well say no more."""
        final = self.heard.final
        if final is None or final.attachments or self.question.has_sent:
            return False
        return is_interim(final.text)

    @property
    def _asked(self) -> Messages:
        return (*self.question.earlier, ("user", self.question.text))

    def _broken(self, error: BaseException) -> TurnFailed:
        if isinstance(error, RunnerError):
            return self._failed(error.kind, str(error))
        run_id = self.question.run.id
        log.error("the runner of run %s broke", run_id, exc_info=error, extra={"event": "run_crashed"})
        return self._failed("crashed", f"{type(error).__name__}: {error}")

    def _unanswered(self) -> TurnFailed:
        if self.alarm is None:
            return self._failed("crashed", "the runner ended without a final answer")
        return self._failed(self.alarm.kind, self.alarm.message)

    def _failed(self, kind: str, message: str) -> TurnFailed:
        heard, phase = self.heard, self.heard.clocks.phase
        failure = TurnFailed(
            phase,
            kind,
            f"{message} (last phase: {phase})",
            messages=self._asked,
            usage=heard.usage,
            model=heard.model,
            unconfirmed=not self.confirmed,
        )
        failure.remarks = tuple(heard.refusals)
        return failure


async def _stop(turn: "asyncio.Task[None]", listening: Listening) -> bool:
    """From now on the run is over for its runner. Whether that has ended, too, at the latest after a while."""
    listening.over = True
    if turn.done():
        return True
    # Asked twice it would have no time to clean up, and a group that is stopped has asked already.
    if not turn.cancelling():
        turn.cancel()
    await asyncio.wait({turn}, timeout=_CLEANUP_SECONDS)
    return turn.done()


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def _role(role: str) -> Role:
    match role:
        case "user" | "assistant" | "tool" | "system":
            return role
        case _:
            return "system"


def _sum(one: Usage, other: Usage) -> Usage:
    """What two turns used. What neither was told stays unknown."""
    return Usage(
        _added(one.input, other.input),
        _added(one.output, other.output),
        _added(one.cached, other.cached),
        _added(one.cost_usd, other.cost_usd),
    )


def _added(one: T | None, other: T | None) -> T | None:
    if one is None or other is None:
        return one if other is None else other
    return one + other
