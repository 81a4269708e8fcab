"""What an agent knows before it is asked: the files of its workspace that describe it, and the skills there are."""

from dataclasses import dataclass

from stentor.contract.runners import BootstrapFile
from stentor.domain.skills import Skill

# How it works, who it is, what it works with and for whom, in this order.
_ABOUT_THE_AGENT = ("AGENTS.md", "SOUL.md", "TOOLS.md", "IDENTITY.md", "USER.md")
# What it has kept of earlier conversations: nothing that an isolated run begins with.
_MEMORY = "MEMORY.md"


@dataclass(frozen=True, slots=True)
class Background:
    """`warnings` name what was to be read and could not be."""

    bootstrap: tuple[BootstrapFile, ...] = ()
    skills: tuple[Skill, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tasks:
    """What stands in the `HEARTBEAT.md` of a workspace: None where there is none, and where it cannot be read."""

    text: str | None = None
    warnings: tuple[str, ...] = ()


def bootstrap_names(*, isolated: bool) -> tuple[str, ...]:
    return _ABOUT_THE_AGENT if isolated else (*_ABOUT_THE_AGENT, _MEMORY)
