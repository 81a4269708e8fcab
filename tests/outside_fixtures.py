"""A home for each test, with the invariants asserted over whatever the test left in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stentor.testing.invariants import check
from tests.outside import Stentor, serving

__all__ = ["daemon", "home", "served", "stentor", "the_nine_invariants_hold"]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture(autouse=True)
def the_nine_invariants_hold(home: Path) -> Iterator[None]:
    """Autouse comes first and ends last, so the daemon has gone by then."""
    yield
    check(home)


@pytest.fixture
def stentor(home: Path) -> Stentor:
    return Stentor(home)


@pytest.fixture
def daemon(stentor: Stentor) -> Iterator[Stentor]:
    """The same home, with a daemon serving it."""
    with serving(stentor):
        yield stentor


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stentor]:
    """A home with a daemon that the tests of a module share."""
    shared = Stentor(tmp_path_factory.mktemp("served") / "home")
    with serving(shared):
        yield shared
    check(shared.home)
