"""What `stentor.toml` says of the main session: whether anybody acts there, and when its heartbeat comes."""

from pathlib import Path

import pytest

from stentor.app.heartbeat import attendance_of, plan_of
from stentor.config import Config, ConfigError, load_config
from stentor.domain.happenings import Attendance
from stentor.domain.heartbeats import PROMPT, ActiveHours, HeartbeatPlan, Rhythm

MINUTE_MS = 60_000


def read(home: Path, text: str) -> Config:
    (home / "stentor.toml").write_text(text, "utf-8")
    return load_config(home)


def test_with_nothing_set_there_is_no_heartbeat(tmp_path: Path) -> None:
    assert plan_of(read(tmp_path, "")) == HeartbeatPlan(Rhythm(), "last", PROMPT)


@pytest.mark.parametrize(
    ("text", "every_ms"),
    [("'30m'", 30 * MINUTE_MS), ("'1m'", MINUTE_MS), ("'1.5h'", 90 * MINUTE_MS), ("false", 0), ("0", 0)],
)
def test_every_is_a_time_with_its_unit_or_never(tmp_path: Path, text: str, every_ms: int) -> None:
    assert plan_of(read(tmp_path, f"[heartbeat]\nevery = {text}")).rhythm.every_ms == every_ms


@pytest.mark.parametrize("key", ["active_hours", "activeHours"])
def test_active_hours_are_in_the_zone_of_the_configuration_unless_they_name_one(
    tmp_path: Path, key: str
) -> None:
    top = "timezone = 'Asia/Tokyo'\n[heartbeat]\nevery = '30m'\n"
    plain = read(tmp_path, f"{top}{key} = {{ start = '08:00', end = '24:00' }}")
    assert plan_of(plain).rhythm.hours == ActiveHours(480, 1440, "Asia/Tokyo")
    named = read(tmp_path, f"{top}{key} = {{ start = '22:00', end = '06:30', timezone = 'Europe/Berlin' }}")
    assert plan_of(named).rhythm.hours == ActiveHours(1320, 390, "Europe/Berlin")


def test_the_rest_is_as_it_is_written(tmp_path: Path) -> None:
    text = "target = 'none'\nprompt = 'Look.'\nlightContext = true\nmodel = 'm-2'"
    plan = plan_of(read(tmp_path, f"[heartbeat]\n{text}"))
    assert plan == HeartbeatPlan(Rhythm(), "none", "Look.", light_context=True, model="m-2")


@pytest.mark.parametrize(
    ("text", "where", "why"),
    [
        pytest.param("every = 30", "every", "is no time", id="a number without a unit"),
        pytest.param("every = '10s'", "every", "too often", id="every few seconds"),
        pytest.param("every = true", "every", "is no time", id="true"),
        pytest.param("every = 'often'", "every", "is no time", id="a word"),
        pytest.param("target = ' '", "target", "blank", id="a blank target"),
        pytest.param("prompt = ''", "prompt", "blank", id="an empty prompt"),
        pytest.param("model = ''", "model", "blank", id="an empty model"),
        pytest.param(
            "active_hours = { start = '08:00', end = '22:00' }", "", "without every", id="hours of nothing"
        ),
        pytest.param(
            "every = '1h'\nactive_hours = { start = '08:00', end = '08:00' }",
            "active_hours",
            "begin when they end",
            id="no hours",
        ),
        pytest.param(
            "every = '1h'\nactive_hours = { start = '24:00', end = '08:00' }",
            "active_hours.start",
            "is no time of day",
            id="a beginning at the end",
        ),
        pytest.param(
            "every = '1h'\nactive_hours = { start = '8', end = '22:00' }",
            "active_hours.start",
            "is no time of day",
            id="no time of day",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, text: str, where: str, why: str) -> None:
    path = ".".join(filter(None, ("heartbeat", where))).replace(".", r"\.")
    with pytest.raises(ConfigError, match=f"{path}: .*{why}"):
        read(tmp_path, f"[heartbeat]\n{text}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", Attendance(), id="nothing"),
        pytest.param("[agents.other]\nrunner = 'echo'", Attendance(), id="another agent"),
        pytest.param("[agents.main]", Attendance(), id="an empty section"),
        pytest.param("[agents.main]\nrunner = 'echo'", Attendance(is_attended=True), id="a runner"),
        pytest.param("[agents.main]\nmodel = 'openai:gpt-x'", Attendance(is_attended=True), id="a model"),
        pytest.param(
            "[agents.main]\nrunner = 'echo'\n[heartbeat]\nevery = '1h'",
            Attendance(is_attended=True, beats=True),
            id="a heartbeat",
        ),
    ],
)
def test_only_an_agent_that_somebody_has_configured_acts(
    tmp_path: Path, text: str, expected: Attendance
) -> None:
    assert attendance_of(read(tmp_path, text)) == expected
