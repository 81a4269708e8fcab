"""Takes the turn of a run: whatever its payload kind, the outcome is a text or a failure with a phase."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from stentor.contract.errors import RunnerError
from stentor.contract.runners import Message
from stentor.domain.instants import iso, local
from stentor.domain.jobs import AgentTurn, Command, FixedText, Job, SystemEvent
from stentor.domain.prompts import question
from stentor.domain.records import RunSeed
from stentor.domain.rendering import fill
from stentor.services.agent_turns import Agent, Question
from stentor.services.asking import Asking, Means
from stentor.services.listening import note_phase
from stentor.services.messenger import RunMessages
from stentor.services.outcomes import TurnFailed, TurnOutcome
from stentor.services.turn_clocks import limit_seconds

RunCommand = Callable[[Command, Mapping[str, str]], Awaitable[str]]


@dataclass
class Turns:
    """Knows how each payload kind is carried out."""

    agents: Mapping[str, Agent]
    run_command: RunCommand
    means: Means

    async def take(
        self, run: RunSeed, job: Job, tasks: asyncio.TaskGroup, messages: RunMessages | None = None
    ) -> TurnOutcome:
        """The clocks start now. A runner that does not end when told to is left to `tasks`."""
        match job.payload:
            case SystemEvent(text=text):
                return TurnOutcome("", (Message("system", text),))
            case FixedText(text=text):
                return TurnOutcome(fill(text, placeholders(run, job)))
            case Command() as command:
                return await self._command(run, job, command)
            case AgentTurn() as turn:
                asked = Question(run, job, turn, self._agent(job), limit_seconds(job), messages)
                return await Asking(self.means, asked).answer(tasks)

    async def _command(self, run: RunSeed, job: Job, command: Command) -> TurnOutcome:
        limit = limit_seconds(job)
        await note_phase(self.means.store, run, self.means.boot, "command")
        try:
            async with asyncio.timeout(limit or None):
                text = await self.run_command(command, run_environment(run))
        except RunnerError as error:
            raise TurnFailed("command", error.kind, str(error)) from error
        except TimeoutError as error:
            raise TurnFailed("command", "timeout", f"the command took longer than {limit:g} s") from error
        asked = question(job.id, job.name, command.argv[0])
        return TurnOutcome(text, (Message("user", asked), Message("assistant", text)))

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
