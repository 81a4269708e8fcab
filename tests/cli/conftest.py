"""Every test here speaks to Stentor through its command line."""

from collections.abc import Iterator

import pytest
from tests.outside import Stentor
from tests.outside_fixtures import daemon, home, served, stentor, the_nine_invariants_hold

from stentor.testing.invariants import check

__all__ = ["alone", "daemon", "either", "home", "served", "stentor", "the_nine_invariants_hold"]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stentor]:
    """A home that never has a daemon."""
    stentor = Stentor(tmp_path_factory.mktemp("alone") / "home")
    yield stentor
    check(stentor.home)


@pytest.fixture(params=["served", "alone"])
def either(request: pytest.FixtureRequest) -> Stentor:
    """With a daemon and without, one after the other."""
    stentor: Stentor = request.getfixturevalue(request.param)
    return stentor
