"""Options of a delivery that would say nothing are named; what an agent may send itself gives them an effect."""

from typing import Any

import pytest

from stentor.contract.targets import Target
from stentor.domain.idle_options import idle_options
from stentor.domain.jobs import Job
from stentor.domain.reach import NOWHERE, Reach

USUAL = 86_400
SAID: dict[str, object] = {
    "onThreadGone": "parent",
    "mentions": True,
    "numberParts": True,
    "lateNote": True,
    "onUnknown": "resend",
    "expiresAfterSeconds": 7200,
}
URL = "https://hooks.example.com/in"
OF_MESSAGES = {"onThreadGone", "mentions", "numberParts"}


def target(thread: str | None = None) -> Target:
    address = "room1" if thread is None else f"room1:{thread}"
    return Target("page", "room", "room1", address, thread)


def idle(delivery: dict[str, Any], reach: Reach = NOWHERE) -> set[str]:
    job = Job.model_validate(
        {
            "id": "brief",
            "name": "Brief",
            "schedule": {"kind": "every", "everyMs": 60_000},
            "sessionTarget": "isolated",
            "payload": {"kind": "agentTurn", "message": "x"},
            "delivery": delivery,
        }
    )
    return {detail.path.removeprefix("delivery.") for detail in idle_options(job, reach, USUAL)}


@pytest.mark.parametrize(
    ("delivery", "expected"),
    [
        pytest.param({"mode": "announce"}, set(), id="announced"),
        pytest.param({"mode": "webhook", "to": URL}, {*OF_MESSAGES, "lateNote"}, id="posted"),
        pytest.param({"mode": "none"}, set(SAID), id="kept"),
        pytest.param(
            {"mode": "none", "to": "page:room1:7", "agentMaySend": True},
            {"lateNote"},
            id="by the agent alone",
        ),
        pytest.param(
            {"mode": "webhook", "to": URL, "agentMaySend": True, "allow": ["page:*"]},
            {"lateNote"},
            id="posted, and by the agent",
        ),
    ],
)
def test_each_mode_has_options_that_say_nothing(delivery: dict[str, Any], expected: set[str]) -> None:
    reach = Reach(own=(target("7"),))

    assert idle({**delivery, **SAID}, reach) == expected
    assert {key for key, value in SAID.items() if idle({**delivery, key: value}, reach)} == expected


@pytest.mark.parametrize("mode", ["announce", "none"])
def test_what_is_said_anyway_is_no_choice(mode: str) -> None:
    plain = {"onThreadGone": "fail", "mentions": False, "priority": "alert", "expiresAfterSeconds": USUAL}

    assert idle({"mode": mode, "bestEffort": True, **plain}) == set()


@pytest.mark.parametrize(
    ("reach", "expected"),
    [
        pytest.param(Reach(own=(target(),)), {"onThreadGone"}, id="no thread"),
        pytest.param(Reach(own=(target(), target("7"))), set(), id="one thread"),
        pytest.param(Reach(own=(target(),), allowed=(target("7"),)), set(), id="a thread of the agent"),
        pytest.param(Reach(own=(target(),), channels=("page",)), set(), id="a whole channel"),
        pytest.param(NOWHERE, set(), id="nothing known"),
    ],
)
def test_a_thread_that_is_gone_concerns_those_who_send_to_threads(reach: Reach, expected: set[str]) -> None:
    assert idle({"onThreadGone": "parent"}, reach) == expected


def test_the_last_conversation_may_be_a_thread() -> None:
    assert idle({"channel": "last", "onThreadGone": "parent"}, Reach(own=(target(),))) == set()
