"""`cron next`: when a schedule fires, asked with flags, about a stored job, or line by line."""

import json
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import tzdata
from tests.outside import JsonObject, Stentor

from stentor.adapters.tz_database import tz_database

AFTER = "2031-01-01T00:00:00Z"
TABLE: dict[str, tuple[JsonObject, list[str], list[str]]] = {
    "by the clock, in a zone": (
        {"expr": "0 7 * * *", "tz": "Europe/Berlin", "n": 2},
        ["2031-01-01T06:00:00Z", "2031-01-02T06:00:00Z"],
        ["2031-01-01T07:00:00+01:00", "2031-01-02T07:00:00+01:00"],
    ),
    "over the change of clocks": (
        {"expr": "30 2 * * *", "tz": "Europe/Berlin", "after": "2031-03-29T12:00:00Z", "n": 2},
        ["2031-03-30T01:00:00Z", "2031-03-31T00:30:00Z"],
        ["2031-03-30T03:00:00+02:00", "2031-03-31T02:30:00+02:00"],
    ),
    "with seconds": (
        {"expr": "30 0 7 * * *", "tz": "UTC", "n": 1},
        ["2031-01-01T07:00:30Z"],
        ["2031-01-01T07:00:30+00:00"],
    ),
    "on a weekday of the month": (
        {"expr": "0 9 * * MON#1", "tz": "UTC", "n": 2},
        ["2031-01-06T09:00:00Z", "2031-02-03T09:00:00Z"],
        ["2031-01-06T09:00:00+00:00", "2031-02-03T09:00:00+00:00"],
    ),
    "in a leap year": (
        {"expr": "0 0 29 2 *", "tz": "UTC", "n": 1},
        ["2032-02-29T00:00:00Z"],
        ["2032-02-29T00:00:00+00:00"],
    ),
    "at an interval": (
        {"every": "90m", "tz": "Asia/Kolkata", "after": "2031-01-01T00:00:00", "n": 2},
        ["2030-12-31T20:00:00Z", "2030-12-31T21:30:00Z"],
        ["2031-01-01T01:30:00+05:30", "2031-01-01T03:00:00+05:30"],
    ),
    "once": (
        {"at": "2031-05-01T09:00", "tz": "Europe/Berlin", "n": 3},
        ["2031-05-01T07:00:00Z"],
        ["2031-05-01T09:00:00+02:00"],
    ),
    "once, without a zone": (
        {"at": "2031-05-01T09:00", "tz": None},
        ["2031-05-01T09:00:00Z"],
        ["2031-05-01T09:00:00+00:00"],
    ),
}
FLAGS = {"expr": "--cron", "every": "--every", "at": "--at", "tz": "--tz", "after": "--after", "n": "-n"}
REFUSED: dict[str, tuple[JsonObject, str]] = {
    "nothing": ({}, "choose exactly one of --cron, --every, --at and --id"),
    "two schedules": ({"expr": "0 7 * * *", "every": "1h"}, "choose exactly one of"),
    "a bad expression": ({"expr": "61 * * * *"}, "minute 61 is outside 0-59"),
    "an expression that never fires": ({"expr": "0 0 31 2 *"}, "never fires"),
    "an empty expression": ({"expr": ""}, "it has 0 fields"),
    "an empty interval": ({"every": ""}, "'' is not a duration"),
    "an empty time": ({"at": ""}, "'' is not a time"),
    "an interval of nothing": ({"every": "0s"}, "everyMs: must be at least 1000 milliseconds"),
    "an interval of centuries": (
        {"every": "90000d"},
        "at most 315619200000 milliseconds, which are ten years",
    ),
    "an interval in words": ({"every": "often"}, "is not a duration"),
    "a time that has passed": ({"at": "2020-01-01", "after": AFTER}, "in the past"),
    "an unknown zone": ({"expr": "0 7 * * *", "tz": "Mars"}, "name an IANA zone"),
    "an unknown zone of an interval": ({"every": "1h", "tz": "Mars"}, "name an IANA zone"),
    "a start in words": ({"expr": "0 7 * * *", "after": "yesterday"}, "'yesterday' is not a time"),
    "a time that ends before it starts": (
        {"at": "2031-05-01", "after": "2031-05-01T00:00:30"},
        "does not fire after 2031-05-01T00:00:30Z",
    ),
    "a start beyond the last": ({"at": "2031-05-01", "after": "2032-01-01"}, "in the past"),
}


def as_flags(asked: JsonObject) -> list[str]:
    return [word for key, value in asked.items() if value is not None for word in (FLAGS[key], str(value))]


@pytest.mark.parametrize(("asked", "utc", "local"), TABLE.values(), ids=TABLE.keys())
def test_the_next_instants_are_told_in_both_times(
    stentor: Stentor, asked: JsonObject, utc: list[str], local: list[str]
) -> None:
    answer = stentor.ask("cron", "next", *as_flags({"after": AFTER, **asked}))

    assert answer == {"occurrences": utc, "local": local}


@pytest.mark.parametrize(("asked", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_a_schedule_that_cannot_be_is_an_error(stentor: Stentor, asked: JsonObject, said: str) -> None:
    assert said in stentor.refusal("cron", "next", *as_flags(asked))["message"]


def test_a_batch_answers_each_line_like_the_flags_do_and_a_bad_line_stops_nobody(stentor: Stentor) -> None:
    good = [{"after": AFTER, **asked} for asked, _, _ in TABLE.values()]
    bad = [asked for asked, _ in REFUSED.values()]
    odd = [
        "[1]",
        '"x"',
        "{bad",
        '{"expr": "0 7 * * *", "n": 0}',
        '{"every": "1h", "n": "x"}',
        '{"every": "1h", "n": true}',
        '{"expr": 5}',
        '{"sorry": 1}',
    ]
    lines = [*map(json.dumps, good + bad), *odd]

    answer = stentor.run("cron", "next", "--batch", stdin="\n\n".join(lines) + "\n")

    assert answer.code == 0
    assert len(answer.lines) == len(lines)
    expected = [{"occurrences": utc, "local": local} for _, utc, local in TABLE.values()]
    assert answer.lines[: len(good)] == expected
    errors = [line["error"] for line in answer.lines[len(good) :]]
    assert all(error.keys() == {"code", "message", "hint", "details"} for error in errors)
    assert [
        said
        for (_, said), error in zip(REFUSED.values(), errors, strict=False)
        if said not in error["message"]
    ] == []
    assert {error["code"] for error in errors[len(bad) :]} == {"bad_json", "bad_request", "bad_schedule"}


def test_a_stored_job_is_asked_by_its_id_or_its_name(stentor: Stentor) -> None:
    stentor.ask(
        "cron", "add", "--id", "brief", "--name", "Morning Brief", "--cron", "0 7 * * *", "--tz", "Asia/Tokyo",
        "--stagger", "10m", "--text", "x", "--to", "local:a",
    )  # fmt: skip

    answer = stentor.ask("cron", "next", "--id", "brief", "--after", AFTER, "-n", "2")
    batch = stentor.run(
        "cron", "next", "--batch", stdin=json.dumps({"id": "morning brief", "after": AFTER, "n": 2})
    )

    first, second = answer["local"]
    assert first[:14] == "2031-01-02T07:"
    assert second == first.replace("01-02", "01-03")
    assert batch.lines == [answer]


def test_the_times_of_a_stored_job_are_shown_in_the_zone_that_is_asked_for(stentor: Stentor) -> None:
    stentor.ask(
        "cron", "add", "--id", "brief", "--cron", "0 7 * * *", "--tz", "Asia/Tokyo", "--text", "x", "--to", "local:a"
    )  # fmt: skip

    here = stentor.ask("cron", "next", "--id", "brief", "--after", AFTER, "-n", "1")
    there = stentor.ask("cron", "next", "--id", "brief", "--after", AFTER, "-n", "1", "--tz", "Europe/Paris")

    assert there["occurrences"] == here["occurrences"]
    assert [here["local"][0][10:16], there["local"][0][10:16]] == ["T07:00", "T23:00"]


def test_five_instants_are_told_unless_another_number_is_asked_for(stentor: Stentor) -> None:
    words = ("cron", "next", "--every", "1h")

    assert len(stentor.ask(*words)["occurrences"]) == 5
    assert len(stentor.ask(*words, "-n", "1000")["occurrences"]) == 1000
    assert "1<=x<=1000" in stentor.refusal(*words, "-n", "1001")["message"]
    assert len(stentor.run(*words, "-n", "7").out.splitlines()) == 7


def test_the_configured_zone_is_used_where_none_is_named(stentor: Stentor) -> None:
    stentor.home.mkdir()
    (stentor.home / "stentor.toml").write_text("timezone = 'America/New_York'\n")

    answer = stentor.ask("cron", "next", "--cron", "0 7 * * *", "--after", AFTER, "-n", "1")

    assert answer["local"] == ["2031-01-01T07:00:00-05:00"]


def test_a_job_that_is_not_there_is_named(stentor: Stentor) -> None:
    stentor.ask("cron", "add", "--every", "1h", "--text", "x", "--to", "local:a")

    assert "no job 'nope'" in stentor.refusal("cron", "next", "--id", "nope", code=4)["message"]


def test_the_newest_time_zone_database_counts(stentor: Stentor) -> None:
    """Vancouver stays at -07:00 from November 2026 on, which older databases do not know."""
    path = Path(tz_database({}).path[0], "America", "Vancouver")
    with path.open("rb") as file:
        place = ZoneInfo.from_file(file)
    expected = datetime(2026, 12, 2, 9, tzinfo=place).isoformat()
    words = ("--cron", "0 9 * * *", "--tz", "America/Vancouver", "--after", "2026-12-01T20:00:00Z", "-n", "1")
    batch = json.dumps(
        {"expr": "0 9 * * *", "tz": "America/Vancouver", "after": "2026-12-01T20:00:00Z", "n": 1}
    )

    assert stentor.ask("cron", "next", *words)["local"] == [expected]
    assert stentor.run("cron", "next", "--batch", stdin=batch).lines[0]["local"] == [expected]


def test_a_time_zone_database_of_ones_own_is_respected(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "zones"
    for name, source in (("Etc/UTC", "Etc/UTC"), ("Europe/Berlin", "Asia/Tokyo")):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_bytes((Path(tzdata.__path__[0]) / "zoneinfo" / source).read_bytes())
    stentor = Stentor(home, {"PYTHONTZPATH": str(folder)})

    answer = stentor.ask(
        "cron", "next", "--cron", "0 9 * * *", "--tz", "Europe/Berlin", "--after", AFTER, "-n", "1"
    )

    assert answer["local"] == ["2031-01-02T09:00:00+09:00"]
