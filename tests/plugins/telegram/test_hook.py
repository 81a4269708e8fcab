"""The web server that Telegram calls, called over a real socket."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from tests.loopback import closed_port
from tests.plugins.telegram.conftest import Connect, Letterbox, PatientContext
from tests.plugins.telegram.provider import TelegramServer, refusal
from tests.plugins.telegram.samples import part
from tests.plugins.telegram.updates import written

from stentor import CredentialsRejected, Unavailable

SECRET = "hook-s3cret"
HEADER = f"X-Telegram-Bot-Api-Secret-Token: {SECRET}"

Hooked = Callable[..., AbstractAsyncContextManager[tuple[int, Letterbox]]]


@pytest.fixture
def hooked(server: TelegramServer, connect: Connect) -> Hooked:
    """An account that is called; gives its port and its inbox."""

    @asynccontextmanager
    async def opened(
        inbox: Letterbox | None = None, **other: object
    ) -> AsyncGenerator[tuple[int, Letterbox]]:
        inbox, port = inbox or Letterbox(), closed_port()
        chosen = {
            "receive": "webhook",
            "webhook_url": "https://bot.example.org/tg",
            "webhook_listen": f"127.0.0.1:{port}",
            "webhook_secret": {"env": "HOOK_SECRET"},
            **other,
        }
        async with connect(**chosen) as telegram:
            hooks = server.methods.count("setWebhook")
            receiving = asyncio.ensure_future(telegram.receive(inbox))
            await server.until(lambda: server.methods.count("setWebhook") > hooks)
            try:
                yield port, inbox
            finally:
                receiving.cancel()
                await asyncio.wait([receiving])
                assert receiving.cancelled()

    return opened


async def call(port: int, request: bytes) -> int:
    """The status of the answer; 0 if there is none."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return int(answer.split(b" ")[1]) if answer else 0


def request(body: object, *headers: str, method: str = "POST", length: int | None = None) -> bytes:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"{method} /tg HTTP/1.1", "Host: bot", *headers]
    if method == "POST" and length != -1:
        lines.append(f"content-length: {len(content) if length is None else length}")
    return "\r\n".join([*lines, "", ""]).encode() + content


async def test_telegram_is_told_where_to_call_and_with_what_word(
    server: TelegramServer, hooked: Hooked
) -> None:
    async with hooked():
        pass
    assert server.methods == ["getMe", "setWebhook"]
    assert server.last.fields["url"] == "https://bot.example.org/tg"
    assert server.last.fields["secret_token"] == SECRET
    assert server.last.json("allowed_updates") == ["message"]
    assert "drop_pending_updates" not in server.last.fields


async def test_a_word_is_made_up_where_none_is_set(server: TelegramServer, hooked: Hooked) -> None:
    for _ in range(2):
        async with hooked(webhook_secret=None) as (port, inbox):
            word = server.last.fields["secret_token"]
            assert await call(port, request(written(1), f"x-telegram-bot-api-secret-token: {word}")) == 200
            assert len(inbox.kept) == 1
    words = {call.fields["secret_token"] for call in server.calls if call.method == "setWebhook"}
    assert len(words) == 2
    assert all(len(word) > 30 for word in words)


async def test_a_message_comes_in(hooked: Hooked) -> None:
    async with hooked() as (port, inbox):
        assert await call(port, request(written(1, "Grüße"), HEADER)) == 200
    assert [message.text for message in inbox.kept] == ["Grüße"]


async def test_what_is_no_message_is_taken_and_forgotten(hooked: Hooked) -> None:
    async with hooked() as (port, inbox):
        assert await call(port, request({"update_id": 1}, HEADER)) == 200
    assert not inbox.kept


async def test_a_message_that_is_not_kept_is_asked_for_again(
    hooked: Hooked, caplog: pytest.LogCaptureFixture
) -> None:
    async with hooked(Letterbox(failures=1)) as (port, inbox):
        assert await call(port, request(written(1), HEADER)) == 500
        assert await call(port, request(written(1), HEADER)) == 200
    assert len(inbox.kept) == 1
    assert "could not be kept" in caplog.text


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        pytest.param(request(written(1)), 403, id="no word"),
        pytest.param(request(written(1), HEADER + "x"), 403, id="another word"),
        pytest.param(request(written(1), HEADER[:-1]), 403, id="half a word"),
        pytest.param(
            request(written(1), f"X-Telegram-Bot-Api-Secret-Token: {chr(228)}"), 403, id="an odd word"
        ),
        pytest.param(request(b"", HEADER, method="GET"), 405, id="no post"),
        pytest.param(request(b"{}", HEADER, length=-1), 411, id="no length"),
        pytest.param(request(b"{}", HEADER, length=10**6 + 1), 413, id="too long"),
        pytest.param(request(b"{}", HEADER, length=10**9), 411, id="an absurd length"),
        pytest.param(request(b"{not json", HEADER), 400, id="no JSON"),
        pytest.param(request(b"\xff\xfe", HEADER), 400, id="no text"),
        pytest.param(request([1], HEADER), 400, id="no object"),
        pytest.param(b"x" * 40_000, 431, id="no end"),
        pytest.param(b"nonsense\r\n\r\n", 403, id="no HTTP"),
    ],
)
async def test_strangers_and_nonsense_are_turned_away(hooked: Hooked, sent: bytes, status: int) -> None:
    async with hooked() as (port, inbox):
        assert await call(port, sent) == status
        assert await call(port, request(written(1), HEADER)) == 200
    assert len(inbox.kept) == 1


async def test_who_hangs_up_early_disturbs_nobody(hooked: Hooked) -> None:
    async with hooked() as (port, inbox):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request(b"{", HEADER, length=100))
        writer.close()
        await writer.wait_closed()
        assert await call(port, request(written(1), HEADER)) == 200
    assert len(inbox.kept) == 1


async def test_the_end_cuts_off_who_has_not_said_all(hooked: Hooked) -> None:
    async with hooked() as (port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /tg HTTP/1.1\r\n")
        assert await call(port, request(written(1), HEADER)) == 200
    async with asyncio.timeout(5):
        assert await reader.read() == b""
    writer.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_sending_goes_on_meanwhile(server: TelegramServer, connect: Connect, hooked: Hooked) -> None:
    async with hooked(), connect() as telegram:
        assert (await telegram.send(part())).message_id
    assert server.methods[-1] == "sendMessage"


async def test_an_address_that_is_taken_is_named(connect: Connect, server: TelegramServer) -> None:
    taken = {
        "receive": "webhook",
        "webhook_url": "https://e.org/",
        "webhook_listen": f"127.0.0.1:{server.port}",
    }
    async with connect(**taken) as telegram:
        with pytest.raises(Unavailable, match="webhook_listen"):
            await telegram.receive(Letterbox())


async def test_a_word_that_telegram_would_not_send_is_refused(connect: Connect, ctx: PatientContext) -> None:
    ctx.secrets = {**ctx.secrets, "HOOK_SECRET": "two words"}
    odd = {
        "receive": "webhook",
        "webhook_url": "https://e.org/",
        "webhook_secret": {"env": "HOOK_SECRET"},
    }
    async with connect(**odd) as telegram:
        with pytest.raises(CredentialsRejected, match="webhook_secret"):
            await telegram.receive(Letterbox())


async def test_a_token_that_is_refused_ends_the_listening(connect: Connect, server: TelegramServer) -> None:
    server.otherwise = refusal(401, "Unauthorized")
    port = closed_port()
    hook = {"receive": "webhook", "webhook_url": "https://e.org/", "webhook_listen": f"127.0.0.1:{port}"}
    async with connect(**hook) as telegram:
        with pytest.raises(CredentialsRejected):
            await telegram.receive(Letterbox())
