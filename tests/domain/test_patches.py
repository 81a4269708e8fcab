"""A patch says what changes: what is absent stays, and null goes back to the default."""

from typing import Any

import pytest

from stentor.domain.patches import differences, patched

JOB: dict[str, Any] = {
    "name": "Brief",
    "schedule": {"kind": "cron", "expr": "0 7 * * *", "tz": "Europe/Berlin", "staggerMs": 0},
    "payload": {"kind": "agentTurn", "message": "hi", "model": "big"},
    "delivery": {"mode": "announce", "to": ["a"], "channel": "c", "threadId": "7", "bestEffort": False},
}


@pytest.mark.parametrize(
    ("patch", "section", "expected"),
    [
        pytest.param({"name": "New"}, "name", "New", id="a plain field"),
        pytest.param({"name": None}, "name", None, id="null clears"),
        pytest.param(
            {"payload": {"message": "ho"}},
            "payload",
            {"kind": "agentTurn", "message": "ho", "model": "big"},
            id="a field of a section",
        ),
        pytest.param(
            {"payload": {"model": None}},
            "payload",
            {"kind": "agentTurn", "message": "hi"},
            id="null in a section",
        ),
        pytest.param(
            {"payload": {"kind": "text", "text": "x"}},
            "payload",
            {"kind": "text", "text": "x"},
            id="another kind of payload",
        ),
        pytest.param(
            {"schedule": {"kind": "cron", "expr": "0 8 * * *"}},
            "schedule",
            {**JOB["schedule"], "expr": "0 8 * * *"},
            id="the same kind of schedule",
        ),
        pytest.param(
            {"schedule": {"kind": "every", "everyMs": 5}},
            "schedule",
            {"kind": "every", "everyMs": 5},
            id="another kind of schedule",
        ),
        pytest.param(
            {"delivery": {"bestEffort": True}},
            "delivery",
            {**JOB["delivery"], "bestEffort": True},
            id="best effort alone",
        ),
        pytest.param(
            {"delivery": {"mode": "webhook", "to": ["https://x"]}},
            "delivery",
            {"mode": "webhook", "to": ["https://x"], "bestEffort": False},
            id="another mode keeps no address",
        ),
        pytest.param(
            {"delivery": {"mode": None}}, "delivery", {**JOB["delivery"], "mode": None}, id="the default mode"
        ),
        pytest.param(
            {"delivery": {"to": ["b"]}},
            "delivery",
            {"mode": "announce", "to": ["b"], "channel": "c", "bestEffort": False},
            id="another target has no thread of the old one",
        ),
        pytest.param(
            {"delivery": {"to": ["b"], "threadId": "9"}},
            "delivery",
            {**JOB["delivery"], "to": ["b"], "threadId": "9"},
            id="another target with its thread",
        ),
    ],
)
def test_a_patch_changes_what_it_names(patch: dict[str, Any], section: str, expected: object) -> None:
    changed = patched(JOB, patch)

    if isinstance(expected, dict):
        assert changed[section] == {key: value for key, value in expected.items() if value is not None}
    else:
        assert changed.get(section) == expected
    untouched = JOB.keys() - patch.keys()
    assert {key: changed[key] for key in untouched} == {key: JOB[key] for key in untouched}


def test_a_new_time_does_not_keep_the_zone_of_the_old_one() -> None:
    once = {"schedule": {"kind": "at", "at": "2026-07-01T07:00:00Z", "tz": "Europe/Berlin"}}

    assert patched(once, {"schedule": {"at": "2026-07-02T07:00"}})["schedule"] == {
        "kind": "at",
        "at": "2026-07-02T07:00",
    }


def test_only_what_differs_is_told_and_absent_is_null() -> None:
    after = patched(JOB, {"name": "New", "payload": {"model": None}, "description": "why"})

    assert differences(JOB, after) == (
        {"name": "Brief", "payload": {"model": "big"}, "description": None},
        {"name": "New", "payload": {"model": None}, "description": "why"},
    )
    assert differences(JOB, {**JOB, "description": None}) == ({}, {})
