"""Puts together what an agent is told when its turn begins."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from stentor.contract.runners import BootstrapFile
from stentor.domain.background import Background, Tasks
from stentor.domain.behalf import OnBehalf
from stentor.domain.heartbeats import Waking
from stentor.domain.jobs import AgentTurn, Job
from stentor.domain.prompts import question, question_of_agent, told, told_of_events, told_on_behalf
from stentor.domain.session_limits import OF_ONE_RUN
from stentor.domain.skills import listed
from stentor.ports import Aside, Clock, Workspaces

ReadsSkills = Literal["files", "by_tool", "not"]


@dataclass(frozen=True, slots=True)
class Brief:
    """`question` is the job's own words, and `message` them with what has to be known to answer.

    `instructions` and `bootstrap` come before the conversation.
    """

    question: str
    message: str
    instructions: str
    bootstrap: tuple[BootstrapFile, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Briefing:
    """Briefs agents. `zone` is that of jobs whose schedule names none."""

    clock: Clock
    workspaces: Workspaces
    aside: Aside
    zone: str

    async def of(
        self,
        job: Job,
        turn: AgentTurn,
        workspace: Path | None,
        *,
        session_kind: str,
        may_send: bool,
        reads_skills: ReadsSkills = "files",
    ) -> Brief:
        """What the agent is told of this turn. With a light context it learns of the job alone.

        Of skills that it has no way to read it is told nothing.
        """
        known = Background()
        if not turn.light_context:
            look = partial(self.workspaces.background, workspace, isolated=session_kind in OF_ONE_RUN)
            known = await self.aside.do(look)
        asked, message = self._asked(job, turn, may_send=may_send)
        skills = "" if reads_skills == "not" else listed(known.skills, by_tool=reads_skills == "by_tool")
        return Brief(asked, message, skills, known.bootstrap, known.warnings)

    async def tasks(self, workspace: Path | None) -> Tasks:
        """What the agent is to look after at each heartbeat, as it stands in its workspace."""
        return await self.aside.do(partial(self.workspaces.tasks, workspace))

    def _asked(self, job: Job, turn: AgentTurn, *, may_send: bool) -> tuple[str, str]:
        """The question, and the message it is put in."""
        now = self.clock.now_ms()
        zone = getattr(job.schedule, "tz", None) or self.zone
        if isinstance(turn, Waking):
            message = told_of_events(
                turn.message,
                now_ms=now,
                zone=zone,
                delivery=job.delivery,
                may_send=may_send,
                has_events=turn.has_events,
            )
            return turn.message, message
        if isinstance(turn, OnBehalf):
            asked = question_of_agent(turn.sender, turn.message)
            return asked, told_on_behalf(asked, now_ms=now, zone=zone, may_send=may_send)
        asked = question(job.id, job.name, turn.message)
        return asked, told(asked, now_ms=now, zone=zone, delivery=job.delivery, may_send=may_send)
