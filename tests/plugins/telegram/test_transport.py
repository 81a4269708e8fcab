"""What goes wrong on the way, on the real library: what is proved decides, and nothing is tried twice."""

import asyncio
from pathlib import Path

import httpx
import pytest
from telegram.error import NetworkError, TelegramError, TimedOut
from tests.loopback import Drop, Hang, Reply, Reset, closed_port
from tests.plugins.telegram.conftest import Connect
from tests.plugins.telegram.provider import TelegramServer
from tests.plugins.telegram.samples import CHANNEL, file, part

from stentor import Ambiguous, NotSent, Unavailable
from stentor.contract.errors import DeliveryError
from stentor.contract.traits import RetrySchedule
from stentor.testing.loopback import Told
from stentor_telegram.client import Line
from stentor_telegram.limits import Patience

OK = b'{"ok": true, "result": {"message_id": 7, "date": 1, "chat": {"id": -1001234567890, "type": "supergroup"}}}'


async def failure(connect: Connect, **other: object) -> DeliveryError:
    async with connect(**other) as telegram:
        with pytest.raises(DeliveryError) as caught:
            await telegram.send(part())
    assert "sEcReT" not in str(caught.value)
    return caught.value


async def test_a_refused_connection_proves_that_nothing_was_sent(connect: Connect) -> None:
    error = await failure(connect, base_url=f"http://127.0.0.1:{closed_port()}")
    assert type(error) is NotSent
    assert "ConnectError" in str(error)


async def test_a_name_that_nobody_knows_proves_that_nothing_was_sent(connect: Connect) -> None:
    assert type(await failure(connect, base_url="http://telegram.invalid")) is NotSent


async def test_no_room_among_the_connections_proves_that_nothing_was_sent(
    server: TelegramServer, connect: Connect
) -> None:
    patience = Patience(pool=0.1, read=5, message=5)
    async with connect(patience) as telegram:
        server.hold()
        async with asyncio.TaskGroup() as group:
            held = [group.create_task(telegram.send(part())) for _ in range(10)]
            await server.holding(10)
            with pytest.raises(NotSent, match="PoolTimeout"):
                await telegram.send(part())
            server.release()
    assert len(held) == len(server.seen)


async def test_a_proxy_that_is_away_proves_that_nothing_was_sent(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{closed_port()}")
    assert type(await failure(connect, base_url="https://api.telegram.org")) is NotSent


async def test_a_proxy_that_refuses_proves_that_nothing_was_sent(
    server: TelegramServer, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", server.root)
    server.otherwise = Reply(403)
    error = await failure(connect, base_url="https://api.telegram.org")
    assert type(error) is NotSent
    assert [seen.method for seen in server.seen] == ["CONNECT"]


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        pytest.param("HTTP_PROXY", "socks5://127.0.0.1:9050", "not socks5://", id="SOCKS"),
        pytest.param("HTTP_PROXY", "ftp://ann:sEcReT@127.0.0.1", "not ftp://", id="another scheme"),
        pytest.param("HTTP_PROXY", "http://127.0.0.1:port", "port", id="no port"),
        pytest.param(
            "SSL_CERT_FILE", "/nowhere/ca.pem", "No such file", id="certificates that are not there"
        ),
    ],
)
async def test_an_environment_that_allows_no_connection_is_named_when_the_account_opens(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, says: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(Unavailable, match=says) as caught:
        async with connect():
            pass
    assert "sEcReT" not in str(caught.value)


async def test_a_proxy_may_be_named_without_its_scheme(
    server: TelegramServer, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"127.0.0.1:{server.port}")
    async with connect(base_url="http://telegram.invalid") as telegram:
        await telegram.send(part())
    assert [seen.path.partition("/bot")[0] for seen in server.seen] == ["http://telegram.invalid"]


async def test_what_speaks_no_tls_has_got_nothing(server: TelegramServer, connect: Connect) -> None:
    error = await failure(connect, base_url=server.root.replace("http:", "https:"))
    assert type(error) is NotSent


@pytest.mark.parametrize(
    ("told", "says"),
    [
        pytest.param(Drop(), "RemoteProtocolError", id="dropped after it was read"),
        pytest.param(Hang(), "ReadTimeout", id="no answer"),
        pytest.param(Reset(), "Error", id="cut amid the request"),
        pytest.param(Reply(200, OK[:20], declared=len(OK)), "ReadTimeout", id="half an answer"),
        pytest.param(
            Reply(200, b"", {"Transfer-Encoding": "chunked", "Content-Length": "x"}), "Error", id="nonsense"
        ),
    ],
)
async def test_a_request_that_may_have_arrived_is_in_doubt_and_counted_once(
    server: TelegramServer, connect: Connect, told: Told, says: str
) -> None:
    server.otherwise = told
    error = await failure(connect)
    assert type(error) is Ambiguous
    assert says in str(error)
    assert len(server.seen) == 1


async def trickling(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers in headers that never end, one every twentieth of a second."""
    loop = asyncio.get_running_loop()

    def more() -> None:
        if not writer.is_closing():
            writer.write(b"X-More: yes\r\n")
            loop.call_later(0.05, more)

    writer.write(b"HTTP/1.1 200 OK\r\n")
    more()
    await reader.read()
    writer.close()


async def test_an_answer_that_trickles_has_an_end(connect: Connect) -> None:
    """Each byte comes in time, the answer as a whole does not."""
    async with await asyncio.start_server(trickling, "127.0.0.1", 0) as slow:
        port = slow.sockets[0].getsockname()[1]
        async with connect(Patience(read=2, message=0.3), base_url=f"http://127.0.0.1:{port}") as telegram:
            with pytest.raises(Ambiguous, match=r"within 0\.3 s"):
                async with asyncio.timeout(5):
                    await telegram.send(part())


async def test_an_upload_that_is_cut_is_in_doubt_and_counted_once(
    server: TelegramServer, connect: Connect, tmp_path: Path
) -> None:
    server.otherwise = Reset()
    big = file(tmp_path, "big.bin", b"x" * 8_000_000)
    async with connect(Patience(read=1, write=1, files=3)) as telegram:
        with pytest.raises(Ambiguous):
            await telegram.send(part(files=[big]))
    assert len(server.seen) == 1


async def test_an_upload_that_is_dropped_is_in_doubt_and_counted_once(
    server: TelegramServer, connect: Connect, tmp_path: Path
) -> None:
    server.otherwise = Drop()
    async with connect() as telegram:
        with pytest.raises(Ambiguous):
            await telegram.send(part(files=[file(tmp_path, "a.bin")]))
    assert len(server.seen) == 1


async def test_the_next_message_finds_a_new_connection(server: TelegramServer, connect: Connect) -> None:
    server.plan += [Drop(), Reset()]
    async with connect() as telegram:
        for _ in range(2):
            with pytest.raises(Ambiguous):
                await telegram.send(part())
        assert (await telegram.send(part())).message_id == "779"


async def test_a_send_after_the_server_was_away(server: TelegramServer, connect: Connect) -> None:
    async with connect() as telegram:
        await telegram.send(part())
        await server.refuse()
        with pytest.raises(NotSent):
            await telegram.send(part())
        await server.listen()
        assert (await telegram.send(part())).message_id


def test_no_send_takes_longer_than_the_core_waits() -> None:
    patience, limit = Patience(), CHANNEL.traits.send_timeout
    assert max(patience.message, patience.files) < limit
    # A step that is stuck is found out by itself before the whole is given up.
    assert patience.pool + patience.connect + patience.write < patience.message
    assert CHANNEL.traits.retry == RetrySchedule()


@pytest.mark.parametrize(
    ("cause", "kind"),
    [
        (httpx.ConnectError("x"), NotSent),
        (httpx.ConnectTimeout("x"), NotSent),
        (httpx.PoolTimeout("x"), NotSent),
        (httpx.ProxyError("x"), NotSent),
        (httpx.UnsupportedProtocol("x"), NotSent),
        (httpx.InvalidURL("x"), NotSent),
        (httpx.ReadTimeout("x"), Ambiguous),
        (httpx.WriteTimeout("x"), Ambiguous),
        (httpx.ReadError("x"), Ambiguous),
        (httpx.WriteError("x"), Ambiguous),
        (httpx.CloseError("x"), Ambiguous),
        (httpx.RemoteProtocolError("x"), Ambiguous),
        (httpx.LocalProtocolError("x"), Ambiguous),
        (httpx.DecodingError("x"), Ambiguous),
        (httpx.TooManyRedirects("x"), Ambiguous),
        (OSError("x"), Ambiguous),
        (None, Ambiguous),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
async def test_the_cause_decides_and_never_the_library_s_own_class(
    cause: Exception | None, kind: type[DeliveryError]
) -> None:
    for error in (NetworkError("x"), TimedOut("x"), TelegramError("x")):
        error.__cause__ = cause
        async with Line("https://api.telegram.org", "1:x", Patience(), connections=1) as line:
            with pytest.raises(DeliveryError) as caught:
                async with line.asking(1):
                    raise error
        assert type(caught.value) is kind


async def test_a_line_that_is_closed_says_so() -> None:
    line = Line("https://api.telegram.org", "1:x", Patience(), connections=1)
    await line.shutdown()
    await line.shutdown()
    with pytest.raises(Unavailable):
        async with line.asking(1):
            raise AssertionError
