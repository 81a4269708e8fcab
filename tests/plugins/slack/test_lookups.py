"""Slack is asked for the ids behind names, and whether a part in doubt has arrived."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.fake_context import FakeContext
from tests.loopback import Drop, Hang, Reply
from tests.plugins.slack.conftest import Connect
from tests.plugins.slack.provider import FakeSlack, answer, error, ok, plain
from tests.plugins.slack.samples import CHANNEL, TS, failure_of, part

from stentor import (
    Ambiguous,
    Connection,
    CredentialsRejected,
    InvalidTarget,
    NotSent,
    Rejected,
    TargetHints,
    Throttled,
)
from stentor.contract.errors import DeliveryError
from stentor.contract.targets import Target
from stentor_slack.limits import Patience

POST = "chat.postMessage"
HASTY = Patience(connection=0.1, call=0.3)


def name(text: str) -> Target:
    return CHANNEL.parse_target(text, TargetHints()).on("work")


def people() -> list[dict[str, object]]:
    return [
        {"id": "U1", "name": "bob", "profile": {"display_name": "Bobby  Tables"}},
        {"id": "U2", "name": "rob", "profile": {"display_name": "", "display_name_normalized": "Robert"}},
        {"id": "U3", "name": "robert", "profile": {"display_name": "R"}},
        {"id": "U4", "name": "gone", "deleted": True},
        {"id": "U5", "name": "robot", "is_bot": True},
        {"id": "U6", "name": None, "profile": None},
    ]


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("#general", "slack:C2"),
        ("#Last-One", "slack:C251"),
        (f"#general:thread:{TS}", f"slack:C2:thread:{TS}"),
        ("@bob", "slack:user:U1"),
        ("@bobby tables", "slack:user:U1"),
    ],
)
async def test_a_name_is_looked_up_to_the_last_page(
    slack: FakeSlack, connection: Connection, written: str, canonical: str
) -> None:
    slack.channels = [{"id": f"C{n}", "name": f"c-{n}"} for n in range(1, 251)]
    slack.channels[1]["name"] = "general"
    slack.channels.append({"id": "C251", "name": "last-one"})
    slack.members = people()

    target = await connection.resolve(name(written))

    assert (target.canonical, target.is_name, target.account) == (canonical, False, "work")
    if written.startswith("#"):
        calls = slack.calls("conversations.list")
        assert [call.get("cursor") for call in calls] == [None, "100", "200"]
        assert calls[0]["types"] == "public_channel,private_channel"
        assert calls[0]["exclude_archived"] == "true"


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        pytest.param("#nowhere", "/invite @bot", id="no channel"),
        pytest.param("@nobody", "write the id", id="nobody"),
        pytest.param("@gone", "write the id", id="somebody who left"),
        pytest.param("@robot", "write the id", id="a bot"),
        pytest.param("@robert", "U2, U3", id="two people"),
    ],
)
async def test_a_name_of_nobody_or_of_several_is_refused(
    slack: FakeSlack, connection: Connection, written: str, hint: str
) -> None:
    slack.members = people()

    with pytest.raises(InvalidTarget) as caught:
        await connection.resolve(name(written))

    assert hint in caught.value.hint


async def test_an_id_needs_no_looking_up(slack: FakeSlack, connection: Connection) -> None:
    target = name("C1")

    assert await connection.resolve(target) is target
    assert slack.seen == []


@pytest.mark.parametrize(
    ("told", "expected", "says"),
    [
        pytest.param(
            error("missing_scope", needed="channels:read"), Rejected, "channels:read", id="missing_scope"
        ),
        pytest.param(error("invalid_auth"), CredentialsRejected, "invalid_auth", id="invalid_auth"),
        pytest.param(answer({}, 429, Retry_After="5"), Throttled, "429", id="429"),
        pytest.param(plain("", 500), NotSent, "500", id="500"),
        pytest.param(ok(), NotSent, "no sense", id="no list"),
        pytest.param(ok(channels="C1"), NotSent, "no sense", id="no list either"),
        pytest.param(ok(channels=[], has_more=True), NotSent, "no end", id="more, and no way there"),
        pytest.param(Drop(), NotSent, "cut off", id="dropped"),
        pytest.param(Hang(), NotSent, "in time", id="no answer"),
    ],
)
async def test_what_slack_does_not_say_is_not_taken_for_a_no(
    slack: FakeSlack, open_account: Connect, told: Reply, expected: type[DeliveryError], says: str
) -> None:
    slack.told["conversations.list"].append(told)
    async with open_account(patience=HASTY) as connection:
        with pytest.raises(DeliveryError, match=says) as caught:
            await connection.resolve(name("#general"))

    assert type(caught.value) is expected


async def test_pages_that_lead_in_a_circle_end(slack: FakeSlack, connection: Connection) -> None:
    slack.always["users.list"] = ok(members=[], response_metadata={"next_cursor": "again"})

    with pytest.raises(NotSent, match="no end"):
        await connection.resolve(name("@bob"))

    assert len(slack.calls("users.list")) == 2


@pytest.mark.parametrize("target", ["slack:C1", f"slack:C1:thread:{TS}", "slack:user:U1", "slack:D1"])
async def test_a_part_that_was_dropped_after_it_was_read_is_found(
    slack: FakeSlack, connection: Connection, target: str
) -> None:
    sent = part(target)
    slack.told[POST].append(Drop())
    assert isinstance(await failure_of(connection, sent), Ambiguous)

    receipt = await connection.reconcile(sent)

    assert receipt is not None
    assert (receipt.target, receipt.message_id) == (sent.target, slack.messages[0]["ts"])
    assert len(slack.calls(POST)) == 1


async def test_history_is_read_from_before_the_part_was_first_sent(
    slack: FakeSlack, connection: Connection, ctx: FakeContext
) -> None:
    begun = ctx.at - timedelta(hours=3)

    assert await connection.reconcile(part(first_tried=begun)) is None
    (call,) = slack.calls("conversations.history")
    assert float(call["oldest"]) == (begun - timedelta(minutes=5)).timestamp()
    assert (call["channel"], call["include_all_metadata"]) == ("C0123456789", "true")


async def test_where_nobody_knows_when_that_was_everything_is_read_that_a_delivery_can_have_sent(
    slack: FakeSlack, connection: Connection, ctx: FakeContext
) -> None:
    assert await connection.reconcile(part(f"slack:C1:thread:{TS}")) is None

    (call,) = slack.calls("conversations.replies")
    assert float(call["oldest"]) == (ctx.at - timedelta(days=31, minutes=5)).timestamp()
    assert call["ts"] == TS


async def test_a_part_is_not_taken_for_another(slack: FakeSlack, connection: Connection) -> None:
    for number in range(250):
        await connection.send(replace(part(), id=f"d{number}.1"))
    slack.messages += [
        {"channel": "C0123456789", "ts": "1805036999.000001", "metadata": {"event_type": "other"}}
    ]

    assert await connection.reconcile(replace(part(), id="d250.1")) is None
    found = await connection.reconcile(replace(part(), id="d3.1"))

    assert found is not None
    assert found.message_id == slack.messages[3]["ts"]
    assert len(slack.calls("conversations.history")) == 6


async def test_what_was_found_out_of_a_thread_that_is_gone_is_nothing(
    slack: FakeSlack, connection: Connection
) -> None:
    slack.told["conversations.replies"].append(error("thread_not_found"))

    assert await connection.reconcile(part(f"slack:C1:thread:{TS}")) is None


OURS = {"channel": "C1", "ts": "1805036999.000001", "metadata": {"event_type": "stentor_part"}}


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        pytest.param([error("missing_scope", needed="channels:history")], Rejected, id="missing_scope"),
        pytest.param([error("not_in_channel")], Rejected, id="not_in_channel"),
        pytest.param([error("channel_not_found")], Rejected, id="channel_not_found"),
        pytest.param([error("ratelimited")], Throttled, id="ratelimited"),
        pytest.param([ok(messages=[], has_more=True)], NotSent, id="more, and no way there"),
        pytest.param([ok()], NotSent, id="no messages"),
        pytest.param(
            [ok(messages=[], response_metadata={"next_cursor": "1"}), plain("", 500)],
            NotSent,
            id="half a look",
        ),
        pytest.param([ok(messages=[OURS])], NotSent, id="metadata kept back"),
        pytest.param([Drop()], NotSent, id="dropped"),
    ],
)
async def test_none_is_never_said_without_a_complete_look(
    slack: FakeSlack, connection: Connection, told: list[Reply], expected: type[DeliveryError]
) -> None:
    slack.told["conversations.history"].extend(told)

    with pytest.raises(DeliveryError) as caught:
        await connection.reconcile(part("slack:C1"))

    assert type(caught.value) is expected


def page(following: str) -> Reply:
    return ok(messages=[], response_metadata={"next_cursor": following})


@pytest.mark.parametrize(
    ("target", "method"),
    [("slack:C1", "conversations.history"), (f"slack:C1:thread:{TS}", "conversations.replies")],
    ids=["channel", "thread"],
)
async def test_a_look_that_slack_cuts_short_after_each_page_comes_to_its_end(
    slack: FakeSlack, connection: Connection, target: str, method: str
) -> None:
    quiet = error("ratelimited")
    slack.told[method].extend([page("a"), quiet, page("b"), quiet, page("")])
    for _ in range(2):
        with pytest.raises(Throttled):
            await connection.reconcile(part(target))

    assert await connection.reconcile(part(target)) is None
    assert await connection.reconcile(part(target)) is None
    cursors = [call.get("cursor", "") for call in slack.calls(method)]
    assert cursors == ["", "a", "a", "b", "b", ""]


async def test_a_look_that_cannot_be_gone_on_with_begins_anew(
    slack: FakeSlack, connection: Connection
) -> None:
    slack.told["conversations.history"].extend([page("a"), error("ratelimited"), error("invalid_cursor")])
    with pytest.raises(Throttled):
        await connection.reconcile(part())

    with pytest.raises(NotSent, match="anew"):
        await connection.reconcile(part())
    assert await connection.reconcile(part()) is None
    assert "cursor" not in slack.calls("conversations.history")[-1]


async def test_a_webhook_cannot_be_asked(slack: FakeSlack, connection: Connection) -> None:
    with pytest.raises(Rejected, match="cannot be asked"):
        await connection.reconcile(part("slack:webhook:alerts"))

    assert slack.seen == []
