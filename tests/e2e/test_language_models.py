"""Agents that are language models, seen from outside: a daemon, a provider on loopback, and what is delivered."""

from collections.abc import Iterator
from importlib.util import find_spec

import pytest
from tests.outside import JsonObject, Stentor, serving
from tests.requirements import lacking
from tests.scripted_model import ScriptedModel, in_a_thread

from stentor.testing.invariants import Witness, check

KEY = "sk-hunter2-goes-to-the-provider-alone"


@pytest.fixture(scope="module")
def model() -> Iterator[ScriptedModel]:
    if find_spec("pydantic_ai") is None:
        lacking("pydantic-ai, the extra `agent`")
    with in_a_thread() as listening:
        yield listening


@pytest.fixture(scope="module")
def house(model: ScriptedModel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stentor]:
    home = tmp_path_factory.mktemp("models") / "home"
    home.mkdir()
    (home / "stentor.toml").write_text(
        f'[agents.main]\nmodel = "box:text"\n'
        f'[providers.box]\nbase_url = "{model.url}"\napi_key = {{ env = "BOX_KEY" }}\n'
    )
    stentor = Stentor(home, {"BOX_KEY": KEY})
    with serving(stentor):
        yield stentor
    check(home, Witness(secrets=[KEY]))


def outcome(house: Stentor, name: str, *flags: str, message: str = "How is it?", code: int = 0) -> JsonObject:
    given = ("--id", name, "--every", "1h", "--message", message, "--to", f"local:{name}")
    added = house.ask("cron", "add", *given, *flags)
    run: JsonObject = house.ask("cron", "run", added["id"], "--wait", code=code)["run"]
    return run


def test_what_a_model_answers_is_delivered(house: Stentor, model: ScriptedModel) -> None:
    run = outcome(house, "plain")

    assert house.inbox("local:plain") == ["It is done."]
    assert (run["model"], run["completionStatus"]) == ("box:text", "succeeded")
    assert (run["usage"]["input"], run["usage"]["output"], run["usage"]["costUsd"]) == (120, 7, None)
    asked = model.asked[-1]
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert "How is it?" in asked.messages[-1]["content"]


def test_a_model_sends_messages_with_its_tool(house: Stentor) -> None:
    outcome(house, "sent", "--model", "box:sends", message="Tell local:sent")

    assert house.inbox("local:sent") == ["The backup failed"]


def test_another_model_answers_where_one_does_not(house: Stentor, model: ScriptedModel) -> None:
    run = outcome(house, "other", "--model", "box:status-500", "--fallbacks", "box:text")

    assert run["model"] == "box:text"
    assert house.inbox("local:other") == ["It is done."]
    assert [asked.body["model"] for asked in model.asked[-2:]] == ["status-500", "text"]


def test_a_refused_key_is_told_without_it(house: Stentor) -> None:
    run = outcome(house, "refused", "--model", "box:status-401", "--fallbacks", "", code=6)

    assert run["errorKind"] == "auth"
    assert "box:status-401 answered 401: the key is not accepted" in run["error"]
