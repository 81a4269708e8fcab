"""Random expressions against the walk through real minutes, which knows nothing of our code."""

from collections.abc import Callable
from datetime import date, timedelta
from itertools import islice, pairwise
from typing import TypeVar

import hypothesis
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.domain.walk import (
    DAY,
    HOUR,
    Change,
    Wish,
    all_changes,
    around,
    firings,
    minute_of,
    places,
    walk,
)
from tests.domain.wishes import Days, dates, wishes

from stentor.domain.cron import forget_zones
from stentor.domain.schedules import Cron, instants, next_after

Test = TypeVar("Test", bound=Callable[..., None])
MINUTE_MS, DAY_MS = 60_000, 86_400_000
EPOCH = date(1970, 1, 1)


def examples(number: int, seed: int) -> Callable[[Test], Test]:
    """So many random examples, and the same again for the same seed."""

    def seeded(test: Test) -> Test:
        return hypothesis.seed(seed)(settings(max_examples=number, deadline=None, database=None)(test))

    return seeded


def may_fire(expr: str) -> bool:
    try:
        Cron(expr=expr, tz="UTC")
    except ValidationError as error:
        if "never fires" in str(error):
            return False
        raise
    return True


def product(wish: Wish, tz: str, first: int, last: int) -> list[int]:
    """What the product fires in these real minutes, in seconds."""
    if not may_fire(wish.expr):
        return []
    found = instants(Cron(expr=wish.expr, tz=tz), first * MINUTE_MS - 1, (last + 1) * MINUTE_MS - 1)
    return [ms // 1000 for ms in found]


def test_any_expression_agrees_with_the_walk_around_any_change(database: str, seed: int) -> None:
    changes = [(change, tz) for change, zones in all_changes(database).items() for tz in zones]

    @examples(300, seed)
    @given(wishes(), st.sampled_from(changes), st.integers(-2 * HOUR, 2 * HOUR))
    def compare(wish: Wish, where: tuple[Change, str], asked: int) -> None:
        change, tz = where
        hours = 30 if len(wish.seconds) == 1 else 2
        shown = around(change, hours * HOUR)
        expected = firings(wish, shown)
        assert product(wish, tz, shown[0][0], shown[-1][0]) == expected
        # Asked anew from a minute near the change, nothing fires again and nothing is left out.
        forget_zones()
        start = change.minute + asked
        rest = [second for second in expected if second >= start * 60]
        assert product(wish, tz, start, shown[-1][0]) == rest

    compare()


def test_any_expression_agrees_with_the_walk_at_any_time(database: str, seed: int) -> None:
    """Also in years when zones left out a day, or moved the date line."""
    assert database

    @examples(100, seed)
    @given(wishes(), st.sampled_from(places()), st.integers(minute_of(1973), minute_of(2060)))
    def compare(wish: Wish, tz: str, start: int) -> None:
        # A walk that sets out in an hour that is repeated does not know it: what fires on its first day is left aside.
        shown = list(walk(tz, start - 26 * HOUR, start + (DAY if len(wish.seconds) == 1 else HOUR)))
        expected = [second for second in firings(wish, shown) if second >= start * 60]
        assert product(wish, tz, start, shown[-1][0]) == expected

    compare()


def test_dates_are_found_over_many_years(seed: int) -> None:
    @examples(300, seed)
    @given(dates(), st.integers(10_957, 32_000))
    def compare(days: Days, first: int) -> None:
        expr = f"0 12 {days.text}"
        calendar = (EPOCH + timedelta(day) for day in range(first, first + 40 * 366))
        expected = [(day - EPOCH).days for day in islice(filter(days.on, calendar), 4)]
        if not may_fire(expr):
            assert expected == []
            return
        found = instants(Cron(expr=expr, tz="UTC"), first * DAY_MS - 1, (first + 40 * 366) * DAY_MS - 1)
        assert [ms // DAY_MS for ms in islice(found, 4)] == expected

    compare()


def test_asked_from_anywhere_between_two_firings_the_next_is_the_same(database: str, seed: int) -> None:
    changes = [(change, tz) for change, zones in all_changes(database).items() for tz in zones]
    soon = st.integers(-2 * HOUR * MINUTE_MS, 2 * HOUR * MINUTE_MS)

    @examples(150, seed)
    @given(wishes(), st.sampled_from(changes), st.sampled_from([0, 1, 300_000]), st.data())
    def compare(wish: Wish, where: tuple[Change, str], stagger_ms: int, data: st.DataObject) -> None:
        hypothesis.assume(may_fire(wish.expr))
        change, tz = where
        schedule = Cron(expr=wish.expr, tz=tz, stagger_ms=stagger_ms)
        start_ms = change.minute * MINUTE_MS - data.draw(st.integers(0, DAY_MS))
        found = list(islice(instants(schedule, start_ms, start_ms + 400 * DAY_MS, job_id="j"), 12))
        for earlier, later in pairwise([start_ms, *found]):
            assert earlier < later
            # Rather near the change, if the two lie on either side of it.
            near = min(max(change.minute * MINUTE_MS + data.draw(soon), earlier), later - 1)
            asked_ms = data.draw(st.just(near) | st.integers(earlier, later - 1))
            assert next_after(schedule, asked_ms, job_id="j") == later
            forget_zones()
            assert next_after(schedule, asked_ms, job_id="j") == later

    compare()


def test_what_is_remembered_changes_no_answer(database: str, seed: int) -> None:
    zones = ["UTC", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "America/Nuuk"]
    near = st.integers(-3 * DAY_MS, 3 * DAY_MS)
    start = minute_of(2026, 10, 25) * MINUTE_MS
    assert database

    def answer(schedule: Cron, asked_ms: int) -> int | None:
        forget_zones()
        return next_after(schedule, asked_ms)

    @examples(150, seed)
    @given(wishes(), st.sampled_from(zones), st.lists(st.tuples(near, st.integers(0, 4)), max_size=12))
    def compare(wish: Wish, tz: str, asked: list[tuple[int, int]]) -> None:
        hypothesis.assume(may_fire(wish.expr))
        schedule = Cron(expr=wish.expr, tz=tz)
        # From each place a few steps on, as a scheduler goes, and then to another place.
        steps = [list(islice(instants(schedule, start + far, start * 2), more)) for far, more in asked]
        places = [at for (far, _), found in zip(asked, steps, strict=True) for at in (start + far, *found)]
        fresh = [answer(schedule, at) for at in places]
        forget_zones()
        assert [next_after(schedule, at) for at in places] == fresh

    compare()
