"""The child with the real library in it, against the test peer: opening, pairing, sending, and what comes in."""

import signal
from collections.abc import AsyncIterator
from importlib.metadata import version
from pathlib import Path

import pytest
from tests.plugins.whatsapp.children import AT, RANI, TO_RANI, Kid, Said, child
from tests.plugins.whatsapp.peer import NUMBER, File, WhatsApp

LID_OF_RANI = f"8{RANI}@lid"
GROUP = "120363000000000001@g.us"
# Ends a child that opens its session after the library has done so.
JEALOUS = """
import os, sys
from stentor_whatsapp.account import Account
genuine = Account.connect
def watch(event, arguments):
    if event in ("sqlite3.connect", "open") and "session.db" in str(arguments[0]):
        os._exit(99)
def connect(account):
    genuine(account)
    sys.addaudithook(watch)
Account.connect = connect
"""
# Has the library's own log say something for developers, where it is told to say everything.
TALKATIVE = """
from stentor_whatsapp.account import Account
genuine = Account.connect
def connect(account):
    genuine(account)
    from neonize.utils.log import log
    log.debug("a secret of the library's")
Account.connect = connect
"""
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8cfc0000003010100c9fe92ef"
    "0000000049454e44ae426082"
)


@pytest.fixture
async def kid(whatsapp: WhatsApp, tmp_path: Path) -> AsyncIterator[Kid]:
    """A child that is connected."""
    await whatsapp.paired_session(tmp_path / "session.db")
    async with child(whatsapp, tmp_path) as running:
        await running.log_in(receive=True)
        yield running


# Opening and leaving


async def test_open_says_whose_session_it_is(whatsapp: WhatsApp, tmp_path: Path) -> None:
    await whatsapp.paired_session(tmp_path / "session.db")
    async with child(whatsapp, tmp_path) as running:
        assert await running.open() == {
            "version": version("neonize"),
            "paired": True,
            "me": NUMBER,
            "restored": False,
            "forgetful": False,
        }
        assert (await running.ask("who"))["me"] == NUMBER
        assert whatsapp.logins == 0


async def test_a_new_session_is_nobodys_and_for_our_eyes_only(whatsapp: WhatsApp, tmp_path: Path) -> None:
    async with child(whatsapp, tmp_path) as running:
        opened = await running.open()
        assert (opened["paired"], opened["me"]) == (False, "")
        assert "Umask:\t0077\n" in Path(f"/proc/{running.process.pid}/status").read_text()
        assert {
            path.name: oct(path.stat().st_mode & 0o777) for path in tmp_path.glob("*.db*")
        } == dict.fromkeys(
            ("session.db", "session.db.lock", "ledger.db", "ledger.db-wal", "ledger.db-shm"), "0o600"
        )


@pytest.mark.parametrize(
    ("do", "kind"),
    [
        pytest.param("send", "not_open", id="before open"),
        pytest.param("recall", "not_open", id="even what is on disk"),
        pytest.param("dance", "bad_request", id="what nobody knows"),
    ],
)
async def test_nothing_is_done_before_it_is_open(
    whatsapp: WhatsApp, tmp_path: Path, do: str, kind: str
) -> None:
    async with child(whatsapp, tmp_path) as running:
        with pytest.raises(Said) as said:
            await running.ask(do)
        assert said.value.kind == kind


async def test_a_second_child_does_not_get_the_session(whatsapp: WhatsApp, kid: Kid, tmp_path: Path) -> None:
    async with child(whatsapp, tmp_path) as second:
        with pytest.raises(Said, match="running twice") as said:
            await second.open()
        assert said.value.kind == "locked"
        await kid.kill()
        # Death lets go of it, whatever the manner.
        assert (await second.open())["paired"] is True


async def test_it_leaves_when_nobody_listens_any_more(kid: Kid) -> None:
    kid.writer.close()
    assert await kid.gone() == 0


async def test_it_leaves_when_it_is_asked_to(whatsapp: WhatsApp, kid: Kid) -> None:
    assert await kid.ask("close") == {}
    assert await kid.gone() == 0
    await whatsapp.gone()


async def test_the_session_is_the_librarys_alone_once_it_has_it(whatsapp: WhatsApp, tmp_path: Path) -> None:
    """There are two SQLites in the process. When one closes a file, the other one's locks on it are gone."""
    await whatsapp.paired_session(tmp_path / "session.db")
    async with child(whatsapp, tmp_path, doing=JEALOUS) as running:
        await running.log_in(receive=True)
        await running.send()
        await whatsapp.say(RANI, "one")
        await running.event("message")
        await running.ask("who")
        await running.ask("logout")
        assert (await running.ask("who"))["me"] == ""


async def test_sigterm_ends_it_and_sigint_does_not(whatsapp: WhatsApp, kid: Kid) -> None:
    kid.process.send_signal(signal.SIGINT)
    assert (await kid.ask("who"))["me"] == NUMBER
    kid.process.terminate()
    assert await kid.gone() == 0
    await whatsapp.gone()


async def test_whoever_writes_nonsense_is_not_listened_to_any_longer(kid: Kid) -> None:
    kid.writer.write(b"[]\n")
    assert await kid.gone() == 70


# Pairing


async def test_a_scan_pairs_it(whatsapp: WhatsApp, tmp_path: Path) -> None:
    async with child(whatsapp, tmp_path) as running:
        await running.open()
        await running.ask("connect")
        shown = await running.event("qr")
        assert shown["seconds"] == 60
        await whatsapp.scan(shown["text"])
        paired = await running.event("paired")
        assert (paired["me"], paired["lid"]) == (NUMBER, whatsapp.phone.lid)
        await running.state("connected")
        assert (await running.ask("who"))["lid"] == whatsapp.phone.lid
        await running.send()
    assert (await whatsapp.message()).text == "Halo"


async def test_a_code_pairs_it(whatsapp: WhatsApp, tmp_path: Path) -> None:
    async with child(whatsapp, tmp_path) as running:
        await running.open()
        await running.ask("connect")
        await whatsapp.enter((await running.ask("pair_code", phone=NUMBER))["code"])
        assert (await running.event("paired"))["me"] == NUMBER
        await running.state("connected")


async def test_a_code_that_is_taken_back_ends_the_pairing(whatsapp: WhatsApp, tmp_path: Path) -> None:
    async with child(whatsapp, tmp_path) as running:
        await running.open()
        await running.ask("connect")
        await running.event("qr")
        await whatsapp.disconnect()
        assert "nobody used the code in time" in (await running.state("refused"))["reason"]


async def test_a_logout_leaves_a_session_that_is_nobodys(
    whatsapp: WhatsApp, kid: Kid, tmp_path: Path
) -> None:
    assert await kid.ask("logout") == {}
    await kid.kill()
    async with child(whatsapp, tmp_path) as next_life:
        assert (await next_life.open())["paired"] is False


# Sending


async def test_a_message_arrives_and_its_receipts_name_the_part(whatsapp: WhatsApp, kid: Kid) -> None:
    sent = await kid.send("delivery:1", "Selamat pagi *semua*")
    message = await whatsapp.message()
    assert (message.id, message.to, message.text) == (sent["message_id"], LID_OF_RANI, "Selamat pagi *semua*")
    assert sent["chat"] == LID_OF_RANI
    assert sent["sender"] == whatsapp.phone.lid
    for level in ("accepted", "delivered", "read"):
        receipt = await kid.event("receipt", level=level)
        assert (receipt["message_id"], receipt["part"]) == (message.id, "delivery:1")
        assert receipt["at"] == pytest.approx(sent["at"], abs=5_000)
    recalled = await kid.recall("delivery:1")
    assert recalled == {
        "state": "accepted",
        "certain": True,
        "message_id": message.id,
        "at": sent["at"],
        "chat": LID_OF_RANI,
        "level": "read",
    }


async def test_receipts_that_overtake_the_answer_name_the_part(whatsapp: WhatsApp, kid: Kid) -> None:
    whatsapp.mode = "receipts_first"
    sent = await kid.send()
    read = await kid.event("receipt", level="read")
    assert (read["part"], read["message_id"]) == ("part", sent["message_id"])


async def test_nobody_is_mentioned_who_was_not_to_be(whatsapp: WhatsApp, kid: Kid) -> None:
    await kid.send("one", f"call @{RANI} or @120363000000000001@g.us")
    assert (await whatsapp.message(1)).mentions == ()
    await kid.send("two", f"call @{RANI}", mentions=[TO_RANI])
    assert (await whatsapp.message(2)).mentions == (TO_RANI,)


async def test_a_group_gets_one_message(whatsapp: WhatsApp, kid: Kid) -> None:
    whatsapp.group(GROUP, RANI, "6281200001111")
    sent = await kid.send(to=GROUP)
    assert sent["chat"] == GROUP
    assert (await whatsapp.message()).to == GROUP
    assert (await kid.event("receipt", level="read"))["part"] == "part"


@pytest.mark.parametrize(
    ("name", "media_type", "data", "kind"),
    [
        pytest.param("report.pdf", "application/pdf", b"%PDF-1.4 report", "document", id="a document"),
        pytest.param("dot.png", "image/png", PNG, "image", id="a picture"),
        pytest.param("dot.tiff", "image/tiff", PNG, "document", id="a picture that is shown as a document"),
        pytest.param("no.png", "image/png", b"no picture", "document", id="what calls itself a picture"),
    ],
)
async def test_a_file_arrives_as_it_is(
    whatsapp: WhatsApp, kid: Kid, name: str, media_type: str, data: bytes, kind: str
) -> None:
    path = kid.folder / "upload"
    path.write_bytes(data)
    caption = f"for @{RANI} at @120363000000000001@g.us"
    await kid.send(text=caption, files=[{"path": str(path), "name": name, "media_type": media_type}])
    message = await whatsapp.message()
    assert message.file is not None
    assert (message.kind, message.text, message.mentions) == (kind, caption, ())
    assert (message.file.data, message.file.media_type) == (data, media_type)
    assert message.file.name == (name if kind == "document" else "")


async def test_a_newsletter_gets_texts_and_no_files(whatsapp: WhatsApp, kid: Kid) -> None:
    newsletter = "120363000000000002@newsletter"
    (kid.folder / "upload").write_bytes(b"x")
    files = [{"path": str(kid.folder / "upload"), "name": "x", "media_type": "text/plain"}]
    with pytest.raises(Said, match="newsletters") as said:
        await kid.send(to=newsletter, files=files)
    assert (said.value.kind, said.value.facts["announced"]) == ("library_error", False)
    await kid.send(to=newsletter)
    assert [(message.to, message.text) for message in whatsapp.messages] == [(newsletter, "Halo")]


async def test_a_message_has_one_file_at_most_and_the_next_one_goes_its_way(
    whatsapp: WhatsApp, kid: Kid
) -> None:
    with pytest.raises(Said) as said:
        await kid.send("one", files=[{"path": "a"}, {"path": "b"}])
    assert said.value.kind == "bad_request"
    with pytest.raises(Said, match="No such file") as said:
        await kid.send(
            "two", files=[{"path": str(kid.folder / "gone"), "name": "x", "media_type": "text/plain"}]
        )
    assert said.value.facts["announced"] is False
    await kid.send("three")
    assert (await kid.recall("three"))["message_id"] == whatsapp.messages[0].id


async def test_a_failed_upload_tells_no_secrets(whatsapp: WhatsApp, kid: Kid) -> None:
    whatsapp.media.mode = "drop"
    (kid.folder / "upload").write_bytes(b"x")
    files = [{"path": str(kid.folder / "upload"), "name": "x", "media_type": "text/plain"}]
    with pytest.raises(Said) as said:
        await kid.send(files=files)
    assert said.value.kind == "library_error"
    assert said.value.facts["announced"] is False
    assert "auth=" not in said.value.text
    assert "token=" not in said.value.text
    assert ".whatsapp.net/…" in said.value.text
    assert await kid.recall() == {
        "state": "never",
        "certain": False,
        "message_id": "",
        "at": 0,
        "chat": "",
        "level": "",
    }


@pytest.mark.parametrize(
    ("to", "words"),
    [
        pytest.param("62811000@s.whatsapp.net", "no LID found", id="somebody unknown"),
        pytest.param("1@nowhere.example", "unknown server", id="an unknown server"),
        pytest.param("120363999999999999@g.us", "group", id="an unknown group"),
    ],
)
async def test_what_the_library_does_not_send_was_never_handed_over(
    whatsapp: WhatsApp, kid: Kid, to: str, words: str
) -> None:
    whatsapp.unknown_numbers.add("62811000")
    with pytest.raises(Said, match=words) as said:
        await kid.send(to=to)
    assert (said.value.kind, said.value.facts["announced"]) == ("library_error", False)
    assert (await kid.recall())["state"] == "never"


async def test_what_whatsapp_refuses_has_not_arrived_for_certain(whatsapp: WhatsApp, kid: Kid) -> None:
    whatsapp.mode = ("error", 479)
    with pytest.raises(Said, match="server returned error 479") as said:
        await kid.send()
    assert said.value.facts["announced"] is False
    recalled = await kid.recall()
    assert (recalled["state"], recalled["certain"]) == ("never", True)
    whatsapp.mode = "ack"
    again = await kid.send()
    assert (await kid.recall())["message_id"] == again["message_id"]


async def test_a_connection_that_breaks_under_a_send_costs_no_second_message(
    whatsapp: WhatsApp, kid: Kid
) -> None:
    whatsapp.mode = "drop"
    sent = await kid.send()
    assert [message.id for message in whatsapp.messages] == [sent["message_id"]]
    assert whatsapp.frames == 2
    assert (await kid.recall())["state"] == "accepted"


async def test_without_a_connection_nothing_is_handed_over(whatsapp: WhatsApp, tmp_path: Path) -> None:
    await whatsapp.paired_session(tmp_path / "session.db")
    async with child(whatsapp, tmp_path) as running:
        await running.open()
        with pytest.raises(Said) as said:
            await running.send()
        assert said.value.kind == "not_connected"
        whatsapp.door.is_open = False
        await running.ask("connect")
        with pytest.raises(Said) as said:
            await running.send()
        assert said.value.kind == "not_connected"


@pytest.mark.parametrize("lacking", ["part", "to", "at"])
async def test_a_message_has_a_part_an_address_and_a_time(kid: Kid, lacking: str) -> None:
    with pytest.raises(Said) as said:
        await kid.send(**{lacking: None})
    assert said.value.kind == "bad_request"


async def test_messages_are_counted_from_a_time_on(kid: Kid) -> None:
    for number in range(3):
        await kid.send(f"part {number}", at=AT + 1000 * number)
    assert await kid.ask("count", since_ms=AT + 500) == {"count": 2, "oldest_ms": AT + 1000}
    assert await kid.ask("count", since_ms=AT + 5000) == {"count": 0, "oldest_ms": 0}


async def test_numbers_are_looked_up_with_both_of_their_addresses(whatsapp: WhatsApp, kid: Kid) -> None:
    whatsapp.unknown_numbers.add("62811000")
    whatsapp.canonical["5531991234567"] = "553191234567"
    found = (await kid.ask("look_up", numbers=[f"+{RANI}", "+62811000", "+5531991234567"]))["found"]
    assert found == [
        {"number": f"+{RANI}", "on": True, "jid": TO_RANI, "lid": LID_OF_RANI},
        {"number": "+62811000", "on": False, "jid": "", "lid": ""},
        {
            "number": "+5531991234567",
            "on": True,
            "jid": "553191234567@s.whatsapp.net",
            "lid": whatsapp.lid("553191234567"),
        },
    ]


async def test_the_log_holds_no_messages_and_no_stanzas(whatsapp: WhatsApp, tmp_path: Path) -> None:
    await whatsapp.paired_session(tmp_path / "session.db")
    async with child(whatsapp, tmp_path, doing=TALKATIVE) as kid:
        await kid.log_in(receive=True)
        await kid.send(text="a secret of ours")
        await whatsapp.say(RANI, "a secret of Rani's")
        await kid.event("message")
        assert "Successfully authenticated" in kid.log
        assert "DEBUG" not in kid.log
        assert "secret" not in kid.log
        assert "<message" not in kid.log


# What comes in


async def test_what_somebody_writes_is_told_with_all_that_is_known(whatsapp: WhatsApp, kid: Kid) -> None:
    message_id = await whatsapp.say(RANI, "Siap!", name="Rani", reply_to="3EB0AA")
    message = await kid.event("message")
    assert message.pop("at") == pytest.approx(AT, rel=1)
    assert message == {
        "event": "message",
        "message_id": message_id,
        "chat": LID_OF_RANI,
        "sender": LID_OF_RANI,
        "sender_name": "Rani",
        "sender_pn": TO_RANI,
        "text": "Siap!",
        "direct": True,
        "addressed": True,
        "reply_to": "3EB0AA",
        "files": [],
    }


@pytest.mark.parametrize(
    ("mentions", "addressed"),
    [pytest.param((), False, id="to all"), pytest.param((NUMBER,), True, id="to us by name")],
)
async def test_a_group_talks_to_us_where_we_are_named(
    whatsapp: WhatsApp, kid: Kid, mentions: tuple[str, ...], addressed: bool
) -> None:
    whatsapp.group(GROUP, RANI)
    await whatsapp.say(RANI, "anybody?", group=GROUP, mentions=mentions)
    message = await kid.event("message")
    assert (message["chat"], message["direct"], message["addressed"]) == (GROUP, False, addressed)
    assert message["sender_pn"] == TO_RANI


async def test_files_that_come_in_are_named(whatsapp: WhatsApp, kid: Kid) -> None:
    await whatsapp.say(RANI, file=File("document", "notes.pdf", "application/pdf", "look", b"%PDF"))
    message = await kid.event("message")
    assert (message["text"], message["files"]) == ("look", ["notes.pdf"])


async def test_a_message_is_given_again_until_it_is_taken(
    whatsapp: WhatsApp, kid: Kid, tmp_path: Path
) -> None:
    for text in ("one", "two"):
        await whatsapp.say(RANI, text)
        await kid.event("message", text=text)
    await kid.ask("taken", message_id=kid.all("message", text="one")[0]["message_id"])
    await kid.ask("kept")
    assert [event["text"] for event in kid.all("message")] == ["one", "two", "two"]
    await kid.kill()
    async with child(whatsapp, tmp_path) as next_life:
        await next_life.log_in(receive=True)
        assert [event["text"] for event in next_life.all("message")] == ["two"]


async def test_what_was_said_while_it_was_away_comes_with_the_next_life(
    whatsapp: WhatsApp, kid: Kid, tmp_path: Path
) -> None:
    await kid.kill()
    await whatsapp.gone()
    await whatsapp.say(RANI, "are you there?")
    async with child(whatsapp, tmp_path) as next_life:
        await next_life.log_in(receive=True)
        assert (await next_life.event("message"))["text"] == "are you there?"


async def test_nobody_keeps_what_nobody_wants_to_hear(whatsapp: WhatsApp, tmp_path: Path) -> None:
    await whatsapp.paired_session(tmp_path / "session.db")
    async with child(whatsapp, tmp_path) as running:
        await running.log_in()
        await whatsapp.has_confirmed(await whatsapp.say(RANI, "hello?"))
        await running.send()
        assert running.all("message") == []
    async with child(whatsapp, tmp_path) as next_life:
        await next_life.log_in(receive=True)
        assert next_life.all("message") == []
