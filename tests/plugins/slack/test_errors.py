"""Every way a send can fail, on the real SDK: what it proves, and that Slack was asked once."""

import logging
import traceback
from dataclasses import replace

import pytest
from tests.fake_context import FakeContext
from tests.loopback import Drop, Hang, Reply, Reset, closed_port, redirect
from tests.plugins.slack.conftest import Connect
from tests.plugins.slack.provider import TOKEN, FakeSlack, Told, answer, error, plain
from tests.plugins.slack.samples import failure_of, part

from stentor import Ambiguous, Connection, CredentialsRejected, NotSent, Rejected, Throttled
from stentor.contract.errors import TARGET_REASONS, DeliveryError
from stentor_slack.limits import Patience

POST = "chat.postMessage"
HASTY = Patience(connection=0.1, call=0.3, files=0.4, ping=0.05, silence=0.2)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("channel_not_found", "bad_target"),
        ("invalid_channel", "bad_target"),
        ("user_not_found", "bad_target"),
        ("cannot_dm_bot", "bad_target"),
        ("is_archived", "archived"),
        ("thread_not_found", "thread_gone"),
        ("cannot_reply_to_message", "thread_gone"),
        ("restricted_action_thread_locked", "thread_gone"),
        ("not_in_channel", "not_a_member"),
        ("restricted_action", "no_permission"),
        ("restricted_action_read_only_channel", "no_permission"),
        ("missing_scope", "no_permission"),
        ("ekm_access_denied", "no_permission"),
        ("messages_tab_disabled", "blocked"),
        ("user_disabled", "deactivated"),
        ("msg_too_long", "too_large"),
        ("msg_blocks_too_long", "too_large"),
        ("no_text", "bad_format"),
        ("invalid_blocks", "bad_format"),
        ("metadata_too_large", "metadata_too_large"),
        ("something_quite_new", "something_quite_new"),
    ],
)
async def test_what_slack_refuses_is_never_tried_again(
    slack: FakeSlack, connection: Connection, code: str, reason: str
) -> None:
    slack.told[POST].append(error(code))

    failure = await failure_of(connection, part())

    assert isinstance(failure, Rejected)
    assert (failure.reason, code in str(failure)) == (reason, True)
    assert slack.methods() == [POST]


@pytest.mark.parametrize(
    "code",
    [
        "invalid_auth",
        "not_authed",
        "account_inactive",
        "token_revoked",
        "token_expired",
        "not_allowed_token_type",
    ],
)
async def test_a_token_that_is_refused_closes_the_account(
    slack: FakeSlack, connection: Connection, code: str
) -> None:
    slack.told[POST].append(error(code))

    failure = await failure_of(connection, part())

    assert isinstance(failure, CredentialsRejected)
    assert code in str(failure)
    assert slack.methods() == [POST]


@pytest.mark.parametrize("code", ["internal_error", "fatal_error", "service_unavailable", "request_timeout"])
async def test_what_may_have_succeeded_in_part_is_in_doubt(
    slack: FakeSlack, connection: Connection, code: str
) -> None:
    slack.told[POST].append(error(code))

    assert isinstance(await failure_of(connection, part()), Ambiguous)
    assert slack.methods() == [POST]


@pytest.mark.parametrize(
    ("told", "seconds", "scope"),
    [
        pytest.param(
            answer({"ok": False, "error": "ratelimited"}, 429, Retry_After="12"), 12, "target", id="429"
        ),
        pytest.param(plain("<html>", 429, Retry_After="7"), 7, "target", id="429 of a proxy"),
        pytest.param(
            plain("{", 429, Content_Type="application/json", Retry_After="8"), 8, "target", id="429, cut"
        ),
        pytest.param(answer({}, 429, Retry_After="0"), 1, "target", id="429 without a pause"),
        pytest.param(answer({}, 429), 30, "target", id="429 without a time"),
        pytest.param(answer({}, 429, Retry_After="soon"), 30, "target", id="429 with an odd time"),
        pytest.param(error("ratelimited"), 30, "target", id="a word on 200"),
        pytest.param(error("rate_limited"), 30, "target", id="another word"),
        pytest.param(error("message_limit_exceeded"), 60, "account", id="the whole workspace"),
        pytest.param(error("team_added_to_org"), 600, "account", id="a workspace that moves"),
    ],
)
async def test_quiet_is_kept_for_as_long_as_slack_wants(
    slack: FakeSlack, connection: Connection, told: Reply, seconds: float, scope: str
) -> None:
    slack.told[POST].append(told)

    failure = await failure_of(connection, part())

    assert isinstance(failure, Throttled)
    assert (failure.retry_after, failure.scope) == (seconds, scope)
    assert slack.methods() == [POST]


JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    "told",
    [
        pytest.param(Drop(), id="dropped after it was read"),
        pytest.param(Reset(), id="dropped while it was read"),
        pytest.param(Hang(), id="no answer"),
        pytest.param(Reply(200, b'{"ok": tr', JSON), id="half of an answer"),
        pytest.param(Reply(200, b'{"ok": true', JSON, declared=500), id="an answer that never ends"),
        pytest.param(Reply(200, b"{not json", JSON), id="no JSON"),
        pytest.param(Reply(200, b"\xff\xfe", JSON), id="no text"),
        pytest.param(Reply(200, b"[1]", JSON), id="a list"),
        pytest.param(Reply(200, b'"ok"', JSON), id="a word"),
        pytest.param(Reply(200, b"null", JSON), id="nothing"),
        pytest.param(Reply(200, b"{}", JSON), id="an empty object"),
        pytest.param(Reply(200, b'{"ok": true}', JSON), id="no ts"),
        pytest.param(Reply(200, b'{"ok": true, "ts": 5, "channel": []}', JSON), id="a number as ts"),
        pytest.param(Reply(200, b'{"ok": false, "error": {"a": 1}}', JSON), id="an odd error"),
        pytest.param(plain("<html>"), id="HTML on 200"),
        pytest.param(Reply(200, b'{"ok": true}', {"Content-Type": "text/plain"}), id="plain text"),
        pytest.param(Reply(200, b"\x1f\x8b", {"Content-Type": "application/gzip"}), id="bytes"),
        pytest.param(Reply(200, b"x", {"Content-Encoding": "gzip", **JSON}), id="what cannot be unpacked"),
        pytest.param(plain("<html>", 500), id="HTML on 500"),
        pytest.param(plain("<html>", 503, Retry_After="9"), id="HTML on 503"),
        pytest.param(answer({"ok": False, "error": "internal_error"}, 500), id="JSON on 500"),
    ],
)
async def test_what_left_and_was_not_answered_is_in_doubt_and_not_sent_again(
    slack: FakeSlack, open_account: Connect, told: Told
) -> None:
    slack.told[POST].append(told)
    async with open_account(patience=HASTY) as connection:
        failure = await failure_of(connection, part())

    assert isinstance(failure, Ambiguous)
    assert failure.retry_after == (9 if isinstance(told, Reply) and told.status == 503 else 0)
    assert slack.methods() == [POST]


async def test_a_refused_connection_is_proof_that_nothing_was_sent(open_account: Connect) -> None:
    async with open_account(base_url=f"http://127.0.0.1:{closed_port()}/api/") as connection:
        failure = await failure_of(connection, part())

    assert isinstance(failure, NotSent)
    assert not failure.refused
    assert "127.0.0.1" in str(failure)


async def test_a_name_that_nobody_knows_is_proof_too(open_account: Connect) -> None:
    async with open_account(base_url="http://slack.invalid/api/") as connection:
        assert isinstance(await failure_of(connection, part()), NotSent)


async def test_a_handshake_that_never_ends_is_proof_too(slack: FakeSlack, open_account: Connect) -> None:
    # The server speaks no TLS: it waits for a request that never comes.
    async with open_account(patience=HASTY, base_url=slack.base_url.replace("http:", "https:")) as connection:
        assert isinstance(await failure_of(connection, part()), NotSent)


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        pytest.param(redirect("http://127.0.0.1:9/elsewhere"), "redirect", id="302"),
        pytest.param(redirect("http://127.0.0.1:9/elsewhere", 307), "redirect", id="307"),
        pytest.param(plain("<html>", 404), "http_404", id="404"),
        pytest.param(plain("<html>", 403), "http_403", id="403"),
        pytest.param(plain("<html>", 413), "too_large", id="413"),
    ],
)
async def test_an_answer_that_is_not_slacks_is_a_refusal_that_names_the_mend(
    slack: FakeSlack, connection: Connection, told: Reply, reason: str
) -> None:
    slack.told[POST].append(told)

    failure = await failure_of(connection, part())

    assert isinstance(failure, Rejected)
    assert failure.reason == reason
    assert reason == "too_large" or "base_url" in str(failure)
    assert failure.reason not in TARGET_REASONS
    assert slack.methods() == [POST]


async def test_try_later_is_proof_and_counted(slack: FakeSlack, connection: Connection) -> None:
    slack.told[POST].append(plain("", 408))

    failure = await failure_of(connection, part())

    assert isinstance(failure, NotSent)
    assert failure.refused


@pytest.mark.parametrize(
    ("code", "more", "mend"),
    [
        ("not_in_channel", {}, "/invite @bot"),
        ("missing_scope", {"needed": "chat:write", "provided": "im:write"}, "add the scope chat:write"),
        ("missing_scope", {"needed": "chat:write,\nim:write"}, "the scope chat:write, im:write to"),
        ("channel_not_found", {}, "/invite @bot"),
        ("messages_tab_disabled", {}, "App Home"),
        (
            "invalid_blocks",
            {"response_metadata": {"messages": ["[ERROR] no more\nthan 50"]}},
            "no more than 50",
        ),
    ],
)
async def test_an_error_names_the_mend(
    slack: FakeSlack, connection: Connection, code: str, more: dict[str, object], mend: str
) -> None:
    slack.told[POST].append(error(code, **more))

    assert mend in str(await failure_of(connection, part()))


async def test_an_odd_code_is_not_passed_on(slack: FakeSlack, connection: Connection) -> None:
    slack.told[POST].append(answer({"ok": False, "error": f"<b>{TOKEN}</b>"}, 400))

    failure = await failure_of(connection, part())

    assert isinstance(failure, Rejected)
    assert failure.reason == "http_400"


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        pytest.param(Drop(), NotSent, id="dropped"),
        pytest.param(Hang(), NotSent, id="no answer"),
        pytest.param(plain("<html>", 500), NotSent, id="500"),
        pytest.param(plain("<html>", 503, Retry_After="9"), Throttled, id="503 with a time"),
        pytest.param(Reply(200, b'{"ok": true}', JSON), NotSent, id="no channel"),
        pytest.param(error("internal_error"), NotSent, id="internal_error"),
        pytest.param(error("ratelimited"), Throttled, id="quiet"),
        pytest.param(error("user_not_found"), Rejected, id="nobody there"),
        pytest.param(error("invalid_auth"), CredentialsRejected, id="no token"),
    ],
)
async def test_before_a_conversation_is_open_nothing_can_have_been_sent(
    slack: FakeSlack, open_account: Connect, told: Reply, expected: type[DeliveryError]
) -> None:
    slack.told["conversations.open"].append(told)
    async with open_account(patience=HASTY) as connection:
        failure = await failure_of(connection, part("slack:user:U1"))

    assert type(failure) is expected
    assert slack.methods() == ["conversations.open"]


FAILURES: list[Told] = [
    *(error(code) for code in ("invalid_auth", "not_in_channel", "internal_error", "ratelimited", "new_one")),
    *(plain(f"<html>{TOKEN}", status) for status in (200, 302, 404, 429, 500)),
    Reply(200, TOKEN.encode(), JSON),
    Drop(),
    Hang(),
]


async def test_no_secret_is_in_any_error_or_log(
    slack: FakeSlack, open_account: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    said: list[str] = []
    async with open_account(patience=HASTY, webhooks={"alerts": {"env": "ALERTS"}}) as connection:
        for told in FAILURES:
            slack.told[POST].append(told)
            slack.told["hook"].append(told)
            for target in ("slack:C1", "slack:webhook:alerts"):
                failure = await failure_of(connection, part(target))
                said += traceback.format_exception(failure)
    said += [record.getMessage() for record in caplog.records]

    assert len(slack.seen) == 2 * len(FAILURES)
    assert not [line for line in said if TOKEN in line or "SECRET" in line or "hooksecret" in line]


@pytest.mark.parametrize(
    ("told", "expected", "reason"),
    [
        pytest.param(plain("invalid_payload", 400), Rejected, "bad_format", id="invalid_payload"),
        pytest.param(plain("no_text", 400), Rejected, "bad_format", id="no_text"),
        pytest.param(plain("action_prohibited", 403), Rejected, "no_permission", id="action_prohibited"),
        pytest.param(plain("invalid_token", 403), Rejected, "gone", id="invalid_token"),
        pytest.param(plain("no_service", 404), Rejected, "gone", id="no_service"),
        pytest.param(plain("channel_not_found", 404), Rejected, "bad_target", id="channel_not_found"),
        pytest.param(plain("channel_is_archived", 410), Rejected, "archived", id="channel_is_archived"),
        pytest.param(plain("<html>", 404), Rejected, "gone", id="404"),
        pytest.param(plain("<html>", 400), Rejected, "http_400", id="400"),
        pytest.param(plain("something_new", 400), Rejected, "something_new", id="a new word"),
        pytest.param(redirect("http://127.0.0.1:9/elsewhere"), Rejected, "redirect", id="a redirect"),
        pytest.param(plain("rate_limited", 429, Retry_After="3"), Throttled, 3, id="429"),
        pytest.param(plain("rollup_error", 500), Ambiguous, 0, id="500"),
        pytest.param(plain("fine"), Ambiguous, 0, id="anything but ok"),
        pytest.param(Drop(), Ambiguous, 0, id="dropped"),
        pytest.param(Hang(), Ambiguous, 0, id="no answer"),
    ],
)
async def test_a_webhook_fails_in_its_own_words(
    slack: FakeSlack, open_account: Connect, told: Reply, expected: type[DeliveryError], reason: object
) -> None:
    slack.told["hook"].append(told)
    async with open_account(patience=HASTY, webhooks={"alerts": {"env": "ALERTS"}}) as connection:
        failure = await failure_of(connection, part("slack:webhook:alerts"))

    assert type(failure) is expected
    assert reason == (failure.reason if isinstance(failure, Rejected) else getattr(failure, "retry_after", 0))
    assert slack.methods() == ["hook"]


@pytest.mark.parametrize("told", [redirect("http://127.0.0.1:9/elsewhere"), plain("<html>", 400)])
async def test_where_no_slack_answers_for_a_webhook_its_address_is_wrong(
    slack: FakeSlack, connection: Connection, told: Reply
) -> None:
    slack.told["hook"].append(told)

    failure = str(await failure_of(connection, part("slack:webhook:alerts")))

    assert "its address" in failure
    assert "base_url" not in failure


async def test_a_webhook_that_cannot_be_reached_got_nothing(
    ctx: FakeContext, slack: FakeSlack, open_account: Connect
) -> None:
    ctx.secrets = {**ctx.secrets, "ALERTS": f"http://127.0.0.1:{closed_port()}/services/T1/B1/hooksecret"}
    async with open_account(webhooks={"alerts": {"env": "ALERTS"}}) as connection:
        failure = await failure_of(connection, part("slack:webhook:alerts"))

    assert isinstance(failure, NotSent)
    assert "hooksecret" not in str(failure)


async def test_a_webhook_answers_ok_and_our_id_stands_for_the_message(
    slack: FakeSlack, connection: Connection
) -> None:
    sent = replace(part("slack:webhook:alerts", text="*Hi*"), id="d9.1")

    receipt = await connection.send(sent)

    assert slack.calls("hook") == [{"text": "*Hi*", "mrkdwn": True}]
    assert (receipt.target, receipt.message_id, receipt.detail) == (sent.target, "d9.1", {"id": "own"})


async def test_a_webhook_that_was_taken_from_the_settings_is_refused(connection: Connection) -> None:
    failure = await failure_of(connection, part("slack:webhook:old"))

    assert isinstance(failure, Rejected)
    assert failure.reason == "no_webhook"
