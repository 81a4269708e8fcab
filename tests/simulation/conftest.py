"""Histories drawn by lot can be had again: the seed is printed with every failure, and taken from the environment."""

import os
import secrets

import pytest

VARIABLE = "STENTOR_SEED"
# What every run of the suite has time for is a sample; with this set, the simulations are many times as long.
LONG = "STENTOR_LONG" in os.environ


def drawn() -> int:
    """Another one each time, unless STENTOR_SEED says which."""
    given = os.environ.get(VARIABLE)
    return int(given) if given else secrets.randbelow(10**9)


def how_to_see_it_again(seed: int, request: pytest.FixtureRequest) -> str:
    lengths = "STENTOR_LONG=1 " if LONG else ""
    return f"to see this again: {VARIABLE}={seed} {lengths}.venv/bin/pytest '{request.node.nodeid}'"


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """Drawn for one test, and printed for the case that it fails."""
    chosen = drawn()
    print(how_to_see_it_again(chosen, request))
    return chosen
