"""The process is ended at every point while an agent sends a message itself: people see it, or its answer, once."""

from contextlib import suppress
from pathlib import Path

import pytest
from tests.services.stories import TalkingRunner

from stentor.adapters.sqlite.reader import Reader
from stentor.app.operations import Operations
from stentor.contract.errors import Rejected
from stentor.contract.runners import TurnRequest
from stentor.contract.traits import Traits
from stentor.domain.faults import AlreadyExists
from stentor.testing.invariants import Witness, check
from stentor.testing.scripted import Provider, scripted_channel
from stentor.testing.simulation import Simulation

JOB = {
    "id": "brief",
    "name": "Brief",
    "schedule": {"kind": "at", "at": "2026-07-01T07:00:02Z"},
    "payload": {"kind": "agentTurn", "message": "daily brief"},
    "delivery": {"to": "page:room1"},
    "failureAlert": False,
}
KINDS = {
    "plain": Traits(idempotency="none"),
    "nonce": Traits(idempotency="nonce", nonce_window=120),
    "key": Traits(idempotency="key"),
}


async def add_job(operations: Operations) -> None:
    with suppress(AlreadyExists):
        await operations.add_job(JOB)


async def agent(request: TurnRequest) -> str:
    await request.call_tool("message", {"to": "page:room1", "text": "sent by the agent"})
    return "said at the end"


def simulated(home: Path, kind: str, *, refuses: bool) -> tuple[Simulation, Provider]:
    provider = Provider(deduplicates=kind != "plain")
    if refuses:
        provider.script.append(Rejected("bad_format"))
    channel = scripted_channel("page", provider, KINDS[kind])
    return Simulation(home, [channel], [TalkingRunner(agent)]), provider


def assert_said_once(home: Path, kind: str, provider: Provider, *, refuses: bool) -> None:
    check(home, Witness({"page": provider}))
    seen = [part.text for part in provider.accepted]
    with Reader.open(home / "stentor.db") as reader:
        states = [delivery["state"] for delivery in reader.deliveries()]
        job = reader.job("brief")
    assert job is not None
    assert job["state"]["nextRunAtMs"] is None
    assert "pending" not in states
    if seen:
        assert len(seen) == 1, seen
        assert refuses or seen == ["sent by the agent"]
    else:
        # What was on its way when the process ended may be refused afterwards, and nobody says it again.
        assert refuses or kind == "plain", "nobody saw anything"
        assert {"unknown", "failed"} & set(states), "nobody saw anything, and nothing says so"


@pytest.mark.parametrize("refuses", [False, True], ids=["accepted", "refused"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_crash_at_any_point_leaves_one_message_and_never_two(
    fast_home: Path, kind: str, *, refuses: bool
) -> None:
    calm, provider = simulated(fast_home / "calm", kind, refuses=refuses)
    total = len(calm.live(add_job, seconds=10).trail.names)
    assert [part.text for part in provider.accepted] == (
        ["said at the end"] if refuses else ["sent by the agent"]
    )
    for point in range(1, total + 1):
        home = fast_home / str(point)
        simulation, provider = simulated(home, kind, refuses=refuses)
        life = simulation.live(add_job, seconds=10, crash_at=point)
        assert life.crashed
        simulation.live(add_job, seconds=60)
        try:
            assert_said_once(home, kind, provider, refuses=refuses)
        except AssertionError as error:
            where = f"point {len(life.trail.names)}, {life.trail.names[-1]}"
            raise AssertionError(f"{where}: {error}") from error
