"""The process is ended at every point it passes; the next one must make good of whatever it finds."""

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest
from tests.services.stories import TalkingRunner

from stentor.adapters.sqlite.reader import Reader
from stentor.app.operations import Operations
from stentor.contract.runners import TurnRequest
from stentor.contract.traits import Traits
from stentor.domain.faults import AlreadyExists
from stentor.testing.invariants import Witness, check
from stentor.testing.scripted import Provider, scripted_channel
from stentor.testing.simulation import Life, Simulation, nothing
from stentor.testing.virtual_time import pass_time

JOB = {
    "id": "brief",
    "name": "Brief",
    "schedule": {"kind": "at", "at": "2026-07-01T07:00:02Z"},
    "payload": {"kind": "agentTurn", "message": "daily brief"},
    "delivery": {"to": ["page:room1", "page:room2"]},
}
KINDS = {
    "plain": Traits(idempotency="none"),
    "nonce": Traits(idempotency="nonce", nonce_window=120),
    "key": Traits(idempotency="key"),
}


async def add_job(operations: Operations) -> None:
    with suppress(AlreadyExists):
        await operations.add_job(JOB)


def points_of_a_calm_life(home: Path, traits: Traits) -> int:
    calm = Simulation(home, [scripted_channel("page", Provider(), traits)])
    return len(calm.live(add_job, seconds=10).trail.names)


def assert_made_good(home: Path, kind: str, provider: Provider) -> None:
    """Whatever happened: one run at most per attempt, nothing seen twice, nothing open, nothing unexplained."""
    check(home, Witness({"page": provider}))
    with Reader.open(home / "stentor.db") as reader:
        runs, _ = reader.runs(limit=50, offset=0)
        parts = [part for run in runs for delivery in run["deliveries"] for part in delivery["parts"]]
        job = reader.job("brief")
    assert job is not None
    assert job["status"] == "done"
    assert [run["status"] for run in runs].count("ok") == 1
    assert len(parts) == 2
    allowed = {"accepted", "unknown"} if kind == "plain" else {"accepted"}
    assert {part["state"] for part in parts} <= allowed
    assert all(count == 1 for count in provider.counts.values())
    if kind != "plain":
        assert len(provider.counts) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_crash_at_any_point_loses_nothing_and_doubles_nothing(fast_home: Path, kind: str) -> None:
    traits = KINDS[kind]
    total = points_of_a_calm_life(fast_home / "calm", traits)
    assert total > 80
    for point in range(1, total + 1):
        home = fast_home / str(point)
        provider = Provider(deduplicates=kind != "plain")
        simulation = Simulation(home, [scripted_channel("page", provider, traits)])
        life = simulation.live(add_job, seconds=10, crash_at=point)
        assert life.crashed
        simulation.live(add_job, seconds=30)
        try:
            assert_made_good(home, kind, provider)
        except AssertionError as error:
            raise AssertionError(f"{_where(life)}: {error}") from error


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_crash_during_recovery_is_no_worse(fast_home: Path, kind: str) -> None:
    traits = KINDS[kind]
    total = points_of_a_calm_life(fast_home / "calm", traits)
    for first in range(60, total + 1, 7):
        for second in range(5, 80, 11):
            home = fast_home / f"{first}-{second}"
            provider = Provider(deduplicates=kind != "plain")
            simulation = Simulation(home, [scripted_channel("page", provider, traits)])
            simulation.live(add_job, seconds=10, crash_at=first)
            life = simulation.live(add_job, seconds=10, crash_at=second)
            simulation.live(add_job, seconds=30)
            try:
                assert_made_good(home, kind, provider)
            except AssertionError as error:
                raise AssertionError(f"after a crash at {first}, {_where(life)}: {error}") from error


def test_the_same_seed_is_the_same_history(fast_home: Path) -> None:
    trails = [
        Simulation(fast_home / name, [scripted_channel("page", Provider())])
        .live(add_job, seconds=10)
        .trail.names
        for name in ("one", "two")
    ]
    assert trails[0] == trails[1]


def test_ten_restarts_after_the_end_change_nothing(fast_home: Path) -> None:
    provider = Provider()
    simulation = Simulation(fast_home, [scripted_channel("page", provider)])
    simulation.live(add_job, seconds=10)
    for _ in range(10):
        simulation.live(nothing, seconds=5)
    assert len(provider.requests) == 2
    check(fast_home, Witness({"page": provider}))


def test_a_crash_ends_even_a_runner_that_is_not_to_be_stopped(fast_home: Path) -> None:
    async def hold_on(request: TurnRequest) -> str:
        del request
        for _ in range(3):
            with suppress(asyncio.CancelledError):
                await pass_time(1000)
        return "done"

    runner = TalkingRunner(hold_on)
    living = Simulation(fast_home, [scripted_channel("page", Provider())], [runner]).begin()
    living.tell(add_job)
    living.pass_time(10)
    living.kill()
    assert len(runner.turns) == 1
    check(fast_home)


def _where(life: Life) -> str:
    names = life.trail.names
    return f"crash at point {len(names)} ({names[-1]})"
