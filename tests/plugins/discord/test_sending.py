"""What reaches Discord, and what its answer makes of a receipt."""

from pathlib import Path

import pytest
from tests.plugins.discord.conftest import Connect
from tests.plugins.discord.provider import HOOK_TOKEN, TOKEN, DiscordServer, said
from tests.plugins.discord.samples import CHANNEL, attachment, part

from stentor import Ambiguous, Rejected, TargetHints
from stentor.contract.payloads import Manner
from stentor_discord.targets import parse_hook_url

NOBODY: dict[str, list[str]] = {"parse": []}


async def test_a_message_is_posted_once_with_its_own_id_as_nonce(
    server: DiscordServer, connected: Connect
) -> None:
    async with connected() as connection:
        receipt = await connection.send(part())

    (sent,) = server.sent
    assert sent.path == "/api/v10/channels/555/messages"
    assert sent.message == {
        "content": "Good **morning**",
        "nonce": "d1-1",
        "enforce_nonce": True,
        "tts": False,
        "flags": 0,
        "allowed_mentions": NOBODY,
    }
    assert server.posts[0].headers["authorization"] == f"Bot {TOKEN}"
    assert server.posts[0].headers["user-agent"].startswith("DiscordBot (")
    assert (receipt.target, receipt.message_id, receipt.detail) == (part().target, "7001", {"nonce": "d1-1"})
    assert (receipt.opened, receipt.degraded) == (None, "")


async def test_a_send_asks_for_nothing_else(server: DiscordServer, connected: Connect) -> None:
    async with connected() as connection:
        for _ in range(3):
            await connection.send(part())

    assert [seen.method for seen in server.seen] == ["GET", "POST", "POST", "POST"]
    assert server.connections == 1


async def test_a_second_attempt_is_the_same_message_to_discord(
    server: DiscordServer, connected: Connect
) -> None:
    async with connected() as connection:
        first, again = await connection.send(part()), await connection.send(part())

    assert first.message_id == again.message_id
    assert len(server.sent) == 2


async def test_a_person_is_written_to_in_a_conversation_that_is_opened_once(
    server: DiscordServer, connected: Connect
) -> None:
    async with connected() as connection:
        receipts = [await connection.send(part("user:66")) for _ in range(2)]

    assert [seen.path for seen in server.posts] == [
        "/api/v10/users/@me/channels",
        "/api/v10/channels/866/messages",
        "/api/v10/channels/866/messages",
    ]
    for receipt in receipts:
        assert receipt.target.canonical == "discord:user:66"
        assert receipt.detail["channelId"] == "866"


async def test_a_forum_gets_a_post_that_the_later_parts_go_to(
    server: DiscordServer, connected: Connect
) -> None:
    async with connected() as connection:
        receipt = await connection.send(part("forum:44", "# Daily *brief*\nAll is well"))

    (sent,) = server.sent
    assert sent.path == "/api/v10/channels/44/threads"
    assert sent.message["name"] == "Daily brief"
    assert sent.message["message"]["content"] == "# Daily *brief*\nAll is well"
    assert sent.message["message"]["allowed_mentions"] == NOBODY
    assert receipt.target.canonical == "discord:forum:44"
    assert receipt.opened is not None
    assert receipt.opened.canonical == f"discord:channel:{receipt.message_id}"
    assert receipt.detail == {"threadId": receipt.message_id}


async def test_a_forum_takes_files_and_their_name_where_there_is_no_text(
    server: DiscordServer, connected: Connect, tmp_path: Path
) -> None:
    files = (attachment(tmp_path, "report.pdf"),)
    async with connected() as connection:
        await connection.send(part("forum:44", "", files=files))

    (sent,) = server.sent
    assert (sent.message["name"], sent.files) == ("report.pdf", {"report.pdf": b"content"})
    assert "content" not in sent.message["message"]


async def test_a_webhook_is_sent_through_with_nobody_s_token(
    server: DiscordServer, connected: Connect
) -> None:
    async with connected() as connection:
        receipt = await connection.send(part("webhook:alerts"))

    (sent,) = server.sent
    assert (sent.path, sent.query) == (f"/api/webhooks/600/{HOOK_TOKEN}", {"wait": ["true"]})
    assert sent.message == {
        "content": "Good **morning**",
        "tts": False,
        "flags": 0,
        "allowed_mentions": NOBODY,
    }
    assert "authorization" not in server.posts[0].headers
    assert (receipt.target.canonical, receipt.detail) == ("discord:webhook:alerts", {"channelId": "5550"})


async def test_a_webhook_reaches_a_thread(server: DiscordServer, connected: Connect) -> None:
    async with connected() as connection:
        receipt = await connection.send(part("webhook:alerts:thread:77"))

    assert server.sent[0].query["thread_id"] == ["77"]
    assert receipt.target.canonical == "discord:webhook:alerts:thread:77"


@pytest.mark.parametrize(("target", "thread"), [("webhook:alerts", "88"), ("webhook:alerts:thread:77", "77")])
async def test_a_webhook_s_url_may_name_the_thread_where_the_target_names_none(
    server: DiscordServer, connected: Connect, target: str, thread: str
) -> None:
    hooks = {"alerts": parse_hook_url(f"{server.hook_url}?thread_id=88")}
    async with connected(webhooks=hooks) as connection:
        receipt = await connection.send(part(target))

    assert server.sent[0].query["thread_id"] == [thread]
    assert receipt.target == part(target).target


async def test_an_account_of_webhooks_alone_needs_no_bot(server: DiscordServer, connected: Connect) -> None:
    async with connected(token=None) as connection:
        await connection.send(part("webhook:alerts"))
        with pytest.raises(Rejected, match="give it the token of a bot"):
            await connection.send(part())

    assert [seen.method for seen in server.seen] == ["POST"]


async def test_a_webhook_that_is_gone_from_the_settings_is_named(connected: Connect) -> None:
    async with connected(webhooks={}) as connection:
        with pytest.raises(Rejected, match="no webhook 'alerts' any more"):
            await connection.send(part("webhook:alerts"))


@pytest.mark.parametrize("target", ["channel:555", "webhook:alerts", "forum:44"])
async def test_silence_and_bare_links_are_flags(
    server: DiscordServer, connected: Connect, target: str
) -> None:
    async with connected() as connection:
        for manner in (Manner(silent=True), Manner(bare_links=True), Manner(silent=True, bare_links=True)):
            await connection.send(part(target, manner=manner))

    flags = [sent.message.get("message", sent.message)["flags"] for sent in server.sent]
    assert flags == [4096, 4, 4100]


@pytest.mark.parametrize("target", ["channel:555", "webhook:alerts"])
async def test_a_job_that_wants_mentions_calls_people_and_roles_but_never_everyone(
    server: DiscordServer, connected: Connect, target: str
) -> None:
    async with connected() as connection:
        await connection.send(part(target, "<@5> @everyone", manner=Manner(mentions=True)))

    assert server.sent[0].message["allowed_mentions"] == {"parse": ["users", "roles"], "replied_user": True}


@pytest.mark.parametrize(("target", "channel"), [("channel:555", "555"), ("user:66", "866")])
async def test_an_answer_names_the_message_and_does_not_insist_on_it(
    server: DiscordServer, connected: Connect, target: str, channel: str
) -> None:
    async with connected() as connection:
        receipt = await connection.send(part(target, manner=Manner(reply_to="4242")))

    reference = server.sent[0].message["message_reference"]
    assert (str(reference["message_id"]), str(reference["channel_id"])) == ("4242", channel)
    assert reference["fail_if_not_exists"] is False
    assert receipt.degraded == ""


@pytest.mark.parametrize("text", ["12/34", "0", "9" * 26])
async def test_what_cannot_be_a_message_s_id_is_no_obstacle(
    server: DiscordServer, connected: Connect, text: str
) -> None:
    async with connected() as connection:
        await connection.send(part(manner=Manner(reply_to=text)))

    assert "message_reference" not in server.sent[0].message


@pytest.mark.parametrize("target", ["webhook:alerts", "forum:44"])
async def test_where_nothing_can_be_answered_the_receipt_says_so(
    server: DiscordServer, connected: Connect, target: str
) -> None:
    async with connected() as connection:
        receipt = await connection.send(part(target, manner=Manner(reply_to="4242")))

    assert receipt.degraded == "reply_to"
    assert "message_reference" not in str(server.sent[0].message)


@pytest.mark.parametrize("target", ["channel:555", "user:66", "webhook:alerts"])
async def test_files_go_with_the_text_in_one_message(
    server: DiscordServer, connected: Connect, tmp_path: Path, target: str
) -> None:
    big = bytes(range(256)) * 8192
    names = ("a.png", 'grüße "zwei".txt', "line\nbreak.txt")
    files = tuple(attachment(tmp_path, name, big if name == "a.png" else b"x") for name in names)
    async with connected() as connection:
        receipt = await connection.send(part(target, files=files))

    (sent,) = server.sent
    assert (sent.message["content"], receipt.target) == ("Good **morning**", part(target).target)
    assert [file["id"] for file in sent.message["attachments"]] == [0, 1, 2]
    assert sent.files == {"a.png": big, 'grüße "zwei".txt': b"x", "line_break.txt": b"x"}


async def test_a_file_that_is_gone_is_never_sent(
    server: DiscordServer, connected: Connect, tmp_path: Path
) -> None:
    files = (attachment(tmp_path, "here.txt"), attachment(tmp_path, "gone.txt"))
    files[1].path.unlink()
    async with connected() as connection:
        with pytest.raises(Rejected, match=r"the file gone\.txt cannot be read") as caught:
            await connection.send(part(files=files))

    assert caught.value.reason == "file_gone"
    assert not server.posts


@pytest.mark.parametrize(
    ("target", "answer", "landed"),
    [
        ("channel:555", {"id": "1", "channel_id": "556"}, "discord:channel:556"),
        ("user:66", {"id": "1", "channel_id": "999"}, "discord:channel:999"),
        ("forum:44", {"id": "1", "parent_id": "45", "message": {"id": "1"}}, "discord:forum:45"),
        ("webhook:alerts:thread:77", {"id": "1", "channel_id": "5550"}, "discord:channel:5550"),
    ],
    ids=["channel", "user", "forum", "webhook"],
)
async def test_the_receipt_says_where_discord_has_put_it(
    server: DiscordServer, connected: Connect, target: str, answer: object, landed: str
) -> None:
    async with connected() as connection:
        if target.startswith("user"):
            await connection.send(part(target))
        server.plan.append(said(answer))
        receipt = await connection.send(part(target))

    assert receipt.target == CHANNEL.parse_target(landed, TargetHints())


async def test_ids_may_be_numbers_and_the_channel_may_be_left_unsaid(
    server: DiscordServer, connected: Connect
) -> None:
    server.plan.append(said({"id": 12345}, headers={"Content-Type": "application/json; charset=utf-8"}))
    async with connected() as connection:
        receipt = await connection.send(part())

    assert (receipt.target, receipt.message_id) == (part().target, "12345")


@pytest.mark.parametrize("answer", [{}, [], None, "ok", {"id": None}, {"id": ""}, {"id": True}, {"id": {}}])
@pytest.mark.parametrize("target", ["channel:555", "webhook:alerts", "forum:44"])
async def test_a_yes_that_names_no_message_proves_nothing(
    server: DiscordServer, connected: Connect, target: str, answer: object
) -> None:
    server.plan.append(said(answer))
    async with connected() as connection:
        with pytest.raises(Ambiguous):
            await connection.send(part(target))

    assert len(server.sent) == 1


async def test_two_accounts_with_addresses_of_their_own_do_not_meet(connected: Connect) -> None:
    async with DiscordServer() as other, connected(base_url=other.base_url) as there, connected() as here:
        await there.send(part(text="there"))
        await here.send(part(text="here"))
        await there.send(part(text="there again"))

        assert [sent.message["content"] for sent in other.sent] == ["there", "there again"]


async def test_what_discord_says_of_its_buckets_keeps_nobody_waiting(
    server: DiscordServer, connected: Connect
) -> None:
    spent = {"X-RateLimit-Limit": "1", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset-After": "3600"}
    server.plan.extend([said({"id": "1"}, headers=spent)] * 4)
    async with connected() as connection:
        for target in ("channel:555", "webhook:alerts") * 2:
            await connection.send(part(target))

    assert len(server.sent) == 4
