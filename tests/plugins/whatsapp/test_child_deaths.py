"""The child dies at every point of a send, and its next life knows as much as can be known."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.plugins.whatsapp.children import AT, RANI, Kid, Nobody, child
from tests.plugins.whatsapp.peer import WhatsApp

from stentor_whatsapp.ledger import Ledger, Level

# What a program puts before the child: from there on, the child dies at one point of the ledger.
AT_ONCE = """
import os, signal
from stentor_whatsapp.ledger import Ledger
def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
Ledger.{point} = die
"""
AFTERWARDS = """
import os, signal
from stentor_whatsapp.ledger import Ledger
genuine = Ledger.{point}
def die(*args, **facts):
    genuine(*args, **facts)
    os.kill(os.getpid(), signal.SIGKILL)
Ledger.{point} = die
"""
# Stops where the library announces a message, until there is a file that says that it may go on.
HELD = """
import os, pathlib, time
from stentor_whatsapp.ledger import Ledger
genuine = Ledger.announced
def hold(ledger, message_id):
    genuine(ledger, message_id)
    os.open(os.environ["HELD"], os.O_WRONLY)
Ledger.announced = hold
"""


@asynccontextmanager
async def later(whatsapp: WhatsApp, folder: Path) -> AsyncIterator[Kid]:
    """The life after the death."""
    whatsapp.mode = "ack+delivered+read"
    async with child(whatsapp, folder) as kid:
        await kid.log_in()
        yield kid


async def one_message_before(whatsapp: WhatsApp, folder: Path) -> None:
    """By this the ledger knows that the library announces what it sends."""
    await whatsapp.paired_session(folder / "session.db")
    async with child(whatsapp, folder) as kid:
        await kid.log_in()
        await kid.send("before")
        await kid.event("receipt", level="read")
    await whatsapp.gone()
    whatsapp.messages.clear()


async def dies_under_a_send(whatsapp: WhatsApp, folder: Path, doing: str) -> None:
    async with child(whatsapp, folder, doing=doing) as kid:
        await kid.log_in()
        with pytest.raises(EOFError):
            await kid.send()
        assert await kid.gone() == -9
    await whatsapp.gone()


@pytest.mark.parametrize(
    ("doing", "state"),
    [
        pytest.param(AT_ONCE.format(point="begin"), "never", id="before the library has it"),
        pytest.param(AFTERWARDS.format(point="begin"), "never", id="before the library announces it"),
        pytest.param(AT_ONCE.format(point="announced"), "never", id="announced and not written down"),
        pytest.param(AFTERWARDS.format(point="announced"), "handed_over", id="written down"),
    ],
)
async def test_before_the_first_byte_nothing_has_arrived(
    whatsapp: WhatsApp, tmp_path: Path, doing: str, state: str
) -> None:
    await one_message_before(whatsapp, tmp_path)
    await dies_under_a_send(whatsapp, tmp_path, doing)
    assert whatsapp.messages == []
    async with later(whatsapp, tmp_path) as kid:
        recalled = await kid.recall()
        assert (recalled["state"], recalled["certain"]) == (state, True)
        # Nothing of the former life is sent by itself.
        await kid.send("another")
        assert len(whatsapp.messages) == 1


async def test_that_nothing_arrived_is_not_certain_where_no_message_was_ever_announced(
    whatsapp: WhatsApp, tmp_path: Path
) -> None:
    await whatsapp.paired_session(tmp_path / "session.db")
    await dies_under_a_send(whatsapp, tmp_path, AT_ONCE.format(point="announced"))
    async with later(whatsapp, tmp_path) as kid:
        recalled = await kid.recall()
        assert (recalled["state"], recalled["certain"]) == ("never", False)
        await kid.send("another")
        assert (await kid.recall())["certain"] is True


async def test_after_the_first_byte_it_may_have_arrived_and_a_receipt_says_so(
    whatsapp: WhatsApp, tmp_path: Path
) -> None:
    await one_message_before(whatsapp, tmp_path)
    whatsapp.mode = "silent"
    async with child(whatsapp, tmp_path) as kid:
        await kid.log_in()
        kid.say("send", part="part", to=f"{RANI}@s.whatsapp.net", text="Halo", at=AT)
        message = await whatsapp.message()
        await kid.kill()
    await whatsapp.gone()
    await whatsapp.deliver(message.id)
    await whatsapp.read(message.id)
    async with later(whatsapp, tmp_path) as kid:
        for level in ("delivered", "read"):
            receipt = await kid.event("receipt", level=level, part="part")
            assert receipt["message_id"] == message.id
        recalled = await kid.recall()
        assert (recalled["state"], recalled["level"]) == ("accepted", "read")
    assert len(whatsapp.messages) == 1


@pytest.mark.parametrize(
    ("doing", "state"),
    [
        pytest.param(AT_ONCE.format(point="acknowledged"), "handed_over", id="not written down"),
        pytest.param(AFTERWARDS.format(point="acknowledged"), "accepted", id="written down"),
        pytest.param(AT_ONCE.format(point="accepted"), "accepted", id="before the answer"),
    ],
)
async def test_after_the_acknowledgement_it_is_known_as_soon_as_it_is_written_down(
    whatsapp: WhatsApp, tmp_path: Path, doing: str, state: str
) -> None:
    await one_message_before(whatsapp, tmp_path)
    whatsapp.mode = "ack"
    await dies_under_a_send(whatsapp, tmp_path, doing)
    assert len(whatsapp.messages) == 1
    async with later(whatsapp, tmp_path) as kid:
        recalled = await kid.recall()
        assert (recalled["state"], recalled["message_id"]) == (state, whatsapp.messages[0].id)


async def test_not_a_byte_leaves_before_the_message_is_written_down(
    whatsapp: WhatsApp, tmp_path: Path
) -> None:
    await whatsapp.paired_session(tmp_path / "session.db")
    door = tmp_path / "door"
    os.mkfifo(door)
    async with child(whatsapp, tmp_path, doing=HELD, HELD=str(door)) as kid:
        await kid.log_in()
        kid.say("send", part="part", to=f"{RANI}@s.whatsapp.net", text="Halo", at=AT)
        # It answers all the while: the library waits, and not the child.
        while (await kid.recall())["state"] == "never":
            pass
        assert (await kid.recall())["state"] == "handed_over"
        for _ in range(20):
            await kid.ask("look_up", numbers=[f"+{RANI}"])
        assert whatsapp.messages == []
        os.close(os.open(door, os.O_RDONLY | os.O_NONBLOCK))
        await whatsapp.message()


async def test_an_acknowledgement_that_comes_late_is_told(whatsapp: WhatsApp, tmp_path: Path) -> None:
    """The library does not wait for it any longer."""
    await whatsapp.paired_session(tmp_path / "session.db")
    whatsapp.mode = "silent"
    async with child(whatsapp, tmp_path) as kid:
        await kid.log_in()
        kid.say("send", part="part", to=f"{RANI}@s.whatsapp.net", text="Halo", at=AT)
        message = await whatsapp.message()
        await kid.kill()
    async with child(whatsapp, tmp_path) as kid:
        await kid.log_in()
        await whatsapp.acknowledge(message.id)
        assert (await kid.event("receipt", level="accepted"))["part"] == "part"
        assert (await kid.recall())["state"] == "accepted"


@pytest.mark.usefixtures("authority")
async def test_the_next_life_tells_again_how_far_messages_have_come_before_anything_new(
    tmp_path: Path,
) -> None:
    """Whoever was told of it may have died before it was written down."""
    ledger = Ledger(tmp_path / "ledger.db", "0.0.0")
    levels: tuple[Level, ...] = ("delivered", "read")
    for number, level in enumerate(levels, 1):
        ledger.begin(f"part {number}", f"{RANI}@s.whatsapp.net", AT)
        ledger.announced(f"3EB0{number}")
        ledger.acknowledged(f"3EB0{number}", AT)
        ledger.end()
        ledger.receipt(f"3EB0{number}", level, AT + number)
    ledger.close()
    async with child(Nobody(), tmp_path) as kid:
        await kid.open()
        assert kid.events == []
        await kid.ask("connect")
        assert kid.events[1:3] == [
            {"event": "receipt", "message_id": "3EB01", "level": "delivered", "at": AT + 1, "part": "part 1"},
            {"event": "receipt", "message_id": "3EB02", "level": "read", "at": AT + 2, "part": "part 2"},
        ]


async def test_a_panic_in_the_library_ends_the_child_and_not_the_session(
    whatsapp: WhatsApp, tmp_path: Path
) -> None:
    await whatsapp.paired_session(tmp_path / "session.db")
    async with child(whatsapp, tmp_path) as kid:
        await kid.log_in()
        await whatsapp.panic()
        assert await kid.gone() != 0
        assert "panic" in kid.log
    await whatsapp.gone()
    async with later(whatsapp, tmp_path) as kid:
        await kid.send()
        await whatsapp.message()


async def test_a_message_that_cannot_be_written_down_does_not_leave(
    whatsapp: WhatsApp, tmp_path: Path
) -> None:
    full = "import sqlite3\n" + AT_ONCE.replace(
        "os.kill(os.getpid(), signal.SIGKILL)", "raise sqlite3.OperationalError('database or disk is full')"
    ).format(point="announced")
    await whatsapp.paired_session(tmp_path / "session.db")
    async with child(whatsapp, tmp_path, doing=full) as kid:
        await kid.log_in()
        with pytest.raises(EOFError):
            await kid.send()
        assert await kid.gone() == 70
    await whatsapp.gone()
    assert whatsapp.messages == []
