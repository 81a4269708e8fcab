"""The runner contract: an `AgentRunner` executes one agent turn as a stream of events."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Literal

from stentor.contract.errors import RunnerError
from stentor.contract.settings import ProviderSettings, RunnerSettings, SecretRef
from stentor.contract.tools import Tool

Role = Literal["user", "assistant", "tool", "system"]


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A call of a tool, as the agent made it."""

    id: str
    name: str
    args: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Message:
    """One entry of a session's history. Calls stand with the assistant's words, and each is answered by a tool's entry.

    A runner gets a history that any model accepts: it begins with the user, the user and the assistant take turns, and
    every call has its answer before anybody else speaks.
    """

    role: Role
    text: str
    calls: tuple[ToolUse, ...] = ()
    # Of a tool's entry: the call it answers.
    call_id: str = ""


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
class McpAccess:
    """Where a program finds the tools of its turn, and the token that lets it in."""

    url: str
    token: str


def _no_mcp() -> AbstractAsyncContextManager[McpAccess]:
    raise RunnerError("bad_request", "nobody offers tools over MCP here")


def _nothing_configured(ref: SecretRef) -> str:
    raise LookupError(f"nobody knows where {ref} is kept")


@dataclass(frozen=True, slots=True)
class TurnRequest:
    """Everything a runner needs for one turn. `call_tool` runs a tool on behalf of this run.

    `message` is what the agent is told: the job's own words, which `question` holds alone, and what it should know
    besides. `bootstrap` and `instructions` come before the conversation. `seconds` is how long one request to
    a model may take, and `reveal` gives the text of a secret, or raises `CredentialsRejected`. `over_mcp` offers the same tools to a program
    that speaks MCP, for as long as its block lasts.
    """

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
    question: str = ""
    instructions: str = ""
    seconds: float | None = None
    providers: Mapping[str, ProviderSettings] = field(default_factory=dict[str, ProviderSettings])
    reveal: Callable[[SecretRef], str] = _nothing_configured
    over_mcp: Callable[[], AbstractAsyncContextManager[McpAccess]] = _no_mcp


@dataclass(frozen=True, slots=True)
class Phase:
    """The turn entered a phase, for instance `model-call-started`. Any new phase counts as progress."""

    name: str


@dataclass(frozen=True, slots=True)
class TextDelta:
    text: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of the turn so far; None means the provider did not say.

    `context` is how many tokens the last request took in, which is how full the conversation is. The others add up
    what is paid for.
    """

    input: int | None = None
    output: int | None = None
    cached: int | None = None
    cost_usd: float | None = None
    context: int | None = None


@dataclass(frozen=True, slots=True)
class ModelSwitched:
    """The session is to go on with another model: the turn is stopped, and asked for again from that one."""

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
    # What the name of a model means: nothing, what each agent makes of it, or the same to all agents of this runner.
    models: Literal["none", "own", "shared"] = "own"
    # Whether an agent reads files of this machine itself. One that does not gets the tool `skill`.
    reads_files: bool = True

    @abstractmethod
    def turn(self, request: TurnRequest) -> AsyncGenerator[RunnerEvent]:
        """Yield events as they happen, `Final` last. Write it as an async generator: the core closes it."""

    def objection(self, model: str, providers: Mapping[str, ProviderSettings]) -> str:
        """Why no turn can be taken with that model as things are configured, and what to do; empty if one may."""
        return ""

    def endpoint(self, request: TurnRequest) -> str | None:
        """The address of a server nearby that has to be up for this turn, if there is one to ask beforehand."""
        return None

    async def probe(self, request: TurnRequest) -> str:
        """Why nobody answers at that address; empty if somebody does. Asked once for all turns that want to know."""
        return ""
