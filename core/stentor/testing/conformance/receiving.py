"""Rules about messages that people write to an account."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import pytest

from stentor.contract.inbox import Incoming
from stentor.domain.incoming import incoming_of
from stentor.domain.plugin_words import PluginFault
from stentor.testing.conformance import rules
from stentor.testing.conformance.case import ChannelCase, on_stage
from stentor.testing.conformance.stage import ACCOUNT, PATIENCE_SECONDS, Stage, told


@dataclass
class FakeInbox:
    """Keeps what it is given, once its door is open."""

    door: asyncio.Event = field(default_factory=asyncio.Event)
    offered: list[Incoming] = field(default_factory=list[Incoming])
    kept: list[Incoming] = field(default_factory=list[Incoming])

    async def put(self, message: Incoming) -> None:
        self.offered.append(message)
        await self.door.wait()
        self.kept.append(message)

    def has(self, text: str) -> bool:
        return text in self.texts()

    def texts(self) -> list[str]:
        return [message.text for message in self.kept]


class ReceptionRules(ChannelCase):
    @on_stage
    async def test_what_a_person_writes_is_heard_once(self, stage: Stage) -> None:
        async with _listening(stage) as inbox:
            inbox.door.set()
            for text in ("One", "Two \N{GRINNING FACE}"):
                await stage.provider.inject(text)
                await stage.until(partial(inbox.has, text))
        heard = inbox.texts()
        rules.HEARD_ONCE.holds(heard == ["One", "Two \N{GRINNING FACE}"], f"the inbox holds {heard}")
        for message in inbox.kept:
            _check_sound(stage, message)
            again = stage.parsed(message.target.canonical)
            found = f"an answer would go to {message.target}, which reads as {again}"
            rules.HEARD_ONCE.holds(again.canonical == message.target.canonical, found)
            rules.HEARD_ONCE.holds(
                message.message_id and message.sender, f"it lacks an id or a sender: {message}"
            )

    @on_stage
    async def test_a_message_is_confirmed_when_it_is_kept(self, stage: Stage) -> None:
        async with _listening(stage) as inbox:
            await stage.provider.inject("One")
            await stage.until(lambda: inbox.offered)
            await stage.until(lambda: stage.provider.acknowledged, seconds=0.2)
            early = list(stage.provider.acknowledged)
            rules.KEPT_FIRST.holds(not early, f"confirmed before it was kept: {early}")
            inbox.door.set()
            await stage.until(lambda: "One" in stage.provider.acknowledged)
            rules.KEPT_FIRST.holds("One" in stage.provider.acknowledged, "what was kept is never confirmed")

    @on_stage
    async def test_our_own_messages_do_not_come_in(self, stage: Stage) -> None:
        async with _listening(stage) as inbox:
            inbox.door.set()
            await stage.provider.inject("Ours", by_us=True)
            await stage.provider.inject("Theirs")
            await stage.until(lambda: "Theirs" in inbox.texts())
        rules.NOT_OURS.holds("Ours" not in inbox.texts(), f"the inbox holds {inbox.texts()}")

    @on_stage
    async def test_listening_leaves_sending_alone_and_ends_when_it_is_cancelled(self, stage: Stage) -> None:
        async with _listening(stage):
            await stage.accepted(stage.part())
        await stage.accepted(stage.part())
        await stage.close()

    @on_stage
    async def test_who_says_to_receive_listens_also_where_only_sending_is_asked_for(
        self, stage: Stage
    ) -> None:
        if stage.channel.receives(stage.account.settings):
            async with _listening(stage, stage.settings):
                pass


def _check_sound(stage: Stage, message: Incoming) -> None:
    """Whether the core would keep it: it reads every word of it."""
    try:
        incoming_of(message, stage.channel.name, ACCOUNT)
    except PluginFault as fault:
        rules.HEARD_ONCE.broken(str(fault))


@asynccontextmanager
async def _listening(stage: Stage, settings: Mapping[str, object] | None = None) -> AsyncGenerator[FakeInbox]:
    """An account that listens for the length of the block; asked to end, it must."""
    stage.settings = settings or stage.provider.settings_for_receiving()
    if not stage.channel.receives(stage.account.settings):
        pytest.skip("the channel does not receive")
    connection, inbox = await stage.connection(), FakeInbox()
    listening = stage.traces.calling(lambda: connection.receive(inbox))
    try:
        await asyncio.wait([listening], timeout=0.05)
        yield inbox
        if listening.done():
            rules.LISTENING_ENDS.broken(f"nobody cancelled it, and it came to {told(listening.result())}")
    finally:
        listening.cancel()
        await asyncio.wait([listening], timeout=PATIENCE_SECONDS)
    rules.LISTENING_ENDS.holds(listening.done(), "it goes on after it was cancelled")
    if not listening.cancelled():
        rules.LISTENING_ENDS.broken(f"it was cancelled, and came to {told(listening.result())}")
