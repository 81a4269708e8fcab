"""What `stentor.toml` says of sessions: how long they are kept, how many, and when they begin anew."""

from pathlib import Path

import pytest

from stentor.app.limits import limits_of, resets_of, session_limits_of
from stentor.config import Config, ConfigError, load_config
from stentor.domain.session_limits import SessionLimits
from stentor.domain.session_resets import ResetPolicy, Resets

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
DEFAULT = SessionLimits(DAY_MS, 14 * DAY_MS, 400, 500_000_000)


def read(home: Path, text: str) -> Config:
    (home / "stentor.toml").write_text(text, "utf-8")
    return load_config(home)


def test_sessions_are_bounded_with_nothing_set(tmp_path: Path) -> None:
    assert limits_of(read(tmp_path, "")).sessions == DEFAULT


@pytest.mark.parametrize(
    ("text", "kept_ms"),
    [
        ("'24h'", DAY_MS),
        ("'90m'", 90 * MINUTE_MS),
        ("'7d'", 7 * DAY_MS),
        ("'1.5h'", 90 * MINUTE_MS),
        ("false", 0),
    ],
)
@pytest.mark.parametrize("key", ["session_retention", "sessionRetention"])
def test_sessions_of_single_runs_are_kept_as_long_as_it_says(
    tmp_path: Path, key: str, text: str, kept_ms: int
) -> None:
    assert read(tmp_path, f"[cron]\n{key} = {text}").cron.session_retention == kept_ms


@pytest.mark.parametrize("text", ["24", "'24'", "0", "'0h'", "'0'", "true", "''", "'a day'", "'7w'", "'-1h'"])
def test_a_time_that_could_mean_another_is_refused_with_what_to_write(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"cron\.session_retention: .*false to keep them"):
        read(tmp_path, f"[cron]\nsession_retention = {text}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("prune_after = '30d'", SessionLimits(DAY_MS, 30 * DAY_MS, 400, 500_000_000), id="age"),
        pytest.param(
            "pruneAfter = '12h'", SessionLimits(DAY_MS, 12 * HOUR_MS, 400, 500_000_000), id="theirs"
        ),
        pytest.param("prune_after = false", SessionLimits(DAY_MS, 0, 400, 500_000_000), id="no age"),
        pytest.param("prune_after = 0", SessionLimits(DAY_MS, 0, 400, 500_000_000), id="no age as a number"),
        pytest.param("maxEntries = 5", SessionLimits(DAY_MS, 14 * DAY_MS, 5, 500_000_000), id="entries"),
        pytest.param(
            "max_entries = false", SessionLimits(DAY_MS, 14 * DAY_MS, 0, 500_000_000), id="any number"
        ),
        pytest.param("max_disk_bytes = '2gb'", SessionLimits(DAY_MS, 14 * DAY_MS, 400, 2 * 10**9), id="disk"),
        pytest.param("maxDiskBytes = 0", SessionLimits(DAY_MS, 14 * DAY_MS, 400, 0), id="any size"),
    ],
)
def test_each_limit_can_be_set_and_lifted(tmp_path: Path, text: str, expected: SessionLimits) -> None:
    assert limits_of(read(tmp_path, f"[sessions.maintenance]\n{text}")).sessions == expected


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("enforce", DEFAULT),
        ("warn", SessionLimits(DAY_MS, 14 * DAY_MS, 400, 500_000_000, enforced=False)),
        ("off", SessionLimits(DAY_MS)),
    ],
)
def test_the_mode_is_that_of_the_daemon_and_not_of_whoever_asks(
    tmp_path: Path, mode: str, expected: SessionLimits
) -> None:
    config = read(tmp_path, f"[sessions.maintenance]\nmode = '{mode}'")
    assert limits_of(config).sessions == expected
    assert session_limits_of(config) == DEFAULT


@pytest.mark.parametrize(
    ("text", "path"),
    [
        pytest.param("maintenance.mode = 'on'", "sessions.maintenance.mode", id="mode"),
        pytest.param("maintenance.prune_after = 30", "sessions.maintenance.prune_after", id="no unit"),
        pytest.param("maintenance.max_entries = -1", "sessions.maintenance.max_entries", id="less than none"),
        pytest.param("maintenance.max_disk_bytes = '1tb'", "sessions.maintenance.max_disk_bytes", id="unit"),
        pytest.param("reset.daily_at = '4:00'", "sessions.reset.daily_at", id="no time of day"),
        pytest.param("reset.daily_at = '24:00'", "sessions.reset.daily_at", id="after midnight"),
        pytest.param("reset.idle_minutes = -5", "sessions.reset.idle_minutes", id="idle"),
        pytest.param(
            "reset_by_kind.run.idle_minutes = 5", "sessions.reset_by_kind.run", id="kind of one run"
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_path(tmp_path: Path, text: str, path: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read(tmp_path, f"[sessions]\n{text}")
    assert [detail["path"] for detail in refused.value.details] == [path]


def test_sessions_never_begin_anew_by_themselves_unless_told_to(tmp_path: Path) -> None:
    assert resets_of(read(tmp_path, "timezone = 'UTC'")) == Resets("UTC")


def test_a_policy_is_read_with_those_of_kinds(tmp_path: Path) -> None:
    text = """
    timezone = "Asia/Jakarta"
    [sessions]
    reset = { daily_at = "04:30", idleMinutes = 60 }
    [sessions.resetByKind.main]
    [sessions.resetByKind.named]
    dailyAt = "00:00"
    """
    by_kind = {"main": ResetPolicy(), "named": ResetPolicy(0)}
    assert resets_of(read(tmp_path, text)) == Resets("Asia/Jakarta", ResetPolicy(270, 60), by_kind)
