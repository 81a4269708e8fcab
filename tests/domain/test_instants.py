import zoneinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stentor.domain.instants import LAST_MS, from_iso, iso, local, parse_at
from stentor.domain.zones import zone

NOW = from_iso("2026-03-01T09:00:00Z")


@pytest.mark.parametrize(
    ("text", "tz", "expected"),
    [
        pytest.param("2026-05-01T09:00", None, "2026-05-01T09:00:00Z", id="no offset is UTC"),
        pytest.param("2026-05-01T09:00:30Z", None, "2026-05-01T09:00:30Z", id="Z"),
        pytest.param("2026-05-01t09:00z", None, "2026-05-01T09:00:00Z", id="small letters"),
        pytest.param("2026-05-01T09:00:30.1239", None, "2026-05-01T09:00:30.123Z", id="fractions"),
        pytest.param("2026-05-01T09:00+02:00", None, "2026-05-01T07:00:00Z", id="offset"),
        pytest.param(
            "2026-05-01T09:00+02:00", "Asia/Tokyo", "2026-05-01T07:00:00Z", id="the offset beats the zone"
        ),
        pytest.param("2026-05-01", None, "2026-05-01T00:00:00Z", id="date"),
        pytest.param("1777626000000", None, "2026-05-01T09:00:00Z", id="milliseconds"),
        pytest.param("1777626000000", "Asia/Tokyo", "2026-05-01T09:00:00Z", id="milliseconds know no zone"),
        pytest.param("2026-05-01T09:00", "Europe/Berlin", "2026-05-01T07:00:00Z", id="wall time"),
        pytest.param("2027-03-23", "Asia/Shanghai", "2027-03-22T16:00:00Z", id="midnight there"),
        pytest.param("2026-11-01T01:30", "America/New_York", "2026-11-01T05:30:00Z", id="first of two"),
        pytest.param("20m", None, "2026-03-01T09:20:00Z", id="from now"),
        pytest.param("+20m", "Asia/Tokyo", "2026-03-01T09:20:00Z", id="plus"),
        pytest.param(" 1h30m ", None, "2026-03-01T10:30:00Z", id="outer blanks"),
        pytest.param("2026-03-01T08:59", None, "2026-03-01T08:59:00Z", id="a minute ago is still now"),
    ],
)
def test_a_time_is_read(text: str, tz: str | None, expected: str) -> None:
    assert iso(parse_at(text, tz=tz, now_ms=NOW)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "2026-05-01 09:00",
        "20260501T0900",
        "2026-W18-5",
        "2026-02-30",
        "May 1 2026",
        "2026-05-01T25:00",
        "2026-05-01T24:00",
        "2026-05-01T09",
        "2026-05-01Z",
        "2026-05-01T09:00:60",
        "2026-05-01T09:00+25:00",
        "2026-05-01T09:00+02:60",
        "2026-05-01T09:00,5",
        "",
        "1w",
        "-20m",
        "+20",
        "9am",
        pytest.param("9" * 17, id="17 digits"),
        pytest.param("9" * 5000, id="5000 digits"),
        "\u0662\u0660\u0662\u0666-05-01",
        "0000-01-01",
        "1969-12-31T23:00",
        "9999-06-01",
    ],
)
def test_anything_else_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError) as refusal:
        parse_at(text, tz=None, now_ms=NOW)
    assert repr(text) in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "now", "words"),
    [
        (
            "2025-02-06T07:30",
            "2026-02-06T07:30",
            "lies 365 days in the past (it is 2026-02-06T07:30:00Z now)",
        ),
        ("2026-02-06T07:28:59", "2026-02-06T07:30", "lies 1 minute in the past"),
        ("2026-02-06T07:00", "2026-02-06T07:30", "lies 30 minutes in the past"),
        ("2026-02-06T02:30", "2026-02-06T07:30", "lies 5 hours in the past"),
        ("1777626000", "2026-02-06T07:30", "lies 56 years in the past"),
        ("2046-02-06T07:30", "2026-02-06T07:30", "lies 20 years ahead"),
        ("4000d", "2026-02-06T07:30", "lies 11 years ahead"),
    ],
)
def test_the_past_and_the_far_future_are_refused_with_the_distance(text: str, now: str, words: str) -> None:
    with pytest.raises(ValueError) as refusal:
        parse_at(text, tz=None, now_ms=from_iso(now))
    assert words in str(refusal.value)


def test_a_number_that_must_have_meant_seconds_is_told_so() -> None:
    with pytest.raises(
        ValueError, match="or 1777626000000 if seconds were meant: a number counts milliseconds"
    ):
        parse_at("1777626000", tz=None, now_ms=NOW)
    with pytest.raises(ValueError, match=r"later time$"):
        parse_at("1577626000000", tz=None, now_ms=NOW)


@pytest.mark.parametrize(
    ("text", "tz", "next_valid"),
    [
        ("2026-03-08T02:30", "America/New_York", "2026-03-08T03:00:00-04:00"),
        ("2026-10-04T02:15", "Australia/Lord_Howe", "2026-10-04T02:30:00+11:00"),
        ("2026-04-24", "Africa/Cairo", "2026-04-24T01:00:00+03:00"),
    ],
)
def test_a_wall_time_the_clocks_skip_is_refused_and_the_next_valid_one_named(
    text: str, tz: str, next_valid: str
) -> None:
    with pytest.raises(ValueError, match="does not exist in") as refusal:
        parse_at(text, tz=tz, now_ms=NOW)
    assert next_valid in str(refusal.value)


def test_an_instant_is_shown_on_the_wall_of_a_zone() -> None:
    assert local(from_iso("2026-05-01T07:00:00.250Z"), "Europe/Berlin") == "2026-05-01T09:00:00.250+02:00"
    assert local(0, "Asia/Kolkata") == "1970-01-01T05:30:00+05:30"


@given(st.integers(min_value=0, max_value=LAST_MS - 1))
def test_an_instant_that_is_written_reads_back(ms: int) -> None:
    assert from_iso(iso(ms)) == ms


@given(st.text(max_size=40), st.sampled_from([None, "Europe/Berlin"]))
def test_no_text_makes_the_reader_fail_in_another_way(text: str, tz: str | None) -> None:
    try:
        at_ms = parse_at(text, tz=tz, now_ms=NOW)
    except ValueError:
        return
    assert at_ms >= NOW - 60_000


@pytest.mark.parametrize(
    ("name", "candidates"),
    [
        ("CST", ["America/Chicago", "Asia/Shanghai"]),
        ("cst", ["America/Chicago"]),
        ("EST", ["America/New_York"]),
        ("IST", ["Asia/Kolkata", "Europe/Dublin"]),
        ("+02:00", ["Etc/GMT-2", "Europe/Berlin"]),
        ("-0330", ["Europe/Berlin"]),
        ("UTC+5", ["Etc/GMT-5"]),
        ("+00:00", ["UTC"]),
        ("europe/berlin", ["Europe/Berlin"]),
        ("Europe/Belrin", ["Europe/Berlin"]),
        ("right/Europe/Berlin", ["Europe/Berlin"]),
        ("utc", ["(did you mean 'UTC'?)", "IANA"]),
        ("New_York", ["America/New_York"]),
        ("localtime", ["'localtime' is unknown; name an IANA"]),
        ("Factory", ["'Factory' is unknown; name an IANA"]),
        ("Mars/Base", ["'Mars/Base'", "IANA"]),
        ("../etc/passwd", ["IANA"]),
        ("America", ["IANA"]),
        ("", ["IANA"]),
        ("x\x00", ["IANA"]),
        pytest.param("a" * 400, ["IANA"], id="400 letters"),
    ],
)
def test_what_is_not_a_place_is_refused_with_candidates(name: str, candidates: list[str]) -> None:
    with pytest.raises(ValueError) as refusal:
        zone(name)
    for candidate in candidates:
        assert candidate in str(refusal.value)


def test_nearly_every_name_of_the_database_is_accepted() -> None:
    refused: set[str] = set()
    for name in zoneinfo.available_timezones():
        try:
            assert zone(name).key == name
        except ValueError:
            refused.add(name)
    assert refused <= {"EST", "MST", "GMT+0", "GMT-0", "Factory", "localtime"}
