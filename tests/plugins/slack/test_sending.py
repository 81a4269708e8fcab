"""What is sent to Slack for one part, and the receipt that comes of the answer."""

import asyncio
import logging
from dataclasses import replace

import pytest
from tests.fake_context import FakeContext
from tests.loopback import Hang
from tests.plugins.slack.conftest import Connect
from tests.plugins.slack.provider import APP_TOKEN, TOKEN, FakeSlack, error, ok
from tests.plugins.slack.samples import CHANNEL, TS, failure_of, mannered, part

from stentor import Account, Connection, CredentialsRejected, Part, Rejected, TargetHints
from stentor_slack.channel import SlackSettings
from stentor_slack.connection import connect

POST = "chat.postMessage"


async def test_a_part_is_posted_once_with_its_id_as_metadata(
    slack: FakeSlack, connection: Connection
) -> None:
    sent = part(text="*Hello* &lt;you&gt;")

    receipt = await connection.send(sent)

    (call,) = slack.calls(POST)
    assert call == {
        "channel": "C0123456789",
        "text": "*Hello* &lt;you&gt;",
        "mrkdwn": True,
        "metadata": {"event_type": "stentor_part", "event_payload": {"part": "d1.1", "delivery": "d1"}},
    }
    assert slack.seen[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert receipt.target == sent.target
    assert (receipt.message_id, receipt.degraded) == ("1805036970.000001", "")
    assert receipt.detail == {"channel": "C0123456789"}


async def test_an_answer_in_a_thread_is_posted_there_with_the_ts_as_text(
    slack: FakeSlack, connection: Connection
) -> None:
    sent = part(f"slack:C1:thread:{TS}")

    receipt = await connection.send(sent)

    (call,) = slack.calls(POST)
    assert (call["thread_ts"], call["reply_broadcast"]) == (TS, False)
    assert receipt.target == sent.target


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        pytest.param(
            mannered(bare_links=True), {"unfurl_links": False, "unfurl_media": False}, id="bare links"
        ),
        pytest.param(mannered(broadcast=True), {}, id="broadcast without a thread"),
        pytest.param(mannered(f"C1:{TS}", broadcast=True), {"reply_broadcast": True}, id="broadcast"),
        pytest.param(mannered(silent=True, reply_to="1.000000"), {}, id="what Slack knows nothing of"),
    ],
)
async def test_the_manner_is_heeded(
    slack: FakeSlack, connection: Connection, sent: Part, expected: dict[str, object]
) -> None:
    await connection.send(sent)

    (call,) = slack.calls(POST)
    extra = call.keys() - {"channel", "text", "mrkdwn", "metadata", "thread_ts", "reply_broadcast"}
    assert {**dict.fromkeys(extra), **expected} == {**{key: call[key] for key in extra}, **expected}
    assert all(call[key] == value for key, value in expected.items())


@pytest.mark.parametrize(
    ("text", "written_as", "mentions", "written"),
    [
        pytest.param(
            "a < b & <!here>", "plain", False, "a &lt; b &amp; &lt;!here&gt;", id="plain text is escaped"
        ),
        pytest.param(
            "&lt;!here&gt; @channel", "mrkdwn", False, "&lt;!here&gt; @channel", id="nobody is called"
        ),
        pytest.param("&lt;!here&gt; @channel", "mrkdwn", True, "<!here> <!channel>", id="everybody is"),
        pytest.param("&lt;@U12|bob&gt; &lt;#C12&gt;", "mrkdwn", True, "<@U12> <#C12>", id="a person is"),
        pytest.param("&lt;!subteam^S12&gt;", "mrkdwn", True, "<!subteam^S12>", id="a group is"),
        pytest.param("<@U12> @here", "plain", True, "<@U12> <!here>", id="from plain text too"),
        pytest.param(
            "me@here.org `@here` a@here", "mrkdwn", True, "me@here.org `@here` a@here", id="not by code"
        ),
        pytest.param(
            "<http://x/@here|&lt;!channel&gt;> <http://x/@channel>",
            "mrkdwn",
            True,
            "<http://x/@here|&lt;!channel&gt;> <http://x/@channel>",
            id="nor by links",
        ),
        pytest.param(
            "&lt;!date^1^x|y&gt; &lt;b&gt;",
            "mrkdwn",
            True,
            "&lt;!date^1^x|y&gt; &lt;b&gt;",
            id="nor the rest",
        ),
    ],
)
async def test_a_text_calls_people_only_where_it_may(
    slack: FakeSlack, connection: Connection, text: str, written_as: str, mentions: bool, written: str
) -> None:
    await connection.send(replace(mannered(text=text, mentions=mentions), format=written_as))

    (call,) = slack.calls(POST)
    assert call["text"] == written
    assert call["mrkdwn"] is (written_as == "mrkdwn")
    assert "link_names" not in call


async def test_the_conversation_with_a_person_is_opened_once(
    slack: FakeSlack, connection: Connection
) -> None:
    sent = part("slack:user:U0123456789")

    first = await connection.send(sent)
    second = await connection.send(sent)

    assert slack.methods() == ["conversations.open", POST, POST]
    assert slack.calls("conversations.open") == [{"users": "U0123456789"}]
    assert [call["channel"] for call in slack.calls(POST)] == ["D0123456789", "D0123456789"]
    assert first.target == second.target == sent.target
    assert first.detail == {"channel": "D0123456789"}


async def test_a_conversation_that_is_gone_is_opened_anew(slack: FakeSlack, connection: Connection) -> None:
    sent = part("slack:user:U0123456789")
    await connection.send(sent)
    slack.told[POST].append(error("channel_not_found"))

    assert isinstance(await failure_of(connection, sent), Rejected)
    await connection.send(sent)

    assert slack.methods().count("conversations.open") == 2


@pytest.mark.parametrize(
    ("target", "more", "landed"),
    [
        pytest.param("slack:C1", {"channel": "C2"}, "slack:C2", id="in another channel"),
        pytest.param("slack:user:U1", {"channel": "C2"}, "slack:C2", id="not with the person"),
        pytest.param(
            f"slack:C1:thread:{TS}", {"message": {"ts": "1.000000"}}, "slack:C1", id="beside its thread"
        ),
        pytest.param(
            f"slack:C1:thread:{TS}",
            {"message": {"thread_ts": "1.000000"}},
            "slack:C1:thread:1.000000",
            id="in another thread",
        ),
        pytest.param(f"slack:C1:thread:{TS}", {}, f"slack:C1:thread:{TS}", id="where nothing is said"),
    ],
)
async def test_the_receipt_names_the_place_that_the_answer_names(
    slack: FakeSlack, connection: Connection, target: str, more: dict[str, object], landed: str
) -> None:
    usual = {"channel": "D1" if "user" in target else "C1", "ts": "1805036970.000001"}
    slack.told[POST].append(ok(**{**usual, **more}))

    receipt = await connection.send(part(target))

    assert receipt.target.canonical == landed


@pytest.mark.parametrize(
    "warnings",
    [
        {"warning": "message_truncated"},
        {"response_metadata": {"warnings": ["superfluous_charset", "message_truncated"]}},
    ],
    ids=["a warning", "several"],
)
async def test_a_message_that_was_cut_is_degraded(
    slack: FakeSlack, connection: Connection, warnings: dict[str, object]
) -> None:
    slack.told[POST].append(ok(channel="C0123456789", ts=TS, **warnings))

    assert (await connection.send(part())).degraded == "truncated"


async def test_other_warnings_are_none_of_the_readers_business(
    slack: FakeSlack, connection: Connection
) -> None:
    more = {"warning": "superfluous_charset", "response_metadata": {"warnings": ["superfluous_charset"]}}
    slack.told[POST].append(ok(channel="C0123456789", ts=TS, **more))

    assert (await connection.send(part())).degraded == ""


async def test_all_that_one_account_sends_goes_through_one_session(
    slack: FakeSlack, connection: Connection
) -> None:
    for _ in range(3):
        await connection.send(part())

    assert slack.connections == 1


async def test_opening_needs_no_network_and_probing_asks_who_we_are(
    slack: FakeSlack, connection: Connection
) -> None:
    assert slack.seen == []
    assert await connection.probe() == "stentor in Acme"
    assert slack.methods() == ["auth.test"]


async def test_an_account_with_webhooks_only_has_nobody_to_ask(
    slack: FakeSlack, open_account: Connect
) -> None:
    async with open_account(
        token=None, webhooks={"b": {"env": "ALERTS"}, "a": {"env": "ALERTS"}}
    ) as connection:
        assert await connection.probe() == "webhooks: a, b"
        failure = await failure_of(connection, part())

    assert isinstance(failure, Rejected)
    assert slack.seen == []


async def test_the_base_url_may_end_without_a_slash(slack: FakeSlack, open_account: Connect) -> None:
    async with open_account(base_url=slack.base_url.rstrip("/")) as connection:
        await connection.send(part())

    assert slack.methods() == [POST]


def tasks() -> set[str]:
    """What runs, the server's own tasks aside."""
    return {task.get_name() for task in asyncio.all_tasks() if "LoopbackServer" not in repr(task)}


async def test_a_cancelled_send_leaves_nothing_behind(slack: FakeSlack, open_account: Connect) -> None:
    slack.always[POST] = Hang()
    async with open_account() as connection:
        before = tasks()
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(connection.send(part()))
            while not slack.seen:
                await asyncio.sleep(0)
            sending.cancel()
        assert tasks() == before


async def test_closing_hangs_up(slack: FakeSlack, open_account: Connect) -> None:
    async with open_account() as connection:
        await connection.send(part())

    await slack.deserted()


async def test_the_channel_opens_what_its_settings_say(ctx: FakeContext, slack: FakeSlack) -> None:
    settings = SlackSettings.model_validate({"token": {"env": "TOKEN"}, "base_url": slack.base_url})

    connection = await CHANNEL.open(Account("slack", "default", settings), ctx)
    await connection.send(part())
    await connection.close()

    assert len(slack.messages) == 1


@pytest.mark.parametrize(
    ("secrets", "more", "why"),
    [
        pytest.param({"TOKEN": APP_TOKEN}, {}, "xoxb-", id="the app-level token as token"),
        pytest.param({"TOKEN": " "}, {}, "xoxb-", id="an empty token"),
        pytest.param({"TOKEN": "xoxb-1\nsecret"}, {}, "xoxb-", id="two lines"),
        pytest.param({"TOKEN": "\N{LEFT DOUBLE QUOTATION MARK}secret"}, {}, "xoxb-", id="a quotation mark"),
        pytest.param(
            {"ALERTS": "https://x/secret\ny"},
            {"webhooks": {"alerts": {"env": "ALERTS"}}},
            "'alerts'",
            id="lines",
        ),
        pytest.param(
            {"APP_TOKEN": TOKEN},
            {"app_token": {"env": "APP_TOKEN"}, "receive": "socket"},
            "xapp-",
            id="the reverse",
        ),
        pytest.param(
            {"ALERTS": "T1/B1/secret"}, {"webhooks": {"alerts": {"env": "ALERTS"}}}, "'alerts'", id="no URL"
        ),
    ],
)
async def test_secrets_in_the_wrong_place_are_seen_at_once(
    ctx: FakeContext, secrets: dict[str, str], more: dict[str, object], why: str
) -> None:
    ctx.secrets = {**ctx.secrets, **secrets}
    settings = SlackSettings.model_validate({"token": {"env": "TOKEN"}, **more})

    with pytest.raises(CredentialsRejected, match=why) as caught:
        await connect(settings, ctx)

    assert "secret" not in str(caught.value).replace("the secret of", "")


async def test_the_sdk_logs_nothing(
    slack: FakeSlack, connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    await connection.send(part(text="between us"))
    await connection.send(part("slack:webhook:alerts", text="between us"))

    said = "".join(record.getMessage() for record in caplog.records if record.name != "asyncio")
    assert "between us" not in said
    assert "secret" not in said


def test_each_account_may_have_its_own_pace() -> None:
    def rates(**given: object) -> list[tuple[float, int, str]]:
        settings = SlackSettings.model_validate({"token": {"env": "T"}, **given})
        return [(rate.per_second, rate.burst, rate.scope) for rate in CHANNEL.rates(settings)]

    assert rates() == [(1, 3, "target")]
    assert rates(messages_per_second=20) == [(20, 20, "target")]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        pytest.param({}, "set token", id="nothing to post with"),
        pytest.param({"token": "xoxb-1"}, "a secret is a reference", id="a token in the clear"),
        pytest.param({"receive": "socket"}, "app_token", id="listening without an app token"),
        pytest.param({"app_token": {"env": "A"}}, 'receive = "socket"', id="an app token for nothing"),
        pytest.param({"receive": "polling"}, "'off' or 'socket'", id="another way to listen"),
        pytest.param({"base_url": "slack.com/api"}, "write a URL", id="no URL"),
        pytest.param({"base_url": "https://u:p@slack.com/api/"}, "write a URL", id="credentials in a URL"),
        pytest.param({"base_url": "https://slack.com/api/?x=1"}, "drop the", id="a query"),
        pytest.param({"webhooks": {"a b": {"env": "A"}}}, "no name for a webhook", id="an odd name"),
        pytest.param({"messages_per_second": 0}, "greater than 0", id="no pace at all"),
        pytest.param({"tokn": {"env": "A"}}, "Extra inputs", id="an unknown key"),
    ],
)
def test_settings_that_would_not_work_are_refused(given: dict[str, object], why: str) -> None:
    base = {} if why == "set token" else {"token": {"env": "T"}}
    with pytest.raises(ValueError, match=why):
        SlackSettings.model_validate({**base, **given})


def test_dialect_and_limits_are_declared() -> None:
    assert (CHANNEL.limits.text, CHANNEL.limits.unit, CHANNEL.limits.album) == (4000, "utf16", 10)
    assert CHANNEL.traits.manners == ("bare_links", "broadcast")
    assert CHANNEL.parse_target("C1", TargetHints()).channel == CHANNEL.name
