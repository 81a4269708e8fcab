"""Every older job shape arrives in the canonical format, and nothing happens to it unsaid."""

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stentor.compat.openclaw import repair_job

Json = dict[str, object]

CANONICAL: Json = {
    "id": "brief",
    "name": "Morning brief",
    "description": "",
    "enabled": True,
    "agentId": "main",
    "schedule": {"kind": "cron", "expr": "0 7 * * *", "tz": "Europe/Berlin", "staggerMs": 0},
    "sessionTarget": "isolated",
    "sessionKey": None,
    "wakeMode": "now",
    "payload": {
        "kind": "agentTurn",
        "message": " What is new? ",
        "model": None,
        "fallbacks": [],
        "thinking": None,
        "timeoutSeconds": 0,
        "lightContext": False,
        "toolsAllow": ["web"],
    },
    "delivery": {
        "mode": "announce",
        "channel": None,
        "to": ["telegram:-1001234567890:topic:42"],
        "accountId": None,
        "threadId": None,
        "bestEffort": False,
        "failureDestination": {"mode": "announce", "channel": "slack", "to": "C1"},
        "allow": [],
        "onUnknown": "hold",
    },
    "failureAlert": {"after": 2, "includeSkipped": False},
    "missed": {"policy": "latest", "graceSeconds": 7200},
    "overlap": "skip",
    "retry": {"maxAttempts": 3},
    "deleteAfterRun": None,
    "revision": 1,
}


def repaired(raw: Json) -> Json:
    return repair_job(raw).job


def schedule(raw: object) -> object:
    return repaired({"schedule": raw})["schedule"]


def payload(raw: Json) -> object:
    return repaired({"payload": raw})["payload"]


@pytest.mark.parametrize(
    "job",
    [
        pytest.param(CANONICAL, id="a whole job"),
        pytest.param({}, id="nothing"),
        pytest.param({"schedule": {"kind": "at", "at": "2026-05-01T09:00"}}, id="an instant without offset"),
        pytest.param({"schedule": {"kind": "every", "everyMs": 60000, "anchorMs": 0}}, id="a period"),
        pytest.param({"payload": {"kind": "text", "text": " hi "}}, id="fixed text"),
        pytest.param({"payload": {"kind": "command", "argv": ["ls"], "env": {" A ": "1"}}}, id="a command with odd variables"),
        pytest.param({"delivery": {"mode": "webhook", "to": "https://example.org/Hook"}}, id="a webhook"),
        pytest.param({"delivery": {"channel": "last"}}, id="the last route"),
        pytest.param({"delivery": None, "failureAlert": False}, id="nothing to deliver"),
        pytest.param({"sessionTarget": "session:Foo/Bar"}, id="a named session"),
        pytest.param(
            {"sessionTarget": "main", "wakeMode": "next-heartbeat", "payload": {"kind": "systemEvent", "text": "x"}},
            id="the main session waits for its heartbeat",
        ),
    ],
)  # fmt: skip
def test_a_canonical_job_is_left_alone(job: Json) -> None:
    assert repair_job(job).job == job
    assert repair_job(job).repairs == ()


@pytest.mark.parametrize(
    "job",
    [
        {"schedule": {"kind": "lunar", "phase": "full"}},
        {"schedule": 5, "payload": "remind me", "delivery": "chat"},
        {"sessionTarget": "bogus", "wakeMode": "later"},
        {"payload": {"kind": "script", "script": "x"}},
        {"payload": {"kind": "agentTurn", "message": "x", "deliver": "maybe"}},
        {"delivery": {"mode": "shout"}},
        {"enabled": "perhaps", "notify": "often"},
        {"colour": "red", "payload": {"kind": "text", "text": "x", "shade": 1}},
        {"delivery": {"channel": " ", "to": "", "threadId": 42}},
        {"schedule": {"kind": "at", "at": "tomorrow"}},
        {"schedule": {"kind": "at", "at": -1}},
        {"schedule": {"kind": "at", "at": 10**30}},
        {"schedule": {"kind": "at", "at": True}},
        {"schedule": {"kind": "every", "everyMs": "5 m"}},
        {"schedule": {"kind": "every", "everyMs": 1000, "exact": True}},
        {"schedule": {"expr": "* * * * *", "everyMs": 1000}},
    ],
    ids=lambda job: json.dumps(job)[:60],
)
def test_what_nobody_knows_is_left_for_the_strict_model_to_refuse(job: Json) -> None:
    assert repair_job(job).job == job
    assert repair_job(job).repairs == ()


def test_a_reminder_with_delivery_fields_on_its_payload_is_repaired_as_a_whole() -> None:
    raw: Json = {
        "name": "Reminder",
        "schedule": {"kind": "at", "atMs": 1777626000000},
        "sessionTarget": "isolated",
        "wakeMode": "now",
        "payload": {
            "kind": "agentTurn",
            "message": "Say hello",
            "deliver": True,
            "channel": "telegram",
            "to": "telegram:287300001",
        },
    }
    result = repair_job(raw)
    assert result.job == {
        "name": "Reminder",
        "schedule": {"kind": "at", "at": "2026-05-01T09:00:00Z"},
        "sessionTarget": "isolated",
        "wakeMode": "now",
        "payload": {"kind": "agentTurn", "message": "Say hello"},
        "delivery": {"mode": "announce", "channel": "telegram", "to": "telegram:287300001"},
    }
    assert result.repairs == (
        "schedule.atMs renamed to at",
        'schedule.at 1777626000000 read as "2026-05-01T09:00:00Z"',
        "payload.deliver/channel/to moved to delivery",
    )


def test_a_reminder_for_the_main_session_with_an_event_is_repaired() -> None:
    raw: Json = {
        "sessionTarget": "main",
        "payload": {"kind": "systemEvent", "event": "Review pull requests"},
        "schedule": {"kind": "at", "at": "2026-04-01T09:00:00Z"},
    }
    assert repaired(raw) == raw | {"payload": {"kind": "systemEvent", "text": "Review pull requests"}}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param(" 0 7 * * * ", {"kind": "cron", "expr": "0 7 * * *"}, id="bare text"),
        pytest.param({"kind": "cron", "cron": "0 18 * * 1-5"}, {"kind": "cron", "expr": "0 18 * * 1-5"}, id="cron"),
        pytest.param({"cron": "@daily", "tz": "Asia/Tokyo"}, {"kind": "cron", "expr": "@daily", "tz": "Asia/Tokyo"}, id="no kind, zone kept"),
        pytest.param({"kind": "cron", "cron": "1 * * * *", "expr": "2 * * * *"}, {"kind": "cron", "expr": "2 * * * *"}, id="expr wins over cron"),
        pytest.param({"kind": "AT", "at": "1777626000123"}, {"kind": "at", "at": "2026-05-01T09:00:00.123Z"}, id="digits are milliseconds"),
        pytest.param({"kind": "at", "at": 1777626000}, {"kind": "at", "at": "1970-01-21T13:47:06Z"}, id="even when they look like seconds"),
        pytest.param({"atMs": 1777626000000.0}, {"kind": "at", "at": "2026-05-01T09:00:00Z"}, id="a float that is whole"),
        pytest.param({"at": None, "atMs": "2026-05-01T09:00:00Z"}, {"kind": "at", "at": "2026-05-01T09:00:00Z"}, id="text in atMs"),
        pytest.param({"every": 60000}, {"kind": "every", "everyMs": 60000}, id="every"),
        pytest.param({"kind": "every", "every": "1h30m"}, {"kind": "every", "everyMs": 5400000}, id="every as a duration"),
        pytest.param({"kind": "every", "every": "1.5H"}, {"kind": "every", "everyMs": 5400000}, id="with a fraction"),
        pytest.param({"kind": "every", "everyMs": "60000"}, {"kind": "every", "everyMs": 60000}, id="digits as text"),
        pytest.param({"kind": "every", "every": "soon"}, {"kind": "every", "everyMs": "soon"}, id="no duration at all"),
        pytest.param({"kind": "cron", "expr": "0 * * * *", "exact": True}, {"kind": "cron", "expr": "0 * * * *", "staggerMs": 0}, id="exact"),
        pytest.param({"kind": "cron", "expr": "0 * * * *", "exact": "true", "staggerMs": 5}, {"kind": "cron", "expr": "0 * * * *", "staggerMs": 0}, id="exact beats a stagger"),
        pytest.param({"kind": "cron", "expr": "0 * * * *", "exact": False}, {"kind": "cron", "expr": "0 * * * *"}, id="not exact"),
        pytest.param({" kind ": "cron", "expr\t": "0 * * * *"}, {"kind": "cron", "expr": "0 * * * *"}, id="padded keys"),
    ],
)  # fmt: skip
def test_older_schedules_are_understood(raw: object, expected: Json) -> None:
    assert schedule(raw) == expected
    assert repair_job({"schedule": raw}).repairs


def test_exact_beside_the_schedule_counts_too() -> None:
    raw: Json = {"schedule": "0 * * * *", "exact": "TRUE"}
    assert repaired(raw) == {"schedule": {"kind": "cron", "expr": "0 * * * *", "staggerMs": 0}}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param({"kind": "agentturn", "message": "x"}, {"kind": "agentTurn", "message": "x"}, id="lower case"),
        pytest.param({"kind": " SystemEvent ", "text": "x"}, {"kind": "systemEvent", "text": "x"}, id="padded"),
        pytest.param({"message": "x"}, {"kind": "agentTurn", "message": "x"}, id="a message is an agent turn"),
        pytest.param({"text": "x"}, {"kind": "systemEvent", "text": "x"}, id="a text is a system event"),
        pytest.param({"event": "x"}, {"kind": "systemEvent", "text": "x"}, id="so is an event"),
        pytest.param({"kind": "systemEvent", "text": "x", "event": "y"}, {"kind": "systemEvent", "text": "x"}, id="text wins over event"),
        pytest.param({"argv": ["ls"]}, {"kind": "command", "argv": ["ls"]}, id="arguments are a command"),
        pytest.param({"command": ["ls", "-l"]}, {"kind": "command", "argv": ["ls", "-l"]}, id="a command as a list"),
        pytest.param({"kind": "command", "command": "ls | wc"}, {"kind": "command", "argv": ["sh", "-c", "ls | wc"]}, id="a command as a line"),
        pytest.param({"kind": "agentTurn", "message": "x", "model": " "}, {"kind": "agentTurn", "message": "x"}, id="a blank model"),
        pytest.param({"kind": "agentTurn", "message": "x", "lightContext": "False"}, {"kind": "agentTurn", "message": "x", "lightContext": False}, id="a flag as text"),
        pytest.param({"kind": "agentTurn", "message": "x", "toolsAllow": [" web ", 1]}, {"kind": "agentTurn", "message": "x", "toolsAllow": ["web", 1]}, id="padded tools"),
    ],
)  # fmt: skip
def test_older_payloads_are_understood(raw: Json, expected: Json) -> None:
    assert payload(raw) == expected
    assert repair_job({"payload": raw}).repairs


@pytest.mark.parametrize(
    ("raw", "expected", "note"),
    [
        pytest.param(
            {"message": "x", "model": "m", "thinking": "low", "timeoutSeconds": 5},
            {"payload": {"message": "x", "model": "m", "thinking": "low", "timeoutSeconds": 5, "kind": "agentTurn"}},
            "message/model/thinking/timeoutSeconds moved to payload",
            id="an agent turn without payload",
        ),
        pytest.param({"text": "x"}, {"payload": {"text": "x", "kind": "systemEvent"}}, "text moved to payload", id="a system event without payload"),
        pytest.param(
            {"message": "outer", "payload": {"kind": "agentTurn", "message": "inner"}},
            {"payload": {"kind": "agentTurn", "message": "inner"}},
            "message dropped: payload.message is given too and wins",
            id="the payload wins",
        ),
        pytest.param({"text": "x", "payload": 5}, {"text": "x", "payload": 5}, None, id="no payload to move to"),
    ],
)  # fmt: skip
def test_payload_fields_at_the_top_go_into_the_payload(raw: Json, expected: Json, note: str | None) -> None:
    result = repair_job(raw)
    assert result.job == expected
    assert note is None or note in result.repairs


@pytest.mark.parametrize(
    ("raw", "delivery", "note"),
    [
        pytest.param({"payload": {"deliver": True}}, {"mode": "announce"}, "payload.deliver moved to delivery", id="deliver"),
        pytest.param({"payload": {"deliver": "true"}}, {"mode": "announce"}, "payload.deliver moved to delivery", id="deliver as text"),
        pytest.param({"payload": {"provider": "Slack", "to": " C1 "}}, {"mode": "announce", "channel": "slack", "to": "C1"}, "payload.provider/to moved to delivery", id="provider"),
        pytest.param({"payload": {"channel": "discord", "provider": "slack"}}, {"mode": "announce", "channel": "discord"}, "payload.provider gave way to delivery.channel", id="channel beats provider"),
        pytest.param({"payload": {"bestEffortDeliver": "true"}}, {"mode": "announce", "bestEffort": True}, "payload.bestEffortDeliver moved to delivery", id="best effort"),
        pytest.param({"payload": {"to": 123, "threadId": " 7 "}}, {"mode": "announce", "to": "123", "threadId": "7"}, "delivery.to written as text", id="numbers and blanks"),
        pytest.param({"payload": {"deliver": False}}, {"mode": "none"}, "payload.deliver turned into delivery.mode none, which takes no address", id="do not deliver"),
        pytest.param({"payload": {"deliver": False, "channel": "slack", "to": "C1"}}, {"mode": "none"}, "payload.deliver/channel/to turned into delivery.mode none, which takes no address", id="do not deliver there"),
        pytest.param({"deliver": True, "channel": "slack", "to": "C1"}, {"mode": "announce", "channel": "slack", "to": "C1"}, "deliver/channel/to moved to delivery", id="at the top of the job"),
        pytest.param({"channel": "slack", "payload": {"channel": "discord"}}, {"mode": "announce", "channel": "discord"}, "channel gave way to delivery.channel", id="the payload beats the top"),
        pytest.param({"payload": {"to": "1"}, "delivery": {"mode": "announce", "to": "2"}}, {"mode": "announce", "to": "2"}, "payload.to gave way to delivery.to", id="delivery beats the payload"),
        pytest.param({"payload": {"to": "1"}, "delivery": {"channel": "slack"}}, {"channel": "slack", "to": "1"}, "payload.to moved to delivery", id="delivery is filled up"),
        pytest.param({"payload": {"deliver": False}, "delivery": {"mode": "announce"}}, {"mode": "announce"}, "payload.deliver dropped: delivery says otherwise and wins", id="delivery announces after all"),
        pytest.param({"payload": {"deliver": True, "to": "1"}, "delivery": {"mode": "none"}}, {"mode": "none"}, "payload.deliver/to dropped: delivery says otherwise and wins", id="delivery stays silent"),
        pytest.param({"payload": {"to": "1"}, "delivery": {"mode": "webhook", "to": "https://a.example"}}, {"mode": "webhook", "to": "https://a.example"}, "payload.to dropped: delivery says otherwise and wins", id="delivery posts"),
        pytest.param({"delivery": {"mode": "Deliver"}}, {"mode": "announce"}, 'delivery.mode "Deliver" read as "announce"', id="mode deliver"),
        pytest.param({"delivery": {"provider": "slack", "bestEffortDeliver": True}}, {"channel": "slack", "bestEffort": True}, "delivery.provider renamed to channel", id="old names inside delivery"),
        pytest.param({"delivery": {"to": [1, "b"]}}, {"to": ["1", "b"]}, "delivery.to written as text", id="a list with numbers"),
        pytest.param({"delivery": {"failureDestination": {"mode": "Announce", "to": 5}}}, {"failureDestination": {"mode": "announce", "to": "5"}}, "delivery.failureDestination.to written as text", id="the failure destination"),
    ],
)  # fmt: skip
def test_older_deliveries_are_understood(raw: Json, delivery: Json, note: str) -> None:
    result = repair_job(raw)
    assert result.job["delivery"] == delivery
    assert note in result.repairs
    assert result.job.keys() <= {"payload", "delivery"}
    assert result.job.get("payload", {}) == {}


def test_a_null_hint_asks_for_nothing() -> None:
    result = repair_job({"payload": {"kind": "agentTurn", "message": "x", "channel": None, "to": None}})
    assert result.job == {"payload": {"kind": "agentTurn", "message": "x"}}
    assert result.repairs == ("payload.channel dropped: it was null", "payload.to dropped: it was null")


def test_hints_stay_where_they_are_when_delivery_is_no_object() -> None:
    raw: Json = {"channel": "slack", "delivery": "chat"}
    assert repair_job(raw).job == raw


@pytest.mark.parametrize(
    ("raw", "webhook", "delivery", "note"),
    [
        pytest.param({"notify": True}, "https://a.example/h", {"mode": "webhook", "to": "https://a.example/h"}, "notify moved", id="moved"),
        pytest.param({"notify": "true", "delivery": {"mode": "none"}}, "https://a.example/h", {"mode": "webhook", "to": "https://a.example/h"}, "notify moved", id="instead of nothing"),
        pytest.param({"notify": True, "delivery": {"mode": "webhook"}}, "https://a.example/h", {"mode": "webhook", "to": "https://a.example/h"}, "notify moved", id="the missing URL"),
        pytest.param({"notify": True, "delivery": {"mode": "announce", "to": "1"}}, "https://a.example/h", {"mode": "announce", "to": "1"}, "second job with delivery.mode webhook", id="beside an announcement"),
        pytest.param({"notify": True}, None, None, "set delivery.mode webhook", id="no URL"),
        pytest.param({"notify": True}, "", None, "set delivery.mode webhook", id="a blank URL"),
        pytest.param({"notify": False}, "https://a.example/h", None, "notify false dropped", id="off"),
    ],
)  # fmt: skip
def test_notify_becomes_a_webhook_or_says_why_not(
    raw: Json, webhook: str | None, delivery: Json | None, note: str
) -> None:
    result = repair_job(raw, webhook=webhook)
    assert result.job.get("delivery") == delivery
    assert "notify" not in result.job
    assert note in result.repairs[-1]


def test_an_alert_of_older_spelling_is_understood() -> None:
    raw: Json = {"failureAlert": {"includeSkipped": "true", "mode": "ANNOUNCE", "channel": "Slack", "to": 7}}
    assert repaired(raw) == {
        "failureAlert": {"includeSkipped": True, "mode": "announce", "channel": "slack", "to": "7"}
    }


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param({"jobId": "a"}, {"id": "a"}, id="jobId"),
        pytest.param({"id": "a", "jobId": "b"}, {"id": "a"}, id="id wins"),
        pytest.param({"id": 7}, {"id": "7"}, id="a number"),
        pytest.param({"id": None}, {}, id="null"),
        pytest.param({"id": ["a"]}, {}, id="a list"),
        pytest.param({" name ": "x"}, {"name": "x"}, id="a padded key"),
        pytest.param({"name": "x", " name": "y"}, {"name": "x"}, id="a padded key that is there already"),
        pytest.param({"enabled": "false", "deleteAfterRun": " True "}, {"enabled": False, "deleteAfterRun": True}, id="flags as text"),
        pytest.param({"failureAlert": "false"}, {"failureAlert": False}, id="no alert, as text"),
        pytest.param({"failureAlert": True}, {"failureAlert": {}}, id="alerts as they come"),
        pytest.param({"name": "x", "state": {"runningAtMs": 1}, "createdAtMs": 1, "updatedAtMs": 2}, {"name": "x"}, id="runtime fields"),
        pytest.param({"job": {"name": "x"}}, {"name": "x"}, id="inside job"),
        pytest.param({" data ": {"job": {" name": "x"}}}, {"name": "x"}, id="inside both"),
        pytest.param({"id": "a", "name": "outer", "job": {"name": "inner"}}, {"id": "a", "name": "inner"}, id="the inner job wins"),
        pytest.param({"sessionTarget": " Isolated "}, {"sessionTarget": "isolated"}, id="a session target"),
        pytest.param({"sessionTarget": " Session: Foo/Bar "}, {"sessionTarget": "session:Foo/Bar"}, id="a named session keeps its case"),
        pytest.param({"wakeMode": "Next-Heartbeat"}, {"wakeMode": "next-heartbeat"}, id="a wake mode"),
    ],
)  # fmt: skip
def test_the_job_itself_is_brought_into_shape(raw: Json, expected: Json) -> None:
    result = repair_job(raw)
    assert result.job == expected
    assert result.repairs


@pytest.mark.parametrize(
    "job",
    [
        {"sessionTarget": "isolated"},
        {"sessionTarget": "current"},
        {"sessionTarget": "session:weekly"},
        {"payload": {"kind": "agentTurn", "message": "x"}},
    ],
    ids=json.dumps,
)
def test_only_the_main_session_waits_for_a_heartbeat(job: Json) -> None:
    result = repair_job(job | {"wakeMode": "next-heartbeat"})
    assert result.job == job | {"wakeMode": "now"}
    assert result.repairs == ("wakeMode next-heartbeat read as 'now': it only concerns the main session",)


def test_a_note_never_repeats_an_address() -> None:
    result = repair_job({"delivery": {"mode": "webhook", "to": " https://example.org/secret "}})
    assert result.repairs == ("delivery.to trimmed",)


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
keys = st.sampled_from(
    ("id", "jobId", "job", "data", "schedule", "payload", "delivery", "kind", "at", "atMs", "every", "cron", "expr", "exact",
     "message", "text", "event", "command", "deliver", "channel", "provider", "to", "mode", "notify", " to ", "state", "model",
     "wakeMode", "sessionTarget", "failureAlert", "failureDestination", "toolsAllow", "bestEffortDeliver")
)  # fmt: skip
words = st.sampled_from(
    ("true", "AT", "deliver", "none", "Main", "session: X", "next-heartbeat", "systemevent", "5m")
)
jobs = st.recursive(
    scalars | words | st.lists(scalars, max_size=2), lambda inner: st.dictionaries(keys, inner, max_size=6), max_leaves=20
).filter(lambda value: isinstance(value, dict))  # fmt: skip


@given(jobs)
def test_the_input_is_never_changed(raw: Json) -> None:
    before = copy.deepcopy(raw)
    repair_job(raw, webhook="https://a.example")
    assert raw == before


@given(jobs)
def test_a_repaired_job_needs_no_second_repair(raw: Json) -> None:
    once = repair_job(raw, webhook="https://a.example")
    again = repair_job(once.job, webhook="https://a.example")
    assert again.job == once.job
    assert again.repairs == ()


@given(jobs)
def test_whatever_changed_is_said(raw: Json) -> None:
    result = repair_job(raw)
    assert bool(result.repairs) or result.job == raw
