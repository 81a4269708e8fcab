"""Each phase of a turn has its clock, and a turn that is over stays over, whatever its runner still does."""

import asyncio
from collections.abc import Callable

import pytest

from stentor.contract.errors import RunnerError
from stentor.contract.runners import (
    Denied,
    Final,
    ModelSwitched,
    Phase,
    RunnerEvent,
    TextDelta,
    TurnRequest,
    Usage,
)
from stentor.domain.states import RunStatus
from stentor.services.outcomes import TurnFailed, TurnOutcome
from stentor.testing.simulation import Simulation
from stentor.testing.virtual_time import pass_time
from tests.services.scenes import CALLED, Scene, SpeakingRunner, Speech, acted
from tests.services.stories import adding, job, runs

DAY = 86_400.0


def saying(*script: RunnerEvent | float) -> Callable[[TurnRequest], Speech]:
    """A runner that yields events; a number is a pause in seconds."""

    async def speech(request: TurnRequest) -> Speech:
        for line in script:
            if isinstance(line, float):
                await pass_time(line)
            else:
                yield line

    return speech


def stubborn(*script: RunnerEvent | float) -> Callable[[TurnRequest], Speech]:
    """The same, but a pause goes on to its end, whoever wants to stop it."""

    async def speech(request: TurnRequest) -> Speech:
        for line in script:
            if isinstance(line, float):
                await unstoppable(line)
            else:
                yield line

    return speech


async def unstoppable(seconds: float) -> None:
    async with asyncio.TaskGroup() as group:
        pause = group.create_task(pass_time(seconds))
        while not pause.done():
            try:
                await asyncio.shield(pause)
            except asyncio.CancelledError:
                asyncio.current_task().uncancel()


async def failing(scene: Scene) -> TurnFailed:
    return await scene.failure()


async def answering(scene: Scene) -> TurnOutcome:
    return await scene.take()


@pytest.mark.parametrize(
    ("changes", "seconds"), [({}, 60), ({"setup_seconds": 5}, 5)], ids=["usual", "given"]
)
def test_a_runner_that_does_not_begin_is_given_up_by_the_setup_clock(fast_home, changes, seconds) -> None:
    async def play(scene: Scene) -> None:
        failure = await scene.failure()
        assert (failure.phase, failure.kind, failure.status) == ("setup", "setup_timeout", RunStatus.TIMEOUT)
        assert str(failure) == "setup timed out before runner start (last phase: setup)"
        assert scene.seconds == seconds

    acted(fast_home, saying(DAY), play, **changes)


@pytest.mark.parametrize(
    ("limit", "seconds"),
    [(None, 60), (0, 60), (600, 60), (120, 60), (20, 10), (1.5, 1), (1, 1)],
    ids=["usual", "no limit", "long", "two minutes", "short", "shorter", "shortest"],
)
def test_a_runner_that_calls_no_model_is_given_up_by_the_stall_clock(fast_home, limit, seconds) -> None:
    async def play(scene: Scene) -> None:
        failure = await scene.failure(timeoutSeconds=limit)
        assert (failure.phase, failure.kind, failure.status) == (
            "context-engine",
            "stalled",
            RunStatus.TIMEOUT,
        )
        assert str(failure) == "stalled before first model call (last phase: context-engine)"
        assert scene.seconds == seconds

    acted(fast_home, saying(Phase("context-engine"), DAY), play)


def test_the_stall_clock_is_as_patient_as_it_is_told_to_be(fast_home) -> None:
    async def play(scene: Scene) -> None:
        assert (await scene.failure()).kind == "stalled"
        assert scene.seconds == 7

    acted(fast_home, saying(Phase("auth"), DAY), play, stall_seconds=7)


def test_the_stall_clock_begins_with_the_runner_not_with_the_turn(fast_home) -> None:
    async def play(scene: Scene) -> None:
        assert (await scene.failure()).kind == "stalled"
        assert scene.seconds == 50 + 60

    acted(fast_home, saying(50.0, Phase("auth"), DAY), play)


def test_a_new_phase_is_progress(fast_home) -> None:
    phases = [line for name in ("auth", "hooks", "prompt", "tools") for line in (Phase(name), 50.0)]

    async def play(scene: Scene) -> None:
        assert (await scene.take()).text == "done"
        assert scene.seconds == 4 * 50

    acted(fast_home, saying(*phases, Final("done")), play)


def test_going_back_and_forth_between_phases_is_none(fast_home) -> None:
    async def play(scene: Scene) -> None:
        failure = await scene.failure()
        assert (failure.kind, failure.phase) == ("stalled", "auth")
        assert scene.seconds == 10 + 60

    acted(fast_home, saying(*[Phase("auth"), 10.0, Phase("retry"), 10.0] * 20), play)


@pytest.mark.parametrize(
    "event",
    [CALLED, TextDelta("Dear"), Usage(input=1), ModelSwitched("m-2"), Phase("process-spawned")],
    ids=["phase", "text", "usage", "another model", "an external program"],
)
def test_once_the_work_has_begun_it_may_take_as_long_as_the_whole_turn(fast_home, event) -> None:
    assert (
        acted(fast_home, saying(Phase("auth"), 10.0, event, 3000.0, Final("done")), answering).text == "done"
    )


def test_a_tool_call_is_work(fast_home) -> None:
    async def speech(request: TurnRequest) -> Speech:
        yield Phase("auth")
        result = await request.call_tool("page", {"to": "bob"})
        await pass_time(3000)
        yield Final(f"{result.result}")

    assert acted(fast_home, speech, answering).text == "paged for r-1"


def test_no_phase_is_timed_after_the_model_was_called(fast_home) -> None:
    assert acted(fast_home, saying(CALLED, Phase("tools"), 3000.0, Final("done")), answering).text == "done"


def test_a_program_that_tells_its_phases_has_to_go_on_with_it(fast_home) -> None:
    async def play(scene: Scene) -> None:
        assert str(await scene.failure()) == "stalled before first model call (last phase: auth)"
        assert scene.seconds == 300 + 60

    acted(fast_home, saying(Phase("process-spawned"), 300.0, Phase("auth"), DAY), play)


@pytest.mark.parametrize(("limit", "seconds"), [(None, 3600), (300, 300)], ids=["usual", "given"])
def test_the_whole_turn_has_a_clock_too(fast_home, limit, seconds) -> None:
    async def play(scene: Scene) -> None:
        failure = await scene.failure(timeoutSeconds=limit)
        assert (failure.phase, failure.kind, failure.status) == (
            "model-call-started",
            "timeout",
            RunStatus.TIMEOUT,
        )
        assert str(failure) == f"the turn took longer than {seconds} s (last phase: model-call-started)"
        assert scene.seconds == seconds

    acted(fast_home, saying(CALLED, DAY), play)


def test_the_whole_turn_may_be_over_before_its_setup_is(fast_home) -> None:
    failure = acted(fast_home, saying(DAY), lambda scene: scene.failure(timeoutSeconds=30))
    assert (failure.kind, str(failure)) == ("timeout", "the turn took longer than 30 s (last phase: setup)")


def test_waiting_for_a_free_slot_is_not_timed(fast_home) -> None:
    (fast_home / "stentor.toml").write_text("[scheduler]\nmax_concurrent_runs = 1\n")
    slow = SpeakingRunner(saying(Phase("auth"), 20.0, CALLED, 300.0, Final("done")))
    turn = {"kind": "agentTurn", "message": "daily brief", "timeoutSeconds": 400}
    jobs = [job(id=f"job{n}", payload=turn, delivery={"mode": "none"}) for n in range(3)]
    Simulation(fast_home, [], [slow]).live(adding(*jobs), seconds=1000)
    assert [(run["status"], run["durationMs"]) for run in runs(fast_home)] == [("ok", 320_000)] * 3


def test_a_limit_of_zero_is_none(fast_home) -> None:
    outcome = acted(fast_home, saying(CALLED, DAY, Final("done")), lambda scene: scene.take(timeoutSeconds=0))
    assert outcome.text == "done"


@pytest.mark.parametrize(
    ("payload", "seconds"),
    [({}, 600), ({"timeoutSeconds": 5}, 5), ({"timeoutSeconds": 0}, None)],
    ids=["usual", "given", "none"],
)
def test_a_command_has_the_whole_time_from_the_start(fast_home, payload, seconds) -> None:
    command = {"kind": "command", "argv": ["sleep", str(DAY)]} | payload

    async def play(scene: Scene) -> None:
        if seconds is None:
            assert (await scene.take(**command)).text == "sleep for r-1"
            return
        failure = await scene.failure(**command)
        assert (failure.phase, failure.kind) == ("command", "timeout")
        assert str(failure) == f"the command took longer than {seconds} s"
        assert scene.seconds == seconds

    acted(fast_home, saying(), play)


def test_the_run_log_shows_the_phase_while_it_lasts(fast_home) -> None:
    async def play(scene: Scene) -> None:
        turn = scene.tasks.create_task(scene.take())
        await pass_time(5)
        assert scene.phase == "auth"
        await pass_time(10)
        assert scene.phase == "model-call-started"
        await turn
        command = scene.tasks.create_task(scene.take(kind="command", argv=["sleep", "5"]))
        await pass_time(1)
        assert scene.phase == "command"
        await command

    acted(fast_home, saying(Phase("auth"), 10.0, CALLED, 10.0, Final("done")), play)


def test_a_runner_may_put_its_things_away_when_told_to_stop(fast_home) -> None:
    put_away: list[str] = []

    async def speech(request: TurnRequest) -> Speech:
        yield CALLED
        try:
            await pass_time(DAY)
        finally:
            await pass_time(15)
            put_away.append(request.run_id)

    async def play(scene: Scene) -> None:
        failure = await scene.failure(timeoutSeconds=30)
        assert (failure.kind, failure.unconfirmed, failure.warnings) == ("timeout", False, ())
        assert (scene.seconds, put_away) == (45, ["r-1"])

    acted(fast_home, speech, play)


def test_a_runner_that_does_not_stop_does_not_hold_its_run(fast_home) -> None:
    async def play(scene: Scene) -> None:
        failure = await scene.failure(timeoutSeconds=30)
        assert (failure.kind, failure.unconfirmed) == ("timeout", True)
        assert failure.warnings[0].startswith("needs_review: the runner did not end")
        assert scene.seconds == 30 + 20

    acted(fast_home, stubborn(CALLED, 600.0), play)


def test_what_is_said_after_the_end_is_refused_and_noted_once(fast_home) -> None:
    speech = stubborn(
        CALLED, 40.0, Phase("late"), TextDelta("a"), TextDelta("b"), Usage(input=9), 100.0, Final("too late")
    )

    async def play(scene: Scene) -> None:
        failure = await scene.failure(timeoutSeconds=30)
        assert (scene.seconds, failure.usage, scene.phase) == (50, Usage(), "model-call-started")
        assert scene.late == ["the phase late", "text", "usage"]
        await pass_time(200)
        assert scene.late[3:] == ["an answer of 8 characters"]

    acted(fast_home, speech, play)


@pytest.mark.parametrize("after", [10, 500], ids=["while it is being stopped", "long after"])
def test_a_tool_that_is_called_after_the_end_is_never_reached(fast_home, after) -> None:
    answers: list[object] = []

    async def speech(request: TurnRequest) -> Speech:
        yield CALLED
        await unstoppable(30 + after)
        answers.append(await request.call_tool("page", {"to": "bob"}))

    async def play(scene: Scene) -> None:
        await scene.failure(timeoutSeconds=30)
        await pass_time(after)
        assert scene.tool_calls == []
        assert scene.late == ["a call of the tool 'page'"]
        (answer,) = answers
        assert (answer.ok, answer.result.startswith("fenced: ")) == (False, True)

    acted(fast_home, speech, play)


def test_a_tool_is_fenced_after_a_good_end_too(fast_home) -> None:
    requests: list[TurnRequest] = []

    async def speech(request: TurnRequest) -> Speech:
        requests.append(request)
        yield Final("done")

    async def play(scene: Scene) -> None:
        assert (await scene.take()).text == "done"
        assert not (await requests[0].call_tool("page", {})).ok
        assert scene.tool_calls == []

    acted(fast_home, speech, play)


def test_a_flood_of_late_output_is_noted_a_few_times(fast_home) -> None:
    speech = stubborn(CALLED, 40.0, *[Phase(f"phase {n}") for n in range(1000)])

    async def play(scene: Scene) -> None:
        await scene.failure(timeoutSeconds=30)
        assert len(scene.late) == 20

    acted(fast_home, speech, play)


def test_a_runner_that_answers_while_it_is_stopped_is_late(fast_home) -> None:
    async def speech(request: TurnRequest) -> Speech:
        yield CALLED
        try:
            await pass_time(DAY)
        except asyncio.CancelledError:
            yield Final("half of it")

    async def play(scene: Scene) -> None:
        failure = await scene.failure(timeoutSeconds=30)
        assert (failure.kind, failure.unconfirmed) == ("timeout", False)
        assert scene.late == ["an answer of 10 characters"]

    acted(fast_home, speech, play)


def test_a_runner_that_breaks_while_it_is_stopped_has_still_run_out_of_time(fast_home) -> None:
    async def speech(request: TurnRequest) -> Speech:
        yield CALLED
        try:
            await pass_time(DAY)
        finally:
            raise RunnerError("crashed", "the connection is gone")

    assert acted(fast_home, speech, lambda scene: scene.failure(timeoutSeconds=30)).kind == "timeout"


def test_a_turn_that_is_cancelled_stops_its_runner_at_once(fast_home) -> None:
    stopped: list[float] = []

    async def speech(request: TurnRequest) -> Speech:
        yield CALLED
        try:
            await pass_time(DAY)
        finally:
            stopped.append(asyncio.get_running_loop().time())

    async def play(scene: Scene) -> None:
        turn = scene.tasks.create_task(scene.take())
        await pass_time(5)
        turn.cancel()
        await asyncio.wait({turn})
        assert (turn.cancelled(), stopped, scene.seconds) == (True, [5], 5)

    acted(fast_home, speech, play)


def test_a_turn_that_is_cancelled_waits_for_a_stubborn_runner_only_a_while(fast_home) -> None:
    async def play(scene: Scene) -> None:
        turn = scene.tasks.create_task(scene.take())
        await pass_time(5)
        turn.cancel()
        await asyncio.wait({turn})
        assert (turn.cancelled(), scene.seconds) == (True, 5 + 20)

    acted(fast_home, stubborn(CALLED, 600.0), play)


def test_a_runner_that_is_stopped_with_its_group_is_asked_once(fast_home) -> None:
    asked: list[int] = []

    async def speech(request: TurnRequest) -> Speech:
        yield CALLED
        try:
            await pass_time(DAY)
        except asyncio.CancelledError:
            asked.append(asyncio.current_task().cancelling())
            await pass_time(10)
            asked.append(asyncio.current_task().cancelling())
            raise

    async def play(scene: Scene) -> None:
        scene.tasks.create_task(scene.take())
        await pass_time(5)
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        acted(fast_home, speech, play)
    assert asked == [1, 1]


def test_an_answer_heard_in_time_stands_though_its_runner_goes_on(fast_home) -> None:
    outcome = acted(fast_home, saying(CALLED, Final("done"), DAY), answering)
    assert outcome.text == "done"
    assert outcome.warnings == ("the runner went on after its final answer until its time was up",)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("a bug"), "ValueError: a bug"),
        (SystemExit(3), "SystemExit: 3"),
        (TimeoutError("no answer"), "TimeoutError: no answer"),
        (asyncio.CancelledError(), "the runner ended without a final answer"),
    ],
    ids=["a bug", "an exit", "a timeout of its own", "a cancellation of its own"],
)
def test_whatever_a_runner_raises_is_a_failure_of_its_turn_only(fast_home, error, said) -> None:
    async def speech(request: TurnRequest) -> Speech:
        yield CALLED
        raise error

    failure = acted(fast_home, speech, failing)
    assert (failure.kind, failure.status) == ("crashed", RunStatus.ERROR)
    assert str(failure) == f"{said} (last phase: model-call-started)"


@pytest.mark.parametrize(
    ("ending", "kind", "said"),
    [
        (RunnerError("rate_limit", "slow down"), "rate_limit", "slow down"),
        (Denied("SYSTEM_RUN_DENIED", "not here"), "denied", "SYSTEM_RUN_DENIED: not here"),
    ],
    ids=["an error", "a denial"],
)
def test_a_failure_says_what_the_turn_cost_and_what_was_asked(fast_home, ending, kind, said) -> None:
    async def speech(request: TurnRequest) -> Speech:
        yield ModelSwitched("m-2")
        yield Usage(input=10, output=5)
        if isinstance(ending, RunnerError):
            raise ending
        yield ending
        await pass_time(DAY)

    async def play(scene: Scene) -> None:
        failure = await scene.failure()
        assert (failure.kind, str(failure)) == (kind, f"{said} (last phase: setup)")
        assert (failure.usage, failure.model) == (Usage(input=10, output=5, context=10), "m-2")
        (asked,) = await scene.said()
        assert (asked.role, asked.text.split("\n")[0]) == ("user", "[cron:brief Brief] daily brief")
        assert scene.seconds == 0

    acted(fast_home, speech, play)


def test_an_agent_that_is_not_there_is_named_with_those_that_are(fast_home) -> None:
    async def play(scene: Scene) -> None:
        scene.turns.agents = {}
        assert (await scene.failure()).kind == "agent_missing"

    acted(fast_home, saying(), play)
