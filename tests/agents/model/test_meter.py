"""What a turn used, and what it cost."""
# ruff: noqa: PLC0415 - the library may be absent, and tests say so themselves

from typing import Any

import pytest

from stentor.agents.model.endpoints import Endpoint
from stentor.contract.runners import Usage

pytestmark = pytest.mark.usefixtures("library")


def used(base_url: str, model: str, *numbers: dict[str, Any]) -> Usage:
    from pydantic_ai.messages import ModelResponse
    from pydantic_ai.usage import RequestUsage

    from stentor.agents.model.meter import Meter

    meter = Meter(Endpoint(f"x:{model}", model, "openai", base_url, None, 1, 1, 1))
    total = Usage()
    for given in numbers:
        total = meter.add(ModelResponse(parts=[], model_name=model, usage=RequestUsage(**given)))
    return total


@pytest.mark.parametrize(
    ("base_url", "model", "cost"),
    [
        ("https://api.openai.com/v1", "gpt-5-mini", 0.0046),
        ("https://api.anthropic.com", "claude-sonnet-4-5", 0.048),
        ("https://api.openai.com/v1", "gpt-of-tomorrow", None),
        ("http://127.0.0.1:8080/v1", "gpt-5-mini", None),
    ],
    ids=[
        "OpenAI",
        "Anthropic",
        "a model without a price",
        "a server of one's own, whatever it calls its models",
    ],
)
def test_a_turn_costs_what_the_price_list_says_or_nobody_knows(
    base_url: str, model: str, cost: float | None
) -> None:
    total = used(base_url, model, {"input_tokens": 12_000, "output_tokens": 800})
    assert total.cost_usd == (None if cost is None else pytest.approx(cost))
    assert (total.input, total.output, total.cached) == (12_000, 800, None)


def test_numbers_that_cannot_be_true_have_no_price_and_are_no_trouble() -> None:
    total = used("https://api.openai.com/v1", "gpt-4o", {"input_tokens": 10, "cache_read_tokens": 20})
    assert total == Usage(input=10, output=0, cached=20, cost_usd=None, context=10)


def test_requests_add_up_and_the_context_is_that_of_the_last() -> None:
    first = {"input_tokens": 100, "output_tokens": 10, "cache_read_tokens": 40}
    second = {"input_tokens": 130, "output_tokens": 5, "cache_read_tokens": 100}
    total = used("http://127.0.0.1/v1", "m", first, second)
    assert total == Usage(input=230, output=15, cached=140, context=130)


def test_what_one_request_did_not_say_takes_nothing_from_the_others() -> None:
    total = used(
        "http://127.0.0.1/v1", "m", {"input_tokens": 100, "output_tokens": 10}, {"unmeasured_requests": 1}
    )
    assert total == Usage(input=100, output=10, cached=None, context=None)
