from hashlib import sha256
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from stentor.domain.instants import LAST_MS, from_iso, iso
from stentor.domain.schedules import At, Cron, Every, Schedule, instants, next_after, period_ms

SCHEDULE: TypeAdapter[Schedule] = TypeAdapter(Schedule)
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


def cron(expr: str, tz: str = "UTC", stagger_ms: int = 0) -> Cron:
    return Cron(expr=expr, tz=tz, stagger_ms=stagger_ms)


def fires(schedule: Schedule, after: str, count: int) -> list[str]:
    found: list[str] = []
    at_ms = from_iso(after)
    for _ in range(count):
        instant_ms = next_after(schedule, at_ms)
        if instant_ms is None:
            break
        found.append(iso(instant_ms))
        at_ms = instant_ms
    return found


@pytest.mark.parametrize(
    ("document", "canonical"),
    [
        pytest.param(
            {"kind": "at", "at": "2026-05-01T09:00"},
            {"kind": "at", "tz": None, "at": "2026-05-01T09:00:00Z"},
            id="at is UTC",
        ),
        pytest.param(
            {"kind": "at", "at": "2027-03-23", "tz": "Asia/Shanghai"},
            {"kind": "at", "tz": "Asia/Shanghai", "at": "2027-03-22T16:00:00Z"},
            id="at in a zone",
        ),
        pytest.param(
            {"kind": "every", "everyMs": 1000},
            {"kind": "every", "everyMs": 1000, "anchorMs": None},
            id="every",
        ),
        pytest.param(
            {"kind": "every", "every_ms": 1000, "anchor_ms": 5},
            {"kind": "every", "everyMs": 1000, "anchorMs": 5},
            id="field names are taken too",
        ),
        pytest.param(
            {"kind": "cron", "expr": " 0  7 * *\t1-5 ", "tz": "Europe/Berlin"},
            {"kind": "cron", "expr": "0 7 * * 1-5", "tz": "Europe/Berlin", "staggerMs": 0},
            id="cron",
        ),
        pytest.param(
            {"kind": "cron", "expr": "@daily", "tz": "UTC", "staggerMs": 30_000},
            {"kind": "cron", "expr": "@daily", "tz": "UTC", "staggerMs": 30_000},
            id="alias",
        ),
    ],
)
def test_a_schedule_has_one_canonical_form_which_reads_back(document: object, canonical: object) -> None:
    schedule = SCHEDULE.validate_python(document)
    assert SCHEDULE.dump_python(schedule) == canonical
    assert SCHEDULE.validate_json(SCHEDULE.dump_json(schedule)) == schedule


@pytest.mark.parametrize(
    ("document", "words"),
    [
        pytest.param({"kind": "cron", "expr": "@daily"}, "name an IANA zone", id="no zone"),
        pytest.param({"kind": "cron", "expr": "@daily", "tz": None}, "name an IANA zone", id="null zone"),
        pytest.param({"kind": "cron", "expr": "@daily", "tz": "CST"}, "Asia/Shanghai", id="abbreviation"),
        pytest.param({"kind": "cron", "expr": "@daily", "tz": "+02:00"}, "Etc/GMT-2", id="offset"),
        pytest.param({"kind": "cron", "expr": "0 0 30 2 *", "tz": "UTC"}, "never fires", id="never"),
        pytest.param(
            {"kind": "cron", "expr": "@daily", "tz": "UTC", "staggerMs": -1}, "staggerMs", id="stagger"
        ),
        pytest.param({"kind": "cron", "expr": "@daily", "tz": "UTC", "at": "x"}, "Extra", id="foreign key"),
        pytest.param(
            {"kind": "every", "everyMs": 999}, "at least 1000 milliseconds; 999 are", id="too often"
        ),
        pytest.param({"kind": "every", "everyMs": 10**15}, "ten years", id="too seldom"),
        pytest.param({"kind": "every", "everyMs": 1000, "anchorMs": -1}, "anchorMs", id="anchor"),
        pytest.param({"kind": "at", "at": "tomorrow"}, "not a time", id="words"),
        pytest.param(
            {"kind": "at", "at": "2026-03-08T02:30", "tz": "America/New_York"}, "does not exist", id="gap"
        ),
        pytest.param(
            {"kind": "at", "at": "2026-03-08T02:30", "tz": "EST"}, "America/New_York", id="at abbreviation"
        ),
        pytest.param({"kind": "at", "at": "9999999999999999"}, "1970 to 9998", id="out of range"),
        pytest.param({"kind": "weekly"}, "'at', 'every', 'cron'", id="unknown kind"),
    ],
)
def test_a_schedule_that_could_not_be_kept_is_refused(document: object, words: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        SCHEDULE.validate_python(document)
    assert words in str(refusal.value)


@pytest.mark.parametrize(
    ("expr", "words"),
    [
        ("61 * * * *", "outside 0-59"),
        ("0 25 * * *", "outside 0-23"),
        ("0 0 0 * *", "outside 1-31"),
        ("0 0 * 13 *", "outside 1-12"),
        ("0 0 * * 8", "day of week 8 is outside 0-7"),
        ("* * * *", "has 4 fields"),
        ("9am", "has 1 field;"),
        ("", "has 0 fields"),
        ("0 0 9 * * * 2027", "a year cannot be given"),
        ("*/0 * * * *", "a step is 1 to 60"),
        ("*/90 * * * *", "a step is 1 to 60"),
        ("0 */25 * * *", "a step is 1 to 24"),
        ("0 0 * * */8", "a step is 1 to 7"),
        ("5/10 * * * *", "write 5-59/10"),
        ("10-5 * * * *", "runs backwards; write it as two ranges with a comma: 10-59,0-5"),
        ("0 22-6 * * *", "22-23,0-6"),
        ("0 9 * * 6-1", "6,0-1"),
        ("0 9 * * 7-1", "comma: 0-1"),
        ("0 9 * NOV-FEB *", "11-12,1-2"),
        ("R * * * *", "random"),
        ("R(0-5) * * * *", "random"),
        ("H * * * *", "random"),
        ("H/5 * * * *", "random"),
        ("0 9 ? * 1", "write * instead"),
        ("0 9 LW * *", "15W"),
        ("0 9 W * *", "15W"),
        ("0 9 32W * *", "15W"),
        ("0 9 L-3 * *", "L is the last day of the month"),
        ("0 9 * * 5L", "L5"),
        ("0 9 * * FRI#L", "L5"),
        ("0 9 * * L", "L5 is the last Friday"),
        ("0 9 * * MONDAY", "names have three letters"),
        ("0 9 * JANUARY *", "names have three letters"),
        ("TZ=UTC 0 9 * * *", "name it as the schedule's tz"),
        ("CRON_TZ=UTC 0 9 * * *", "name it as the schedule's tz"),
        ("0 9 15 * +1", "not understood"),
        ("0 9 * * 5#6", "5#2 or FRI#2"),
        ("0 9 * * 8#1", "5#2 or FRI#2"),
        ("*-5 * * * *", "not understood"),
        ("1,,2 * * * *", "a comma is missing its value"),
        ("-1 * * * *", "not understood"),
        ("\u0665 * * * *", "not understood"),
        ("MON * * * *", "not understood"),
        ("0 9 15W,20 * *", "two jobs"),
        ("0 9 15W,16W * *", "two jobs"),
        ("0 9 * * 1,5#2", "two jobs"),
        ("0 9 15 * 5#2", "two jobs"),
        ("0 9 15W * 1", "two jobs"),
        ("0 0 30 2 *", "never fires"),
        ("0 9 31 2,4,6 *", "never fires"),
        ("@reboot", "only @hourly, @daily"),
        ("@every 5m", "kind every"),
        pytest.param("0," * 200 + "0 * * * *", "at most 200 characters", id="overlong"),
    ],
)
def test_an_expression_that_would_be_misread_is_refused(expr: str, words: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        cron(expr)
    assert words in str(refusal.value)


@pytest.mark.parametrize(
    ("expr", "after", "expected"),
    [
        ("0 9 * * 7", "2026-05-01", ["2026-05-03T09:00:00Z"]),
        ("0 9 * * MON", "2026-05-01", ["2026-05-04T09:00:00Z"]),
        ("0 9 * * sun", "2026-05-01", ["2026-05-03T09:00:00Z"]),
        ("0 9 * * 1-5", "2026-05-01T09:00", ["2026-05-04T09:00:00Z", "2026-05-05T09:00:00Z"]),
        (
            "0 9 * * FRI-SUN",
            "2026-05-01T09:00",
            ["2026-05-02T09:00:00Z", "2026-05-03T09:00:00Z", "2026-05-08T09:00:00Z"],
        ),
        (
            "0 9 * * 5-7",
            "2026-05-01T09:00",
            ["2026-05-02T09:00:00Z", "2026-05-03T09:00:00Z", "2026-05-08T09:00:00Z"],
        ),
        (
            "0 9 * * 1-7/3",
            "2026-05-01T09:00",
            ["2026-05-03T09:00:00Z", "2026-05-04T09:00:00Z", "2026-05-07T09:00:00Z"],
        ),
        (
            "0 9 * * 0-7",
            "2026-05-01T09:00",
            ["2026-05-02T09:00:00Z", "2026-05-03T09:00:00Z", "2026-05-04T09:00:00Z"],
        ),
        ("0 9 * * 5-5", "2026-05-01T09:00", ["2026-05-08T09:00:00Z"]),
        ("* 23-23 * * *", "2026-05-01T09:00", ["2026-05-01T23:00:00Z", "2026-05-01T23:01:00Z"]),
        ("0 9 1-1,3 * *", "2026-05-01T09:00", ["2026-05-03T09:00:00Z", "2026-06-01T09:00:00Z"]),
        ("0 9 1-1/5 * *", "2026-05-01T09:00", ["2026-06-01T09:00:00Z"]),
        ("59-59/15 9 * * *", "2026-05-01T09:00", ["2026-05-01T09:59:00Z", "2026-05-02T09:59:00Z"]),
        ("0 9 * * SUN-SUN", "2026-05-01", ["2026-05-03T09:00:00Z", "2026-05-10T09:00:00Z"]),
        ("0 9 1 * 1", "2026-05-02", ["2026-05-04T09:00:00Z"]),
        ("0 9 31 2 1", "2026-01-31", ["2026-02-02T09:00:00Z", "2026-02-09T09:00:00Z"]),
        (
            "0 9 */2 * 1",
            "2026-05-01T09:00",
            ["2026-05-03T09:00:00Z", "2026-05-04T09:00:00Z", "2026-05-05T09:00:00Z"],
        ),
        ("0 9 */1 * 1", "2026-05-01T09:00", ["2026-05-04T09:00:00Z", "2026-05-11T09:00:00Z"]),
        ("0 7,* * * *", "2026-05-01T09:00", ["2026-05-01T10:00:00Z"]),
        ("0 9 * * 5#2", "2026-05-01", ["2026-05-08T09:00:00Z", "2026-06-12T09:00:00Z"]),
        ("0 9 * * MON#1,MON#3", "2026-05-01", ["2026-05-04T09:00:00Z", "2026-05-18T09:00:00Z"]),
        ("0 9 * * TUE#1,WED#1", "2026-05-01", ["2026-05-05T09:00:00Z", "2026-05-06T09:00:00Z"]),
        ("0 9 * * L5", "2026-05-01", ["2026-05-29T09:00:00Z", "2026-06-26T09:00:00Z"]),
        ("0 9 L * *", "2026-02-01", ["2026-02-28T09:00:00Z", "2026-03-31T09:00:00Z"]),
        ("0 9 15,L * *", "2026-02-01", ["2026-02-15T09:00:00Z", "2026-02-28T09:00:00Z"]),
        ("0 9 15W * *", "2026-08-01", ["2026-08-14T09:00:00Z", "2026-09-15T09:00:00Z"]),
        ("0 9 1W * *", "2026-08-01", ["2026-08-03T09:00:00Z"]),
        ("0 0 29 2 *", "2026-05-01", ["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"]),
        ("30 0 9 * * *", "2026-05-01T08:00", ["2026-05-01T09:00:30Z", "2026-05-02T09:00:30Z"]),
        (
            "*/20 0 9 * * *",
            "2026-05-01T09:00:00.5Z",
            ["2026-05-01T09:00:20Z", "2026-05-01T09:00:40Z", "2026-05-02T09:00:00Z"],
        ),
        ("@hourly", "2026-05-01T08:00", ["2026-05-01T09:00:00Z"]),
        ("@Weekly", "2026-05-01T08:00", ["2026-05-03T00:00:00Z"]),
        ("@yearly", "2026-05-01T08:00", ["2027-01-01T00:00:00Z"]),
    ],
)
def test_an_expression_means_what_its_writer_means(expr: str, after: str, expected: list[str]) -> None:
    assert fires(cron(expr), after, len(expected)) == expected


def test_an_interval_counts_from_its_anchor_and_does_not_drift() -> None:
    anchor = from_iso("2026-05-01T04:42")
    schedule = Every(every_ms=12_600_000, anchor_ms=anchor)
    assert fires(schedule, "2026-05-01T06:08", 2) == ["2026-05-01T08:12:00Z", "2026-05-01T11:42:00Z"]
    assert next_after(schedule, anchor - DAY) == anchor
    assert next_after(schedule, anchor - 1) == anchor
    assert next_after(schedule, anchor) == anchor + 12_600_000


def test_a_one_shot_fires_at_its_own_instant_only() -> None:
    schedule = At(at="2026-05-01T09:00:00.250Z")
    at_ms = from_iso("2026-05-01T09:00:00.250Z")
    assert next_after(schedule, at_ms - 1) == at_ms
    assert next_after(schedule, at_ms) is None


def test_a_stagger_shifts_every_instant_by_the_jobs_own_offset() -> None:
    schedule = cron("0 * * * *", stagger_ms=300_000)
    offset = int.from_bytes(sha256(b"brief").digest()[:4], "big") % 300_000
    nine = from_iso("2026-05-01T09:00")
    assert offset > 0
    assert next_after(schedule, nine, job_id="brief") == nine + offset
    assert next_after(schedule, nine + offset, job_id="brief") == nine + HOUR + offset
    assert next_after(schedule, nine, job_id="other") != nine + offset


@pytest.mark.parametrize(
    ("schedule", "near", "expected"),
    [
        (cron("*/5 * * * *"), "2026-05-01T09:01", 5 * MINUTE),
        (cron("0 7 * * *", "Europe/Berlin"), "2026-05-01T09:00", DAY),
        (cron("0 7 * * *", "Europe/Berlin"), "2026-03-28T05:00", 23 * HOUR),
        (Every(every_ms=90_000), "2026-05-01T09:00", 90_000),
        (At(at="2026-05-01T10:00Z"), "2026-05-01T09:00", None),
        (At(at="2026-05-01T08:00Z"), "2026-05-01T09:00", None),
    ],
)
def test_the_period_is_the_gap_between_the_next_two_instants(
    schedule: Schedule, near: str, expected: int | None
) -> None:
    assert period_ms(schedule, from_iso(near)) == expected


@pytest.mark.parametrize(
    "schedule",
    [cron("* * * * *"), cron("0 9 * * *", "Pacific/Kiritimati"), cron("0 0 29 2 *"), Every(every_ms=1000)],
)
def test_the_end_and_the_beginning_of_the_calendar_break_nothing(schedule: Schedule) -> None:
    last = LAST_MS - 1
    assert next_after(schedule, last) is None
    assert next_after(schedule, last + 10 * 366 * DAY) is None
    first = next_after(schedule, -(10**15))
    assert first is not None
    assert first >= 0 or isinstance(schedule, Every)


SCHEDULES = st.one_of(
    st.tuples(st.integers(1_000, DAY), st.integers(0, 2 * 10**12)).map(
        lambda beat: Every(every_ms=beat[0], anchor_ms=beat[1])
    ),
    st.builds(
        cron,
        st.sampled_from(
            ["*/7 * * * *", "0 9 * * *", "30 1,2 * * *", "15 0-6/2 * * *", "*/20 30 2 * * *", "0 0 1 * 1"]
        ),
        st.sampled_from(["UTC", "America/New_York", "Australia/Lord_Howe", "America/Nuuk", "Africa/Cairo"]),
        stagger_ms=st.sampled_from([0, 30_000, 300_000]),
    ),
)
INSTANTS = st.integers(from_iso("2026-01-01"), from_iso("2028-12-31"))


@given(SCHEDULES, INSTANTS)
@settings(max_examples=150, deadline=None)
def test_the_next_instant_lies_strictly_later_and_nothing_lies_between(
    schedule: Schedule, after_ms: int
) -> None:
    found = next_after(schedule, after_ms, job_id="j")
    assert found is not None
    assert found > after_ms
    for earlier in (found - 1, (after_ms + found) // 2):
        assert next_after(schedule, max(earlier, after_ms), job_id="j") == found


@given(SCHEDULES, INSTANTS, st.integers(0, 2 * DAY))
@settings(max_examples=100, deadline=None)
def test_a_window_holds_exactly_the_instants_of_its_parts(
    schedule: Schedule, after_ms: int, width: int
) -> None:
    until_ms = after_ms + (min(width, 200 * schedule.every_ms) if isinstance(schedule, Every) else width)
    middle = (after_ms + until_ms) // 2
    whole = list(instants(schedule, after_ms, until_ms, job_id="j"))
    halves = [
        *instants(schedule, after_ms, middle, job_id="j"),
        *instants(schedule, middle, until_ms, job_id="j"),
    ]
    assert whole == halves
    assert all(earlier < later for earlier, later in pairwise([after_ms, *whole]))
    assert all(instant <= until_ms for instant in whole)
    beyond = next_after(schedule, until_ms, job_id="j")
    assert beyond is None or beyond > until_ms


@given(st.text(alphabet="0123456789*/,-LWH#?R @MONSUADYdaily", max_size=30))
@settings(max_examples=300, deadline=None)
def test_no_text_makes_the_reader_of_expressions_fail_in_another_way(text: str) -> None:
    try:
        schedule = cron(text)
    except ValidationError:
        return
    assert next_after(schedule, from_iso("2026-05-01")) is not None
