"""The test peer itself, tried with the bare library: whatever the channel's tests rely on is shown here."""

import shutil
import signal
from base64 import b64decode
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from tests.plugins.whatsapp.peer import NUMBER, Companion, File, WhatsApp, companion

RANI = "6281234567890"
BUDI = "6281200001111"
GROUP = "120363000000000001@g.us"
CHANNEL = "120363000000000002@newsletter"
DELIVERED, RETRY, READ = 1, 3, 4
DOT = b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)


@pytest.fixture
async def client(whatsapp: WhatsApp, tmp_path: Path) -> AsyncIterator[Companion]:
    """A device that is paired and connected."""
    session = await whatsapp.paired_session(tmp_path / "session.db")
    async with companion(session, whatsapp.proxy_url, whatsapp.environment) as running:
        await running.event("Connected")
        yield running


# Pairing and logging in


async def test_a_device_is_paired_by_a_scan_and_logs_in(whatsapp: WhatsApp, tmp_path: Path) -> None:
    async with companion(tmp_path / "new.db", whatsapp.proxy_url, whatsapp.environment) as new:
        await whatsapp.scan((await new.event("qr"))["text"])
        await new.event("Connected")
        assert NUMBER in (await new.event("PairStatus"))["text"]
        assert whatsapp.logins == 1
        assert whatsapp.connected.is_set()


async def test_a_device_is_paired_by_a_code(whatsapp: WhatsApp, tmp_path: Path) -> None:
    async with companion(tmp_path / "new.db", whatsapp.proxy_url, whatsapp.environment) as new:
        await new.event("qr")
        await whatsapp.enter(await new.ask("pair", phone=f"+{NUMBER}"))
        await new.event("Connected")
        assert whatsapp.logins == 1


async def test_a_wrong_code_pairs_nothing(whatsapp: WhatsApp, tmp_path: Path) -> None:
    async with companion(tmp_path / "new.db", whatsapp.proxy_url, whatsapp.environment) as new:
        await new.event("qr")
        code = await new.ask("pair", phone=NUMBER)
        with pytest.raises(InvalidTag):
            await whatsapp.enter("AAAA-AAAA" if code != "AAAA-AAAA" else "BBBB-BBBB")
        assert whatsapp.logins == 0


async def test_a_session_logs_in_again(whatsapp: WhatsApp, client: Companion, tmp_path: Path) -> None:
    await client.ask("stop")
    await whatsapp.gone()
    assert not whatsapp.connected.is_set()
    async with companion(tmp_path / "session.db", whatsapp.proxy_url, whatsapp.environment) as again:
        await again.event("Connected")
        assert not again.all("qr")
        assert whatsapp.logins == 2


# Sending


@pytest.mark.parametrize("to", [RANI, f"8{RANI}@lid", "123456@lid"], ids=["number", "hidden id", "stranger"])
async def test_a_text_arrives_decrypted_and_is_receipted(
    whatsapp: WhatsApp, client: Companion, to: str
) -> None:
    sent = await client.ask("send", to=to, text="Selamat pagi *semua*")
    message = await whatsapp.message()
    assert (message.id, message.kind, message.text) == (sent["id"], "text", "Selamat pagi *semua*")
    assert message.to == (to if "@" in to else whatsapp.lid(to))
    assert [(await client.event("Receipt", number))["type"] for number in (1, 2)] == [DELIVERED, READ]
    assert whatsapp.frames == 1


async def test_a_group_reads_what_is_sent_to_it(whatsapp: WhatsApp, client: Companion) -> None:
    whatsapp.group(GROUP, RANI, BUDI)
    for text in ("one", "two @6281200001111"):
        await client.ask("send", to=GROUP, text=text)
    first, second = whatsapp.messages
    assert (first.to, first.text, second.text) == (GROUP, "one", "two @6281200001111")
    assert second.mentions == (f"{BUDI}@s.whatsapp.net",)
    assert {(await client.event("Receipt", number))["sender"] for number in range(1, 5)} == {
        whatsapp.lid(RANI),
        whatsapp.lid(BUDI),
    }


async def test_a_group_that_nobody_made_is_refused(whatsapp: WhatsApp, client: Companion) -> None:
    with pytest.raises(RuntimeError, match="failed to get group members"):
        await client.ask("send", to=GROUP, text="hello?")
    assert whatsapp.messages == []


async def test_a_channel_takes_a_post(whatsapp: WhatsApp, client: Companion) -> None:
    await client.ask("send", to=CHANNEL, text="news")
    assert [(message.to, message.text) for message in whatsapp.messages] == [(CHANNEL, "news")]


async def test_a_document_arrives_with_its_bytes(
    whatsapp: WhatsApp, client: Companion, tmp_path: Path
) -> None:
    file = tmp_path / "report.txt"
    file.write_bytes(b"figures\n" * 20_000)
    await client.ask("send_file", to=RANI, kind="document", path=str(file), caption="as asked")
    (message,) = whatsapp.messages
    assert (message.kind, message.text) == ("document", "as asked")
    assert message.file == File("document", "report.txt", "text/plain", "as asked", file.read_bytes())
    assert whatsapp.media.uploads == 1


async def test_an_image_arrives_with_its_bytes(whatsapp: WhatsApp, client: Companion, tmp_path: Path) -> None:
    file = tmp_path / "dot.png"
    file.write_bytes(DOT)
    whatsapp.group(GROUP, RANI)
    await client.ask("send_file", to=GROUP, kind="image", path=str(file), caption="a dot")
    (message,) = whatsapp.messages
    assert (message.kind, message.text) == ("image", "a dot")
    assert message.file == File("image", "", "image/png", "a dot", DOT)


@pytest.mark.parametrize("mode", [500, "drop"], ids=str)
async def test_an_upload_can_fail(
    whatsapp: WhatsApp, client: Companion, tmp_path: Path, mode: int | str
) -> None:
    whatsapp.media.mode = mode
    file = tmp_path / "report.txt"
    file.write_text("figures")
    with pytest.raises(RuntimeError, match="UploadError"):
        await client.ask("send_file", to=RANI, kind="document", path=str(file), caption="")
    assert whatsapp.messages == []


# Acknowledgements and receipts


async def test_receipts_can_come_before_the_acknowledgement(whatsapp: WhatsApp, client: Companion) -> None:
    whatsapp.mode = "receipts_first"
    sent = await client.ask("send", to=RANI, text="quick")
    given = [line for line in whatsapp.log if line.startswith("to the device: ") and sent["id"] in line]
    assert [line.split()[3] for line in given] == ["<receipt", "<receipt", "<ack"]


async def test_an_acknowledgement_can_carry_an_error(whatsapp: WhatsApp, client: Companion) -> None:
    whatsapp.mode = ("error", 479)
    with pytest.raises(RuntimeError, match="server returned error 479"):
        await client.ask("send", to=RANI, text="no")
    assert not whatsapp.messages[0].acknowledged


async def test_a_message_waits_for_its_acknowledgement(whatsapp: WhatsApp, client: Companion) -> None:
    whatsapp.mode = "silent"
    asked = await client.start("send", to=RANI, text="patience")
    message = await whatsapp.message()
    await whatsapp.deliver(message.id)
    await whatsapp.read(message.id)
    assert [(await client.event("Receipt", number))["type"] for number in (1, 2)] == [DELIVERED, READ]
    assert not client.all("answer")
    await whatsapp.acknowledge(message.id)
    assert (await client.answer(asked))["ok"]["id"] == message.id


async def test_a_message_whose_connection_drops_is_sent_again_with_its_id(
    whatsapp: WhatsApp, client: Companion
) -> None:
    whatsapp.mode = "drop"
    sent = await client.ask("send", to=RANI, text="once")
    assert [(message.id, message.frames) for message in whatsapp.messages] == [(sent["id"], 2)]
    assert whatsapp.frames == 2
    await whatsapp.login(2)


async def test_receipts_wait_for_a_device_that_is_away(
    whatsapp: WhatsApp, client: Companion, tmp_path: Path
) -> None:
    whatsapp.mode = "ack"
    sent = await client.ask("send", to=RANI, text="later")
    await client.ask("stop")
    await whatsapp.gone()
    await whatsapp.deliver(sent["id"])
    await whatsapp.read(sent["id"])
    async with companion(tmp_path / "session.db", whatsapp.proxy_url, whatsapp.environment) as again:
        assert (await again.event("Receipt"))["ids"] == [sent["id"]]
        assert (await again.event("Receipt", 2))["type"] == READ


async def test_what_a_restored_session_writes_is_asked_for_again(
    whatsapp: WhatsApp, client: Companion, tmp_path: Path
) -> None:
    whatsapp.group(GROUP, RANI)
    session = tmp_path / "session.db"
    await client.ask("send", to=RANI, text="first")
    await client.ask("send", to=GROUP, text="second")
    old = await restartable_copy(client, whatsapp, session)
    async with companion(session, whatsapp.proxy_url, whatsapp.environment) as later:
        await later.event("Connected")
        await later.ask("send", to=RANI, text="third")
        await later.ask("send", to=GROUP, text="fourth")
        await later.ask("stop")
    await whatsapp.gone()
    async with companion(old, whatsapp.proxy_url, whatsapp.environment) as restored:
        await restored.event("Connected")
        await restored.ask("send", to=RANI, text="fifth")
        await whatsapp.readable(5)
        await restored.ask("send", to=GROUP, text="sixth")
        await whatsapp.readable(6)
        assert RETRY in [told["type"] for told in restored.all("Receipt")]
    assert [message.text for message in whatsapp.messages[4:]] == ["fifth", "sixth"]


async def restartable_copy(client: Companion, whatsapp: WhatsApp, session: Path) -> Path:
    """The session as it is, after the client has ended."""
    await client.ask("stop")
    await whatsapp.gone()
    return Path(shutil.copyfile(session, session.with_name("old.db")))


# Numbers


async def test_numbers_are_looked_up(whatsapp: WhatsApp, client: Companion) -> None:
    whatsapp.unknown_numbers.add(BUDI)
    whatsapp.canonical["5531991234567"] = "553191234567"
    found = await client.ask("look_up", numbers=[f"+{RANI}", f"+{BUDI}", "+5531991234567"])
    assert [(one["query"], one["on"], one["jid"]) for one in found] == [
        (f"+{RANI}", True, f"8{RANI}@lid"),
        (f"+{BUDI}", False, f"{BUDI}@s.whatsapp.net"),
        ("+5531991234567", True, "8553191234567@lid"),
    ]
    assert await client.ask("number_of", lid="8553191234567") == "553191234567@s.whatsapp.net"


async def test_who_is_not_on_whatsapp_can_not_be_written_to(whatsapp: WhatsApp, client: Companion) -> None:
    whatsapp.unknown_numbers.add(RANI)
    with pytest.raises(RuntimeError, match="no LID found"):
        await client.ask("send", to=RANI, text="anybody?")


async def test_the_canonical_number_is_written_to(whatsapp: WhatsApp, client: Companion) -> None:
    whatsapp.canonical["5531991234567"] = "553191234567"
    await client.ask("send", to="5531991234567", text="oi")
    assert whatsapp.messages[0].to == whatsapp.lid("553191234567")


# What others say


async def test_somebody_writes_to_the_owner(whatsapp: WhatsApp, client: Companion) -> None:
    said = await whatsapp.say(RANI, "Are you there?", name="Rani")
    heard = await client.event("Message")
    assert (heard["id"], heard["text"], heard["name"]) == (said, "Are you there?", "Rani")
    assert (heard["chat"], heard["group"]) == (whatsapp.lid(RANI), False)
    assert heard["number"] == f"{RANI}@s.whatsapp.net"
    await whatsapp.has_confirmed(said)


async def test_somebody_answers_and_mentions_the_owner(whatsapp: WhatsApp, client: Companion) -> None:
    sent = await client.ask("send", to=RANI, text="Lunch?")
    await whatsapp.say(RANI, "Yes @you", reply_to=sent["id"], mentions=(NUMBER,))
    heard = await client.event("Message")
    assert (heard["text"], heard["reply_to"], heard["mentions"]) == (
        "Yes @you",
        sent["id"],
        [whatsapp.lid(NUMBER)],
    )


async def test_members_write_to_a_group(whatsapp: WhatsApp, client: Companion) -> None:
    whatsapp.group(GROUP, RANI, BUDI)
    said = [(RANI, "one"), (BUDI, "two"), (RANI, "three"), (RANI, "four")]
    for who, text in said:
        await whatsapp.say(who, text, group=GROUP)
    # The library also tells of the key that the first message of each member brings along.
    await client.event("Message", len(said) + 2)
    heard = [told for told in client.all("Message") if told["text"]]
    assert [(told["sender"], told["text"]) for told in heard] == [
        (whatsapp.lid(who), text) for who, text in said
    ]
    assert {(told["chat"], told["group"]) for told in heard} == {(GROUP, True)}


async def test_somebody_sends_a_file(whatsapp: WhatsApp, client: Companion) -> None:
    await whatsapp.say(RANI, file=File("document", "list.txt", "text/plain", "for you", b"milk\neggs\n"))
    heard = await client.event("Message")
    assert (heard["file"], heard["text"], heard["data"]) == ("list.txt", "for you", "milk\neggs\n")


async def test_a_message_waits_for_a_device_that_is_away(
    whatsapp: WhatsApp, client: Companion, tmp_path: Path
) -> None:
    await client.ask("stop")
    await whatsapp.gone()
    said = await whatsapp.say(RANI, "Back yet?")
    assert whatsapp.confirmed == []
    async with companion(tmp_path / "session.db", whatsapp.proxy_url, whatsapp.environment) as again:
        assert (await again.event("Message"))["text"] == "Back yet?"
        await whatsapp.has_confirmed(said)


# Troubles


@pytest.mark.parametrize(
    ("code", "event", "words"),
    [
        pytest.param(401, "LoggedOut", "LOGGED_OUT", id="logged out"),
        pytest.param(402, "TemporaryBan", "3600", id="banned for an hour"),
        pytest.param(403, "LoggedOut", "MAIN_DEVICE_GONE", id="locked"),
        pytest.param(405, "ClientOutdated", "", id="outdated"),
        pytest.param(406, "LoggedOut", "", id="unknown logout"),
    ],
)
async def test_a_login_can_be_refused(
    whatsapp: WhatsApp, tmp_path: Path, code: int, event: str, words: str
) -> None:
    session = await whatsapp.paired_session(tmp_path / "session.db")
    await whatsapp.fail_login(code)
    async with companion(session, whatsapp.proxy_url, whatsapp.environment) as client:
        assert words in (await client.event(event))["text"]
        await whatsapp.gone()
    assert whatsapp.logins == 0


async def test_who_is_here_is_refused_when_it_comes_back(whatsapp: WhatsApp, client: Companion) -> None:
    await whatsapp.fail_login(402, ban=104, expire=60)
    assert "60" in (await client.event("TemporaryBan"))["text"]
    assert not whatsapp.connected.is_set()


@pytest.mark.parametrize("code", [500, 503])
async def test_a_server_in_trouble_is_tried_again(whatsapp: WhatsApp, tmp_path: Path, code: int) -> None:
    session = await whatsapp.paired_session(tmp_path / "session.db")
    await whatsapp.fail_login(code)
    async with companion(session, whatsapp.proxy_url, whatsapp.environment) as client:
        await whatsapp.refusal()
        await whatsapp.fail_login(None)
        await client.event("Connected")


async def test_another_connection_takes_over(whatsapp: WhatsApp, client: Companion) -> None:
    await whatsapp.replaced()
    await client.event("StreamReplaced")
    assert not whatsapp.connected.is_set()


async def test_the_second_process_with_a_session_replaces_the_first(
    whatsapp: WhatsApp, client: Companion, tmp_path: Path
) -> None:
    copy = await whatsapp.paired_session(tmp_path / "copy.db")
    async with companion(copy, whatsapp.proxy_url, whatsapp.environment) as second:
        await second.event("Connected")
        await client.event("StreamReplaced")
        assert whatsapp.connected.is_set()


async def test_a_device_is_asked_to_connect_again(whatsapp: WhatsApp, client: Companion) -> None:
    await whatsapp.stream_error(code=515)
    await client.event("Connected", 2)
    assert whatsapp.logins == 2


async def test_a_connection_drops_and_comes_back(whatsapp: WhatsApp, client: Companion) -> None:
    await whatsapp.disconnect()
    await client.event("Disconnected")
    await whatsapp.login(2)
    await client.event("Connected", 2)


async def test_the_owner_throws_the_device_out(whatsapp: WhatsApp, client: Companion, tmp_path: Path) -> None:
    copy = await whatsapp.paired_session(tmp_path / "copy.db")
    await whatsapp.unlink()
    assert "LOGGED_OUT" in (await client.event("LoggedOut"))["text"]
    async with companion(copy, whatsapp.proxy_url, whatsapp.environment) as second:
        await second.event("LoggedOut")


async def test_the_device_logs_out(whatsapp: WhatsApp, client: Companion, tmp_path: Path) -> None:
    copy = await whatsapp.paired_session(tmp_path / "copy.db")
    await client.ask("log_out")
    await whatsapp.gone()
    async with companion(copy, whatsapp.proxy_url, whatsapp.environment) as second:
        await second.event("LoggedOut")


async def test_a_malformed_stanza_kills_the_process(whatsapp: WhatsApp, client: Companion) -> None:
    await whatsapp.panic()
    assert await client.process.wait() == -signal.SIGABRT
    assert "panic: " in client.output.read_text()
    await whatsapp.gone()


async def test_nothing_leaves_where_nobody_is_let_in(whatsapp: WhatsApp, tmp_path: Path) -> None:
    session = await whatsapp.paired_session(tmp_path / "session.db")
    whatsapp.door.is_open = False
    async with companion(session, whatsapp.proxy_url, whatsapp.environment) as client:
        await whatsapp.refusal()
        assert not client.all("Connected")
    assert whatsapp.door.tunnels == 0
