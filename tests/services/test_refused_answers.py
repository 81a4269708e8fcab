"""Answers that the store does not take, although it is there."""

from pathlib import Path

import apsw
import pytest

from stentor.testing.scripted import Provider, scripted_channel
from stentor.testing.simulation import Simulation, nothing
from tests.services.stories import alerts, deliveries, sending

REFUSING = (
    "CREATE TRIGGER refusing BEFORE INSERT ON receipts BEGIN SELECT RAISE(ABORT, 'no room for it'); END"
)


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def world(fast_home: Path, provider: Provider) -> Simulation:
    world = Simulation(fast_home, [scripted_channel("page", provider)])
    world.live(nothing, seconds=1)
    return world


def execute(home: Path, statement: str) -> None:
    connection = apsw.Connection(str(home / "stentor.db"))
    try:
        connection.execute(statement)
    finally:
        connection.close()


def test_a_receipt_that_cannot_be_kept_leaves_the_part_unknown_and_its_lane_free(
    fast_home: Path, world: Simulation, provider: Provider
) -> None:
    execute(fast_home, REFUSING)
    world.live(sending("page:room1", "page:room1"), seconds=10)
    assert len(provider.accepted) == 2
    for one in deliveries(fast_home):
        (part,) = one["parts"]
        assert (part["state"], part["reason"]) == ("unknown", "answer_lost")
        assert f"(accepted m-{part['id']})" in part["error"]
        assert "no room for it" in part["error"]
    assert alerts(fast_home) == ["unknown", "unknown"]
