"""Every error of Discord's, on the real SDK: what it means, that it was asked once, and that nothing leaks."""

import logging
from pathlib import Path

import pytest
from tests.loopback import Reply, redirect
from tests.plugins.discord.conftest import Connect
from tests.plugins.discord.provider import HOOK_TOKEN, TOKEN, DiscordServer, page, refused, said
from tests.plugins.discord.samples import attachment, part

from stentor import Ambiguous, Connection, CredentialsRejected, NotSent, Rejected, Throttled, Unavailable
from stentor.contract.errors import TARGET_REASONS, DeliveryError

CHANNEL, USER, FORUM, WEBHOOK = "channel:555", "user:66", "forum:44", "webhook:alerts"


async def failure(connection: Connection, target: str = CHANNEL) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await connection.send(part(target))
    text = str(caught.value)
    assert TOKEN not in text
    assert HOOK_TOKEN not in text
    return caught.value


FORM = {
    "content": {"_errors": [{"code": "BASE_TYPE_MAX_LENGTH", "message": "Must be 2000 or fewer in length."}]}
}
NO_ID = {
    "channel_id": {"_errors": [{"code": "NUMBER_TYPE_COERCE", "message": 'Value "5" is not snowflake.'}]}
}
FIELD = {"flags": {"_errors": [{"code": "BAD", "message": "Not a flag."}]}}
REJECTED = {
    "unknown channel": (CHANNEL, refused(404, 10003), "bad_target", "no such channel"),
    "unknown server": (CHANNEL, refused(404, 10004), "bad_target", "no such server"),
    "unknown person": (USER, refused(400, 10013), "bad_target", "no such person"),
    "404 without a code": (CHANNEL, refused(404), "bad_target", "404"),
    "unknown webhook": (WEBHOOK, refused(404, 10015), "gone", "deleted"),
    "invalid webhook token": (WEBHOOK, refused(401, 50027), "no_permission", "not valid any more"),
    "401 of a webhook": (WEBHOOK, refused(401), "no_permission", "not valid any more"),
    "thread of a webhook is unknown": (
        "webhook:alerts:thread:7",
        refused(404, 10003),
        "thread_gone",
        "no such",
    ),
    "webhook of a forum": (WEBHOOK, refused(400, 220001), "bad_target", "webhook:NAME:thread:ID"),
    "missing access": (CHANNEL, refused(403, 50001), "no_permission", "View Channel and Send Messages"),
    "missing permissions": (CHANNEL, refused(403, 50013), "no_permission", "Send Messages in Threads"),
    "another 403": (CHANNEL, refused(403, 99999), "no_permission", "403/99999"),
    "takes no direct messages": (USER, refused(403, 50007), "blocked", "allow direct messages"),
    "no server in common": (USER, refused(403, 50278), "blocked", "share no server"),
    "quarantine": (USER, refused(403, 20026), "blocked", "quarantine"),
    "verification level": (CHANNEL, refused(403, 50009), "no_permission", "verification level"),
    "no text channel": (CHANNEL, refused(400, 50008), "bad_target", "discord:forum:ID"),
    "no forum": (FORUM, refused(400, 50024), "bad_target", "really a forum"),
    "a forum wants tags": (FORUM, refused(400, 40067), "bad_target", "tag"),
    "thread archived": (CHANNEL, refused(400, 50083), "thread_gone", "archived"),
    "thread locked": (CHANNEL, refused(400, 160005), "thread_gone", "locked"),
    "too long": (CHANNEL, refused(400, 50035, errors=FORM), "too_large", "In content: Must be 2000 or fewer"),
    "form body": (CHANNEL, refused(400, 50035, errors=FIELD), "bad_format", "In flags: Not a flag"),
    "no id": (CHANNEL, refused(400, 50035, errors=NO_ID), "bad_target", "not snowflake"),
    "files too large by code": (CHANNEL, refused(413, 40005), "too_large", "larger than this server takes"),
    "files too large by status": (CHANNEL, page(413), "too_large", "larger than this server takes"),
    "empty": (CHANNEL, refused(400, 50006), "empty", "empty"),
    "unknown code": (CHANNEL, refused(400, 987654, "Zorp"), "refused", "400/987654: Zorp"),
    "unknown status": (CHANNEL, refused(418), "refused", "418"),
    "400 in HTML": (CHANNEL, page(400), "refused", "400"),
    "code that is no number": (CHANNEL, said({"code": "x", "message": "No"}, 400), "refused", "400"),
    "errors that are a list": (CHANNEL, refused(404, 10003, errors=["x"]), "bad_target", "no such channel"),
    "errors of no form": (
        CHANNEL,
        refused(404, 10003, errors={"a": {"_errors": None}}),
        "bad_target",
        "10003: No",
    ),
    "no words": (CHANNEL, said({"code": 50013, "message": None}, 403), "no_permission", "lacks a permission"),
    "too deep to be read": (CHANNEL, Reply(400, b"[" * 100_000), "refused", "400"),
}


@pytest.mark.parametrize(("target", "answer", "reason", "says"), REJECTED.values(), ids=REJECTED)
async def test_what_is_never_accepted_is_rejected_with_a_reason_and_a_mend(
    server: DiscordServer, connected: Connect, target: str, answer: Reply, reason: str, says: str
) -> None:
    server.plan.append(answer)
    async with connected() as connection:
        error = await failure(connection, target)

    assert isinstance(error, Rejected)
    assert error.reason == reason
    assert says in str(error)
    assert len(server.posts) == 1


def test_what_concerns_the_target_suspends_it() -> None:
    about_the_message = {"too_large", "bad_format", "empty", "refused"}

    assert {reason for _, _, reason, _ in REJECTED.values()} - about_the_message <= TARGET_REASONS


async def test_for_files_the_missing_permission_is_named_too(
    server: DiscordServer, connected: Connect, tmp_path: Path
) -> None:
    server.plan.append(refused(403, 50013))
    async with connected() as connection:
        with pytest.raises(Rejected, match="Attach Files") as refused_files:
            await connection.send(part(files=(attachment(tmp_path, "a.txt"),)))
    assert refused_files.value.reason == "files_forbidden"


THROTTLED = {
    "with Via": (refused(429, retry_after=1.5), 1.5, "target"),
    "without Via": (Reply(429, b'{"message": "x", "retry_after": 2.5}', {}), 2.5, "target"),
    "of the whole bot": (said({"retry_after": 3, "global": True}, 429), 3, "account"),
    "of the whole bot by header": (
        said({"retry_after": 3}, 429, {"X-RateLimit-Global": "true"}),
        3,
        "account",
    ),
    "for long": (refused(429, retry_after=86400), 86400, "target"),
    "by header alone": (said({"message": "x"}, 429, {"Retry-After": "12"}), 12, "target"),
    "without any time": (refused(429), 5, "target"),
    "with a time that is none": (refused(429, retry_after="soon"), 5, "target"),
    "with a time before now": (refused(429, retry_after=-1), 5, "target"),
    "with no time at all": (refused(429, retry_after=0.0), 0.5, "target"),
    "for years": (refused(429, retry_after=90_000_000), 86400, "target"),
    "in words of no form": (said({"message": None, "retry_after": 4}, 429), 4, "target"),
    "by Cloudflare in JSON": (said({"error_code": 1015}, 429), 300, "account"),
    "by Cloudflare": (page(429), 300, "account"),
    "by Cloudflare with a time": (page(429, {"Retry-After": "3600"}), 3600, "account"),
    "direct conversations too fast": (refused(400, 40003), 5, "target"),
}


@pytest.mark.parametrize(("answer", "seconds", "scope"), THROTTLED.values(), ids=THROTTLED)
@pytest.mark.parametrize("target", [CHANNEL, WEBHOOK])
async def test_every_wait_is_handed_to_the_core(
    server: DiscordServer, connected: Connect, target: str, answer: Reply, seconds: float, scope: str
) -> None:
    server.plan.append(answer)
    async with connected() as connection:
        error = await failure(connection, target)

    assert isinstance(error, Throttled)
    assert (error.retry_after, error.scope) == (seconds, scope)
    assert len(server.posts) == 1


AMBIGUOUS = {
    **{str(status): (refused(status), 0) for status in (500, 502, 503, 504, 524)},
    "500 in HTML": (page(500), 0),
    "503 with a time": (page(503, {"Retry-After": "7"}), 7),
    "yes in garbage": (Reply(200, b"\xff\x00{", {"Content-Type": "application/json"}), 0),
    "yes in HTML": (page(200), 0),
    "yes without a body": (Reply(204), 0),
    "yes with half a body": (Reply(200, b'{"id": "1', {}, declared=100), 0),
    "yes too deep to be read": (Reply(200, b"[" * 100_000), 0),
    "503 for years": (page(503, {"Retry-After": "90000000"}), 86400),
}


@pytest.mark.parametrize(("answer", "quiet"), AMBIGUOUS.values(), ids=AMBIGUOUS)
@pytest.mark.parametrize("target", [CHANNEL, WEBHOOK, FORUM])
async def test_what_broke_over_there_may_have_arrived(
    server: DiscordServer, connected_briefly: Connect, target: str, answer: Reply, quiet: float
) -> None:
    server.plan.append(answer)
    async with connected_briefly() as connection:
        error = await failure(connection, target)

    assert isinstance(error, Ambiguous)
    assert error.retry_after == quiet
    assert len(server.posts) == 1


NOT_DISCORD = {
    "redirect": redirect("https://elsewhere.example/api"),
    "redirect that keeps the method": redirect("https://elsewhere.example/api", 308),
    "404 in HTML": page(404),
    "405 in HTML": page(405),
    "redirect in JSON": said({"message": "moved"}, 302),
    "404 in somebody else's JSON": said({"error": "not found"}, 404),
    "a proxy that wants to know who we are": page(401),
}


@pytest.mark.parametrize("answer", NOT_DISCORD.values(), ids=NOT_DISCORD)
async def test_what_is_not_discord_keeps_the_account_waiting(
    server: DiscordServer, connected: Connect, answer: Reply
) -> None:
    server.plan.append(answer)
    async with connected() as connection:
        error = await failure(connection)

    assert isinstance(error, Unavailable)
    assert "check base_url" in str(error)
    assert len(server.seen) == 2


async def test_a_token_that_was_revoked_later_stops_the_account(
    server: DiscordServer, connected: Connect
) -> None:
    server.plan.append(refused(401))
    async with connected() as connection:
        error = await failure(connection)

    assert isinstance(error, CredentialsRejected)
    assert "copy it again" in str(error)


@pytest.mark.parametrize(
    "answer", [refused(408), page(403), refused(403, 40333)], ids=["408", "a firewall's page", "40333"]
)
async def test_what_is_stopped_on_the_way_is_tried_again_a_few_times(
    server: DiscordServer, connected: Connect, answer: Reply
) -> None:
    server.plan.append(answer)
    async with connected() as connection:
        error = await failure(connection)

    assert isinstance(error, NotSent)
    assert error.refused


@pytest.mark.parametrize("answer", [refused(500), page(502), Reply(200, b"{}"), Reply(200, b"x")])
async def test_until_the_conversation_is_open_nobody_has_got_anything(
    server: DiscordServer, connected: Connect, answer: Reply
) -> None:
    server.plan.append(answer)
    async with connected() as connection:
        assert isinstance(await failure(connection, USER), NotSent)
        # And it is asked for again.
        assert (await connection.send(part(USER))).target == part(USER).target

    assert [seen.path.rpartition("/")[2] for seen in server.posts] == ["channels", "channels", "messages"]


async def test_a_refusal_whose_body_never_comes_is_a_refusal(
    server: DiscordServer, connected_briefly: Connect
) -> None:
    server.plan.append(Reply(404, b'{"code": 10003', {}, declared=500))
    async with connected_briefly() as connection:
        error = await failure(connection)

    assert isinstance(error, Unavailable)


async def test_nothing_that_is_logged_holds_a_token(
    server: DiscordServer, connected: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answers = [refused(429, retry_after=1), refused(500), refused(401), page(403), Reply(200, b"x")]
    async with connected() as connection:
        for target in (CHANNEL, WEBHOOK, FORUM):
            server.plan.extend(answers)
            for _ in answers:
                await failure(connection, target)

    assert TOKEN not in caplog.text
    assert HOOK_TOKEN not in caplog.text
