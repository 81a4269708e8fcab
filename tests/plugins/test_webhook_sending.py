import asyncio
import logging
import ssl
import traceback
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook
from tests.fake_context import FakeContext
from tests.loopback import Drop, Hang, LoopbackServer, Reply, closed_port, redirect

from stentor import (
    Account,
    Ambiguous,
    Connection,
    CredentialsRejected,
    NotSent,
    Part,
    Rejected,
    SecretRef,
    TargetHints,
    Throttled,
)
from stentor.contract.errors import DeliveryError
from stentor_webhook import WebhookChannel
from stentor_webhook.answers import seconds_to_wait
from stentor_webhook.channel import WebhookSettings
from stentor_webhook.client import TIME_LIMIT, WebhookConnection
from stentor_webhook.guard import Guard

CHANNEL = WebhookChannel()
LOOPBACK = ["127.0.0.0/8"]
CERTIFICATE = Path(__file__).with_name("hooks_example.pem")
WHSEC = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NOW = datetime(2027, 3, 14, 15, 9, 26, tzinfo=UTC)

Connect = Callable[..., AbstractAsyncContextManager[WebhookConnection]]


def part(url: str, text: str = '{"text":"Grüße"}') -> Part:
    target = CHANNEL.parse_target(url, TargetHints())
    return Part(id="d1-1", delivery_id="d1", target=target, n=1, of=1, text=text, attempt=1, format="json")


@pytest.fixture
async def server() -> AsyncIterator[LoopbackServer]:
    async with LoopbackServer() as running:
        yield running


@pytest.fixture
def connect(ctx: FakeContext) -> Connect:
    @asynccontextmanager
    async def opened(
        *,
        guard: Guard | None = None,
        signing_secret: str | None = None,
        bearer_token: str | None = None,
        tls: ssl.SSLContext | None = None,
        time_limit: float = TIME_LIMIT,
    ) -> AsyncGenerator[WebhookConnection, None]:
        connection = WebhookConnection(
            ctx,
            guard or Guard("default", LOOPBACK),
            signing_secret=signing_secret,
            bearer_token=bearer_token,
            tls=tls,
            time_limit=time_limit,
        )
        try:
            yield connection
        finally:
            await connection.close()

    return opened


async def failure_of(connection: Connection, sent: Part) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await connection.send(sent)
    return caught.value


async def test_a_part_is_posted_once_and_its_own_id_is_the_receipt(
    server: LoopbackServer, connect: Connect
) -> None:
    sent = part(server.url("/in?key=1"))

    async with connect() as connection:
        receipt = await connection.send(sent)

    assert (receipt.target, receipt.message_id, receipt.detail) == (sent.target, "d1-1", {"status": "200"})
    (seen,) = server.seen
    assert (seen.method, seen.path, seen.body) == ("POST", "/in?key=1", sent.text.encode())
    assert seen.headers == {
        "host": f"127.0.0.1:{server.port}",
        "user-agent": "stentor",
        "content-type": "application/json",
        "content-length": str(len(sent.text.encode())),
        "idempotency-key": "d1-1",
        "webhook-id": "d1-1",
        "webhook-timestamp": str(int(NOW.timestamp())),
    }


@pytest.mark.parametrize("path", ["/a;b=1", "/a;b=1?c;d", "/a?", "/a//b/../c", "/%2f%C3%BC?x=%26"])
async def test_path_and_query_arrive_as_they_were_written(
    server: LoopbackServer, connect: Connect, path: str
) -> None:
    async with connect() as connection:
        await connection.send(part(server.url(path)))

    assert server.seen[0].path == path


async def test_the_same_part_carries_the_same_id_and_a_fresh_timestamp(
    server: LoopbackServer, connect: Connect, ctx: FakeContext
) -> None:
    async with connect(signing_secret=WHSEC) as connection:
        await connection.send(part(server.url()))
        ctx.at = NOW + timedelta(minutes=5)
        await connection.send(part(server.url()))

    first, second = (seen.headers for seen in server.seen)
    assert first["webhook-id"] == second["webhook-id"] == second["idempotency-key"]
    assert int(second["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 300
    assert first["webhook-signature"] != second["webhook-signature"]


async def test_parts_to_one_receiver_share_a_connection(server: LoopbackServer, connect: Connect) -> None:
    async with connect() as connection:
        await connection.send(part(server.url("/a")))
        await connection.send(part(server.url("/b")))

    assert (len(server.seen), server.connections) == (2, 1)


async def test_cookies_are_not_sent_back(server: LoopbackServer, connect: Connect) -> None:
    server.plan.append(Reply(headers={"Set-Cookie": "session=1; Path=/"}))

    async with connect() as connection:
        await connection.send(part(server.url()))
        await connection.send(part(server.url()))

    assert "cookie" not in server.seen[1].headers


async def test_proxies_of_the_environment_are_ignored(
    server: LoopbackServer, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with LoopbackServer() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url(""))
        async with connect() as connection:
            await connection.send(part(server.url()))

    assert (len(server.seen), proxy.connections) == (1, 0)


async def test_the_channel_opens_with_its_settings(server: LoopbackServer, ctx: FakeContext) -> None:
    ctx.secrets = {"SECRET": WHSEC, "TOKEN": "t0ken"}
    settings = WebhookSettings(
        allow_networks=("127.0.0.1/32",),
        signing_secret=SecretRef(env="SECRET"),
        bearer_token=SecretRef(env="TOKEN"),
    )

    connection = await CHANNEL.open(Account("webhook", "default", settings), ctx)
    await connection.send(part(server.url()))

    assert await connection.probe() == "ready"
    assert server.seen[0].headers["authorization"] == "Bearer t0ken"
    assert server.seen[0].headers["webhook-signature"].startswith("v1,")
    await connection.close()


async def test_without_settings_the_own_machine_is_out_of_reach(
    server: LoopbackServer, ctx: FakeContext
) -> None:
    connection = await CHANNEL.open(Account("webhook", "ops", CHANNEL.settings()), ctx)

    error = await failure_of(connection, part(server.url()))

    assert isinstance(error, Rejected)
    assert error.reason == "address_refused"
    assert 'allow_networks = ["127.0.0.1/32"] under [channels.webhook.accounts.ops]' in str(error)
    assert server.connections == 0
    await connection.close()


@pytest.mark.parametrize(
    ("secret", "reference"),
    [
        (WHSEC, Webhook(WHSEC)),
        ("whsec_c2VjcmV0", Webhook(b"secret")),
        ("whsec_c2VjcmV0cw", Webhook("c2VjcmV0cw==")),
        ("no prefix, just text ü", Webhook("no prefix, just text ü".encode())),
    ],
    ids=["base64", "short base64", "base64 without padding", "plain text"],
)
async def test_what_arrives_carries_the_reference_librarys_signature(
    server: LoopbackServer, connect: Connect, secret: str, reference: Webhook
) -> None:
    async with connect(signing_secret=secret) as connection:
        await connection.send(part(server.url()))

    (seen,) = server.seen
    assert seen.headers["webhook-signature"] == reference.sign("d1-1", NOW, seen.body.decode())


@pytest.mark.parametrize("token", ["", "t0ken\n", "t0 ken", "tökén"], ids=repr)
async def test_a_token_no_header_can_carry_is_refused_without_being_shown(
    ctx: FakeContext, token: str
) -> None:
    with pytest.raises(CredentialsRejected) as caught:
        WebhookConnection(ctx, Guard("default"), bearer_token=token)

    assert not token or token not in str(caught.value)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_any_2xx_is_a_receipt(server: LoopbackServer, connect: Connect, status: int) -> None:
    server.plan.append(Reply(status))

    async with connect() as connection:
        receipt = await connection.send(part(server.url()))

    assert receipt.message_id == "d1-1"


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (300, "redirect"),
        (301, "redirect"),
        (304, "redirect"),
        (308, "redirect"),
        (400, "refused_by_receiver"),
        (401, "no_permission"),
        (403, "no_permission"),
        (404, "gone"),
        (410, "gone"),
        (413, "too_large"),
        (418, "refused_by_receiver"),
        (422, "refused_by_receiver"),
        (499, "refused_by_receiver"),
    ],
)
async def test_a_final_status_rejects_even_with_retry_after(
    server: LoopbackServer, connect: Connect, status: int, reason: str
) -> None:
    server.otherwise = Reply(status, headers={"Retry-After": "5"})

    async with connect() as connection:
        error = await failure_of(connection, part(server.url()))

    assert isinstance(error, Rejected)
    assert error.reason == reason
    assert str(status) in str(error)
    assert len(server.seen) == 1


@pytest.mark.parametrize("status", [408, 425, 429])
async def test_a_receiver_that_says_later_is_a_refusal_that_may_be_tried_again(
    server: LoopbackServer, connect: Connect, status: int
) -> None:
    server.otherwise = Reply(status)

    async with connect() as connection:
        error = await failure_of(connection, part(server.url()))

    assert isinstance(error, NotSent)
    assert error.refused
    assert len(server.seen) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504, 599, 999])
async def test_a_receiver_that_failed_may_have_done_its_work(
    server: LoopbackServer, connect: Connect, status: int
) -> None:
    server.otherwise = Reply(status, b"oops")

    async with connect() as connection:
        error = await failure_of(connection, part(server.url()))

    assert isinstance(error, Ambiguous)
    assert str(error) == f"{server.url()} answered {status}: oops"
    assert len(server.seen) == 1


WAITS = pytest.mark.parametrize(
    ("header", "seconds"),
    [("120", 120), (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90)],
    ids=["seconds", "date"],
)


@pytest.mark.parametrize("status", [500, 502, 503])
@WAITS
async def test_what_broke_over_there_may_have_arrived_though_quiet_is_asked_for(
    server: LoopbackServer, connect: Connect, status: int, header: str, seconds: float
) -> None:
    server.otherwise = Reply(status, headers={"Retry-After": header})

    async with connect() as connection:
        error = await failure_of(connection, part(server.url()))

    assert isinstance(error, Ambiguous)
    assert error.retry_after == seconds


@pytest.mark.parametrize("status", [408, 425, 429])
@WAITS
async def test_retry_after_throttles_the_target(
    server: LoopbackServer, connect: Connect, status: int, header: str, seconds: float
) -> None:
    server.otherwise = Reply(status, headers={"Retry-After": header})

    async with connect() as connection:
        error = await failure_of(connection, part(server.url()))

    assert isinstance(error, Throttled)
    assert (error.retry_after, error.scope) == (seconds, "target")


@pytest.mark.parametrize(
    "header", ["0", "-5", "soon", "1e9", format_datetime(NOW - timedelta(hours=1), usegmt=True)]
)
async def test_a_retry_after_that_names_no_wait_leaves_the_schedule_in_charge(
    server: LoopbackServer, connect: Connect, header: str
) -> None:
    server.otherwise = Reply(429, headers={"Retry-After": header})

    async with connect() as connection:
        error = await failure_of(connection, part(server.url()))

    assert isinstance(error, NotSent)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("Sun, 14 Mar 2027 15:10:26 GMT", 60),
        ("Sunday, 14-Mar-27 15:10:26 GMT", 60),
        ("Sun, 14 Mar 2027 15:10:26 -0000", 60),
        ("Sun, 14 Mar 2027 17:10:26 +0200", 60),
        ("Sun, 14 Mar 99999999999999999999 15:10:26 GMT", 0),
        ("9" * 5000, 0),
    ],
    ids=["plain", "old form", "no zone", "other zone", "no such year", "no such number"],
)
def test_retry_after_reads_every_form_of_a_date(header: str, seconds: float) -> None:
    assert seconds_to_wait(header, NOW) == seconds


@given(st.text() | st.lists(st.sampled_from([*"0123456789 ,:+-", "Mar", "Mon", "GMT", "2027"])).map("".join))
def test_no_retry_after_can_break_the_reading(header: str) -> None:
    assert seconds_to_wait(header, NOW) >= 0


@pytest.mark.parametrize("where", ["https://elsewhere.example/new?key=s3cret", "/new#s3cret"])
async def test_a_redirect_is_named_and_not_followed(
    server: LoopbackServer, connect: Connect, where: str
) -> None:
    async with LoopbackServer() as other:
        server.plan.extend([redirect(where), redirect(other.url())])
        async with connect() as connection:
            named = await failure_of(connection, part(server.url()))
            followed = await failure_of(connection, part(server.url()))

    assert isinstance(named, Rejected)
    assert isinstance(followed, Rejected)
    assert where[:4] in str(named)
    assert "s3cret" not in str(named)
    assert (len(server.seen), other.connections) == (2, 0)


async def test_a_refusal_repeats_the_start_of_what_the_receiver_said_on_one_line(
    server: LoopbackServer, connect: Connect
) -> None:
    server.otherwise = Reply(422, b"field \x1b[31mtext\r\n is missing " + b"x" * 100_000)

    async with connect() as connection:
        error = await failure_of(connection, part(server.url()))

    said = str(error).partition("422: ")[2]
    assert said.startswith("field [31mtext is missing xxx")
    assert len(said) == 200


async def test_a_refused_connection_is_proof_that_nothing_was_sent(connect: Connect) -> None:
    async with connect() as connection:
        error = await failure_of(connection, part(f"http://127.0.0.1:{closed_port()}/in?key=s3cret"))

    assert isinstance(error, NotSent)
    assert not error.refused


async def test_silence_after_the_request_is_ambiguous(server: LoopbackServer, connect: Connect) -> None:
    server.otherwise = Hang()

    async with asyncio.timeout(5), connect(time_limit=0.2) as connection:
        error = await failure_of(connection, part(server.url()))

    assert isinstance(error, Ambiguous)
    assert "no answer in time" in str(error)
    assert len(server.seen) == 1


async def test_a_connection_dropped_after_the_request_is_ambiguous_and_not_tried_again(
    server: LoopbackServer, connect: Connect
) -> None:
    server.otherwise = Drop()

    async with connect() as connection:
        error = await failure_of(connection, part(server.url()))

    assert isinstance(error, Ambiguous)
    assert (len(server.seen), server.connections) == (1, 1)


@pytest.mark.parametrize(("status", "kind"), [(200, None), (404, Rejected), (503, Ambiguous)], ids=str)
async def test_a_status_stands_though_its_body_never_ends(
    server: LoopbackServer, connect: Connect, status: int, kind: type[DeliveryError] | None
) -> None:
    server.otherwise = Reply(status, b"begun", declared=100)

    async with connect(time_limit=0.2) as connection:
        if kind is None:
            assert (await connection.send(part(server.url()))).message_id == "d1-1"
        else:
            assert isinstance(await failure_of(connection, part(server.url())), kind)


async def test_an_endless_body_is_not_read_to_its_end(server: LoopbackServer, connect: Connect) -> None:
    server.otherwise = Reply(200, b"x" * 10_000, declared=10**12)

    async with asyncio.timeout(5), connect() as connection:
        receipt = await connection.send(part(server.url()))

    assert receipt.message_id == "d1-1"


async def test_a_name_that_never_resolves_is_proof_that_nothing_was_sent(connect: Connect) -> None:
    never = Guard("default", resolver=_never)

    async with connect(guard=never, time_limit=0.05) as connection:
        error = await failure_of(connection, part("https://slow.example/in"))

    assert isinstance(error, NotSent)
    assert "no connection in time" in str(error)


async def test_a_handshake_that_never_ends_is_proof_that_nothing_was_sent(connect: Connect) -> None:
    # The server waits for the end of a request's head, which a handshake never holds.
    async with asyncio.timeout(5), LoopbackServer() as plain, connect(time_limit=0.2) as connection:
        error = await failure_of(connection, part(plain.url().replace("http:", "https:")))

    assert isinstance(error, NotSent)
    assert (len(plain.seen), plain.connections) == (0, 1)


async def test_a_send_cancelled_during_the_handshake_leaves_no_connection_open(connect: Connect) -> None:
    async with asyncio.timeout(5), LoopbackServer() as plain, connect() as connection:
        async with asyncio.TaskGroup() as tasks:
            sending = tasks.create_task(connection.send(part(plain.url().replace("http:", "https:"))))
            await plain.connected.wait()
            sending.cancel()
        await plain.deserted()

    assert plain.seen == []


@pytest.fixture
async def tls_server() -> AsyncIterator[LoopbackServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    async with LoopbackServer(tls=context) as running:
        yield running


async def _at_home(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


async def test_tls_and_the_host_header_keep_the_name_while_the_checked_address_is_dialled(
    tls_server: LoopbackServer, connect: Connect
) -> None:
    trusting = ssl.create_default_context(cafile=str(CERTIFICATE))
    guard = Guard("default", LOOPBACK, _at_home)

    async with connect(guard=guard, tls=trusting) as connection:
        await connection.send(part(f"https://hooks.example:{tls_server.port}/in"))

    assert tls_server.seen[0].headers["host"] == f"hooks.example:{tls_server.port}"


async def test_an_address_stands_in_brackets_in_the_host_header(
    server: LoopbackServer, connect: Connect
) -> None:
    async with connect(guard=Guard("default", LOOPBACK, _at_home)) as connection:
        await connection.send(part(f"http://[2001:db8::7]:{server.port}/in"))

    assert server.seen[0].headers["host"] == f"[2001:db8::7]:{server.port}"


async def test_certificates_named_by_the_environment_are_not_trusted(
    tls_server: LoopbackServer, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))

    async with connect(guard=Guard("default", LOOPBACK, _at_home)) as connection:
        error = await failure_of(connection, part(f"https://hooks.example:{tls_server.port}/in"))

    assert isinstance(error, NotSent)


@pytest.mark.parametrize(
    ("host", "trusted"),
    [("hooks.example", False), ("other.example", True)],
    ids=["unknown issuer", "other name"],
)
async def test_a_certificate_that_does_not_hold_is_proof_that_nothing_was_sent(
    tls_server: LoopbackServer, connect: Connect, host: str, trusted: bool
) -> None:
    tls = ssl.create_default_context(cafile=str(CERTIFICATE)) if trusted else None

    async with connect(guard=Guard("default", LOOPBACK, _at_home), tls=tls) as connection:
        error = await failure_of(connection, part(f"https://{host}:{tls_server.port}/in"))

    assert isinstance(error, NotSent)
    assert "certificate verify failed" in str(error)
    assert tls_server.seen == []


SECRETS = ("s3cret/value", "s3cret%2Fvalue", "t0ken-t0ken", "k3y k3y k3y")
ECHO = b" ".join(secret.encode() for secret in SECRETS)


@pytest.mark.parametrize(
    "behaviour",
    [
        Reply(400, ECHO),
        Reply(401, ECHO),
        Reply(429, ECHO),
        Reply(429, ECHO, {"Retry-After": "5"}),
        Reply(500, ECHO),
        redirect("/s3cret%2Fvalue?s3cret=1"),
        Drop(),
        Hang(),
    ],
    ids=["400", "401", "429", "throttled", "500", "302", "dropped", "hung"],
)
async def test_no_error_and_no_log_line_holds_a_secret(
    server: LoopbackServer, connect: Connect, behaviour: Reply | Drop | Hang, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    server.otherwise = behaviour

    async with connect(
        bearer_token="t0ken-t0ken", signing_secret="k3y k3y k3y", time_limit=0.2
    ) as connection:
        error = await failure_of(connection, part(server.url("/in?key=s3cret%2Fvalue")))

    told = "".join(traceback.format_exception(error)) + caplog.text
    assert "127.0.0.1" in str(error)
    assert [secret for secret in SECRETS if secret in told] == []


@pytest.mark.parametrize(
    ("query", "said", "told"),
    [
        ("s3cret", b"caller s3cret=", "caller [hidden]="),
        ("key=s3c&code=s3cret", b"code s3cret", "code [hidden]"),
        ("key=a+b%21", b"key a b!", "key [hidden]"),
    ],
    ids=["no name", "one within the other", "decoded"],
)
async def test_a_receiver_that_repeats_the_query_is_quoted_without_it(
    server: LoopbackServer, connect: Connect, query: str, said: bytes, told: str
) -> None:
    server.otherwise = Reply(400, said)

    async with connect() as connection:
        error = await failure_of(connection, part(server.url(f"/in?{query}")))

    assert str(error) == f"{server.url()} answered 400: {told}"


async def _never(host: str, port: int) -> list[str]:
    await asyncio.Event().wait()
    return []
