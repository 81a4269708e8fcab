"""A provider, and a house in front of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kill.house import House
from tests.kill.provider import CountingProvider


@pytest.fixture
def provider() -> Iterator[CountingProvider]:
    with CountingProvider.running() as provider:
        yield provider


@pytest.fixture
def house(tmp_path: Path, provider: CountingProvider) -> Iterator[House]:
    """Every daemon and every agent ends with the test, however the test ends."""
    house = House(tmp_path, provider)
    house.furnish()
    try:
        yield house
    finally:
        house.tear_down()
