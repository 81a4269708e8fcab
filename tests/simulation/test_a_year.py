"""A year of a few hundred jobs on virtual time: at its end there is one outcome for each instant of the calendar."""

from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.simulation.accounts import Accounts
from tests.simulation.conftest import LONG
from tests.simulation.year import Weather, Year

from stentor.testing.invariants import Witness, check

YEARS = 6 if LONG else 1
NUMBERS = count()
# Half of the years are made of many crashes, and half of many jumps of the clock: two workers share them.
CRASHES = {"often in the middle of something": (0.5, 0.8), "seldom in the middle of something": (0.2, 0.5)}


def weathers(crashes: tuple[float, float]) -> st.SearchStrategy[Weather]:
    return st.builds(
        Weather,
        lots=st.integers(1, 10**9),
        # Enough to get into each other's way.
        jobs=st.integers(130, 170),
        crashes=st.floats(*crashes),
        jumps=st.sampled_from([(0, 1), (0, 0, 1, 2), (0, 0, 0, 1, 2), (0, 0, 0, 3)]),
        away_days=st.integers(10, 16),
    ).filter(_is_drawn)


def _is_drawn(weather: Weather) -> bool:
    """The first year that is tried is the simplest there is, and always the same."""
    return weather.lots > 1


@pytest.mark.parametrize("crashes", CRASHES.values(), ids=CRASHES.keys())
def test_a_year_leaves_one_outcome_for_each_instant_of_the_calendar(
    fast_home: Path, crashes: tuple[float, float]
) -> None:
    """A year takes half a minute, so that none is made smaller: the one that fails is said, and comes again first."""
    phases = [Phase.explicit, Phase.reuse, Phase.generate]
    checks = [HealthCheck.too_slow]

    @settings(max_examples=YEARS, phases=phases, deadline=None, suppress_health_check=checks)
    @given(weathers(crashes))
    def live(weather: Weather) -> None:
        home = fast_home / f"year{next(NUMBERS)}"
        home.mkdir()
        pass_by(Year(home, weather))

    live()


def pass_by(year: Year) -> None:
    year.pass_by()

    accounts = Accounts.of(year.home)
    complaints = [
        complaint
        for name, planned in year.planned.items()
        for complaint in accounts.missing_or_invented(planned, year.created[name], year.latest_ms)
    ]
    assert complaints == []
    assert list(accounts.wrong_runs(year.planned)) == []
    check(year.home, Witness({"page": year.provider}))
    assert_it_was_worth_it(year, accounts)


def assert_it_was_worth_it(year: Year, accounts: Accounts) -> None:
    """A year in which nothing happens proves nothing."""
    outcomes = {row.outcome for rows in accounts.outcomes.values() for row in rows}
    assert outcomes == {"run", "missed", "skipped"}
    assert len(accounts.outcomes) > 0.9 * year.weather.jobs
    assert accounts.instants > 5_000
    assert len(accounts.runs) > 1_000
    assert min(year.lives, year.crashes, year.jumps) > 25
