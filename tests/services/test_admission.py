"""Who is let in when there is not room for everybody."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stentor.domain.jobs import Job
from stentor.domain.records import RunSeed, SessionSeed
from stentor.domain.states import Trigger
from stentor.services.admission import Admission
from stentor.services.tickets import Ticket


def ticket(
    run_id: str,
    *,
    job: str | None = None,
    agent: str = "main",
    at: int = 0,
    priority: str = "announce",
    session: str | None = None,
    trigger: Trigger = Trigger.SCHEDULE,
) -> Ticket:
    """A run called by a letter and its number: they come in that order."""
    document: dict[str, Any] = {
        "id": job or f"job-{run_id}",
        "name": "Job",
        "agentId": agent,
        "schedule": {"kind": "every", "everyMs": 1000},
        "sessionTarget": "isolated",
        "payload": {"kind": "agentTurn", "message": "work"},
        "delivery": {"mode": "none", "priority": priority},
    }
    seed = SessionSeed(f"s-{run_id}", session or run_id, "base", "run", agent, "", shared=session is not None)
    parsed = Job.model_validate(document)
    return Ticket(RunSeed(run_id, parsed.id, "Job", trigger, at, "boot", seed, at), parsed, int(run_id[1:]))


def admitted(admission: Admission) -> list[str]:
    """Everybody who may come in right now, in order."""
    found: list[str] = []
    while (next_one := admission.next()) is not None:
        found.append(next_one.run.id)
    return found


def test_the_most_urgent_goes_first_and_then_whoever_was_due_first() -> None:
    admission = Admission(room=10)
    for waiting in (
        ticket("r5", priority="digest", at=1),
        ticket("r4", at=3),
        ticket("r3", at=2),
        ticket("r2", priority="alert", at=9),
        ticket("r1", trigger=Trigger.MANUAL, at=9),
    ):
        admission.enter(waiting)
    assert admitted(admission) == ["r1", "r2", "r3", "r4", "r5"]


def test_what_is_due_together_goes_in_the_order_it_was_claimed() -> None:
    admission = Admission(room=3)
    for run in ("r2", "r3", "r1"):
        admission.enter(ticket(run))
    assert admitted(admission) == ["r1", "r2", "r3"]


def test_there_is_room_for_so_many_and_whoever_leaves_makes_room() -> None:
    admission = Admission(room=2)
    tickets = [ticket(f"r{n}") for n in range(4)]
    for waiting in tickets:
        admission.enter(waiting)
    assert admitted(admission) == ["r0", "r1"]
    admission.leave(tickets[1])
    admission.leave(tickets[1])
    assert admitted(admission) == ["r2"]


@pytest.mark.parametrize(
    ("shared", "rooms"),
    [
        pytest.param({"job": "brief"}, {}, id="two runs of one job"),
        pytest.param({"session": "agent:main:session:Weekly"}, {}, id="two runs in one session"),
        pytest.param({"agent": "ops"}, {"ops": 1}, id="an agent with room for one"),
    ],
)
def test_one_waits_for_the_other_and_stands_in_nobody_elses_way(
    shared: dict[str, str], rooms: dict[str, int]
) -> None:
    admission = Admission(10, rooms)
    first, second, third = ticket("r1", **shared), ticket("r2", **shared), ticket("r3")
    for waiting in (first, second, third):
        admission.enter(waiting)
    assert admitted(admission) == ["r1", "r3"]
    admission.leave(first)
    assert admitted(admission) == ["r2"]


def test_a_place_that_one_cannot_take_goes_to_the_next_who_can() -> None:
    admission = Admission(10, {"ops": 1})
    working = ticket("r1", agent="ops")
    busy_job = ticket("r2", job="brief")
    held_twice = ticket("r3", job="brief", agent="ops")
    free = ticket("r4", agent="ops")
    for waiting in (working, busy_job, held_twice, free):
        admission.enter(waiting)
    assert admitted(admission) == ["r1", "r2"]
    admission.leave(working)
    assert admitted(admission) == ["r4"]
    admission.leave(busy_job)
    admission.leave(free)
    assert admitted(admission) == ["r3"]


def test_whoever_gave_up_while_waiting_does_not_block_those_behind() -> None:
    admission = Admission(room=5)
    first, gone, last = (ticket(run, job="brief") for run in ("r1", "r2", "r3"))
    for waiting in (first, gone, last):
        admission.enter(waiting)
    assert admitted(admission) == ["r1"]
    gone.cancelled = "changed my mind"
    admission.leave(first)
    assert admitted(admission) == ["r3"]


def test_runs_that_are_waited_for_have_room_of_their_own_at_each_depth() -> None:
    """Those that wait leave only when the next ones have left, so no crowd of them may stand in the way of these."""
    admission = Admission(room=1, nested_room=2)
    runs = [ticket(f"r{n}") for n in range(7)]
    for waiting, depth in zip(runs, (0, 0, 1, 1, 1, 2, 3), strict=True):
        waiting.nested = depth
        admission.enter(waiting)
    assert admitted(admission) == ["r6", "r5", "r2", "r3", "r0"]
    admission.leave(runs[2])
    assert admitted(admission) == ["r4"]
    admission.leave(runs[0])
    assert admitted(admission) == ["r1"]


def test_whoever_is_waited_for_takes_up_neither_job_nor_agent_but_the_session() -> None:
    admission = Admission(room=9, room_of_agents={"main": 1})
    working = ticket("r1", job="brief", session="chat")
    free, held = ticket("r2", job="brief", session="lab"), ticket("r3", job="brief", session="chat")
    free.nested = held.nested = 1
    admission.enter(working)
    assert admitted(admission) == ["r1"]
    for waiting in (free, held):
        admission.enter(waiting)
    assert admitted(admission) == ["r2"]
    admission.leave(working)
    assert admitted(admission) == ["r3"]


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from(["main", "ops", "dev"]), st.integers(0, 2)),
        min_size=1,
        max_size=40,
    ),
    st.integers(1, 4),
    st.randoms(use_true_random=False),
)
def test_everybody_gets_in_at_last_and_no_limit_is_ever_passed(
    wishes: list[tuple[int, str, int]], room: int, chance: Any
) -> None:
    rooms = {"ops": 1, "dev": 2}
    admission = Admission(room, rooms)
    everybody = [
        ticket(f"r{n:02}", job=f"j{job}", agent=agent, session=f"s{session}" if session else None)
        for n, (job, agent, session) in enumerate(wishes)
    ]
    for waiting in everybody:
        admission.enter(waiting)
    inside: list[Ticket] = []
    seen: list[str] = []
    while len(seen) < len(everybody) or inside:
        while (entered := admission.next()) is not None:
            inside.append(entered)
            seen.append(entered.run.id)
        assert 0 < len(inside) <= room
        for names in (
            [one.job.id for one in inside],
            [one.run.session.key for one in inside if one.run.session.shared],
        ):
            assert len(names) == len(set(names))
        assert all(sum(one.job.agent_id == agent for one in inside) <= most for agent, most in rooms.items())
        admission.leave(inside.pop(chance.randrange(len(inside))))
    assert sorted(seen) == sorted(one.run.id for one in everybody)
