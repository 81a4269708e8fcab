"""Takes the turn of a run: whatever its payload kind, the outcome is a text or a failure with a phase."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from stentor.contract.errors import RunnerError
from stentor.contract.runners import Message
from stentor.domain.faults import StoreError
from stentor.domain.happenings import ANSWERED, HEARTBEAT, UNATTENDED, Attendance, Attention, Happening
from stentor.domain.heartbeats import Waking, asked, tasks_in
from stentor.domain.instants import iso, local
from stentor.domain.jobs import AgentTurn, Command, FixedText, Job, SystemEvent
from stentor.domain.prompts import question
from stentor.domain.records import RunSeed
from stentor.domain.rendering import fill
from stentor.domain.replies import Reason, classify
from stentor.services.agent_turns import Agent, Question
from stentor.services.asking import Asking, Means
from stentor.services.hearing import Hearing
from stentor.services.listening import note_phase
from stentor.services.messenger import RunMessages
from stentor.services.outcomes import TurnFailed, TurnOutcome, TurnSkipped
from stentor.services.turn_clocks import limit_seconds

RunCommand = Callable[[Command, Mapping[str, str]], Awaitable[str]]


@dataclass
class Turns:
    """Knows how each payload kind is carried out."""

    agents: Mapping[str, Agent]
    run_command: RunCommand
    means: Means
    attendance: Attendance = UNATTENDED
    hearing: Hearing = field(default_factory=Hearing)

    async def take(
        self, run: RunSeed, job: Job, tasks: asyncio.TaskGroup, messages: RunMessages | None = None
    ) -> TurnOutcome:
        """The clocks start now. A runner that does not end when told to is left to `tasks`."""
        match job.payload:
            case SystemEvent(text=text):
                wake, warnings = self.attendance.wake(job.wake_mode)
                said = Message("system", text)
                return TurnOutcome("", (said,), warnings=warnings, attention=Attention(wake))
            case FixedText(text=text):
                return TurnOutcome(fill(text, placeholders(run, job)))
            case Command() as command:
                return await self._command(run, job, command)
            case Waking() as turn:
                whole = Question(run, job, turn, self._agent(job), limit_seconds(job), messages)
                return await self._woken(whole, turn, tasks)
            case AgentTurn() as turn:
                whole = Question(run, job, turn, self._agent(job), limit_seconds(job), messages)
                return await Asking(self.means, whole).answer(tasks)

    async def _woken(self, whole: Question, turn: Waking, tasks: asyncio.TaskGroup) -> TurnOutcome:
        """A turn about all that has happened by now, whoever wanted it. With a good answer all it was told is answered."""
        means = self.means
        events, more = await self._told(whole.run, turn)
        found = await means.briefing.tasks(whole.agent.workspace)
        worded = asked(turn, events, tasks_in(found.text or ""), means.briefing.zone, more=more)
        outcome = await Asking(means, replace(whole, turn=worded)).answer(tasks)
        notes = (*turn.notes, *found.warnings, *outcome.warnings)
        forgotten = not events and _is_nothing(outcome)
        attention = Attention(answered=tuple(events), more=bool(more), forgotten=forgotten)
        return replace(outcome, warnings=notes, attention=attention)

    async def _told(self, run: RunSeed, turn: Waking) -> tuple[Sequence[Happening], int]:
        """What there is to tell, and how much is left for the next turn. Nobody is woken for what another has answered."""
        store = self.means.store
        try:
            events, more = await self.hearing.tell(run, partial(store.unanswered, run.session.key))
            beats = None if events or turn.beats else await store.beats(HEARTBEAT)
        except StoreError as error:
            raise TurnFailed("setup", "unavailable", f"the session cannot be read: {error}") from error
        if beats is not None and beats.good_run is not None and beats.good_from_ms >= run.queued_ms:
            why = f"run {beats.good_run} has answered already what this one was asked for"
            raise TurnSkipped("setup", ANSWERED, why)
        return events, more

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


def _is_nothing(outcome: TurnOutcome) -> bool:
    """Whether an agent has looked after everything and found nothing to tell."""
    return not outcome.attachments and classify(outcome.text).reason is Reason.HEARTBEAT_ACK


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
