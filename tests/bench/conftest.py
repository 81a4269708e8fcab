"""Measurements want the machine to themselves."""

import os

import pytest


@pytest.fixture(autouse=True, scope="session")
def _alone() -> None:
    if "PYTEST_XDIST_WORKER" in os.environ:
        pytest.skip("a measurement wants the machine to itself: .venv/bin/pytest -n0 tests/bench")
