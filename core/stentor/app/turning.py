"""What the turns of agents are made of: whom they ask, what they are told, and which tools they find."""

from collections.abc import Mapping
from dataclasses import dataclass

from stentor.adapters.workspace import FolderWorkspaces
from stentor.agents.argv import run_argv
from stentor.app.ground import Ground
from stentor.app.heartbeat import attendance_of
from stentor.app.skill_tool import SkillTool
from stentor.domain.jobs import Command
from stentor.services.asking import Means
from stentor.services.briefing import Briefing
from stentor.services.cooldowns import Cooldowns
from stentor.services.errands import Errands
from stentor.services.mcp_access import McpTurns
from stentor.services.preflight import Preflight
from stentor.services.toolbox import Toolbox
from stentor.services.turns import Turns


@dataclass(frozen=True)
class Turning:
    turns: Turns
    toolbox: Toolbox
    mcp_turns: McpTurns


def turning_of(ground: Ground, errands: Errands) -> Turning:
    config, clock = ground.config, ground.seams.clock
    workspaces, aside = FolderWorkspaces(ground.home), ground.seams.aside
    toolbox, mcp_turns = Toolbox(ground.registry.tools), McpTurns(ground.seams.chance.token)
    toolbox.add([SkillTool(workspaces, aside, ground.agents).of], [])
    means = Means(
        ground.store,
        clock,
        Briefing(clock, workspaces, aside, config.zone()[0]),
        Cooldowns(clock),
        Preflight(clock),
        toolbox,
        mcp_turns,
        errands,
        config.providers,
        ground.secrets.reveal,
        ground.redactor.clean,
        ground.boot,
        config.scheduler.setup_timeout_seconds,
        config.scheduler.stall_timeout_seconds,
    )
    return Turning(Turns(ground.agents, _run_command, means, attendance_of(config)), toolbox, mcp_turns)


async def _run_command(command: Command, environment: Mapping[str, str]) -> str:
    return await run_argv(
        command.argv, cwd=command.cwd, env=command.env, input_text=command.input, extra_env=environment
    )
