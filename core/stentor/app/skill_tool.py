"""The tool with which an agent reads a skill, where it reads no files itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from pydantic import Field

from stentor.contract.tools import SKILL, Tool, ToolCall, ToolRefused
from stentor.domain.jobs import AgentTurn, Job
from stentor.domain.records import RunSeed
from stentor.domain.session_limits import OF_ONE_RUN
from stentor.ports import Aside, Workspaces
from stentor.services.agent_turns import Agent
from stentor.services.tool_arguments import Arguments, read, schema_of


class _Wanted(Arguments):
    name: Annotated[str, Field(description="As it stands in the list of skills.")]


@dataclass(frozen=True)
class SkillTool:
    """Shows what the agent's list of skills names, and no other file."""

    workspaces: Workspaces
    aside: Aside
    agents: Mapping[str, Agent]

    def of(self, run: RunSeed, job: Job) -> Mapping[str, Tool]:
        agent = self.agents.get(job.agent_id)
        is_light = isinstance(job.payload, AgentTurn) and job.payload.light_context
        if agent is None or agent.runner.reads_files or is_light:
            return {}
        is_isolated = run.session.kind in OF_ONE_RUN

        async def show(_: ToolCall, arguments: Mapping[str, object]) -> str:
            name = read(_Wanted, arguments, SKILL).name
            look = partial(self.workspaces.skill, agent.workspace, name, isolated=is_isolated)
            text = await self.aside.do(look)
            if text is None:
                raise ToolRefused(
                    f"there is no skill {name!r} to be read; take a name from the list of skills"
                )
            return text

        return {SKILL: Tool(SKILL, "Shows how one kind of work is done here.", schema_of(_Wanted), show)}
