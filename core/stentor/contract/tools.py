"""Tools an agent may call during its turn."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol


class ToolCall(Protocol):
    """The run a tool acts for. A tool never touches a channel: what it sends goes into the run's outbox."""

    @property
    def run_id(self) -> str: ...

    @property
    def job_id(self) -> str | None: ...

    @property
    def session_key(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Tool:
    """A named function with a JSON schema of its arguments; it returns a JSON-able result or raises."""

    name: str
    description: str
    schema: Mapping[str, object]
    handler: Callable[[ToolCall, Mapping[str, object]], Awaitable[object]]
