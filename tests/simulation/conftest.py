"""Histories drawn by lot can be had again: the seed is printed with every failure, and taken from the environment."""

import os
import secrets

import pytest

VARIABLE = "STENTOR_SEED"


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """Another one each time, unless STENTOR_SEED says which."""
    given = os.environ.get(VARIABLE)
    chosen = int(given) if given else secrets.randbelow(10**9)
    print(f"to see this again: {VARIABLE}={chosen} .venv/bin/pytest '{request.node.nodeid}'")
    return chosen
