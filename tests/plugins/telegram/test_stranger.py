"""The channel against a Telegram that nobody here has written."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from tests.plugins.telegram.conftest import Connect, Letterbox
from tests.plugins.telegram.provider import TOKEN
from tests.plugins.telegram.samples import CHANNEL, CHAT, part, target
from tests.plugins.telegram.stranger import Interpreter, ask, stranger
from tests.plugins.telegram.updates import ANN, GROUP

from stentor.testing.rendering import rendered
from stentor_telegram.limits import Patience


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    with stranger() as running:
        yield running


@pytest.fixture
async def telegram(address: str, connect: Connect) -> AsyncIterator[Any]:
    async with (
        Interpreter(address) as between,
        connect(Patience(), base_url=between.url(""), receive="polling") as connection,
    ):
        yield connection


async def history(address: str) -> list[dict[str, Any]]:
    """What the bot has sent, as the stranger understood it."""
    answer = await asyncio.to_thread(ask, f"{address}/getUpdatesHistory", {"token": TOKEN})
    return [update["message"] for update in answer["result"] if "chat_id" in update["message"]]


async def test_a_text_arrives_with_its_entities(telegram: Any, address: str) -> None:
    (draft,) = rendered(
        CHANNEL, "**Guten** \N{GRINNING FACE} [Tag](https://e.org/?a=1&b=2) `c`", target(CHAT)
    )
    receipt = await telegram.send(part(text=draft.text, markup=draft.format))
    sent = (await history(address))[-1]
    assert (sent["chat_id"], sent["text"]) == (CHAT, "Guten \N{GRINNING FACE} Tag c")
    assert sent["entities"] == [
        {"type": "bold", "offset": 0, "length": 5},
        {"type": "text_link", "offset": 9, "length": 3, "url": "https://e.org/?a=1&b=2"},
        {"type": "code", "offset": 13, "length": 1},
    ]
    assert receipt.target == target(CHAT)
    assert int(receipt.message_id) > 0


async def test_a_topic_and_manners_arrive(telegram: Any, address: str) -> None:
    to = f"{CHAT}:topic:42"
    receipt = await telegram.send(part(to, silent=True, bare_links=True, reply_to="7"))
    sent = (await history(address))[-1]
    assert (sent["message_thread_id"], sent["disable_notification"]) == ("42", "true")
    assert receipt.target == target(to)


async def test_each_message_has_a_number_of_its_own(telegram: Any) -> None:
    numbers = [(await telegram.send(part(str(n)))).message_id for n in (5, 6, 5)]
    assert len(set(numbers)) == 3


async def test_the_bot_is_named(telegram: Any) -> None:
    assert await telegram.probe() == "@TestNameBot (Test First name)"


async def test_what_people_write_comes_in(telegram: Any, address: str) -> None:
    inbox = Letterbox()
    receiving = asyncio.ensure_future(telegram.receive(inbox))
    message = {"botToken": TOKEN, "from": ANN, "chat": GROUP, "date": 1_805_000_000, "text": "Hello"}
    await asyncio.to_thread(ask, f"{address}/sendMessage", message)
    (heard,) = await inbox.has(1)
    receiving.cancel()
    await asyncio.wait([receiving])
    assert (heard.text, heard.sender, heard.target.canonical) == ("Hello", "815", f"telegram:{CHAT}")
