"""What an agent is asked: its job's own words, the time where the job lives, and what becomes of the answer."""

from itertools import product

import pytest

from stentor.domain.instants import from_iso
from stentor.domain.jobs import DeliveryModel
from stentor.domain.prompts import question, spoken_time, told
from stentor.domain.replies import SILENT_TOKEN, classify, is_interim

ASKED = question("brief", "Morning brief", "What is new?\n  - in short")
NOW = from_iso("2026-11-22T00:05:59.999Z")
ANNOUNCED = DeliveryModel()
POSTED = DeliveryModel(mode="webhook", to=("https://hooks.example.com/in",))
KEPT = DeliveryModel(mode="none")


def what_becomes_of_it(delivery: DeliveryModel, *, may_send: bool) -> str:
    text = told(ASKED, now_ms=NOW, zone="UTC", delivery=delivery, may_send=may_send)
    return text.rpartition("\n")[2]


def test_a_question_names_its_job_in_front_and_is_otherwise_as_it_was_written() -> None:
    assert ASKED == "[cron:brief Morning brief] What is new?\n  - in short"


@pytest.mark.parametrize(
    ("instant", "zone", "said"),
    [
        pytest.param(
            "2026-11-22T00:05:59.999Z",
            "Europe/Berlin",
            "Sunday, 22 November 2026, 01:05 (Europe/Berlin, UTC+01:00)",
            id="winter",
        ),
        pytest.param(
            "2026-07-01T22:30:00Z",
            "Europe/Berlin",
            "Thursday, 2 July 2026, 00:30 (Europe/Berlin, UTC+02:00)",
            id="summer",
        ),
        pytest.param(
            "2026-10-25T00:30:00Z",
            "Europe/Berlin",
            "Sunday, 25 October 2026, 02:30 (Europe/Berlin, UTC+02:00)",
            id="the first half past two",
        ),
        pytest.param(
            "2026-10-25T01:30:00Z",
            "Europe/Berlin",
            "Sunday, 25 October 2026, 02:30 (Europe/Berlin, UTC+01:00)",
            id="the second half past two",
        ),
        pytest.param(
            "2026-01-01T00:00:00Z",
            "America/St_Johns",
            "Wednesday, 31 December 2025, 20:30 (America/St_Johns, UTC-03:30)",
            id="the day before, and half an hour",
        ),
        pytest.param(
            "2026-02-03T04:05:00Z", "UTC", "Tuesday, 3 February 2026, 04:05 (UTC, UTC+00:00)", id="utc"
        ),
    ],
)
def test_the_time_is_that_of_the_zone_with_the_offset_of_that_instant(
    instant: str, zone: str, said: str
) -> None:
    assert spoken_time(from_iso(instant), zone) == said


@pytest.mark.parametrize("gone", ["Europe/Atlantis", "", "../../etc/passwd", "a\0b", "Europe"])
def test_a_zone_that_is_gone_makes_the_time_that_of_utc(gone: str) -> None:
    assert spoken_time(NOW, gone) == "Sunday, 22 November 2026, 00:05 (UTC, UTC+00:00)"


def test_the_question_comes_first_then_the_time_then_what_becomes_of_the_answer() -> None:
    text = told(ASKED, now_ms=NOW, zone="Asia/Tokyo", delivery=KEPT, may_send=False)
    assert text == (
        f"{ASKED}\n\nCurrent time: Sunday, 22 November 2026, 09:05 (Asia/Tokyo, UTC+09:00)\n"
        "Your final answer is kept in the run log, and nobody is sent it."
    )


@pytest.mark.parametrize("may_send", [True, False], ids=["with the tool", "without the tool"])
@pytest.mark.parametrize(
    ("delivery", "what"),
    [
        pytest.param(ANNOUNCED, "is delivered for you", id="announce"),
        pytest.param(POSTED, "is handed to a program for you", id="webhook"),
    ],
)
def test_an_answer_that_is_sent_is_not_to_be_sent_by_the_agent_and_may_be_silence(
    delivery: DeliveryModel, what: str, may_send: bool
) -> None:
    said = what_becomes_of_it(delivery, may_send=may_send)
    assert f"Your final answer {what}" in said
    assert f"Answer with {SILENT_TOKEN} and nothing else" in said
    assert ("Do not send it with the tool `message`" in said) is may_send


@pytest.mark.parametrize("may_send", [True, False], ids=["with the tool", "without the tool"])
def test_an_answer_that_nobody_is_sent_needs_no_word_for_silence(may_send: bool) -> None:
    said = what_becomes_of_it(KEPT, may_send=may_send)
    assert "nobody is sent it" in said
    assert SILENT_TOKEN not in said
    assert ("use the tool `message`" in said) is may_send


@pytest.mark.parametrize(
    ("delivery", "may_send"),
    [
        pytest.param(*case, id=f"{case[0].mode}, {'with' if case[1] else 'without'} the tool")
        for case in product((ANNOUNCED, POSTED, KEPT), (True, False))
    ],
)
def test_an_agent_that_repeats_all_it_was_told_is_neither_silent_nor_asked_again(
    delivery: DeliveryModel, may_send: bool
) -> None:
    text = told(question("a", "A", "Hi"), now_ms=NOW, zone="UTC", delivery=delivery, may_send=may_send)
    assert classify(text).text == text
    assert not is_interim(text)
