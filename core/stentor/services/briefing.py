"""Puts together what an agent is told when its turn begins."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from stentor.contract.runners import BootstrapFile
from stentor.domain.background import Background
from stentor.domain.jobs import AgentTurn, Job
from stentor.domain.prompts import question, told
from stentor.domain.skills import listed
from stentor.ports import Aside, Clock, Workspaces

_ISOLATED = "run"


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
        self, job: Job, turn: AgentTurn, workspace: Path | None, *, session_kind: str, may_send: bool
    ) -> Brief:
        """What the agent is told of this turn. With a light context it learns of the job alone."""
        known = Background()
        if not turn.light_context:
            look = partial(self.workspaces.background, workspace, isolated=session_kind == _ISOLATED)
            known = await self.aside.do(look)
        asked = question(job.id, job.name, turn.message)
        message = told(
            asked,
            now_ms=self.clock.now_ms(),
            zone=getattr(job.schedule, "tz", None) or self.zone,
            delivery=job.delivery,
            may_send=may_send,
        )
        return Brief(asked, message, listed(known.skills), known.bootstrap, known.warnings)
