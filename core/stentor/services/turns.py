"""Takes the turn of a run: whatever its payload kind, the outcome is a text or a failure with a phase."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from stentor.contract.errors import RunnerError
from stentor.contract.tools import Tool
from stentor.domain.instants import iso, local
from stentor.domain.jobs import AgentTurn, Command, FixedText, Job, SystemEvent
from stentor.domain.records import RunSeed
from stentor.domain.rendering import fill
from stentor.ports import Clock, Store
from stentor.services.agent_turns import Agent, AgentTurns, Question
from stentor.services.listening import note_phase
from stentor.services.messenger import RunMessages
from stentor.services.outcomes import TurnFailed, TurnOutcome
from stentor.services.turn_clocks import SETUP_SECONDS, STALL_SECONDS, limit_seconds

RunCommand = Callable[[Command, Mapping[str, str]], Awaitable[str]]


@dataclass
class Turns:
    """Knows how each payload kind is carried out."""

    store: Store
    clock: Clock
    agents: Mapping[str, Agent]
    tools: Mapping[str, Tool]
    run_command: RunCommand
    boot: str
    setup_seconds: float = SETUP_SECONDS
    stall_seconds: float = STALL_SECONDS

    async def take(
        self, run: RunSeed, job: Job, tasks: asyncio.TaskGroup, messages: RunMessages | None = None
    ) -> TurnOutcome:
        """The clocks start now. A runner that does not end when told to is left to `tasks`."""
        match job.payload:
            case SystemEvent(text=text):
                return TurnOutcome("", (("system", text),))
            case FixedText(text=text):
                return TurnOutcome(fill(text, placeholders(run, job)))
            case Command() as command:
                return await self._command(run, command, limit_seconds(job))
            case AgentTurn() as turn:
                question = Question(run, job, turn, self._agent(job), limit_seconds(job), messages)
                return await self._ask(question, tasks)

    async def _ask(self, question: Question, tasks: asyncio.TaskGroup) -> TurnOutcome:
        agents = AgentTurns(
            self.store,
            self.clock,
            self.tools,
            self.boot,
            setup_seconds=self.setup_seconds,
            stall_seconds=self.stall_seconds,
        )
        return await agents.take(question, tasks)

    async def _command(self, run: RunSeed, command: Command, limit: float) -> TurnOutcome:
        await note_phase(self.store, run, self.boot, "command")
        try:
            async with asyncio.timeout(limit or None):
                text = await self.run_command(command, run_environment(run))
        except RunnerError as error:
            raise TurnFailed("command", error.kind, str(error)) from error
        except TimeoutError as error:
            raise TurnFailed("command", "timeout", f"the command took longer than {limit:g} s") from error
        return TurnOutcome(text, (("assistant", text),))

    def _agent(self, job: Job) -> Agent:
        agent = self.agents.get(job.agent_id)
        if agent is None:
            known = ", ".join(sorted(self.agents))
            message = f"there is no agent {job.agent_id!r}; configured: {known}"
            raise TurnFailed("setup", "agent_missing", message)
        return agent


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
