"""The ledger by itself: what it knows, what it does not claim to know, and what it lets go of."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from stentor_whatsapp.ledger import Ledger, Level, Recollection, Unwritable

AT = 1_795_000_000_000
DAY = 24 * 60 * 60 * 1000
CHAT = "86281234567890@lid"
VERSION = "0.5.2"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(tmp_path / "ledger.db", VERSION)
    yield opened
    opened.close()


def reopened(ledger: Ledger, tmp_path: Path, version: str = VERSION) -> Ledger:
    ledger.close()
    return Ledger(tmp_path / "ledger.db", version)


def send(ledger: Ledger, part: str, message_id: str, at: int = AT) -> None:
    """All that happens with a message that WhatsApp takes."""
    ledger.begin(part, CHAT, at)
    ledger.announced(message_id)
    ledger.acknowledged(message_id, at + 1)
    ledger.end()
    ledger.accepted(part, message_id, CHAT, at + 1)


def never(*, certain: bool) -> Recollection:
    return Recollection("never", certain=certain)


# What becomes of a part


def test_a_part_that_was_never_begun_is_never_and_at_first_that_is_no_proof(ledger: Ledger) -> None:
    assert ledger.recall("part", AT) == never(certain=False)


def test_a_part_that_was_begun_and_not_announced_is_never(ledger: Ledger) -> None:
    ledger.begin("part", CHAT, AT)
    assert ledger.recall("part", AT) == never(certain=False)
    assert ledger.end() == ""


def test_a_part_that_was_announced_may_have_arrived(ledger: Ledger) -> None:
    ledger.begin("part", CHAT, AT)
    assert ledger.announced("3EB0") is True
    assert ledger.recall("part", AT) == Recollection("handed_over", True, "3EB0", AT, CHAT)
    assert ledger.end() == "3EB0"
    assert ledger.recall("part", AT).state == "handed_over"


def test_a_part_that_was_taken_has_been_accepted_at_whatsapps_time(ledger: Ledger) -> None:
    send(ledger, "part", "3EB0")
    assert ledger.recall("part", AT) == Recollection("accepted", True, "3EB0", AT + 1, CHAT)


def test_it_is_remembered_after_the_end_of_the_process(ledger: Ledger, tmp_path: Path) -> None:
    send(ledger, "part", "3EB0")
    ledger.receipt("3EB0", "read", AT + 2)
    again = reopened(ledger, tmp_path)
    assert again.recall("part", AT) == Recollection("accepted", True, "3EB0", AT + 1, CHAT, "read")
    again.close()


@pytest.mark.parametrize(
    ("levels", "level"),
    [
        pytest.param(["delivered"], "delivered", id="delivered"),
        pytest.param(["delivered", "read"], "read", id="and read"),
        pytest.param(["read", "delivered"], "read", id="read before delivered"),
    ],
)
def test_a_receipt_proves_that_a_message_arrived_and_never_goes_back(
    ledger: Ledger, levels: list[Level], level: str
) -> None:
    ledger.begin("part", CHAT, AT)
    ledger.announced("3EB0")
    assert [ledger.receipt("3EB0", one, AT + 2) for one in levels] == ["part"] * len(levels)
    recalled = ledger.recall("part", AT)
    assert (recalled.state, recalled.level) == ("accepted", level)


def test_a_receipt_for_a_message_of_nobodys_names_no_part(ledger: Ledger) -> None:
    assert ledger.receipt("from the phone", "read", AT + 2) == ""


# What counts as proof


def test_an_acknowledgement_under_the_announced_id_proves_that_absence_means_something(
    ledger: Ledger, tmp_path: Path
) -> None:
    send(ledger, "one", "3EB0")
    assert ledger.recall("another", AT) == never(certain=True)
    again = reopened(ledger, tmp_path)
    assert again.recall("another", AT) == never(certain=True)
    again.close()


def test_the_proof_is_good_for_one_version_of_the_library(ledger: Ledger, tmp_path: Path) -> None:
    send(ledger, "one", "3EB0")
    again = reopened(ledger, tmp_path, "0.6.0")
    assert again.recall("another", AT) == never(certain=False)
    again.close()


def test_what_was_tried_before_a_ledger_had_proved_itself_may_have_stood_in_another(
    ledger: Ledger, tmp_path: Path
) -> None:
    send(ledger, "one", "3EB0", at=AT)
    assert ledger.recall("another", AT - 1) == never(certain=False)
    send(ledger, "two", "3EB1", at=AT + 10)
    again = reopened(ledger, tmp_path, "0.6.0")
    send(again, "three", "3EB2", at=AT + 20)
    assert again.recall("another", AT + 19) == never(certain=False)
    assert again.recall("another", AT + 20) == never(certain=True)
    again.close()


def test_how_far_the_latest_messages_have_come_can_be_told_again(ledger: Ledger) -> None:
    for number in range(3):
        send(ledger, f"part{number}", f"3EB{number}")
    ledger.receipt("3EB2", "delivered", AT + 5)
    ledger.receipt("3EB0", "delivered", AT + 6)
    ledger.receipt("3EB0", "read", AT + 7)
    ledger.receipt("3EB0", "delivered", AT + 8)
    assert ledger.receipts() == [
        {"message_id": "3EB0", "level": "read", "at": AT + 7, "part": "part0"},
        {"message_id": "3EB2", "level": "delivered", "at": AT + 5, "part": "part2"},
    ]


def test_a_message_that_had_another_id_than_announced_takes_the_proof_back(ledger: Ledger) -> None:
    send(ledger, "one", "3EB0")
    ledger.begin("two", CHAT, AT)
    ledger.announced("3EB1")
    ledger.end()
    assert ledger.accepted("two", "3EB2", CHAT, AT) is False
    assert ledger.recall("another", AT) == never(certain=False)
    assert ledger.recall("two", AT).message_id == "3EB2"


def test_an_id_that_is_known_or_a_second_one_is_not_that_of_the_part(ledger: Ledger) -> None:
    send(ledger, "one", "3EB0")
    ledger.begin("two", CHAT, AT)
    assert ledger.announced("3EB0") is False
    assert ledger.announced("3EB1") is True
    assert ledger.announced("3EB2") is False
    assert ledger.end() == "3EB1"


def test_nothing_is_announced_while_nothing_is_sent(ledger: Ledger) -> None:
    assert ledger.announced("3EB0") is False
    assert ledger.count(0) == (0, 0)


def test_what_whatsapp_refused_never_arrived_and_may_be_sent_again(ledger: Ledger) -> None:
    ledger.begin("part", CHAT, AT)
    ledger.announced("3EB0")
    assert ledger.acknowledged("3EB0", AT, refused=True) == "part"
    assert ledger.end() == ""
    assert ledger.recall("part", AT) == never(certain=True)
    send(ledger, "part", "3EB1")
    assert ledger.recall("part", AT).message_id == "3EB1"


def test_an_acknowledgement_is_news_once_and_of_our_own_messages(ledger: Ledger) -> None:
    ledger.begin("part", CHAT, AT)
    ledger.announced("3EB0")
    assert ledger.acknowledged("3EB0", AT) == "part"
    assert ledger.acknowledged("3EB0", AT) == ""
    assert ledger.acknowledged("from the phone", AT) == ""
    assert ledger.recall("another", AT).certain is True


def test_what_is_not_ours_proves_nothing(ledger: Ledger) -> None:
    ledger.acknowledged("from the phone", AT)
    assert ledger.recall("another", AT).certain is False


def test_the_message_that_arrived_counts_and_not_the_one_that_came_after_it(ledger: Ledger) -> None:
    send(ledger, "part", "3EB0")
    ledger.begin("part", CHAT, AT + DAY)
    ledger.announced("3EB1")
    assert ledger.recall("part", AT).message_id == "3EB0"


# Counting, and what comes in


def test_messages_are_counted_by_the_time_at_which_they_were_handed_over(ledger: Ledger) -> None:
    for number in range(4):
        send(ledger, f"part {number}", f"3EB{number}", AT + number * DAY)
    assert ledger.count(AT + DAY) == (3, AT + DAY)
    assert ledger.count(AT + 10 * DAY) == (0, 0)


def test_what_comes_in_is_kept_until_it_is_taken_and_known_from_then_on(
    ledger: Ledger, tmp_path: Path
) -> None:
    messages = [{"message_id": str(n), "chat": CHAT, "at": AT - n, "text": f"ütü {n}"} for n in range(3)]
    assert [ledger.keep(message) for message in (*messages, messages[0])] == [True, True, True, False]
    assert ledger.kept() == messages
    ledger.taken("1")
    again = reopened(ledger, tmp_path)
    assert again.kept() == [messages[0], messages[2]]
    assert again.keep(messages[1]) is False
    again.close()


def test_the_same_id_in_another_chat_is_another_message(ledger: Ledger) -> None:
    message = {"message_id": "1", "chat": CHAT, "at": AT}
    assert ledger.keep(message) is True
    assert ledger.keep({**message, "chat": "120363@g.us"}) is True


def test_after_a_month_it_is_forgotten_unless_it_is_among_the_last(ledger: Ledger, tmp_path: Path) -> None:
    send(ledger, "old", "3EB0", AT)
    send(ledger, "newer", "3EB1", AT + 2 * DAY)
    for at in (AT, AT + 2 * DAY):
        ledger.keep({"message_id": str(at), "chat": CHAT, "at": at})
    send(ledger, "new", "3EB2", AT + 32 * DAY)
    ledger.keep({"message_id": "new", "chat": CHAT, "at": AT + 32 * DAY})
    again = reopened(ledger, tmp_path)
    # A clock may have been wrong: a few are kept at any age.
    assert again.recall("old", AT).state == "accepted"
    assert len(again.kept()) == 3
    with again._database:
        for number in range(1000):
            again._database.execute(
                "INSERT INTO sent VALUES (?, 'many', '', ?, 0, 0, '', 0)", (str(number), AT + 3 * DAY)
            )
            again._database.execute("INSERT INTO received VALUES (?, '', ?, '')", (str(number), AT + 3 * DAY))
    last = reopened(again, tmp_path)
    assert [last.recall(part, AT).state for part in ("old", "newer", "new")] == [
        "never",
        "accepted",
        "accepted",
    ]
    assert [message["at"] for message in last.kept()] == [AT + 2 * DAY, AT + 32 * DAY]
    last.close()


# The file


def test_only_we_may_read_it(ledger: Ledger, tmp_path: Path) -> None:
    send(ledger, "part", "3EB0")
    assert {oct(path.stat().st_mode & 0o777) for path in tmp_path.iterdir()} == {"0o600"}


def test_threads_of_the_library_write_at_the_same_time(ledger: Ledger) -> None:
    for number in range(8):
        send(ledger, f"part {number}", f"3EB{number}")
    told: list[str] = []

    def tell(number: int) -> None:
        told.extend(
            ledger.receipt(f"3EB{number}", level, AT) for level in ("delivered", "read") for _ in range(20)
        )

    threads = [threading.Thread(target=tell, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == sorted(f"part {number}" for number in range(8) for _ in range(40))


def test_a_damaged_one_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(b"no database" * 1000)
    ledger = Ledger(path, VERSION)
    assert ledger.begun_anew is True
    send(ledger, "part", "3EB0")
    again = reopened(ledger, tmp_path)
    assert again.begun_anew is False
    again.close()
    assert (tmp_path / "ledger.db.damaged").read_bytes() == b"no database" * 1000


def test_where_there_can_be_none_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(Unwritable, match=r"ledger\.db cannot be opened"):
        Ledger(tmp_path / "nowhere" / "ledger.db", VERSION)


def test_a_disk_that_is_full_is_found_before_anything_is_sent(ledger: Ledger) -> None:
    send(ledger, "one", "3EB0")
    pages = ledger._database.execute("PRAGMA page_count").fetchone()[0]
    ledger._database.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(Unwritable, match="full"):
        ledger.begin("p" * 100_000, CHAT, AT)
    assert ledger.announced("3EB1") is False
    assert ledger.recall("one", AT).state == "accepted"
