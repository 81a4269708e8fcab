"""Patches by older releases and other tools mean what they say of the job they are for, and no more."""

from typing import Any

import pytest

from stentor.compat.patches import repair_patch

TEXT: dict[str, Any] = {
    "id": "j",
    "name": "J",
    "schedule": {"kind": "cron", "expr": "0 7 * * *", "tz": "UTC", "staggerMs": 0},
    "payload": {"kind": "text", "text": "old"},
    "delivery": {"mode": "none"},
}
TURN: dict[str, Any] = {
    **TEXT,
    "payload": {"kind": "agentTurn", "message": "old", "model": None, "timeoutSeconds": None},
}


@pytest.mark.parametrize(
    ("current", "patch", "meant"),
    [
        pytest.param(TEXT, {"name": "New"}, {"name": "New"}, id="nothing to repair"),
        pytest.param(
            TEXT,
            {"payload": {"text": "new"}},
            {"payload": {"kind": "text", "text": "new"}},
            id="a text is of the kind the job has",
        ),
        pytest.param(
            TEXT, {"text": "new"}, {"payload": {"kind": "text", "text": "new"}}, id="a text at the top"
        ),
        pytest.param(
            TURN,
            {"model": "big"},
            {"payload": {"kind": "agentTurn", "model": "big"}},
            id="a model at the top",
        ),
        pytest.param(
            TURN,
            {"payload": {"text": "new"}},
            {"payload": {"kind": "systemEvent", "text": "new"}},
            id="what the job has no such field for is another kind",
        ),
        pytest.param(
            TEXT,
            {"schedule": {"cron": "0 8 * * *"}},
            {"schedule": {"kind": "cron", "expr": "0 8 * * *"}},
            id="an older name",
        ),
        pytest.param(
            TEXT,
            {"schedule": {"atMs": 1777626000000}},
            {"schedule": {"kind": "at", "at": "2026-05-01T09:00:00Z"}},
            id="another kind of schedule",
        ),
        pytest.param(
            TEXT,
            {"bestEffortDeliver": True},
            {"delivery": {"bestEffort": True}},
            id="best effort asks for no delivery",
        ),
        pytest.param(
            TURN,
            {"payload": {"message": "new", "bestEffortDeliver": True}},
            {"payload": {"kind": "agentTurn", "message": "new"}, "delivery": {"bestEffort": True}},
            id="nor does it on the payload",
        ),
        pytest.param(
            TEXT,
            {"payload": {"text": "new", "bestEffort": False}},
            {"payload": {"kind": "text", "text": "new"}, "delivery": {"bestEffort": False}},
            id="nor does it hide the kind",
        ),
        pytest.param(
            TURN,
            {"payload": {"deliver": True, "to": "local:a"}},
            {"payload": {}, "delivery": {"mode": "announce", "to": "local:a"}},
            id="a target on the payload does",
        ),
        pytest.param(
            TEXT, {"delivery": {"to": None}}, {"delivery": {"to": None}}, id="null is left for what it means"
        ),
    ],
)
def test_a_patch_is_read_in_the_light_of_its_job(
    current: dict[str, Any], patch: dict[str, Any], meant: dict[str, Any]
) -> None:
    assert repair_patch(patch, current).job == meant
