"""One model after another is asked until there is an answer, and nothing that was done is done again."""

from collections.abc import Callable
from typing import Any

import pytest

from stentor.agents.echo import EchoRunner
from stentor.contract.errors import RunnerError
from stentor.contract.runners import (
    Final,
    Message,
    ModelSwitched,
    Phase,
    RunnerEvent,
    TextDelta,
    TurnRequest,
    Usage,
)
from stentor.contract.settings import RunnerSettings
from stentor.domain.records import Preferences
from stentor.domain.transcripts import CUT_SHORT
from stentor.domain.wishes import Wishes
from stentor.services.agent_turns import Agent
from stentor.services.outcomes import TurnOutcome
from stentor.testing.virtual_time import pass_time
from tests.services.scenes import CALLED, Scene, SpeakingRunner, Speech, a_job, acted

Line = RunnerEvent | float | Exception | tuple[str, dict[str, Any]]
THREE = {"fallbacks": ("m-2", "m-3")}
SLOW: list[Line] = [CALLED, 60.0, Final("late")]


class Models:
    """What each model does when it is asked; the last thing again when it is asked more often."""

    def __init__(self, **scripts: list[list[Line]]) -> None:
        self._scripts = {name.replace("_", "-"): turns for name, turns in scripts.items()}
        self.requests: list[TurnRequest] = []

    @property
    def asked(self) -> list[str | None]:
        return [request.model for request in self.requests]

    async def __call__(self, request: TurnRequest) -> Speech:
        self.requests.append(request)
        turns = self._scripts[request.model or ""]
        for line in turns.pop(0) if len(turns) > 1 else turns[0]:
            if isinstance(line, float):
                await pass_time(line)
            elif isinstance(line, Exception):
                raise line
            elif isinstance(line, tuple):
                await request.call_tool(*line)
            else:
                yield line


def refused(kind: Any = "overloaded", *, retry_after: float | None = None) -> RunnerError:
    return RunnerError(kind, "too much to do", retry_after=retry_after)


def answered(
    home, models: Callable[[TurnRequest], Speech], agent: dict[str, Any] = THREE, **payload
) -> TurnOutcome:
    async def play(scene: Scene) -> TurnOutcome:
        return await scene.take(**payload)

    return acted(home, models, play, agent=agent)


@pytest.mark.parametrize(
    "kind",
    [
        "rate_limit",
        "overloaded",
        "network",
        "unavailable",
        "auth",
        "filtered",
        "empty",
        "timeout",
        "bad_request",
    ],
)
def test_a_model_that_does_not_answer_is_followed_by_the_next(fast_home, kind) -> None:
    models = Models(m_1=[[Usage(5), refused(kind)]], m_2=[[Usage(7, context=7), Final("two")]])
    outcome = answered(fast_home, models)
    assert (outcome.text, outcome.model, outcome.other_model) == ("two", "m-2", True)
    assert outcome.warnings == ("m-1 did not answer: too much to do",)
    assert (outcome.usage.input, outcome.usage.context) == (12, 7)
    assert models.asked == ["m-1", "m-2"]
    first, second = models.requests
    assert (first.message, first.history) == (second.message, second.history)


def test_what_broke_in_the_runner_is_not_passed_on(fast_home) -> None:
    models = Models(m_1=[[refused("crashed")]])

    async def play(scene: Scene) -> None:
        assert (await scene.failure()).kind == "crashed"

    acted(fast_home, models, play, agent=THREE)
    assert models.asked == ["m-1"]


def test_the_time_of_a_turn_is_that_of_all_models_and_its_end_is_final(fast_home) -> None:
    models = Models(m_1=[SLOW], m_2=[SLOW], m_3=[SLOW])

    async def play(scene: Scene) -> None:
        failure = await scene.failure(timeoutSeconds=20)
        assert (failure.kind, scene.seconds) == ("timeout", 20)
        assert str(failure) == "the turn took longer than 20 s (last phase: model-call-started)"
        half = "which is half of what was left of the turn (phase model-call-started)"
        assert failure.warnings == (
            f"m-1 did not answer: it was not done within 10 s, {half}",
            f"m-2 did not answer: it was not done within 5 s, {half}",
        )

    acted(fast_home, models, play, agent=THREE)
    assert models.asked == ["m-1", "m-2", "m-3"]
    assert len({request.deadline for request in models.requests}) == 1
    assert [request.seconds for request in models.requests] == [10, 5, 5]


@pytest.mark.parametrize(
    "script",
    [
        pytest.param([60.0], id="one that says nothing"),
        pytest.param([Phase("process-spawned"), 60.0], id="a program"),
        pytest.param([CALLED, *[("page", {}), 4.0] * 20, Final("late")], id="one that goes on calling tools"),
        pytest.param([CALLED, *[TextDelta("and "), 0.5] * 60, Final("late")], id="one that goes on talking"),
    ],
)
def test_while_others_wait_nobody_takes_more_than_half_of_the_time(fast_home, script) -> None:
    models = Models(m_1=[script], m_2=[[4.0, Final("two")]])

    async def play(scene: Scene) -> None:
        outcome = await scene.take(timeoutSeconds=20, fallbacks=["m-2"])
        assert (outcome.text, scene.seconds) == ("two", 14)

    acted(fast_home, models, play, agent=THREE)


def test_half_of_the_time_is_that_which_is_left_when_an_agent_is_asked_again(fast_home) -> None:
    models = Models(m_1=[[CALLED, 4.0, Final("On it!")], SLOW], m_2=[[Final("two")]])

    async def play(scene: Scene) -> None:
        outcome = await scene.take(timeoutSeconds=20)
        assert (outcome.text, scene.seconds) == ("two", 4 + 8)

    acted(fast_home, models, play, agent=THREE)
    assert models.asked == ["m-1", "m-1", "m-2"]


def test_without_a_limit_there_is_no_half_of_it(fast_home) -> None:
    models = Models(m_1=[[CALLED, 86_400.0, Final("one")]])
    assert answered(fast_home, models, timeoutSeconds=0).text == "one"
    assert models.requests[0].seconds is None


def test_who_has_answered_in_its_time_and_goes_on_is_not_followed_by_another(fast_home) -> None:
    models = Models(m_1=[[CALLED, Final("one"), 60.0]])
    assert answered(fast_home, models, timeoutSeconds=20).text == "one"
    assert models.asked == ["m-1"]


def test_who_may_still_be_at_work_is_not_joined_by_another(fast_home) -> None:
    asked: list[str | None] = []

    async def deaf(request: TurnRequest) -> Speech:
        asked.append(request.model)
        yield CALLED
        try:
            await pass_time(90)
        finally:
            await pass_time(90)

    async def play(scene: Scene) -> None:
        failure = await scene.failure(timeoutSeconds=100)
        assert (failure.kind, failure.unconfirmed, scene.seconds) == ("timeout", True, 50 + 20)
        assert "not done within 50 s" in str(failure)

    acted(fast_home, deaf, play, agent=THREE)
    assert asked == ["m-1"]


@pytest.mark.parametrize(
    ("payload", "asked"),
    [
        pytest.param({}, ["m-1", "m-2", "m-3"], id="the agent's"),
        pytest.param({"model": "m-2"}, ["m-2", "m-3"], id="the job's model comes first, and none twice"),
        pytest.param({"fallbacks": ["m-4"]}, ["m-1", "m-4"], id="the job's fallbacks replace the agent's"),
        pytest.param({"fallbacks": []}, ["m-1"], id="an empty list is strict"),
    ],
)
def test_who_is_asked_in_which_order(fast_home, payload, asked) -> None:
    failing = {f"m_{n}": [[refused()]] for n in range(1, 5)}
    models = Models(**failing)

    async def play(scene: Scene) -> None:
        failure = await scene.failure(**payload)
        assert (failure.kind, failure.model) == ("overloaded", asked[-1])
        assert len(failure.warnings) == len(asked) - 1

    acted(fast_home, models, play, agent=THREE)
    assert models.asked == asked


@pytest.mark.parametrize(
    "payload", [{"model": "m-9"}, {"fallbacks": ["m-2", "m-9"]}], ids=["model", "fallback"]
)
def test_a_model_that_is_not_allowed_is_an_error_and_nobody_is_asked(fast_home, payload) -> None:
    models = Models()

    async def play(scene: Scene) -> None:
        failure = await scene.failure(**payload)
        assert failure.kind == "model_not_allowed"
        assert "may not use the model 'm-9'; allowed: m-1, m-2" in str(failure)

    acted(fast_home, models, play, agent={"allowed_models": ("m-1", "m-2")})
    assert models.asked == []


def test_who_failed_is_asked_last_until_it_has_rested(fast_home) -> None:
    models = Models(m_1=[[refused("rate_limit", retry_after=90)], [Final("one")]], m_2=[[Final("two")]])

    async def play(scene: Scene) -> list[TurnOutcome]:
        outcomes = [await scene.take(), await scene.take()]
        await pass_time(90)
        return [*outcomes, await scene.take()]

    outcomes = acted(fast_home, models, play, agent=THREE)
    assert [outcome.text for outcome in outcomes] == ["two", "two", "one"]
    assert [outcome.other_model for outcome in outcomes] == [True, True, False]
    assert [outcome.warnings for outcome in outcomes] == [
        ("m-1 did not answer: too much to do",),
        ("m-1 was not asked: it is left alone until 2026-07-01T07:01:30Z, because too much to do",),
        (),
    ]
    assert models.asked == ["m-1", "m-2", "m-2", "m-1"]


@pytest.mark.parametrize(
    ("kind", "retry_after", "seconds"),
    [
        ("auth", None, 300),
        ("auth", 5, 5),
        ("rate_limit", 0, 0),
        ("rate_limit", 600, 600),
        ("rate_limit", -1, 60),
        ("rate_limit", float("inf"), 60),
        ("rate_limit", float("nan"), 60),
    ],
)
def test_what_a_provider_says_of_its_quiet_wins_be_it_more_or_less(
    fast_home, kind, retry_after, seconds
) -> None:
    models = Models(m_1=[[refused(kind, retry_after=retry_after)], [Final("one")]], m_2=[[Final("two")]])

    async def play(scene: Scene) -> None:
        await scene.take()
        if seconds:
            await pass_time(seconds - 1)
            assert (await scene.take()).text == "two"
            await pass_time(1)
        assert (await scene.take()).text == "one"

    acted(fast_home, models, play, agent=THREE)


@pytest.mark.parametrize(
    ("later", "answers"),
    [
        pytest.param(refused("empty"), "two", id="another failure is no end of it"),
        pytest.param(refused("network"), "two", id="nor is one after which it rests a little"),
        pytest.param(refused("rate_limit", retry_after=1), "one", id="the provider takes it back"),
    ],
)
def test_a_provider_has_its_quiet_until_it_says_something_else(fast_home, later, answers) -> None:
    models = Models(
        m_1=[[refused("rate_limit", retry_after=600)], [later], [Final("one")]], m_2=[[Final("two")]]
    )

    async def play(scene: Scene) -> str:
        await scene.failure(fallbacks=[])
        await scene.failure(fallbacks=[])
        await pass_time(40)
        return (await scene.take()).text

    assert acted(fast_home, models, play, agent=THREE) == answers


@pytest.mark.parametrize(
    ("waits", "quiet"),
    [((90, 20), 20), ((90, None), None), ((None, None), None), ((0, 5), 0)],
    ids=["all say it", "one does not", "nobody does", "one may be asked at once"],
)
def test_a_failure_says_when_somebody_may_be_asked_again_if_all_say_so(fast_home, waits, quiet) -> None:
    first, second = (refused("rate_limit", retry_after=seconds) for seconds in waits)
    models = Models(m_1=[[first]], m_2=[[second]])

    async def play(scene: Scene) -> None:
        assert (await scene.failure(fallbacks=["m-2"])).quiet_seconds == quiet

    acted(fast_home, models, play)


@pytest.mark.parametrize(
    ("models_mean", "asked", "warned"),
    [("own", ["m-1", "m-2", "m-1"], 0), ("shared", ["m-1", "m-2", "m-2"], 1)],
    ids=["each agent knows what its models are", "a model is the same for all"],
)
def test_a_model_rests_for_all_to_whom_its_name_means_the_same(fast_home, models_mean, asked, warned) -> None:
    models = Models(m_1=[[refused("auth")], [Final("one")]], m_2=[[Final("two")]])
    runner = SpeakingRunner(models)
    runner.models = models_mean

    async def play(scene: Scene) -> None:
        await scene.take()
        scene.turns.agents["ops"] = Agent("ops", runner, RunnerSettings(), "m-1", None, ("m-2",))
        other = a_job({}).model_copy(update={"agent_id": "ops"})
        outcome = await scene.turns.take(scene.run, other, scene.tasks)
        assert len(outcome.warnings) == warned

    acted(fast_home, runner, play, agent=THREE)
    assert models.asked == asked


def test_a_model_that_rests_is_asked_all_the_same_where_nobody_stands_in_for_it(fast_home) -> None:
    models = Models(m_1=[[refused("rate_limit")], [Final("one")]])

    async def play(scene: Scene) -> str:
        await scene.failure()
        return (await scene.take()).text

    assert acted(fast_home, models, play) == "one"


def test_a_model_that_answers_has_rested_enough(fast_home) -> None:
    models = Models(m_1=[[refused("rate_limit")], [Final("one")]], m_2=[[Final("two")]])

    async def play(scene: Scene) -> str:
        await scene.failure(fallbacks=[])
        await scene.take(fallbacks=[])
        return (await scene.take()).text

    assert acted(fast_home, models, play, agent=THREE) == "one"


def test_what_was_done_before_a_model_failed_is_told_to_the_next_and_not_asked_for_again(fast_home) -> None:
    models = Models(m_1=[[("page", {"who": "ops"}), refused()]], m_2=[[Final("two")]])

    async def play(scene: Scene) -> None:
        assert (await scene.take()).text == "two"
        assert scene.tool_calls == [{"who": "ops"}]

    acted(fast_home, models, play, agent=THREE)
    first, second = models.requests
    assert second.message.startswith("Your work was cut off before you answered.")
    question, call, result, cut = second.history
    assert question == Message("user", first.message)
    assert [(use.name, use.args) for use in call.calls] == [("page", {"who": "ops"})]
    assert (result.role, result.call_id, result.text) == ("tool", call.calls[0].id, "paged for r-1")
    assert cut == Message("assistant", CUT_SHORT)


def test_a_conversation_that_is_too_long_is_told_from_later_on(fast_home) -> None:
    models = Models(m_1=[[refused("context")], [refused("context")], [Final("short")]])
    words = "many words " * 2_000

    async def play(scene: Scene) -> TurnOutcome:
        said = [
            Message("user", words),
            Message("assistant", "yes"),
            Message("user", "and?"),
            Message("assistant", "no"),
        ]
        await scene.remember(said)
        return await scene.take()

    outcome = acted(fast_home, models, play)
    assert outcome.text == "short"
    assert [len(request.history) for request in models.requests] == [4, 2, 0]
    assert not outcome.other_model
    assert outcome.warnings == ("m-1 was told only a part of the conversation: too much to do",)


def test_what_was_too_much_for_one_model_is_told_to_the_next(fast_home) -> None:
    models = Models(
        m_1=[[("look", {}), refused("context")], [refused("context")]],
        m_2=[[refused("context")], [Final("two")]],
    )
    before = [Message("user", "many words " * 2_000), Message("assistant", "yes")]

    async def play(scene: Scene) -> TurnOutcome:
        await scene.remember(before)
        return await scene.take()

    outcome = acted(fast_home, models, play, agent=THREE, looks="x" * 40_000)
    assert outcome.text == "two"
    told = {model: [] for model in ("m-1", "m-2")}
    for request in models.requests:
        told[request.model].append(sum(len(entry.text) for entry in request.history))
    assert told["m-1"][0] < told["m-1"][1]
    assert told["m-2"][0] == max(told["m-2"]) > 60_000
    assert told["m-1"][-1] < 20_000
    assert outcome.warnings == (
        "m-1 was told only a part of the conversation: too much to do",
        "m-1 did not answer: too much to do",
        "m-2 was told only a part of the conversation: too much to do",
    )


def test_a_turn_that_has_become_too_long_keeps_its_question_and_tells_less_of_what_its_tools_gave(
    fast_home,
) -> None:
    models = Models(m_1=[[("look", {}), refused("context")], [refused("context")], [Final("short")]])
    words = Message("assistant", "many words " * 2_000)

    async def play(scene: Scene) -> TurnOutcome:
        await scene.remember([Message("user", "before"), words])
        return await scene.take()

    assert acted(fast_home, models, play, looks="x" * 40_000).text == "short"
    first, second, third = models.requests
    assert [entry.role for entry in second.history] == ["user", "assistant", "tool", "assistant"]
    assert second.history[0].text == third.history[0].text == first.message
    assert (len(second.history[2].text), len(third.history[2].text)) == (40_000, 10_000)


def test_what_a_model_was_given_too_much_of_is_no_reason_to_go_on_without_it(fast_home) -> None:
    """There is nothing left to leave out: it is an error, and no answer to half a question."""
    models = Models(m_1=[[refused("context")]])

    async def play(scene: Scene) -> None:
        assert (await scene.failure()).kind == "context"

    acted(fast_home, models, play)
    assert len(models.requests) == 1


@pytest.mark.parametrize(
    ("told", "context"),
    [
        pytest.param([Usage(10, context=10), Usage(40, context=30)], 30, id="the last one says it"),
        pytest.param([Usage(10, context=10), Usage(40)], None, id="the last one does not know"),
        pytest.param([Usage(10), Usage(40, context=30)], 30, id="it is known later"),
        pytest.param([Usage(10), Usage(40)], 40, id="nobody speaks of it"),
    ],
)
def test_how_full_a_conversation_is_may_be_unknown_and_is_never_a_sum(fast_home, told, context) -> None:
    models = Models(m_1=[[*told, Final("done")]])
    assert answered(fast_home, models).usage == Usage(40, context=context)


@pytest.mark.parametrize("number", [2**63, -1, 10**30], ids=["too large", "negative", "absurd"])
def test_a_number_of_tokens_that_cannot_be_is_not_known(fast_home, number) -> None:
    models = Models(m_1=[[Usage(number, 5, number), Final("done")]])
    assert answered(fast_home, models).usage == Usage(None, 5)


def test_a_session_that_is_switched_to_another_model_is_asked_again_with_that_one(fast_home) -> None:
    models = Models(
        m_1=[[CALLED, ModelSwitched("m-7"), Final("one")]], m_7=[[ModelSwitched("m-7"), Final("seven")]]
    )

    async def play(scene: Scene) -> TurnOutcome:
        outcome = await scene.take()
        assert (await scene.preferences()) == Preferences(model="m-7")
        return outcome

    outcome = acted(fast_home, models, play)
    assert (outcome.text, outcome.model, outcome.other_model) == ("seven", "m-7", False)
    assert models.asked == ["m-1", "m-7"]


def test_a_runner_that_asks_no_model_says_that_wishes_for_one_change_nothing(fast_home) -> None:
    async def play(scene: Scene) -> tuple[TurnOutcome, TurnOutcome]:
        return await scene.take(model="x:y", thinking="high"), await scene.take()

    wished, plain = acted(fast_home, EchoRunner(), play, agent={"model": None})
    assert wished.warnings == (
        "the runner echo asks no model: what is said of model, thinking changes nothing",
    )
    assert (wished.model, wished.other_model, plain.warnings) == (None, False, ())


def test_a_model_is_switched_twice_at_most(fast_home) -> None:
    models = Models(m_1=[[ModelSwitched("m-2")]], m_2=[[ModelSwitched("m-3")]], m_3=[[ModelSwitched("m-1")]])

    async def play(scene: Scene) -> None:
        assert (await scene.failure()).kind == "model_switch"

    acted(fast_home, models, play)
    assert models.asked == ["m-1", "m-2", "m-3"]


def test_what_somebody_wants_of_a_session_holds_where_the_job_says_nothing(fast_home) -> None:
    models = Models(m_5=[[Final("five")]], m_6=[[Final("six")]])

    async def play(scene: Scene) -> None:
        await scene.wish(Wishes(model="m-5", thinking="low", fast_mode=True))
        await scene.take()
        await scene.take(model="m-6", thinking="high")

    acted(fast_home, models, play)
    wanted = [(request.model, request.thinking, request.fast_mode) for request in models.requests]
    assert wanted == [("m-5", "low", True), ("m-6", "high", True)]


def test_only_the_tools_that_a_job_allows_are_there(fast_home) -> None:
    models = Models(m_1=[[("page", {}), Final("done")]])

    async def play(scene: Scene) -> None:
        await scene.take(toolsAllow=["nothing"])
        assert scene.tool_calls == []

    acted(fast_home, models, play)
    assert models.requests[0].tools == ()
