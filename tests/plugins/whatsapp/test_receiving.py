"""What people write comes in once, is confirmed when it was kept, and waits where nobody takes it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.plugins.whatsapp.backstage import ANN, ME, Backstage, Opens, WaitingContext, part
from tests.plugins.whatsapp.peer import WhatsApp

from stentor import Connection
from stentor.contract.inbox import Incoming
from stentor.domain.incoming import incoming_of
from stentor_whatsapp.receiving import Reception, incoming

GROUP = "120363401234567890@g.us"
AT_MS = 1_795_225_318_000


def facts(**more: object) -> dict[str, object]:
    return {
        "event": "message",
        "message_id": "3A01",
        "chat": f"8{ANN}@lid",
        "sender": f"8{ANN}@lid",
        "sender_name": "Ann",
        "sender_pn": f"{ANN}@s.whatsapp.net",
        "text": "Hello",
        "at": AT_MS,
        "direct": True,
        "addressed": False,
        "reply_to": "",
        "files": [],
        **more,
    }


class Inbox:
    """Keeps what it is given, once its door is open."""

    def __init__(self) -> None:
        self.kept: list[Incoming] = []
        self.offered = asyncio.Event()
        self.door = asyncio.Event()
        self.door.set()
        self._news = asyncio.Event()

    async def put(self, message: Incoming) -> None:
        self.offered.set()
        await self.door.wait()
        self.kept.append(message)
        self._news.set()

    async def holds(self, number: int) -> list[str]:
        async with asyncio.timeout(10):
            while len(self.kept) < number:
                self._news.clear()
                await self._news.wait()
        return [message.text for message in self.kept]


@asynccontextmanager
async def listening(connection: Connection, inbox: Inbox) -> AsyncGenerator[None]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(connection.receive(inbox))
        yield
        task.cancel()


def test_a_message_is_read_with_where_an_answer_goes() -> None:
    message = incoming(facts(reply_to="3A00", files=["minutes.txt"]))
    assert message is not None
    assert message.target.canonical == f"whatsapp:lid:8{ANN}@lid"
    assert (message.message_id, message.sender, message.sender_name) == ("3A01", f"+{ANN}", "Ann")
    assert (message.text, message.at) == ("Hello", datetime.fromtimestamp(AT_MS / 1000, UTC))
    assert (message.direct, message.reply_to, message.files) == (True, "3A00", ("minutes.txt",))


def test_a_message_in_a_group_is_answered_there() -> None:
    message = incoming(facts(chat=GROUP, direct=False, addressed=True))
    assert message is not None
    assert message.target.canonical == f"whatsapp:group:{GROUP}"
    assert (message.sender, message.direct, message.addressed) == (f"+{ANN}", False, True)


def test_a_sender_without_a_number_is_known_by_the_hidden_id() -> None:
    message = incoming(facts(sender_pn=""))
    assert message is not None
    assert message.sender == f"8{ANN}@lid"


@pytest.mark.parametrize("number", [ANN, f"+{ANN}", f"{ANN}@s.whatsapp.net", f"{ANN}:3@s.whatsapp.net"])
def test_a_number_is_written_as_in_targets(number: str) -> None:
    message = incoming(facts(sender_pn=number))
    assert message is not None
    assert message.sender == f"+{ANN}"


@pytest.mark.parametrize(
    "more",
    [
        {"message_id": ""},
        {"chat": ""},
        {"chat": "status@broadcast"},
        {"chat": "0@s.whatsapp.net"},
        {"sender": "", "sender_pn": ""},
        {"at": -1},
        {"at": 10**30},
        {"sender_pn": "nobody"},
    ],
    ids=str,
)
def test_a_message_that_makes_no_sense_is_none(more: dict[str, object]) -> None:
    assert incoming(facts(**more)) is None


@pytest.mark.parametrize("odd", ["x" * 1001, "3A\0", "3A\ud800"], ids=["too long", "a zero", "half"])
def test_what_stands_for_something_and_cannot_be_kept_is_left_out(odd: str) -> None:
    message = incoming(facts(reply_to=odd))
    assert message is not None
    assert incoming_of(message, "whatsapp", "default").reply_to == ""
    assert incoming(facts(message_id=odd)) is None


def test_of_very_many_files_the_first_ones_are_named() -> None:
    names = [f"{number}.txt" for number in range(101)]
    message = incoming(facts(files=names))
    assert message is not None
    assert incoming_of(message, "whatsapp", "default").files == tuple(names[:100])


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from(sorted(facts())), st.none() | st.integers() | st.text() | st.booleans())
)
def test_whatever_is_told_there_is_a_message_or_none(more: dict[str, Any]) -> None:
    message = incoming(facts(**more))
    assert message is None or (message.message_id and message.sender)


async def test_what_people_write_is_handed_in_and_confirmed_then(
    standing_in: Opens, backstage: Backstage
) -> None:
    async with standing_in(settings={"receive": "on"}) as connection:
        inbox = Inbox()
        inbox.door.clear()
        async with listening(connection, inbox):
            backstage.tell(facts())
            await inbox.offered.wait()
            assert await connection.probe()
            assert not backstage.asked("taken")
            inbox.door.set()
            await inbox.holds(1)
            backstage.tell(facts(message_id="3A02"))
            await inbox.holds(2)
    assert backstage.asked("taken")[0]["message_id"] == "3A01"


async def test_what_comes_while_nobody_listens_is_handed_in_later_and_once(
    standing_in: Opens, backstage: Backstage
) -> None:
    async with standing_in(settings={"receive": "on"}) as connection:
        await connection.probe()
        inbox = Inbox()
        for ident, text in (("3A01", "One"), ("3A02", "Two"), ("3A01", "One")):
            backstage.tell(facts(message_id=ident, text=text))
        await connection.probe()
        async with listening(connection, inbox):
            assert await inbox.holds(2) == ["One", "Two"]
        async with listening(connection, inbox):
            backstage.tell(facts(message_id="3A03", text="Three"))
            assert await inbox.holds(3) == ["One", "Two", "Three"]


async def test_a_message_that_could_not_be_kept_is_handed_in_again(
    standing_in: Opens, backstage: Backstage
) -> None:
    class Full(Inbox):
        async def put(self, message: Incoming) -> None:
            raise OSError("the disk is full")

    async with standing_in(settings={"receive": "on"}) as connection:
        backstage.tell(facts())
        with pytest.raises(OSError, match="full"):
            await connection.receive(Full())
        assert not backstage.asked("taken")
        inbox = Inbox()
        async with listening(connection, inbox):
            assert await inbox.holds(1) == ["Hello"]


async def test_a_message_that_nobody_can_take_does_not_keep_the_next_ones_out(
    standing_in: Opens, backstage: Backstage, caplog: pytest.LogCaptureFixture
) -> None:
    class Choosy(Inbox):
        async def put(self, message: Incoming) -> None:
            if message.message_id == "3A01":
                raise ValueError(f"what is this: {message.text}")
            await super().put(message)

    async with standing_in(settings={"receive": "on"}) as connection:
        inbox = Choosy()
        async with listening(connection, inbox):
            backstage.tell(facts(text="Secret"))
            backstage.tell(facts(message_id="3A02", text="Next"))
            assert await inbox.holds(1) == ["Next"]
            await connection.probe()
    assert [asked["message_id"] for asked in backstage.asked("taken")] == ["3A01", "3A02"]
    assert "is left out" in caplog.text
    assert "Secret" not in caplog.text


async def test_what_was_too_much_at_once_is_asked_for_when_there_is_room_again() -> None:
    many = [f"3A{number:04}" for number in range(1000)]
    confirmed: list[str] = []
    asked: list[int] = []

    async def confirm(message_id: str) -> None:
        confirmed.append(message_id)

    async def tell_again() -> None:
        asked.append(len(confirmed))
        reception.hear(facts(message_id="late", text="late"))

    reception = Reception(confirm, tell_again)
    for ident in (*many, many[0], "late"):
        reception.hear(facts(message_id=ident, text=ident))
    inbox = Inbox()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(reception.hand_in(inbox))
        assert await inbox.holds(1001) == [*many, "late"]
        task.cancel()
    assert (confirmed[:1000], asked) == (many, [1000])


async def test_listening_goes_on_over_the_death_of_a_child(
    standing_in: Opens, backstage: Backstage, ctx: WaitingContext
) -> None:
    async with standing_in(settings={"receive": "on"}) as connection:
        inbox = Inbox()
        async with listening(connection, inbox):
            await connection.probe()
            backstage.tell("die")
            await ctx.until(lambda: [state for state, _ in ctx.states].count("ready") == 2)
            backstage.tell(facts())
            assert await inbox.holds(1) == ["Hello"]


@pytest.mark.parametrize("receive", ["on", "off"])
async def test_the_child_is_told_whether_to_keep_what_people_write(
    standing_in: Opens, backstage: Backstage, receive: str
) -> None:
    async with standing_in(settings={"receive": receive}):
        pass
    assert backstage.asked("open")[0]["receive"] is (receive == "on")


async def test_a_person_and_a_group_are_heard_on_whatsapp(
    on_whatsapp: Opens, whatsapp: WhatsApp, ctx: WaitingContext
) -> None:
    whatsapp.group(GROUP, ANN)
    async with on_whatsapp(receive="on") as connection:
        await ctx.until(lambda: ctx.states[-1] == ("ready", ""))
        inbox = Inbox()
        async with listening(connection, inbox):
            direct = await whatsapp.say(ANN, "Hello \N{GRINNING FACE}")
            await inbox.holds(1)
            await whatsapp.say(ANN, f"Look @{ME}", group=GROUP, mentions=(ME,))
            await inbox.holds(2)
            await whatsapp.has_confirmed(direct)
        one, two = inbox.kept
        assert (one.text, one.sender, one.direct) == ("Hello \N{GRINNING FACE}", f"+{ANN}", True)
        assert (two.text, two.sender, two.direct, two.addressed) == (f"Look @{ME}", f"+{ANN}", False, True)
        assert two.target.canonical == f"whatsapp:group:{GROUP}"
        # An answer goes where it came from.
        await connection.send(part(one.target))
    assert whatsapp.messages[0].to == whatsapp.lid(ANN)


async def test_what_was_not_taken_comes_again_after_a_restart_and_what_was_taken_does_not(
    on_whatsapp: Opens, whatsapp: WhatsApp, ctx: WaitingContext
) -> None:
    async with on_whatsapp(receive="on") as connection:
        await ctx.until(lambda: ctx.states[-1] == ("ready", ""))
        inbox = Inbox()
        async with listening(connection, inbox):
            await whatsapp.say(ANN, "Taken")
            await inbox.holds(1)
            await connection.probe()
        await whatsapp.has_confirmed(await whatsapp.say(ANN, "Left"))
        await connection.probe()
    async with on_whatsapp(receive="on") as connection:
        inbox = Inbox()
        async with listening(connection, inbox):
            assert await inbox.holds(1) == ["Left"]
