"""What Telegram's refusals become, on the real library: every row is sent once and counted at the provider."""

from typing import Any

import pytest
from tests.loopback import Reply, redirect
from tests.plugins.telegram.conftest import Connect
from tests.plugins.telegram.provider import TOKEN, TelegramServer, answer, refusal
from tests.plugins.telegram.samples import CHAT, part

from stentor import Ambiguous, CredentialsRejected, Moved, NotSent, Rejected, Throttled, Unavailable
from stentor.contract.errors import TARGET_REASONS, DeliveryError
from stentor_telegram.answers import Answer, deafness, meaning_of, read_answer
from stentor_telegram.answers import refusal as refused

HTML = {"Content-Type": "text/html"}


async def failure(server: TelegramServer, connect: Connect, told: Any, to: str = CHAT) -> DeliveryError:
    """What one send comes to; it is tried once."""
    server.plan.append(told)
    async with connect() as telegram:
        with pytest.raises(DeliveryError) as caught:
            await telegram.send(part(to))
    assert server.methods == ["sendMessage"]
    assert "sEcReT" not in str(caught.value)
    return caught.value


# (status, what Telegram says, the reason, part of the mend)
REJECTIONS = [
    (400, "Bad Request: chat not found", "not_found", "pressed Start"),
    (400, "Bad Request: user not found", "not_found", "check the id"),
    (400, "Bad Request: PEER_ID_INVALID", "not_found", "check the id"),
    (400, "Bad Request: USERNAME_NOT_OCCUPIED", "not_found", "check the id"),
    (400, "Bad Request: chat_id is empty", "bad_target", "change the job's target"),
    (400, "Bad Request: message thread not found", "thread_gone", "topic"),
    (400, "Bad Request: TOPIC_CLOSED", "thread_gone", "reopen"),
    (400, "Bad Request: TOPIC_DELETED", "thread_gone", "topic"),
    (400, "Bad Request: the chat is not a forum", "thread_gone", "no topics"),
    (400, "Bad Request: message is too long", "too_large", "less"),
    (400, "Bad Request: message caption is too long", "too_large", "less"),
    (400, "Bad Request: MEDIA_CAPTION_TOO_LONG", "too_large", "less"),
    (400, "Bad Request: file is too big", "too_large", "less"),
    (413, "Request Entity Too Large", "too_large", "less"),
    (400, "Bad Request: message text is empty", "empty", "nothing is left"),
    (400, "Bad Request: text must be non-empty", "empty", "nothing is left"),
    (400, "Bad Request: can't parse entities: Character '.' is reserved", "bad_format", ""),
    (400, "Bad Request: can't parse caption entities: unexpected end", "bad_format", ""),
    (400, "Bad Request: ENTITY_BOUNDS_INVALID", "bad_format", ""),
    (400, "Bad Request: ENTITY_TEXTURL_INVALID", "bad_format", ""),
    (400, "Bad Request: not enough rights to send text messages to the chat", "no_permission", "right"),
    (400, "Bad Request: have no rights to send a message", "no_permission", "right"),
    (400, "Bad Request: need administrator rights in the channel chat", "no_permission", "administrator"),
    (400, "Bad Request: CHAT_WRITE_FORBIDDEN", "no_permission", "right"),
    (400, "Bad Request: CHAT_SEND_PLAIN_FORBIDDEN", "no_permission", "right"),
    (400, "Bad Request: CHAT_ADMIN_REQUIRED", "no_permission", "right"),
    (403, "Forbidden: CHAT_WRITE_FORBIDDEN", "no_permission", "right"),
    (403, "Forbidden: something new", "no_permission", "right"),
    (403, "Forbidden: bot was blocked by the user", "blocked", "unblock"),
    (403, "Forbidden: bot can't initiate conversation with a user", "blocked", "press Start"),
    (403, "Forbidden: user is deactivated", "deactivated", "account is gone"),
    (403, "Forbidden: bot was kicked from the supergroup chat", "not_a_member", "add the bot"),
    (403, "Forbidden: bot was kicked from the group chat", "not_a_member", "add the bot"),
    (403, "Forbidden: bot is not a member of the channel chat", "not_a_member", "add the bot"),
    (403, "Forbidden: the group chat was deleted", "gone", "group is gone"),
    (400, "Bad Request: group chat was deactivated", "gone", "group is gone"),
    (403, "Forbidden: bots can't send messages to bots", "bad_target", "bots cannot"),
    (400, "Bad Request: group chat was upgraded to a supergroup chat", "moved", "new id"),
    (400, "Bad Request: not enough rights to send photos to the chat", "files_forbidden", "files"),
    (400, "Bad Request: CHAT_SEND_DOCS_FORBIDDEN", "files_forbidden", "files"),
    (403, "Forbidden: VOICE_MESSAGES_FORBIDDEN", "files_forbidden", "files"),
    (400, "Bad Request: trouble of next year", "refused_by_telegram", ""),
    (409, "Conflict: terminated by other getUpdates request", "refused_by_telegram", ""),
    (422, "Unprocessable", "refused_by_telegram", ""),
]


@pytest.mark.parametrize(
    ("status", "description", "reason", "mend"), REJECTIONS, ids=lambda value: str(value)[:50]
)
async def test_a_refusal_for_good(
    server: TelegramServer, connect: Connect, status: int, description: str, reason: str, mend: str
) -> None:
    error = await failure(server, connect, refusal(status, description))
    assert isinstance(error, Rejected)
    assert error.reason == reason
    assert str(error).startswith(f"Telegram answered {status} ({description})")
    assert mend in str(error)


@pytest.mark.parametrize("text", ["CHAT NOT FOUND", "Chat Not Found", "chat not found"])
def test_words_are_told_in_any_case(text: str) -> None:
    assert meaning_of(400, text).reason == "not_found"


def test_a_chat_that_takes_no_files_still_takes_text() -> None:
    assert (
        meaning_of(400, "Bad Request: not enough rights to send videos to the chat").reason
        not in TARGET_REASONS
    )


def test_what_only_resembles_a_fault_of_markup_is_none() -> None:
    assert meaning_of(400, "Bad Request: can't parse reply parameters").reason != "bad_format"


@pytest.mark.parametrize(
    ("to", "new"),
    [("-4087654321", "telegram:-1009999"), ("-4087654321:topic:7", "telegram:-1009999:topic:7")],
)
async def test_a_group_that_has_moved_is_followed(
    server: TelegramServer, connect: Connect, to: str, new: str
) -> None:
    told = refusal(400, "Bad Request: group chat was upgraded", migrate_to_chat_id=-1009999)
    error = await failure(server, connect, told, to)
    assert isinstance(error, Moved)
    assert error.new_target.canonical == new


@pytest.mark.parametrize("chat", [0, -(10**25), 2**60, True, "-1009999", None])
async def test_a_group_that_has_moved_to_no_chat_is_not_followed(
    server: TelegramServer, connect: Connect, chat: object
) -> None:
    told = refusal(400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=chat)
    error = await failure(server, connect, told, "-4087654321")
    assert isinstance(error, Rejected)
    assert error.reason == "moved"


@pytest.mark.parametrize(
    ("told", "wait", "scope"),
    [
        pytest.param(
            refusal(429, "Too Many Requests: retry after 7", retry_after=7), 7, "target", id="named"
        ),
        pytest.param(refusal(429, "Flood", retry_after=2.5), 2.5, "target", id="a fraction"),
        pytest.param(refusal(429, "Flood", retry_after=0), 1, "target", id="no time at all"),
        pytest.param(refusal(429, "Flood", retry_after=-5), 1, "target", id="a time gone by"),
        pytest.param(refusal(429, "Flood", retry_after=10**9), 86_400, "target", id="decades"),
        pytest.param(
            refusal(429, "Flood", retry_after=10**400), 86_400, "target", id="more than a float holds"
        ),
        pytest.param(refusal(429, "Flood", retry_after=float("inf")), 86_400, "target", id="for ever"),
        pytest.param(refusal(429, "Flood", retry_after=float("nan")), 30, "account", id="NaN"),
        pytest.param(refusal(429, "Too Many Requests: retry after 9"), 9, "target", id="in words"),
        pytest.param(refusal(400, "Bad Request: SLOWMODE_WAIT_12"), 12, "target", id="slow mode"),
        pytest.param(refusal(420, "FLOOD_WAIT_3"), 3, "target", id="flood wait"),
        pytest.param(refusal(429, "Too Many Requests"), 30, "account", id="no time named"),
        pytest.param(refusal(429, "Flood", retry_after="soon"), 30, "account", id="no number"),
        pytest.param(Reply(429, b"<html>slow down</html>", HTML), 30, "account", id="HTML"),
    ],
)
async def test_a_wait_is_kept(
    server: TelegramServer, connect: Connect, told: Reply, wait: float, scope: str
) -> None:
    error = await failure(server, connect, told)
    assert isinstance(error, Throttled)
    assert (error.retry_after, error.scope) == (wait, scope)


@pytest.mark.parametrize(
    ("told", "mend"),
    [
        pytest.param(refusal(401, "Unauthorized"), "@BotFather", id="401"),
        pytest.param(refusal(404, "Not Found"), "base_url", id="404"),
        pytest.param(Reply(401, b"<html>", HTML), "@BotFather", id="401 in HTML"),
        pytest.param(Reply(404, b"<html>no such page</html>", HTML), "base_url", id="404 in HTML"),
    ],
)
async def test_credentials_that_are_refused(
    server: TelegramServer, connect: Connect, told: Reply, mend: str
) -> None:
    error = await failure(server, connect, told)
    assert isinstance(error, CredentialsRejected)
    assert mend in str(error)


@pytest.mark.parametrize(
    "told",
    [
        pytest.param(refusal(500, "Internal Server Error"), id="500"),
        pytest.param(refusal(502, "Bad Gateway"), id="502"),
        pytest.param(refusal(503, "Service Unavailable"), id="503"),
        pytest.param(Reply(500, b"<html>oops</html>", HTML), id="500 in HTML"),
        pytest.param(Reply(502, b"<html>oops</html>", HTML), id="502 in HTML"),
        pytest.param(Reply(504, b""), id="504 and nothing else"),
        pytest.param(Reply(599, b""), id="a status of nobody"),
        pytest.param(Reply(200, b"{not json"), id="broken JSON"),
        pytest.param(Reply(200, b"<html>log in</html>", HTML), id="a page"),
        pytest.param(Reply(200, b""), id="nothing"),
        pytest.param(Reply(200, b"\xff\xfe\x00"), id="no text"),
        pytest.param(Reply(200, b"[" * 100_000), id="brackets without end"),
        pytest.param(answer(200, []), id="a list"),
        pytest.param(answer(200, {}), id="an empty object"),
        pytest.param(answer(200, {"ok": True}), id="no result"),
        pytest.param(answer(200, {"ok": True, "result": True}), id="a result that is no message"),
        pytest.param(answer(200, {"ok": True, "result": None}), id="a result that is nothing"),
        pytest.param(answer(200, {"ok": True, "result": {"message_id": 7}}), id="a message in no chat"),
        pytest.param(
            answer(200, {"ok": True, "result": {"date": 1, "chat": {"id": 5, "type": "private"}}}),
            id="a message without a number",
        ),
        pytest.param(
            answer(
                200, {"ok": True, "result": {"message_id": None, "date": 1, "chat": {"id": 5, "type": "x"}}}
            ),
            id="a message whose number is nothing",
        ),
        pytest.param(answer(200, {"ok": False}), id="a refusal without a code"),
        pytest.param(Reply(204, b""), id="no content"),
        pytest.param(Reply(201, b"x" * 1_000_000), id="a megabyte of nothing"),
    ],
)
async def test_what_may_have_been_taken_in_is_in_doubt(
    server: TelegramServer, connect: Connect, told: Reply
) -> None:
    assert isinstance(await failure(server, connect, told), Ambiguous)


async def test_a_broken_server_that_names_a_wait_is_left_in_peace(
    server: TelegramServer, connect: Connect
) -> None:
    error = await failure(server, connect, refusal(503, "Overloaded", retry_after=11))
    assert isinstance(error, Ambiguous)
    assert error.retry_after == 11


async def test_a_refusal_behind_a_proxy_that_says_success_is_a_refusal(
    server: TelegramServer, connect: Connect
) -> None:
    told = answer(
        200, {"ok": False, "error_code": 403, "description": "Forbidden: bot was blocked by the user"}
    )
    error = await failure(server, connect, told)
    assert isinstance(error, Rejected)
    assert error.reason == "blocked"


@pytest.mark.parametrize("status", [400, 403, 407, 418])
async def test_a_stranger_in_between_does_not_condemn_the_chat(
    server: TelegramServer, connect: Connect, status: int
) -> None:
    error = await failure(server, connect, Reply(status, b"<html>firewall</html>", HTML))
    assert isinstance(error, NotSent)
    assert error.refused
    assert "proxy" in str(error)


async def test_a_redirect_is_not_followed(server: TelegramServer, connect: Connect) -> None:
    error = await failure(server, connect, redirect(server.url("/elsewhere")))
    assert isinstance(error, Unavailable)
    assert "base_url" in str(error)


@pytest.mark.parametrize(
    "told",
    [
        pytest.param(refusal(400, f"Bad Request: /bot{TOKEN}/sendMessage is odd"), id="in words"),
        pytest.param(refusal(404, f"no /bot{TOKEN}/sendMessage"), id="as the address"),
        pytest.param(refusal(400, "x" * 180 + TOKEN), id="where the words are cut"),
        pytest.param(Reply(500, f"<html>/bot{TOKEN}/sendMessage</html>".encode(), HTML), id="in HTML"),
        pytest.param(Reply(200, f"<html>/bot{TOKEN}/sendMessage</html>".encode(), HTML), id="as a page"),
    ],
)
async def test_a_server_that_repeats_the_token_is_not_quoted(
    server: TelegramServer, connect: Connect, told: Reply, caplog: pytest.LogCaptureFixture
) -> None:
    error = await failure(server, connect, told)
    seen: BaseException | None = error
    while seen is not None:
        assert "sEcReT" not in f"{seen} {seen!r}"
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    assert "sEcReT" not in caplog.text


def test_words_of_many_lines_become_one() -> None:
    read = read_answer(400, b'{"ok": false, "description": "one\\n two\\u0007\\u202e three"}')
    assert read is not None
    assert read.description == "one two three"


def test_a_second_receiver_is_named() -> None:
    error = deafness(Answer(409, "Conflict: terminated by other getUpdates request"))
    assert isinstance(error, Unavailable)
    assert "another program" in str(error)


def test_a_move_of_nobody_is_no_move() -> None:
    assert not isinstance(refused(Answer(400, "moved", migrate_to=-1005)), Moved)
