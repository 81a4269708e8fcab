"""What many jobs cost together: searches are shared and remembered."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from stentor.domain import cron_grammar, cron_walls, instants
from stentor.domain.instants import from_iso
from stentor.domain.schedules import At, Cron, next_after

JOBS = 10_000
DAY = 86_400_000
NOW = from_iso("2026-05-01T08:00:00.25Z")


@contextmanager
def calls(*functions: Callable[..., object]) -> Iterator[Counter[str]]:
    """How often each of these is called."""
    names = {function.__code__: function.__name__ for function in functions}
    counted = Counter[str]()

    def count(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code in names:
            counted[names[frame.f_code]] += 1

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        yield counted
    finally:
        sys.setprofile(before)


def test_jobs_that_share_an_expression_share_its_searches() -> None:
    with calls(cron_walls.next_wall, cron_grammar.read) as counted:
        for number in range(JOBS):
            schedule = Cron(expr="0 7 * * 1-5", tz="Europe/Berlin")
            due = next_after(schedule, NOW - number * 7919 % JOBS)
            assert due is not None
            next_after(schedule, due)

    # Once to check it and once to know its times.
    assert counted["read"] <= 2
    assert counted["next_wall"] < JOBS / 100


def test_so_do_jobs_that_each_have_an_offset_of_their_own() -> None:
    schedule = Cron(expr="0 * * * *", tz="Europe/Berlin", stagger_ms=300_000)
    with calls(cron_walls.next_wall) as counted:
        found = {next_after(schedule, NOW, job_id=str(number)) for number in range(JOBS)}

    assert len(found) > JOBS * 0.9
    assert counted["next_wall"] < JOBS / 100


def test_ten_thousand_expressions_are_read_once_and_need_one_search_each() -> None:
    schedules = [
        Cron(expr=f"{second} {minute} {hour} * * *", tz="America/New_York")
        for second in range(7)
        for minute in range(60)
        for hour in range(24)
    ][:JOBS]

    with calls(cron_walls.next_wall, cron_grammar.read) as first:
        for schedule in schedules:
            next_after(schedule, NOW)
    with calls(cron_walls.next_wall, cron_grammar.read) as second:
        for schedule in schedules:
            next_after(schedule, NOW + DAY)
            next_after(schedule, NOW + DAY)

    assert first == Counter(read=JOBS, next_wall=JOBS)
    assert second == Counter(next_wall=JOBS)


def test_the_time_of_a_one_shot_is_read_once() -> None:
    schedule = At(at="2026-06-01T09:00")
    with calls(instants.from_iso) as counted:
        for number in range(JOBS):
            next_after(schedule, NOW + number)

    assert counted["from_iso"] == 1
