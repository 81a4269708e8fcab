from collections.abc import Callable

from stentor.agents import stentor_runners
from stentor.agents.echo import EchoRunner
from stentor.contract.runners import Final, Phase, TurnRequest
from stentor.contract.settings import RunnerSettings


async def test_the_answer_is_the_message_to_the_letter(request_for: Callable[..., TurnRequest]) -> None:
    request = request_for(RunnerSettings(), message="[cron:brief Morning brief] grüß 👋\n")

    events = [event async for event in EchoRunner().turn(request)]

    assert events == [Phase("model-call-started"), Final("[cron:brief Morning brief] grüß 👋\n")]


async def test_what_a_message_adds_to_the_question_is_not_repeated(
    request_for: Callable[..., TurnRequest],
) -> None:
    request = request_for(RunnerSettings(), message="Hello?\n\nCurrent time: noon", question="Hello?")

    events = [event async for event in EchoRunner().turn(request)]

    assert events[-1] == Final("Hello?")


def test_the_built_in_runners_are_declared_like_any_plugins() -> None:
    assert sorted(runner.name for runner in stentor_runners()) == ["command", "echo", "model"]
