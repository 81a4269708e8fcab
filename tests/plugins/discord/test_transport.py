"""What is proved when the line fails, on the real SDK; and that what is cut short leaves nothing behind."""

import asyncio
import gc
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from tests.loopback import Drop, Hang, Reset, closed_port
from tests.plugins.discord.conftest import SHORT, Connect
from tests.plugins.discord.provider import API, HOOK_TOKEN, TOKEN, DiscordServer
from tests.plugins.discord.samples import CHANNEL, attachment, part

from stentor import Ambiguous, NotSent, TargetHints
from stentor.contract.errors import DeliveryError
from stentor_discord.limits import SEND_TIMEOUT, Patience
from stentor_discord.targets import parse_hook_url

TARGETS = ["channel:555", "webhook:alerts", "forum:44"]


@pytest.mark.parametrize("target", TARGETS)
async def test_a_message_dropped_after_reading_may_have_arrived_and_came_once(
    server: DiscordServer, connected: Connect, target: str
) -> None:
    server.plan.append(Drop())
    async with connected() as connection:
        with pytest.raises(Ambiguous, match="cut off before an answer came"):
            await connection.send(part(target))

    assert len(server.sent) == 1


async def test_dropped_and_sent_again_it_has_one_nonce(server: DiscordServer, connected: Connect) -> None:
    server.plan.append(Drop())
    async with connected() as connection:
        with pytest.raises(Ambiguous):
            await connection.send(part())
        await connection.send(part())

    assert [sent.message["nonce"] for sent in server.sent] == ["d1-1", "d1-1"]
    assert all(sent.message["enforce_nonce"] for sent in server.sent)


def test_where_discord_takes_no_nonce_none_is_promised() -> None:
    promised = {
        target: CHANNEL.traits_of(CHANNEL.parse_target(target, TargetHints())).resend_is_harmless(1)
        for target in (*TARGETS, "user:66", "webhook:alerts:thread:7")
    }

    assert promised == {
        "channel:555": True,
        "user:66": True,
        "webhook:alerts": False,
        "webhook:alerts:thread:7": False,
        "forum:44": False,
    }


@pytest.mark.parametrize("target", TARGETS)
async def test_silence_ends_in_doubt(server: DiscordServer, connected_briefly: Connect, target: str) -> None:
    server.plan.append(Hang())
    async with connected_briefly() as connection:
        with pytest.raises(Ambiguous, match="no answer in time"):
            await connection.send(part(target))

    assert len(server.sent) == 1


async def test_an_upload_has_more_time(server: DiscordServer, connected: Connect, tmp_path: Path) -> None:
    server.plan.append(Hang())
    patience = Patience(connect=0.1, answer=5, upload=0.1, excuse=0.1)
    async with connected(patience=patience) as connection:
        with pytest.raises(Ambiguous, match="no answer in time"):
            await connection.send(part(files=(attachment(tmp_path, "a.txt"),)))


def test_two_exchanges_end_before_the_core_gives_up() -> None:
    patience = Patience()

    assert max(patience.answer, patience.connect) + patience.upload < SEND_TIMEOUT
    assert patience.excuse < patience.answer


@pytest.mark.parametrize("target", TARGETS)
async def test_an_upload_that_is_reset_may_have_arrived(
    server: DiscordServer, connected: Connect, tmp_path: Path, target: str
) -> None:
    server.plan.append(Reset())
    files = (attachment(tmp_path, "big.bin", bytes(8 * 2**20)),)
    async with connected() as connection:
        with pytest.raises(Ambiguous):
            await connection.send(part(target, files=files))

    assert len(server.posts) == 1


@pytest.mark.parametrize("target", [*TARGETS, "user:66"])
async def test_a_refused_connection_is_proof_that_nothing_was_sent(
    server: DiscordServer, connected: Connect, target: str
) -> None:
    async with connected() as connection:
        await server.refuse()
        with pytest.raises(NotSent, match=r"no connection to 127\.0\.0\.1") as caught:
            await connection.send(part(target))
        await server.listen()
        assert (await connection.send(part(target))).message_id

    assert TOKEN not in str(caught.value)


async def test_a_name_that_does_not_resolve_is_proof_too(connected: Connect) -> None:
    url = parse_hook_url(f"http://no-such-host.invalid/api/webhooks/600/{HOOK_TOKEN}")
    async with connected(token=None, webhooks={"alerts": url}) as connection:
        with pytest.raises(NotSent, match=r"no connection to no-such-host\.invalid") as caught:
            await connection.send(part("webhook:alerts"))

    assert HOOK_TOKEN not in str(caught.value)


async def test_a_connection_that_never_comes_about_is_proof_too(
    server: DiscordServer, connected_briefly: Connect
) -> None:
    # A server that takes connections and never begins with TLS.
    url = parse_hook_url(f"https://127.0.0.1:{server.port}/api/webhooks/600/{HOOK_TOKEN}")
    async with connected_briefly(token=None, webhooks={"alerts": url}) as connection:
        with pytest.raises(NotSent, match="no connection in time"):
            await connection.send(part("webhook:alerts"))


async def test_a_dropped_conversation_is_no_message(server: DiscordServer, connected: Connect) -> None:
    server.plan.append(Drop())
    async with connected() as connection:
        with pytest.raises(NotSent, match="the direct conversation was not opened"):
            await connection.send(part("user:66"))

    assert not server.sent


@pytest.mark.parametrize("target", TARGETS)
async def test_a_send_that_is_cancelled_ends_at_once(
    server: DiscordServer, connected: Connect, tmp_path: Path, target: str
) -> None:
    server.plan.append(Hang())
    async with connected() as connection:
        files = (attachment(tmp_path, "a.txt"),)
        sending = asyncio.ensure_future(connection.send(part(target, files=files)))
        while not server.posts:
            await asyncio.sleep(0)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert (await connection.send(part())).message_id


async def test_closing_leaves_nothing_behind(server: DiscordServer, connected: Connect) -> None:
    before = asyncio.all_tasks()
    async with connected() as connection:
        await connection.send(part())
    await server.deserted()
    gc.collect()

    assert asyncio.all_tasks() == before
    assert not [thread for thread in threading.enumerate() if "keep-alive" in thread.name]


async def test_many_sends_share_their_connections(server: DiscordServer, connected: Connect) -> None:
    async with connected() as connection, asyncio.TaskGroup() as group:
        for channel in range(1, 301):
            group.create_task(connection.send(part(f"channel:{channel}")))

    assert len(server.sent) == 300
    assert server.connections <= 100


async def test_a_head_that_never_ends_is_waited_for_no_longer_than_the_rest(connected: Connect) -> None:
    hung_up = asyncio.Event()

    async def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nX-Slow: 1\r\n")
        with suppress(OSError):
            await reader.read()
        writer.close()
        hung_up.set()

    server = await asyncio.start_server(begin, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    url = parse_hook_url(f"http://127.0.0.1:{port}/api/webhooks/600/{HOOK_TOKEN}")
    async with connected(token=None, webhooks={"alerts": url}, patience=SHORT) as connection:
        with pytest.raises(DeliveryError) as caught:
            await connection.send(part("webhook:alerts"))
    await hung_up.wait()
    server.close()
    await server.wait_closed()

    assert isinstance(caught.value, Ambiguous)


async def test_opening_meets_a_closed_port(connected: Connect) -> None:
    with pytest.raises(DeliveryError, match="no connection"):
        async with connected(base_url=f"http://127.0.0.1:{closed_port()}{API}"):
            raise AssertionError("connected to nobody")
