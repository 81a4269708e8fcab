"""When heartbeats come by themselves, and what the agent is asked then."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from stentor.domain.happenings import Happening
from stentor.domain.heartbeats import ActiveHours, Rhythm, Waking, asked, tasks_in
from stentor.domain.instants import from_iso, iso
from stentor.domain.jobs import DeliveryModel
from stentor.domain.prompts import told_of_events
from stentor.domain.replies import classify

MINUTE_MS = 60_000
HALF_HOUR = 30 * MINUTE_MS
DAY = ActiveHours(8 * 60, 22 * 60, "Europe/Berlin")
NIGHT = ActiveHours(22 * 60, 6 * 60, "Europe/Berlin")
WHOLE = ActiveHours(0, 24 * 60, "Europe/Berlin")
# Where clocks are changed: by an hour in each direction, by half an hour, at midnight, and by a whole day.
CHANGES = [
    pytest.param("Europe/Berlin", "2026-10-25T01:00:00Z", id="back an hour"),
    pytest.param("Europe/Berlin", "2026-03-29T01:00:00Z", id="ahead an hour"),
    pytest.param("Europe/London", "2026-10-25T01:00:00Z", id="back an hour at 02:00"),
    pytest.param("America/New_York", "2026-11-01T06:00:00Z", id="back west of Greenwich"),
    pytest.param("Australia/Lord_Howe", "2026-04-04T15:00:00Z", id="back half an hour"),
    pytest.param("Australia/Lord_Howe", "2026-10-03T15:30:00Z", id="ahead half an hour"),
    pytest.param("America/Santiago", "2026-04-05T03:00:00Z", id="back over midnight"),
    pytest.param("America/Santiago", "2026-09-06T04:00:00Z", id="ahead at midnight"),
    pytest.param("Pacific/Apia", "2011-12-30T10:00:00Z", id="a day that is left out"),
    pytest.param("Pacific/Kwajalein", "1993-08-21T12:00:00Z", id="another one"),
]


def event(text: str, at: str = "2026-07-01T07:00:00Z") -> Happening:
    return Happening("s-1", 1, text, from_iso(at), "now")


@pytest.mark.parametrize(
    ("hours", "after", "expected"),
    [
        pytest.param(None, "2026-07-01T07:10:00Z", "2026-07-01T07:30:00Z", id="on the half hour"),
        pytest.param(None, "2026-07-01T07:30:00Z", "2026-07-01T08:00:00Z", id="after one comes the next"),
        pytest.param(DAY, "2026-07-01T07:10:00Z", "2026-07-01T07:30:00Z", id="within the hours"),
        pytest.param(DAY, "2026-07-01T19:35:00Z", "2026-07-02T06:00:00Z", id="the end is not part of them"),
        pytest.param(DAY, "2026-07-01T02:10:00Z", "2026-07-01T06:00:00Z", id="before they begin"),
        pytest.param(NIGHT, "2026-07-01T22:10:00Z", "2026-07-01T22:30:00Z", id="over midnight"),
        pytest.param(NIGHT, "2026-07-01T19:40:00Z", "2026-07-01T20:00:00Z", id="as the night begins"),
        pytest.param(NIGHT, "2026-07-01T04:10:00Z", "2026-07-01T20:00:00Z", id="by day"),
        pytest.param(WHOLE, "2026-07-01T21:50:00Z", "2026-07-01T22:00:00Z", id="all day"),
        # Clocks are put forward from 02:00 to 03:00, and back from 03:00 to 02:00.
        pytest.param(DAY, "2026-03-28T22:10:00Z", "2026-03-29T06:00:00Z", id="into summer"),
        pytest.param(DAY, "2026-10-24T22:10:00Z", "2026-10-25T07:00:00Z", id="out of summer"),
        pytest.param(
            ActiveHours(150, 480, "Europe/Berlin"),
            "2026-03-29T00:10:00Z",
            "2026-03-29T01:00:00Z",
            id="they begin in the hour that is left out",
        ),
    ],
)
def test_heartbeats_come_within_the_hours(hours: ActiveHours | None, after: str, expected: str) -> None:
    assert iso(Rhythm(HALF_HOUR, hours).after(from_iso(after))) == expected


def test_a_heartbeat_of_a_day_comes_in_the_hours_and_not_at_midnight() -> None:
    rhythm = Rhythm(24 * 60 * MINUTE_MS, DAY)
    assert iso(rhythm.after(from_iso("2026-07-01T07:10:00Z"))) == "2026-07-02T06:00:00Z"


@pytest.mark.parametrize("hours", [None, DAY, NIGHT], ids=["always", "by day", "by night"])
def test_the_next_heartbeat_is_later_and_within_the_hours_whenever_it_is_asked_for(
    hours: ActiveHours | None,
) -> None:
    rhythm = Rhythm(7 * MINUTE_MS, hours)
    start = from_iso("2026-10-24T12:00:00Z")
    for at_ms in range(start, start + 2 * 86_400_000, 11 * MINUTE_MS + 13):
        following = rhythm.after(at_ms)
        assert following > at_ms
        assert rhythm.held_back(following) == following


def minute_of_day(zone: str, at_ms: int) -> int:
    """What a clock there shows, by the standard library alone."""
    shown = datetime.fromtimestamp(at_ms / 1000, ZoneInfo(zone))
    return shown.hour * 60 + shown.minute


@pytest.mark.parametrize(("zone", "change"), CHANGES)
@pytest.mark.parametrize("length", [15, 60, 9 * 60, 23 * 60], ids="{} min".format)
def test_the_hours_begin_when_a_clock_first_shows_a_time_within_them(
    zone: str, change: str, length: int
) -> None:
    """A clock is looked at each minute, from a day before it is changed until a day after."""
    minutes = range(from_iso(change) - 86_400_000, from_iso(change) + 2 * 86_400_000, MINUTE_MS)
    shown = [minute_of_day(zone, at_ms) for at_ms in minutes]
    for start in range(0, 1440, 45):
        hours = ActiveHours(start, (start + length) % 1440, zone)
        expected = None
        for at_ms, minute in zip(reversed(minutes), reversed(shown), strict=True):
            if (minute - start) % 1440 < length:
                expected = at_ms
            if expected is not None and at_ms % (7 * MINUTE_MS) == 0:
                assert iso(hours.begin(at_ms)) == iso(expected), (iso(at_ms), start)


def test_hours_that_begin_twice_as_clocks_are_put_back_lose_nothing_of_the_day() -> None:
    """At 02:30 it is 02:30 an hour later again; the hour between them is before the hours."""
    rhythm = Rhythm(HALF_HOUR, ActiveHours(150, 22 * 60, "Europe/Berlin"))
    at_ms, woken = from_iso("2026-10-25T00:10:00Z"), []
    for _ in range(4):
        at_ms = rhythm.after(at_ms)
        woken.append(iso(at_ms)[11:16])
    assert woken == ["00:30", "01:30", "02:00", "02:30"]


def test_one_heartbeat_stands_for_all_that_were_missed() -> None:
    due, now = from_iso("2026-07-01T07:30:00Z"), from_iso("2026-07-01T11:50:00Z")
    assert iso(Rhythm(HALF_HOUR).newest(due, now)) == "2026-07-01T11:30:00Z"


def test_one_that_was_held_back_stands_for_the_beginning_of_the_hours() -> None:
    due = from_iso("2026-07-01T06:00:00Z")
    assert Rhythm(45 * MINUTE_MS, DAY).newest(due, due + 3) == due


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", "", id="nothing"),
        pytest.param("# Heartbeat\n\n## Later\n", "", id="headings"),
        pytest.param("<!-- look at\nthe mail -->\n", "", id="a comment"),
        pytest.param("<!-- never closed\nlook", "", id="an open comment"),
        pytest.param("- \n* [ ]\n+ [x]\n-\n", "", id="empty lists"),
        pytest.param("# Mail\n- [ ] look at the mail\n", "# Mail\n- [ ] look at the mail", id="a task"),
        pytest.param("look <!-- gently --> around", "look  around", id="beside a comment"),
    ],
)
def test_headings_comments_and_empty_lists_are_no_task(text: str, expected: str) -> None:
    assert tasks_in(text) == expected


@pytest.mark.parametrize(
    ("beats", "events", "tasks", "expected"),
    [
        pytest.param(False, ["tea"], "mail", "[2026-07-01 09:00] tea", id="an event speaks for itself"),
        pytest.param(
            False, ["tea", "milk"], "", "[2026-07-01 09:00] tea\n[2026-07-01 09:00] milk", id="two events"
        ),
        pytest.param(False, [], "", "Look around.", id="woken without a word"),
        pytest.param(False, [], "mail", "Look around.\n\n## HEARTBEAT.md\n\nmail", id="with tasks"),
        pytest.param(True, ["tea"], "", "[2026-07-01 09:00] tea\n\nLook around.", id="a heartbeat does both"),
    ],
)
def test_the_question_is_what_has_happened_and_what_is_to_be_done(
    beats: bool,
    events: list[str],
    tasks: str,
    expected: str,
) -> None:
    waking = Waking(message="Look around.", beats=beats)
    assert asked(waking, list(map(event, events)), tasks, "Europe/Berlin").message == expected


def test_a_question_says_how_many_events_are_told_after_it() -> None:
    events = [event("tea"), event("milk")]
    lines = asked(Waking(message="Look around."), events, "", "UTC", more=2).message.splitlines()
    assert [line.partition("] ")[2] for line in lines[:2]] == ["tea", "milk"]
    assert lines[2:] == ["(2 later events are told to you right after these)"]


def test_whoever_repeats_the_whole_message_is_not_taken_to_have_nothing_to_tell() -> None:
    now_ms = from_iso("2026-07-01T07:00:00Z")
    message = told_of_events(
        "tea", now_ms=now_ms, zone="UTC", delivery=DeliveryModel(), may_send=True, has_events=True
    )
    assert "HEARTBEAT_OK" in message
    assert classify(message).kind == "text"
