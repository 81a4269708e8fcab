"""Histories drawn by lot, in which everything happens that may happen, for as long as there is time."""

import os
import shutil
from itertools import count
from pathlib import Path
from random import Random
from time import monotonic

import pytest
from tests.simulation.conftest import VARIABLE
from tests.simulation.history import History

from stentor.contract.traits import Traits
from stentor.testing.invariants import Witness, check

pytestmark = pytest.mark.skipif("STENTOR_LONG" not in os.environ, reason="takes minutes: set STENTOR_LONG=1")

KINDS = {
    "plain": Traits(idempotency="none"),
    "nonce": Traits(idempotency="nonce", nonce_window=120),
    "key": Traits(idempotency="key"),
}
# More of it finds more: `STENTOR_SIMULATION_SECONDS=3600` is a good night's work.
SECONDS = float(os.environ.get("STENTOR_SIMULATION_SECONDS", "30"))


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_happens_the_store_tells_the_truth(fast_home: Path, seed: int, kind: str) -> None:
    deadline = monotonic() + SECONDS
    for number in count(seed):
        home = fast_home / str(number)
        home.mkdir()
        try:
            assert_history_is_sound(History(home, Random(f"{number}/{kind}"), KINDS[kind]))
        except BaseException as error:
            error.add_note(f"to see this history again: {VARIABLE}={number}")
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
