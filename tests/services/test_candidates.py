"""One model after another is asked until there is an answer, and nothing that was done is done again."""

from collections.abc import Callable
from typing import Any

import pytest

from stentor.contract.errors import RunnerError
from stentor.contract.runners import Final, Message, ModelSwitched, RunnerEvent, TurnRequest, Usage
from stentor.domain.records import Preferences
from stentor.domain.transcripts import CUT_SHORT
from stentor.domain.wishes import Wishes
from stentor.services.outcomes import TurnOutcome
from stentor.testing.virtual_time import pass_time
from tests.services.scenes import CALLED, Scene, Speech, acted

Line = RunnerEvent | float | Exception | tuple[str, dict[str, Any]]
THREE = {"fallbacks": ("m-2", "m-3")}


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
    models = Models(m_1=[[CALLED, 12.0, refused("timeout")]], m_2=[[CALLED, 60.0, Final("late")]])

    async def play(scene: Scene) -> None:
        failure = await scene.failure(timeoutSeconds=20)
        assert (failure.kind, scene.seconds) == ("timeout", 20)

    acted(fast_home, models, play, agent=THREE)
    assert models.asked == ["m-1", "m-2"]
    assert models.requests[0].deadline == models.requests[1].deadline
    # Half of what is left, for there is one more.
    assert models.requests[1].seconds == pytest.approx(4)


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

    async def play(scene: Scene) -> list[str]:
        said = [(await scene.take()).text, (await scene.take()).text]
        await pass_time(90)
        return [*said, (await scene.take()).text]

    assert acted(fast_home, models, play, agent=THREE) == ["two", "two", "one"]
    assert models.asked == ["m-1", "m-2", "m-2", "m-1"]


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
