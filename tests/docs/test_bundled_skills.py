"""What the bundled skills tell agents is so: examples are jobs and messages, and states are those there are."""

import json
import re
from typing import Any

import pytest
from tests.docs.pages import ROOT

from stentor.domain.jobs import Job, fill_defaults
from stentor.domain.replies import classify
from stentor.domain.states import DeliveryState
from stentor.services.messenger import _Message
from stentor.services.tool_arguments import schema_of

SKILLS = ROOT / "core/stentor/skills"
_JSON = re.compile(r"^```json\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_STATE_ROW = re.compile(r"^\| (`.*`) \|", re.MULTILINE)


def text_of(skill: str) -> str:
    return (SKILLS / skill / "SKILL.md").read_text("utf-8")


def examples(skill: str) -> list[dict[str, Any]]:
    return [json.loads(found) for found in _JSON.findall(text_of(skill))]


@pytest.mark.parametrize("example", examples("scheduling"), ids=lambda example: example["name"])
def test_an_example_of_a_job_is_a_job(example: dict[str, Any]) -> None:
    job = Job.model_validate(fill_defaults({"id": "example", **example}))
    assert job.delivery.mode == "announce"


@pytest.mark.parametrize("example", examples("messages"), ids=str)
def test_an_example_of_a_message_is_one(example: dict[str, Any]) -> None:
    schema: Any = schema_of(_Message)
    assert set(schema["required"]) <= set(example) <= set(schema["properties"])


def test_the_states_of_messages_are_those_that_a_message_can_be_in() -> None:
    named = {word for row in _STATE_ROW.findall(text_of("messages")) for word in re.findall(r"`(\w+)`", row)}
    of_no_message = {DeliveryState.NOT_REQUESTED}
    assert named == {state.value for state in DeliveryState if state not in of_no_message} | {"state"}


def test_the_word_for_silence_is_the_one_that_is_understood() -> None:
    (word,) = re.findall(r"Answer with `(\w+)` and nothing else", text_of("messages"))
    assert classify(word).kind == "silent"
