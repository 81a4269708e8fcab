"""What the real library asks of Telegram for a part, and what is made of the answer."""

import asyncio
import logging
import warnings
from datetime import timedelta

import pytest
from tests.plugins.telegram.conftest import SHORT, Connect, PatientContext
from tests.plugins.telegram.provider import (
    HIDDEN_CHAT,
    TOKEN,
    TelegramServer,
    answer,
    chat_of,
    message,
    read_call,
    success,
)
from tests.plugins.telegram.samples import CHANNEL, CHAT, part, target

from stentor import Account, CredentialsRejected, InvalidTarget, Receipt, Rejected, Unavailable
from stentor.contract.errors import DeliveryError
from stentor.testing.rendering import rendered
from stentor_telegram.channel import TelegramSettings
from stentor_telegram.connection import open_connection

TOPIC = f"{CHAT}:topic:42"


async def test_a_text_is_sent_without_any_option_that_was_not_asked_for(
    server: TelegramServer, connect: Connect
) -> None:
    async with connect() as telegram:
        receipt = await telegram.send(part())
    assert [call.method for call in server.calls] == ["sendMessage"]
    assert server.last.fields == {"chat_id": CHAT, "text": "Good morning"}
    assert server.seen[0].path == f"/bot{TOKEN}/sendMessage"
    assert receipt == Receipt(target(CHAT), "777", detail={"link": "https://t.me/c/1234567890/777"})


async def test_markup_goes_as_entities_and_never_as_a_parse_mode(
    server: TelegramServer, connect: Connect
) -> None:
    (draft,) = rendered(
        CHANNEL, "**Guten** \N{GRINNING FACE} [Tag](https://example.org/?a=1&b=2)", target(CHAT)
    )
    async with connect() as telegram:
        await telegram.send(part(text=draft.text, markup=draft.format))
    assert server.last.fields["text"] == "Guten \N{GRINNING FACE} Tag"
    assert server.last.json("entities") == [
        {"type": "bold", "offset": 0, "length": 5},
        {"type": "text_link", "offset": 9, "length": 3, "url": "https://example.org/?a=1&b=2"},
    ]
    assert "parse_mode" not in server.last.fields


async def test_plain_text_is_sent_as_it_stands(server: TelegramServer, connect: Connect) -> None:
    async with connect() as telegram:
        await telegram.send(part(text="<b>a</b> &amp; b"))
    assert server.last.fields["text"] == "<b>a</b> &amp; b"
    assert "entities" not in server.last.fields


@pytest.mark.parametrize(
    ("to", "fields"),
    [
        pytest.param("123456789", {"chat_id": "123456789"}, id="a person"),
        pytest.param("-4087654321", {"chat_id": "-4087654321"}, id="a basic group"),
        pytest.param("@News", {"chat_id": "@news"}, id="a public name"),
        pytest.param(TOPIC, {"chat_id": CHAT, "message_thread_id": "42"}, id="a topic"),
        pytest.param(f"{CHAT}:42", {"chat_id": CHAT, "message_thread_id": "42"}, id="a topic, shorter"),
        pytest.param("@forum:42", {"chat_id": "@forum", "message_thread_id": "42"}, id="a topic by name"),
        pytest.param("123:7", {"chat_id": "123", "message_thread_id": "7"}, id="a topic of a person"),
        pytest.param(f"{CHAT}:topic:1", {"chat_id": CHAT}, id="General goes without its number"),
        pytest.param(
            f"{CHAT}:direct-topic:5",
            {"chat_id": CHAT, "direct_messages_topic_id": "5"},
            id="direct messages of a channel",
        ),
    ],
)
async def test_each_kind_of_target_is_asked_for_and_found_in_the_receipt(
    server: TelegramServer, connect: Connect, to: str, fields: dict[str, str]
) -> None:
    async with connect() as telegram:
        receipt = await telegram.send(part(to))
    assert server.last.fields == {**fields, "text": "Good morning"}
    assert receipt.target == target(to)
    assert receipt.target.canonical == target(to).canonical


async def test_a_name_keeps_its_chat_in_the_receipt(connect: Connect) -> None:
    async with connect() as telegram:
        receipt = await telegram.send(part("@News"))
    assert receipt.target.canonical == "telegram:@news"
    assert receipt.detail == {"chat": str(HIDDEN_CHAT), "link": "https://t.me/news/777"}


@pytest.mark.parametrize(
    ("to", "other", "landed"),
    [
        pytest.param(CHAT, {"chat": {"id": -100999, "type": "supergroup"}}, "-100999", id="another chat"),
        pytest.param(TOPIC, {"message_thread_id": 43}, f"{CHAT}:topic:43", id="another topic"),
        pytest.param(
            TOPIC, {"message_thread_id": None, "is_topic_message": None}, CHAT, id="no topic at all"
        ),
        pytest.param(
            CHAT, {"message_thread_id": 43, "is_topic_message": True}, f"{CHAT}:topic:43", id="a topic"
        ),
        pytest.param(
            f"{CHAT}:1", {"message_thread_id": 43, "is_topic_message": True}, f"{CHAT}:topic:43", id="General"
        ),
        pytest.param(
            f"{CHAT}:direct-topic:5",
            {"direct_messages_topic": {"topic_id": 6}},
            f"{CHAT}:direct-topic:6",
            id="another person",
        ),
    ],
)
async def test_what_landed_elsewhere_is_said(
    server: TelegramServer, connect: Connect, to: str, other: dict[str, object], landed: str
) -> None:
    async with connect() as telegram:
        await telegram.send(part(to))
        made = message(server.last, 778, **other)
        server.plan.append(success({name: value for name, value in made.items() if value is not None}))
        receipt = await telegram.send(part(to))
    assert receipt.target.canonical == f"telegram:{landed}"
    assert receipt.target.account == "default"


async def test_an_answer_in_a_chat_without_topics_bears_a_thread_and_is_no_stray(
    server: TelegramServer, connect: Connect
) -> None:
    async with connect() as telegram:
        await telegram.send(part())
        server.plan.append(success(message(server.last, 778, message_thread_id=700)))
        receipt = await telegram.send(part(reply_to="700"))
    assert receipt.target == target(CHAT)


async def test_an_answer_to_a_message_in_a_topic_lands_there(
    server: TelegramServer, connect: Connect
) -> None:
    async with connect() as telegram:
        await telegram.send(part())
        server.plan.append(success(message(server.last, 778, message_thread_id=42, is_topic_message=True)))
        receipt = await telegram.send(part(reply_to="700"))
    assert receipt.target == target(CHAT)


@pytest.mark.parametrize("to", [f"{CHAT}:topic:1", CHAT])
async def test_general_may_be_named_in_the_answer(server: TelegramServer, connect: Connect, to: str) -> None:
    async with connect() as telegram:
        await telegram.send(part(to))
        server.plan.append(success(message(server.last, 778, message_thread_id=1, is_topic_message=True)))
        receipt = await telegram.send(part(to))
    assert receipt.target == target(to)


async def test_manners_are_heeded(server: TelegramServer, connect: Connect) -> None:
    async with connect() as telegram:
        await telegram.send(part(silent=True, bare_links=True, reply_to="700"))
    fields = server.last
    assert fields.fields["disable_notification"] == "true"
    assert fields.json("link_preview_options") == {"is_disabled": True}
    assert fields.json("reply_parameters") == {"message_id": 700, "allow_sending_without_reply": True}


async def test_an_answer_to_what_is_no_message_here_is_sent_without_it(
    server: TelegramServer, connect: Connect
) -> None:
    async with connect() as telegram:
        await telegram.send(part(reply_to="1795225318.000001"))
    assert "reply_parameters" not in server.last.fields


async def test_opening_asks_nothing(server: TelegramServer, ctx: PatientContext) -> None:
    settings = TelegramSettings.model_validate(
        {"token": {"env": "TELEGRAM_BOT_TOKEN"}, "base_url": server.root}
    )
    connection = await CHANNEL.open(Account("telegram", "default", settings), ctx)
    await connection.close()
    assert server.connections == 0


async def test_a_probe_says_who_the_bot_is(server: TelegramServer, connect: Connect) -> None:
    async with connect() as telegram:
        assert await telegram.probe() == "@stentor_bot (Stentor)"
    assert [call.method for call in server.calls] == ["getMe"]


async def test_looking_a_chat_up_sends_nothing(server: TelegramServer, connect: Connect) -> None:
    async with connect() as telegram:
        found = await telegram.resolve(target(TOPIC))
    assert found == target(TOPIC)
    assert found.display == f"Team, group {CHAT}, topic 42"
    assert [call.method for call in server.calls] == ["getChat"]


async def test_a_chat_that_nobody_knows_is_no_target(server: TelegramServer, connect: Connect) -> None:
    server.plan.append(answer(400, {"ok": False, "description": "Bad Request: chat not found"}))
    async with connect() as telegram:
        with pytest.raises(InvalidTarget, match="chat not found"):
            await telegram.resolve(target(CHAT))


async def test_a_chat_that_has_moved_is_found_where_it_is(server: TelegramServer, connect: Connect) -> None:
    moved = {"ok": False, "description": "Bad Request: upgraded", "parameters": {"migrate_to_chat_id": -1005}}
    server.plan.append(answer(400, moved))
    async with connect() as telegram:
        found = await telegram.resolve(target("-5"))
    assert found == target("-1005")


async def test_a_look_up_that_fails_says_nothing_of_the_target(
    server: TelegramServer, connect: Connect
) -> None:
    server.plan.append(answer(400, {"ok": False, "description": "Bad Request: next year's trouble"}))
    async with connect() as telegram:
        with pytest.raises(Rejected):
            await telegram.resolve(target(CHAT))


@pytest.mark.parametrize("token", ["", "4711:AAF secret", "4711:AAF/x", "4711:A\n", "{token}"])
def test_a_token_that_can_be_none_is_refused_before_anything_is_asked(
    ctx: PatientContext, token: str
) -> None:
    ctx.secrets = {"TELEGRAM_BOT_TOKEN": token}
    settings = TelegramSettings.model_validate({"token": {"env": "TELEGRAM_BOT_TOKEN"}})
    with pytest.raises(CredentialsRejected, match="BotFather") as caught:
        open_connection(settings, ctx)
    assert not token or token not in str(caught.value)


async def test_after_closing_nothing_is_sent(server: TelegramServer, connect: Connect) -> None:
    async with connect() as telegram:
        await telegram.close()
        with pytest.raises(Unavailable, match="closed"):
            await telegram.send(part())
    assert not server.seen


async def test_one_connection_serves_one_message_after_another(
    server: TelegramServer, connect: Connect
) -> None:
    async with connect() as telegram:
        for _ in range(20):
            await telegram.send(part())
        await telegram.probe()
    assert server.connections == 1
    await server.deserted()


async def test_as_many_as_are_declared_are_sent_at_once(server: TelegramServer, connect: Connect) -> None:
    count = CHANNEL.traits.at_once or 0
    async with connect() as telegram, asyncio.TaskGroup() as group:
        sending = [group.create_task(telegram.send(part(str(1 + n)))) for n in range(count)]
    assert sorted(task.result().target.id for task in sending) == [str(1 + n) for n in range(count)]
    assert server.connections <= count


async def test_a_probe_has_room_beside_all_sends(server: TelegramServer, connect: Connect) -> None:
    async with connect() as telegram:
        server.hold()
        async with asyncio.TaskGroup() as group:
            sending = [group.create_task(telegram.send(part())) for _ in range(CHANNEL.traits.at_once or 0)]
            await server.holding(len(sending))
            assert await telegram.probe() == "@stentor_bot (Stentor)"
            server.release()
    assert all(task.result().message_id for task in sending)


async def test_a_send_that_is_cancelled_leaves_nothing_behind(
    server: TelegramServer, connect: Connect
) -> None:
    async with connect() as telegram:
        server.hold()
        sending = asyncio.ensure_future(telegram.send(part()))
        await server.holding(1)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        server.release()
        assert (await telegram.send(part())).message_id
    await server.deserted()


@pytest.mark.parametrize(
    "as_delta", [pytest.param("1", id="as timedelta"), pytest.param("", id="as integer")]
)
async def test_a_wait_is_understood_however_the_library_gives_it(
    server: TelegramServer, connect: Connect, monkeypatch: pytest.MonkeyPatch, as_delta: str
) -> None:
    if as_delta:
        monkeypatch.setenv("PTB_TIMEDELTA", as_delta)
    else:
        monkeypatch.delenv("PTB_TIMEDELTA", raising=False)
    server.plan.append(answer(429, {"ok": False, "description": "…", "parameters": {"retry_after": 7}}))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        async with connect() as telegram:
            with pytest.raises(DeliveryError) as caught:
                await telegram.send(part())
    assert getattr(caught.value, "retry_after", timedelta()) == 7
    assert not said


async def test_the_token_is_in_no_log(
    server: TelegramServer, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        async with connect() as telegram:
            await telegram.send(part())
    assert read_call(server.seen[0]).method == "sendMessage"
    assert "sEcReT" not in caplog.text


async def test_chats_of_all_kinds_are_known_to_the_server(server: TelegramServer, connect: Connect) -> None:
    """The stand-in does what the real one does, as far as these tests lean on it."""
    async with connect(SHORT) as telegram:
        await telegram.send(part("5"))
        await telegram.send(part("@x123"))
    assert [chat_of(call)["type"] for call in server.calls] == ["private", "channel"]
