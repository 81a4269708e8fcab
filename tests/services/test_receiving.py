"""What people write is taken in once, from those who may, and the last conversation is where they wrote."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import create_model

from stentor.adapters.sqlite.reader import Reader
from stentor.app.operations import Operations
from stentor.contract.channel import Account, ChannelContext, Connection, Example
from stentor.contract.errors import CredentialsRejected, Unavailable
from stentor.contract.inbox import Inbox, Incoming
from stentor.contract.settings import ChatSettings
from stentor.contract.targets import Target
from stentor.contract.traits import Traits
from stentor.testing.scripted import Provider, ScriptedChannel
from stentor.testing.simulation import Simulation
from stentor.testing.virtual_time import pass_time
from tests.services.odd_channels import Line
from tests.services.stories import adding, deliveries, job, stored_job

AT = datetime(2026, 7, 1, 7, 0, 1, tzinfo=UTC)


def message(message_id: str = "m-1", **said: Any) -> Incoming:
    target = said.pop("target", Target("page", "room", "room7", "room7"))
    return Incoming(target, message_id, **{"sender": "ann", "text": "hello", "at": AT, "direct": True} | said)


@dataclass
class Mailbag:
    """What comes in on each of several lines, one after the other. Errors are raised, numbers are seconds that pass."""

    lines: deque[list[Any]]
    taken: list[str] = field(default_factory=list[str])

    async def pour(self, inbox: Inbox) -> None:
        for thing in self.lines.popleft() if self.lines else []:
            if isinstance(thing, BaseException):
                raise thing
            if isinstance(thing, int):
                await pass_time(thing)
                continue
            await inbox.put(thing)
            self.taken.append(thing.message_id)
        await asyncio.get_running_loop().create_future()


class HearingLine(Line):
    bag: Mailbag

    async def receive(self, inbox: Inbox) -> None:
        await self.bag.pour(inbox)


class HearingChannel(ScriptedChannel):
    name = "page"
    prefixes = ("page",)
    examples = (Example("page:room1", "page:room1"),)
    traits = Traits(receives=True)
    settings: Any = ChatSettings
    bag: Mailbag

    async def open(self, account: Account, ctx: ChannelContext) -> Connection:
        line = HearingLine(self.provider)
        line.bag = self.bag
        return line


def hearing(*lines: list[Any], **wishes: Any) -> HearingChannel:
    channel = HearingChannel()
    channel.provider = Provider()
    channel.bag = Mailbag(deque(lines))
    # The account that needs no configuration has these settings.
    defaults = {word: (type(value), value) for word, value in wishes.items()}
    channel.settings = create_model("Wished", __base__=ChatSettings, **defaults)
    return channel


async def nothing(operations: Operations) -> None:
    del operations


def incoming(home: Path) -> list[Any]:
    with Reader.open(home / "stentor.db") as reader:
        return list(reversed(reader.incoming(None, 100)))


def lived(home: Path, channel: HearingChannel, seconds: float = 60) -> list[Any]:
    Simulation(home, [channel]).live(nothing, seconds=seconds)
    return incoming(home)


def test_a_message_is_kept_once_however_often_it_comes(fast_home: Path) -> None:
    channel = hearing(
        [message(sender_name="Ann", reply_to="m-0", files=("a.png",)), message()], allow_from=("ann",)
    )
    (kept,) = lived(fast_home, channel)

    assert channel.bag.taken == ["m-1", "m-1"]
    assert (kept["channel"], kept["accountId"], kept["messageId"], kept["target"]) == (
        "page",
        "default",
        "m-1",
        "page:room7",
    )
    assert (kept["sender"], kept["senderName"], kept["text"], kept["files"]) == (
        "ann",
        "Ann",
        "hello",
        ["a.png"],
    )
    assert (kept["direct"], kept["held"], kept["replyTo"]) == (True, False, "m-0")
    assert kept["at"] == "2026-07-01T07:00:01Z"


@pytest.mark.parametrize(
    ("wishes", "said", "held"),
    [
        ({}, {}, True),
        ({"allow_from": ("ann",)}, {}, False),
        ({"allow_from": ("*",)}, {}, False),
        ({"allow_from": ("bob",), "dm_policy": "allowlist"}, {}, True),
        ({"dm_policy": "open"}, {}, False),
        ({"dm_policy": "disabled"}, {}, None),
        ({"dm_policy": "open"}, {"direct": False, "addressed": True}, False),
        ({"dm_policy": "disabled", "allow_from": ("ann",)}, {"direct": False, "addressed": True}, False),
        ({"dm_policy": "open"}, {"direct": False}, None),
    ],
    ids=["pairing", "known", "all", "not listed", "open", "disabled", "addressed", "in company", "overheard"],
)
def test_who_may_write_is_what_the_account_says(
    fast_home: Path, wishes: dict[str, Any], said: dict[str, Any], held: bool | None
) -> None:
    kept = lived(fast_home, hearing([message(**said)], **wishes))

    assert [found["held"] for found in kept] == ([] if held is None else [held])


@pytest.mark.parametrize(
    "error",
    [Unavailable("no line"), CredentialsRejected("401"), RuntimeError("a bug")],
    ids=lambda e: type(e).__name__,
)
def test_listening_begins_again_after_it_has_ended(fast_home: Path, error: Exception) -> None:
    channel = hearing([message("m-1"), error], [message("m-2")], dm_policy="open")

    assert [kept["messageId"] for kept in lived(fast_home, channel)] == ["m-1", "m-2"]


def test_an_account_that_is_opened_anew_is_listened_to_anew(fast_home: Path) -> None:
    """What was listening does not have to notice that its connection is closed."""
    channel = hearing([message("m-1")], [message("m-2")])

    async def story(operations: Operations) -> None:
        clock = operations.app.ground.seams.clock
        await clock.sleep(60)
        await operations.app.connections.renew("page", "default")
        await clock.sleep(1)

    Simulation(fast_home, [channel]).live(story, seconds=120)

    assert channel.bag.taken == ["m-1", "m-2"]


def test_what_ends_again_and_again_is_begun_ever_more_seldom(fast_home: Path) -> None:
    channel = hearing(*([Unavailable("no line")] for _ in range(1_000)))
    lived(fast_home, channel, seconds=3_600)

    assert 990 <= len(channel.bag.lines) <= 995


def test_what_ends_after_a_long_time_is_begun_again_soon(fast_home: Path) -> None:
    channel = hearing([400, Unavailable("no line")], [message()])
    lived(fast_home, channel, seconds=410)

    assert channel.bag.taken == ["m-1"]


def test_an_account_that_was_given_away_is_listened_to_as_soon_as_that_time_is_over(fast_home: Path) -> None:
    channel = hearing([message("m-1")], [message("m-2")])
    taken: list[list[str]] = []

    async def story(operations: Operations) -> None:
        clock = operations.app.ground.seams.clock
        await clock.sleep(1)
        await operations.app.connections.give_away("page", "default", 200)
        for seconds in (199, 2):
            await clock.sleep(seconds)
            taken.append(list(channel.bag.taken))

    Simulation(fast_home, [channel]).live(story, seconds=300)

    assert taken == [["m-1"], ["m-1", "m-2"]]


def test_that_nothing_comes_in_is_said_of_the_account_and_sending_goes_on(fast_home: Path) -> None:
    channel = hearing([Unavailable("somebody else polls")], dm_policy="open")
    states: list[Any] = []

    async def story(operations: Operations) -> None:
        await operations.send({"to": "page:room1", "text": "hello"})
        for seconds in (2, 30):
            await operations.app.ground.seams.clock.sleep(seconds)
            states.extend((found["state"], found["reason"]) for found in operations.health())

    Simulation(fast_home, [channel]).live(story, seconds=60)

    assert states == [("degraded", "nothing comes in: somebody else polls"), ("ready", None)]
    assert deliveries(fast_home)[0]["state"] == "accepted"


@pytest.mark.parametrize(
    "odd",
    [
        message(""),
        message(sender=""),
        message(at=datetime(2026, 7, 1)),  # noqa: DTZ001 - a time without its zone is what is odd
        message(target=Target("horn", "room", "a", "a")),
        message(text=7),
    ],
    ids=["no id", "no sender", "no zone", "another channel", "no text"],
)
def test_what_makes_no_sense_is_not_taken_in(fast_home: Path, odd: Incoming) -> None:
    assert lived(fast_home, hearing([odd], dm_policy="open")) == []


def test_the_last_conversation_is_where_the_owner_wrote(fast_home: Path) -> None:
    channel = hearing([message(target=Target("page", "room", "room9", "room9"))], allow_from=("ann",))
    wanted = job(delivery={"channel": "last"})
    Simulation(fast_home, [channel]).live(adding(wanted), seconds=30)

    assert [(found["target"], found["source"]) for found in deliveries(fast_home)] == [("page:room9", "last")]
    assert stored_job(fast_home)["delivery"]["targetSource"] == "last"


@pytest.mark.parametrize("wishes", [{"dm_policy": "open"}, {"allow_from": ("*",)}], ids=["open", "everybody"])
def test_who_is_let_in_with_everybody_is_not_the_owner(fast_home: Path, wishes: dict[str, Any]) -> None:
    channel = hearing([message(target=Target("page", "room", "room9", "room9"))], **wishes)
    Simulation(fast_home, [channel]).live(adding(job(delivery={"channel": "last"})), seconds=30)

    assert deliveries(fast_home) == []


def test_what_is_held_is_no_conversation(fast_home: Path) -> None:
    channel = hearing([message(target=Target("page", "room", "room9", "room9"))])
    Simulation(fast_home, [channel]).live(adding(job(delivery={"channel": "last"})), seconds=30)

    assert deliveries(fast_home) == []
