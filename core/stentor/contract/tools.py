"""Tools an agent may call during its turn."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

# The built-in tool with which an agent sends messages. No plugin's tool may have the name of one of ours.
MESSAGE = "message"
# The one with which an agent reads a skill, where it has no other way to.
SKILL = "skill"
# All that are built in.
BUILT_IN = frozenset(
    {
        MESSAGE,
        SKILL,
        "cron",
        "session_status",
        "sessions_history",
        "sessions_list",
        "sessions_send",
        "sessions_spawn",
        "sessions_yield",
    }
)


class ToolRefused(Exception):
    """A tool did not do what it was asked to. The agent reads the text, and the run log keeps it."""


class ToolCall(Protocol):
    """The run a tool acts for. A tool never touches a channel: what it sends goes into the run's outbox."""

    @property
    def run_id(self) -> str: ...

    @property
    def job_id(self) -> str | None: ...

    @property
    def session_key(self) -> str: ...

    @property
    def over(self) -> bool:
        """Whether the run has ended meanwhile: what is not done by then is left undone."""
        ...


@dataclass(frozen=True, slots=True)
class Tool:
    """A named function with a JSON schema of its arguments; it returns a JSON-able result or raises."""

    name: str
    description: str
    schema: Mapping[str, object]
    handler: Callable[[ToolCall, Mapping[str, object]], Awaitable[object]]
