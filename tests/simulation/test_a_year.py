"""A year of a few hundred jobs on virtual time: at its end there is one outcome for each instant of the calendar."""

from pathlib import Path
from random import Random

import pytest
from tests.simulation.accounts import Accounts
from tests.simulation.conftest import LONG
from tests.simulation.year import Year

from stentor.testing.invariants import Witness, check

# The year in several worlds: two workers share them, and each has jobs enough to get into each other's way.
PARTS = 12 if LONG else 2
JOBS = 150


@pytest.mark.parametrize("part", range(PARTS))
def test_a_year_leaves_one_outcome_for_each_instant_of_the_calendar(
    fast_home: Path, seed: int, part: int
) -> None:
    year = Year(fast_home, Random(f"{seed}/{part}"), JOBS)

    year.pass_by()

    accounts = Accounts.of(fast_home)
    complaints = [
        complaint
        for name, planned in year.planned.items()
        for complaint in accounts.missing_or_invented(planned, year.created[name], year.latest_ms)
    ]
    assert complaints == []
    assert list(accounts.wrong_runs(year.planned)) == []
    check(fast_home, Witness({"page": year.provider}))
    assert_it_was_worth_it(year, accounts)


def assert_it_was_worth_it(year: Year, accounts: Accounts) -> None:
    """A year in which nothing happens proves nothing."""
    outcomes = {row.outcome for rows in accounts.outcomes.values() for row in rows}
    assert outcomes == {"run", "missed", "skipped"}
    assert len(accounts.outcomes) > 0.9 * JOBS
    assert accounts.instants > 5_000
    assert len(accounts.runs) > 1_000
    assert min(year.lives, year.crashes, year.jumps) > 50
