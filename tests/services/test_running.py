"""What a run does: its slot, its turn, its clock, its lease, and what it leaves in the log."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stentor.adapters.sqlite.reader import Reader
from stentor.contract.errors import NotSent, RunnerError
from stentor.contract.runners import TurnRequest
from stentor.testing.invariants import Witness, check
from stentor.testing.scripted import Provider, scripted_channel
from stentor.testing.simulation import Simulation, nothing
from stentor.testing.virtual_time import START_MS, pass_time
from tests.services.stories import TalkingRunner, adding, alerts, deliveries, job, runs, stored_job

TURN = {"kind": "agentTurn", "message": "daily brief"}


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def home(fast_home: Path, provider: Provider) -> Iterator[Path]:
    yield fast_home
    check(fast_home, Witness({"page": provider}))


def world(home: Path, provider: Provider, runner: TalkingRunner) -> Simulation:
    return Simulation(home, [scripted_channel("page", provider)], [runner])


async def brief(request: TurnRequest) -> str:
    return f"brief for {request.session_key}"


async def endless(request: TurnRequest) -> str:
    await pass_time(10_000)
    return request.message


def taking(seconds: float) -> TalkingRunner:
    async def turn(request: TurnRequest) -> str:
        await pass_time(seconds)
        return "done"

    return TalkingRunner(turn)


def test_each_isolated_run_has_a_session_of_its_own_and_no_history(home, provider) -> None:
    runner = TalkingRunner(brief)
    every = {"kind": "every", "everyMs": 1000, "anchorMs": START_MS}
    world(home, provider, runner).live(adding(job(payload=TURN, schedule=every)), seconds=3.5)
    assert len({request.session_id for request in runner.turns}) == 3
    assert {request.history for request in runner.turns} == {()}
    assert all(request.session_key.startswith("agent:main:cron:brief:run:") for request in runner.turns)


def test_a_session_key_makes_runs_share_one_session(home, provider) -> None:
    runner = TalkingRunner(brief)
    every = {"kind": "every", "everyMs": 1000, "anchorMs": START_MS}
    shared = job(payload=TURN, schedule=every, sessionKey="Weekly")
    world(home, provider, runner).live(adding(shared), seconds=3.5)
    assert {request.session_key for request in runner.turns} == {"agent:main:session:Weekly"}
    assert len({request.session_id for request in runner.turns}) == 1
    assert [len(request.history) for request in runner.turns] == [0, 2, 4]


def test_a_turn_that_takes_too_long_is_a_timeout_that_names_its_phase(home, provider) -> None:
    slow = job(payload=TURN | {"timeoutSeconds": 30}, retry={"maxAttempts": 0}, failureAlert=False)
    world(home, provider, TalkingRunner(endless)).live(adding(slow), seconds=60)
    (run,) = runs(home)
    assert (run["status"], run["errorKind"], run["durationMs"]) == ("timeout", "timeout", 30_000)
    assert "last phase: model-call-started" in run["error"]
    assert provider.accepted == []
    assert stored_job(home)["status"] == "failed"


def test_a_runner_error_is_a_run_error_and_nothing_is_announced(home, provider) -> None:
    async def refused(request: TurnRequest) -> str:
        raise RunnerError("auth", "401 unauthorized")

    untold = job(payload=TURN, failureAlert=False)
    world(home, provider, TalkingRunner(refused)).live(adding(untold), seconds=10)
    (run,) = runs(home)
    assert (run["status"], run["errorKind"], run["completionStatus"]) == ("error", "auth", "failed")
    assert provider.requests == []
    assert alerts(home) == ["error"]


@pytest.mark.parametrize("error", [ValueError("a bug"), RuntimeError("another")])
def test_a_bug_in_a_runner_is_an_error_of_its_run_only(home, provider, error) -> None:
    async def buggy(request: TurnRequest) -> str:
        raise error

    other = job(id="other", delivery={"to": "page:room2"})
    untold = job(payload=TURN, failureAlert=False)
    world(home, provider, TalkingRunner(buggy)).live(adding(untold, other), seconds=10)
    assert sorted(run["status"] for run in runs(home)) == ["error", "ok"]
    assert len(provider.accepted) == 1


def test_a_job_never_overlaps_itself_and_says_what_it_skipped(home, provider) -> None:
    every = {"kind": "every", "everyMs": 1000, "anchorMs": START_MS}
    world(home, provider, taking(1.5)).live(adding(job(payload=TURN, schedule=every)), seconds=6.2)
    assert [run["status"] for run in runs(home)] == ["ok"] * 3


def test_an_overlapping_run_waits_where_the_job_says_queue(home, provider) -> None:
    every = {"kind": "every", "everyMs": 1000, "anchorMs": START_MS}
    queued = job(payload=TURN, schedule=every, overlap="queue")
    runner = taking(0.9)
    world(home, provider, runner).live(adding(queued), seconds=5.5)
    assert len(runner.turns) >= 5


def test_no_more_runs_at_once_than_configured(home, provider) -> None:
    (home / "stentor.toml").write_text("[scheduler]\nmax_concurrent_runs = 2\n")
    busy: list[int] = []
    most: list[int] = []

    async def turn(request: TurnRequest) -> str:
        busy.append(1)
        most.append(len(busy))
        await pass_time(5)
        busy.pop()
        return "done"

    jobs = [job(id=f"job{n}", payload=TURN, delivery={"mode": "none"}) for n in range(6)]
    world(home, provider, TalkingRunner(turn)).live(adding(*jobs), seconds=60)
    assert max(most) == 2
    assert [run["status"] for run in runs(home)] == ["ok"] * 6


def test_a_failed_delivery_never_runs_the_agent_again(home, provider) -> None:
    runner = TalkingRunner(brief)
    provider.script.extend(NotSent("connection refused") for _ in range(5))
    world(home, provider, runner).live(adding(job(payload=TURN)), seconds=3000)
    assert len(runner.turns) == 1
    assert [run["status"] for run in runs(home)] == ["ok"]
    assert deliveries(home)[0]["parts"][0]["attempts"] == 6
    assert stored_job(home)["state"]["consecutiveErrors"] == 0


def test_a_silent_answer_is_a_row_with_its_reason(home, provider) -> None:
    async def silent(request: TurnRequest) -> str:
        return "NO_REPLY"

    world(home, provider, TalkingRunner(silent)).live(adding(job(payload=TURN)), seconds=10)
    (run,) = runs(home)
    assert (run["status"], run["suppression"], run["completionStatus"]) == ("ok", "silent_token", "succeeded")
    assert run["deliveries"][0]["state"] == "suppressed"
    assert provider.requests == []


def test_a_long_answer_is_cut_into_parts_that_arrive_in_order(home, provider) -> None:
    async def long(request: TurnRequest) -> str:
        return "\n\n".join(f"paragraph {n} " + "word " * 150 for n in range(20))

    world(home, provider, TalkingRunner(long)).live(adding(job(payload=TURN)), seconds=10)
    (delivery,) = deliveries(home)
    assert len(delivery["parts"]) >= 4
    assert [part.n for part in provider.accepted] == list(range(1, len(delivery["parts"]) + 1))
    assert all(len(part.text) <= 4096 for part in provider.accepted)
    assert delivery["state"] == "accepted"


def test_a_kind_stop_lets_a_run_finish_and_deliver(home, provider) -> None:
    world(home, provider, taking(10)).live(adding(job(payload=TURN)), seconds=4)
    assert [run["status"] for run in runs(home)] == ["ok"]
    assert len(provider.accepted) == 1


def test_a_run_longer_than_the_drain_is_interrupted_and_done_again(home, provider) -> None:
    simulation = world(home, provider, taking(100))
    simulation.live(adding(job(payload=TURN)), seconds=4)
    assert [run["status"] for run in runs(home)] == ["interrupted", "queued"]
    simulation.live(nothing, seconds=200)
    assert [run["status"] for run in runs(home)] == ["interrupted", "ok"]
    assert [run["trigger"] for run in runs(home)] == ["schedule", "retry"]
    assert len(provider.accepted) == 1
    assert stored_job(home)["status"] == "done"


def test_a_job_that_asks_for_a_report_is_not_done_again(home, provider) -> None:
    simulation = world(home, provider, taking(100))
    simulation.live(adding(job(payload=TURN, onInterrupt="report")), seconds=4)
    simulation.live(nothing, seconds=200)
    assert [run["status"] for run in runs(home)] == ["interrupted"]
    assert alerts(home) == ["interrupted"]
    assert stored_job(home)["status"] == "failed"


def test_a_job_that_ends_its_process_three_times_is_left_alone(home, provider) -> None:
    simulation = world(home, provider, taking(1000))
    simulation.live(adding(job(payload=TURN)), seconds=4)
    for _ in range(6):
        simulation.live(nothing, seconds=4)
    assert [run["status"] for run in runs(home)] == ["interrupted"] * 3
    assert stored_job(home)["status"] == "failed"


def test_a_system_event_goes_to_the_main_session_and_nowhere_else(home, provider) -> None:
    event = {"kind": "systemEvent", "text": "water the plants"}
    raw = job(payload=event)
    del raw["delivery"]
    world(home, provider, TalkingRunner(brief)).live(adding(raw), seconds=10)
    (run,) = runs(home)
    assert (run["sessionKey"], run["deliveryStatus"]) == ("agent:main:main", "not-requested")
    with Reader.open(home / "stentor.db") as reader:
        (session,) = reader.sessions(run["runId"])
    assert (session["kind"], session["messages"]) == ("main", 1)


def test_a_one_shot_that_asks_for_it_is_removed_once_everything_arrived(home, provider) -> None:
    provider.script.append(NotSent("connection refused"))
    simulation = world(home, provider, TalkingRunner(brief))
    simulation.live(adding(job(payload=TURN, deleteAfterRun=True)), seconds=3)
    assert stored_job(home)["status"] == "done"
    simulation.live(nothing, seconds=30)
    with Reader.open(home / "stentor.db") as reader:
        assert reader.job("brief") is None
    assert len(runs(home)) == 1


def test_an_interruption_that_was_made_good_does_not_keep_such_a_one_shot(home, provider) -> None:
    simulation = world(home, provider, taking(100))
    simulation.live(adding(job(payload=TURN, deleteAfterRun=True)), seconds=4)
    simulation.live(nothing, seconds=200)
    assert [run["status"] for run in runs(home)] == ["interrupted", "ok"]
    with Reader.open(home / "stentor.db") as reader:
        assert reader.job("brief") is None


def test_a_vanished_plugin_blocks_its_jobs_until_it_is_back(home, provider) -> None:
    every = {"kind": "every", "everyMs": 60_000, "anchorMs": START_MS}
    with_plugin = world(home, provider, TalkingRunner(brief))
    with_plugin.live(adding(job(schedule=every)), seconds=61)
    without = Simulation(home, [], now_ms=with_plugin.now_ms)
    without.live(nothing, seconds=61)
    assert stored_job(home)["status"] == "blocked"
    assert stored_job(home)["blocked"].startswith("plugin_missing")
    back = world(home, provider, TalkingRunner(brief))
    back.now_ms = without.now_ms
    back.live(nothing, seconds=61)
    assert stored_job(home)["status"] == "ok"
    assert len(provider.accepted) == 2
