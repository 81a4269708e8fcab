"""The runner contract: an `AgentRunner` executes one agent turn as a stream of events."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Literal

from stentor.contract.settings import RunnerSettings
from stentor.contract.tools import Tool

Role = Literal["user", "assistant", "tool", "system"]


@dataclass(frozen=True, slots=True)
class Message:
    """One entry of a session's history."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class BootstrapFile:
    """A workspace file that belongs to the agent's context."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class ToolResult:
    ok: bool
    result: object


@dataclass(frozen=True, slots=True)
class TurnRequest:
    """Everything a runner needs for one turn. `call_tool` runs a tool on behalf of this run."""

    run_id: str
    job_id: str | None
    agent_id: str
    session_key: str
    session_id: str
    message: str
    settings: RunnerSettings
    call_tool: Callable[[str, Mapping[str, object]], Awaitable[ToolResult]]
    history: tuple[Message, ...] = ()
    tools: tuple[Tool, ...] = ()
    bootstrap: tuple[BootstrapFile, ...] = ()
    model: str | None = None
    thinking: str | None = None
    fast_mode: bool = False
    light_context: bool = False
    deadline: datetime | None = None
    scheduled_for: datetime | None = None
    workspace: Path | None = None


@dataclass(frozen=True, slots=True)
class Phase:
    """The turn entered a phase, for instance `model-call-started`. Any new phase counts as progress."""

    name: str


@dataclass(frozen=True, slots=True)
class TextDelta:
    text: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of the turn so far; None means the provider did not say."""

    input: int | None = None
    output: int | None = None
    cached: int | None = None
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class ModelSwitched:
    model: str


@dataclass(frozen=True, slots=True)
class Denied:
    """The agent was not allowed to do its work; the run is an error, whatever text follows."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class AttachmentRef:
    """A file the agent wants sent; the core checks and copies it when the run ends."""

    path: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Final:
    """The turn's answer; always the last event."""

    text: str
    attachments: tuple[AttachmentRef, ...] = ()
    warnings: tuple[str, ...] = ()


RunnerEvent = Phase | TextDelta | Usage | ModelSwitched | Denied | Final


class AgentRunner(ABC):
    """Executes turns. Errors are `RunnerError`; cancelling the iteration must stop the work."""

    name: ClassVar[str]
    settings: ClassVar[type[RunnerSettings]] = RunnerSettings

    @abstractmethod
    def turn(self, request: TurnRequest) -> AsyncGenerator[RunnerEvent]:
        """Yield events as they happen, `Final` last. Write it as an async generator: the core closes it."""
