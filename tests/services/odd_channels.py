"""Channels whose plugins do one thing otherwise than they should."""

from typing import Any

from stentor.contract.channel import Account, ChannelContext, Connection
from stentor.contract.payloads import Part
from stentor.contract.receipts import Receipt
from stentor.contract.traits import Traits
from stentor.testing.scripted import Provider, ScriptedChannel, scripted_channel


class Line(Connection):
    """An ordinary connection; tests replace a method of it."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider

    async def send(self, part: Part) -> Receipt:
        return self.provider.receive(part)

    async def reconcile(self, part: Part) -> Receipt | None:
        return self.provider.look_up(part)


def odd_channel(
    name: str, provider: Provider, traits: Traits | None = None, **methods: Any
) -> ScriptedChannel:
    """A channel that has these methods instead of its own."""
    ordinary = scripted_channel(name, provider, traits)
    channel: ScriptedChannel = type("Odd", (type(ordinary),), methods)()
    channel.provider = provider
    return channel


def odd_line(name: str, provider: Provider, traits: Traits | None = None, **methods: Any) -> ScriptedChannel:
    """A channel whose connections have these methods instead of their own."""

    async def open_line(channel: object, account: Account, ctx: ChannelContext) -> Connection:
        provider.lines.append(ctx)
        line: Connection = type("OddLine", (Line,), methods)(provider)
        return line

    return odd_channel(name, provider, traits, open=open_line)
