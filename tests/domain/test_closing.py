"""The account of a schedule that ends: each instant gets its row, however many there are."""

import pytest

from stentor.domain.closing import closing
from stentor.domain.instants import from_iso
from stentor.domain.records import OccurrenceRow
from stentor.domain.schedules import At, Cron, Every, Schedule, instants

START = from_iso("2026-07-01T00:00")
HOUR = 3_600_000
MINUTELY = Cron(expr="* * * * *", tz="UTC")


def closed(schedule: Schedule, hours: float) -> tuple[OccurrenceRow, ...]:
    until = START + round(hours * HOUR)
    return closing(schedule, "rescheduled", job_id="j", accounted_ms=START, until_ms=until)


def test_each_instant_since_the_last_account_is_missed_for_the_reason_given() -> None:
    rows = closed(MINUTELY, 0.05)

    assert [(row.instant_ms - START, row.outcome, row.reason) for row in rows] == [
        (60_000, "missed", "rescheduled"),
        (120_000, "missed", "rescheduled"),
        (180_000, "missed", "rescheduled"),
    ]


@pytest.mark.parametrize(
    "schedule",
    [
        pytest.param(At(at="2026-07-01T09:00:00Z"), id="a one-shot in the future"),
        pytest.param(At(at="2026-06-30T09:00:00Z"), id="a one-shot that is accounted for"),
        pytest.param(Every(every_ms=HOUR, anchor_ms=START + HOUR), id="a beat that has not begun"),
    ],
)
def test_what_was_not_due_is_nobodys_loss(schedule: Schedule) -> None:
    assert closed(schedule, 0.5) == ()


@pytest.mark.parametrize(
    "schedule",
    [
        pytest.param(MINUTELY, id="cron"),
        pytest.param(Every(every_ms=60_000, anchor_ms=START), id="every"),
        pytest.param(Cron(expr="* * * * *", tz="UTC", stagger_ms=60_000), id="with stagger"),
    ],
)
def test_very_many_instants_become_one_row_that_counts_them(schedule: Schedule) -> None:
    due = list(instants(schedule, START, START + 20 * HOUR, job_id="j"))

    (row,) = closed(schedule, 20)

    assert (row.instant_ms, row.last_ms, row.count) == (due[0], due[-1], len(due))


def test_a_thousand_instants_are_still_listed() -> None:
    assert len(closed(MINUTELY, 1000 / 60)) == 1000
    assert len(closed(MINUTELY, 1001 / 60)) == 1


def test_years_of_a_beat_are_counted_without_counting() -> None:
    (row,) = closed(Every(every_ms=1_000, anchor_ms=START), 24 * 365 * 50)

    assert row.count == 50 * 365 * 86_400
