"""Two daemons on one store, as if there were no lock: what each instant is worth is decided by the store alone.

The lock lies in the home. Two homes whose store is one file are two daemons that do not see each other.
"""

from contextlib import closing
from pathlib import Path

import pytest
from tests.services.stories import JsonObject, TalkingRunner, adding, job

from stentor.adapters.sqlite.rows import fetch
from stentor.adapters.sqlite.snapshot import read_only
from stentor.contract.runners import TurnRequest
from stentor.testing.invariants import Witness, check
from stentor.testing.scripted import Provider, scripted_channel
from stentor.testing.simulation import Simulation, nothing
from stentor.testing.virtual_time import pass_time

PAYLOADS: dict[str, JsonObject] = {
    "texts": {"kind": "text", "text": "hello"},
    "turns": {"kind": "agentTurn", "message": "hello"},
}
BEATS = {"kind": "every", "everyMs": 20_000, "anchorMs": 0}
ONCE = {"kind": "at", "at": "2026-07-01T07:01:00Z"}


def side_door(home: Path) -> Path:
    """Another home with the same store."""
    other = home / "again"
    other.mkdir(mode=0o700)
    (other / "stentor.db").symlink_to(home / "stentor.db")
    (other / "stentor.toml").symlink_to(home / "stentor.toml")
    return other


@pytest.mark.parametrize("schedule", [ONCE, BEATS], ids=["at once", "again and again"])
@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS.keys())
def test_a_hundred_instants_run_a_hundred_times(
    fast_home: Path, payload: JsonObject, schedule: JsonObject
) -> None:
    provider, turns = Provider(), list[str]()

    async def turn(request: TurnRequest) -> str:
        turns.append(request.run_id)
        await pass_time(12)  # longer than a daemon goes without looking after the store
        return "done"

    (fast_home / "stentor.toml").write_text("[scheduler]\nmax_concurrent_runs = 100\n")
    world = Simulation(fast_home, [scripted_channel("page", provider)], [TalkingRunner(turn)])
    jobs = [
        job(id=f"j{n}", schedule=schedule, payload=payload, delivery={"to": f"page:room{n}"})
        for n in range(20 if schedule is BEATS else 100)
    ]
    world.live(adding(*jobs), seconds=1)
    life = world.live(nothing, seconds=112, neighbours=[side_door(fast_home)])

    assert len(statuses(fast_home, "SELECT outcome FROM occurrences")) == 100
    assert statuses(fast_home, "SELECT status FROM runs") == ["ok"] * 100
    assert len(provider.accepted) == 100
    assert len(turns) == (100 if payload is PAYLOADS["turns"] else 0)
    assert life.trail.names.count("store.claim.before") >= (10 if schedule is BEATS else 2), "both want each"
    check(fast_home, Witness({"page": provider}))


def statuses(home: Path, query: str) -> list[str]:
    with closing(read_only(str(home / "stentor.db"))) as connection:
        return [row[0] for row in fetch(connection, query)]
