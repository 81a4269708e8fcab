"""What a model's last words amount to, also in protocols whose streams end otherwise."""

# ruff: noqa: PLC0415 - the library may be absent, and tests say so themselves
from typing import Any

import pytest

from stentor.contract.errors import RunnerError
from stentor.contract.runners import Final

pytestmark = pytest.mark.usefixtures("library")
UNFINISHED = "the provider did not say that the answer is complete"


def answered(text: str = " It is done.\n", **facts: Any) -> Final:
    from pydantic_ai.messages import ModelResponse, TextPart

    from stentor.agents.model.answers import check_whole, final_of

    response = ModelResponse(parts=[TextPart(text)], **facts)
    check_whole(response, "x:m")
    return final_of(response, "x:m", may_be_empty=False, called=False)


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        pytest.param({}, "network", id="nothing is said of an end"),
        pytest.param({"state": "incomplete", "finish_reason": "stop"}, "network", id="the stream broke off"),
        pytest.param({"state": "interrupted", "finish_reason": "stop"}, "network", id="interrupted"),
        pytest.param({"finish_reason": "content_filter"}, "filtered", id="filtered"),
        pytest.param({"finish_reason": "error"}, "unavailable", id="an error"),
    ],
)
def test_words_that_are_no_answer(facts: dict[str, Any], kind: str) -> None:
    with pytest.raises(RunnerError) as refused:
        answered(**facts)
    assert refused.value.kind == kind


@pytest.mark.parametrize(
    ("facts", "warnings"),
    [
        pytest.param(
            {"finish_reason": "stop", "provider_details": {"finish_reason": "end_turn"}}, (), id="an end"
        ),
        pytest.param({"finish_reason": "stop"}, (UNFINISHED,), id="one that the library assumed"),
        pytest.param(
            {"provider_details": {"finish_reason": "NEW"}}, (UNFINISHED,), id="one that nobody here knows"
        ),
    ],
)
def test_words_that_are_an_answer(facts: dict[str, Any], warnings: tuple[str, ...]) -> None:
    assert answered(**facts) == Final("It is done.", warnings=warnings)


def test_thoughts_alone_are_no_answer() -> None:
    with pytest.raises(RunnerError, match="thought, and answered nothing") as refused:
        answered("<think>what now?</think>\n", finish_reason="stop")
    assert refused.value.kind == "empty"
