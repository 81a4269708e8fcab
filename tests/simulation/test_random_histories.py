"""Histories drawn by lot, in which everything happens that may happen, for as long as there is time."""

import os
import shutil
from itertools import count
from pathlib import Path
from random import Random
from time import monotonic

import pytest
from tests.simulation.conftest import LONG, VARIABLE, drawn, how_to_see_it_again
from tests.simulation.history import History

from stentor.contract.traits import Traits
from stentor.testing.invariants import Witness, check

KINDS = {
    "plain": Traits(idempotency="none"),
    "nonce": Traits(idempotency="nonce", nonce_window=120),
    "key": Traits(idempotency="key"),
}
# More of it finds more: `STENTOR_SIMULATION_SECONDS=3600` is a good night's work.
SECONDS = float(os.environ.get("STENTOR_SIMULATION_SECONDS", "300" if LONG else "15"))


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_happens_the_store_tells_the_truth(
    fast_home: Path, request: pytest.FixtureRequest, kind: str
) -> None:
    deadline = monotonic() + SECONDS
    for number in count(drawn()):
        home = fast_home / str(number)
        home.mkdir()
        try:
            assert_history_is_sound(History(home, Random(f"{number}/{kind}"), KINDS[kind]))
        except BaseException as error:
            error.add_note(how_to_see_it_again(number, request))
            raise
        shutil.rmtree(home)
        if monotonic() > deadline or VARIABLE in os.environ:
            break


def assert_history_is_sound(history: History) -> None:
    history.happen()
    assert set(history.provider.counts.values()) <= {1}
    # What the run log has forgotten it cannot explain.
    providers = {} if history.forgets else {"page": history.provider}
    check(history.home, Witness(providers))
    assert history.complaints() == []
