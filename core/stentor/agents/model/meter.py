"""Counts what a turn used. What a provider does not say stays unknown."""

from decimal import Decimal
from typing import TypeVar

from genai_prices import calc_price
from pydantic_ai.messages import ModelResponse

from stentor.agents.model.endpoints import Endpoint
from stentor.contract.runners import Usage

N = TypeVar("N", int, float)


class Meter:
    """Adds up the requests of one turn."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._total = Usage()

    def add(self, response: ModelResponse) -> Usage:
        """The turn so far, with one answer more."""
        used, total = response.usage, self._total
        # No request is empty: a provider that counts nothing has not counted.
        said = bool(used.input_tokens) and not used.unmeasured_requests
        self._total = Usage(
            input=_sum(total.input, used.input_tokens if said else None),
            output=_sum(total.output, used.output_tokens if said else None),
            # Nobody can tell a server that has read nothing from its cache from one that says nothing of it.
            cached=_sum(total.cached, (used.cache_read_tokens or None) if said else None),
            cost_usd=_sum(total.cost_usd, self._cost(response) if said else None),
            context=used.input_tokens if said else None,
        )
        return self._total

    def _cost(self, response: ModelResponse) -> float | None:
        """By the price list that came with the library, where it knows who was asked, by the address, and the model.

        Of numbers that cannot be true there is no price.
        """
        try:
            price: Decimal = calc_price(
                response.usage,
                response.model_name or self._endpoint.model,
                provider_api_url=self._endpoint.base_url,
            ).total_price
            return float(price)
        except Exception:  # noqa: BLE001 - an answer is worth more than its price
            return None


def _sum(one: N | None, other: N | None) -> N | None:
    if one is None or other is None:
        return one if other is None else other
    return one + other
