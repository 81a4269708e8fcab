"""Takes an agent's turn: asks its runner, keeps the time, and makes an outcome of what was heard."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from stentor.contract.errors import RunnerError
from stentor.contract.runners import AgentRunner, Message, Role, TurnRequest
from stentor.contract.settings import RunnerSettings
from stentor.contract.tools import Tool
from stentor.domain.jobs import AgentTurn, Job
from stentor.domain.records import RunSeed
from stentor.ports import Clock, Store
from stentor.services.listening import Listening
from stentor.services.outcomes import Messages, TurnFailed, TurnOutcome
from stentor.services.turn_clocks import Alarm, TurnClocks, limit_seconds

log = logging.getLogger(__name__)
# What a runner gets to put its things away once it is told to stop.
_CLEANUP_SECONDS = 20.0


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

    async def take(self, question: "Question", tasks: asyncio.TaskGroup) -> "Ended":
        """The runner has a task of its own: one that does not end when told to is left behind in `tasks`."""
        run = question.run
        limit = limit_seconds(question.job)
        clocks = TurnClocks(self.clock, limit, self.setup_seconds, self.stall_seconds)
        listening = Listening(run, self.store, self.clock, self.boot, self.tools, clocks)
        following = listening.follow(question.agent.runner, lambda: self._request(question, listening))
        turn = tasks.create_task(following, name=f"turn {run.id}")
        turn.add_done_callback(lambda _: clocks.stop())
        try:
            alarm = await clocks.run_out(turn)
        except asyncio.CancelledError:
            await _stop(turn, listening)
            raise
        return Ended(question, listening, alarm, confirmed=await _stop(turn, listening))

    async def _request(self, question: "Question", listening: Listening) -> TurnRequest:
        run, agent, turn = question.run, question.agent, question.turn
        history = await self.store.history(run.session.id)
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
            history=tuple(Message(_role(entry.role), entry.text) for entry in history),
            tools=tuple(self.tools.values()),
            model=turn.model or agent.model,
            thinking=turn.thinking,
            light_context=turn.light_context,
            deadline=_moment(self.clock.now_ms() + limit_ms) if limit_ms else None,
            scheduled_for=None if run.scheduled_ms is None else _moment(run.scheduled_ms),
            workspace=agent.workspace,
        )


@dataclass(frozen=True, slots=True)
class Question:
    """Who is asked what, and for which run."""

    run: RunSeed
    job: Job
    turn: AgentTurn
    agent: Agent

    @property
    def text(self) -> str:
        return f"[cron:{self.job.id} {self.job.name}] {self.turn.message}"


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
            raise self._failed("denied", f"{heard.denied.code}: {heard.denied.message}")
        if heard.failure is not None:
            raise self._broken(heard.failure) from heard.failure
        if final is None:
            raise self._unanswered()
        messages = (*self._asked, ("assistant", final.text))
        warnings = final.warnings
        if self.alarm is not None:
            warnings = (*warnings, "the runner went on after its final answer until its time was up")
        return TurnOutcome(final.text, messages, final.attachments, heard.usage, heard.model, warnings)

    @property
    def _asked(self) -> Messages:
        return (("user", self.question.text),)

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
        return TurnFailed(
            phase,
            kind,
            f"{message} (last phase: {phase})",
            messages=self._asked,
            usage=heard.usage,
            model=heard.model,
            unconfirmed=not self.confirmed,
        )


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
