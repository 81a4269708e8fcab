"""A model that an agent's runner is sure to refuse is refused where it is named, and not when somebody is asked."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from stentor.app.operations import Operations
from stentor.app.session_operations import SessionOperations
from stentor.contract.runners import TurnRequest
from stentor.contract.settings import ProviderSettings
from stentor.domain.refusals import Refused
from stentor.testing.scripted import Provider, scripted_channel
from stentor.testing.simulation import Simulation, Story
from tests.services.errand_stories import Caller, Cast, named, saying, waking
from tests.services.stories import JsonObject, TalkingRunner, adding, job

CHAT = "agent:main:session:chat"
CONFIG = """
[agents.main]
model = "house:1"
runner = "echo"
allowed_models = ["house:*", "shed:*"]

[providers.house]
base_url = "http://127.0.0.1:9/v1"
"""
NO_SHED = "agent 'main' cannot use the model 'shed:1': there is no provider 'shed'; there are house"


class Choosy(TalkingRunner):
    """Knows the models of the providers that there are, as far as it can say so."""

    def objection(self, model: str, providers: Mapping[str, ProviderSettings]) -> str:
        name = model.partition(":")[0]
        if name == "broken":
            raise KeyError(name)
        return "" if name in providers else f"there is no provider {name!r}; there are {', '.join(providers)}"


def turn(**changes: Any) -> JsonObject:
    payload = {"kind": "agentTurn", "message": "hi", **changes}
    return job(
        schedule={"kind": "every", "everyMs": 3_600_000}, payload=payload, delivery={"to": "page:room1"}
    )


def told(
    home, *stories: Story, agent: Callable[[TurnRequest], Any] | None = None, config: str = CONFIG
) -> None:
    (home / "stentor.toml").write_text(config)

    async def story(operations: Operations) -> None:
        for each in stories:
            await each(operations)

    runner = Choosy(agent or Cast(hi=saying("hello")))
    Simulation(home, [scripted_channel("page", Provider())], [runner]).live(story, seconds=10)


def refusing(what: Story, code: str, *said: str) -> Story:
    async def story(operations: Operations) -> None:
        with pytest.raises(Refused) as refused:
            await what(operations)
        assert refused.value.code == code
        assert [text for text in said if text not in refused.value.message] == []

    return story


def editing(patch: JsonObject) -> Story:
    async def story(operations: Operations) -> None:
        await operations.edit_job("brief", patch)

    return story


def applying(*jobs: JsonObject) -> Story:
    async def story(operations: Operations) -> None:
        await operations.apply_jobs({"jobs": list(jobs)})

    return story


def wanting(model: str) -> Story:
    async def story(operations: Operations) -> None:
        await SessionOperations.of(operations).prefer(CHAT, {"model": model})

    return story


def test_a_job_is_not_given_a_model_that_cannot_be_asked(fast_home) -> None:
    told(
        fast_home,
        refusing(
            adding(turn(model="shed:1", fallbacks=["house:1", "shed:2"])),
            "unknown_model",
            f"payload.model: {NO_SHED}",
            "payload.fallbacks[1]: agent 'main' cannot use the model 'shed:2'",
        ),
        adding(turn(model="house:2")),
        refusing(editing({"payload": {"model": "shed:1"}}), "unknown_model", f"payload.model: {NO_SHED}"),
        refusing(applying(turn(fallbacks=["shed:1"])), "bad_jobs", f"payload.fallbacks[0]: {NO_SHED}"),
        refusing(
            adding({**turn(model="other:1"), "id": "other"}),
            "model_not_allowed",
            "agent 'main' may not use the model 'other:1'; allowed: house:*, shed:*",
        ),
    )


def test_nor_is_a_conversation(fast_home) -> None:
    told(
        fast_home,
        waking("hi", named("chat")),
        refusing(wanting("shed:1"), "unknown_model", NO_SHED),
        wanting("house:2"),
    )


def test_an_agent_is_told_so(fast_home) -> None:
    keeper = Caller(
        ("session_status", {"model": "shed:1"}),
        ("session_status", {"model": "house:2"}),
        ("cron", {"action": "add", "job": {**turn(model="shed:1"), "id": None}}),
    )
    told(fast_home, waking("keep"), agent=Cast(keep=keeper))
    refused, wanted, job_refused = keeper.answers
    assert (refused, wanted["model"]) == (NO_SHED, "house:2")
    assert NO_SHED in job_refused


def test_what_a_model_is_called_means_what_its_runner_says(fast_home) -> None:
    """Of another runner than that any word may be the name of a model."""

    async def story(operations: Operations) -> None:
        added = await operations.add_job({**turn(model="whatever you like"), "agentId": "free"})
        assert added["payload"]["model"] == "whatever you like"

    program = '[agents.free]\nrunner = "program"\n'
    (fast_home / "stentor.toml").write_text(CONFIG + program)
    free = TalkingRunner(saying("hello"))
    free.name = "program"
    runners = [Choosy(saying("hello")), free]
    Simulation(fast_home, [scripted_channel("page", Provider())], runners).live(story, seconds=10)


def test_a_runner_that_cannot_say_so_refuses_nothing(fast_home, caplog: pytest.LogCaptureFixture) -> None:
    config = CONFIG.replace('"shed:*"', '"broken:*"')
    told(fast_home, adding(turn(model="broken:1")), config=config)
    assert "the runner pointed cannot say whether it knows a model" in caplog.text
