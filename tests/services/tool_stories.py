"""A channel with threads, and agents that send messages themselves: what the tests of tool sends play with."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from stentor.contract.channel import Example
from stentor.contract.errors import InvalidTarget
from stentor.contract.runners import ToolResult, TurnRequest
from stentor.contract.targets import Target, TargetHints
from stentor.contract.traits import Traits
from stentor.testing.scripted import Provider, ScriptedChannel, scripted_channel
from stentor.testing.simulation import Simulation
from tests.services.stories import JsonObject, TalkingRunner, adding, job

CHAT = "-1001234567890"


class ChatChannel(ScriptedChannel):
    """Chats by number, with topics."""

    name = "page"
    prefixes = ("page",)
    examples = (Example(f"page:{CHAT}", f"page:{CHAT}"),)

    def parse_target(self, text: str, hints: TargetHints) -> Target:
        chat, _, topic = self.body(text).partition(":topic:")
        if not chat.removeprefix("-").isdigit():
            raise InvalidTarget(f"{text!r} is no chat", hint=f"write {self.name}:{CHAT}")
        if topic and hints.thread not in (None, topic):
            raise InvalidTarget("two threads are named")
        thread = topic or hints.thread
        return Target(self.name, "chat", chat, f"{chat}:topic:{thread}" if thread else chat, thread)


def chat_channel(provider: Provider) -> ScriptedChannel:
    channel = ChatChannel()
    channel.provider = provider
    return channel


class Caller:
    """An agent that calls the tool once for each of its messages, and then says its last word."""

    def __init__(self, *messages: Mapping[str, object], final: str = "done") -> None:
        self.messages = messages
        self.final = final
        self.results: list[ToolResult] = []
        self.offered: list[str] = []

    async def __call__(self, request: TurnRequest) -> str:
        self.offered = [tool.name for tool in request.tools]
        for message in self.messages:
            self.results.append(await request.call_tool("message", message))
        return self.final

    @property
    def answer(self) -> Any:
        """What the last call was told."""
        return self.results[-1].result


def agent_job(**delivery: Any) -> JsonObject:
    return job(payload={"kind": "agentTurn", "message": "daily brief"}, delivery=delivery)


def played(
    home: Path,
    agent: Callable[[TurnRequest], Any],
    asked: JsonObject,
    channel: ScriptedChannel,
    *others: ScriptedChannel,
    seconds: float = 60,
) -> None:
    """One life in which the job runs and its agent speaks."""
    Simulation(home, [channel, *others], [TalkingRunner(agent)]).live(adding(asked), seconds=seconds)


def page(provider: Provider, traits: Traits | None = None) -> ScriptedChannel:
    return scripted_channel("page", provider, traits)
