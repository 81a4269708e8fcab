"""Asks a server nearby whether it is up, before a turn relies on it."""

import asyncio
from typing import Final

import httpx2

from stentor.agents.model.causes import why_unreachable
from stentor.agents.model.endpoints import Endpoint

LIMIT_S: Final = 2.5

# Whoever answers is up, whatever they say, unless somebody else answers for one that is down.
_FOR_SOMEBODY_ELSE: Final = frozenset({502, 503, 504})


async def why_down(endpoint: Endpoint) -> str:
    """Why nobody answers there; empty if somebody does. No key is sent."""
    try:
        async with (
            asyncio.timeout(LIMIT_S),
            httpx2.AsyncClient(trust_env=False, timeout=LIMIT_S) as client,
            client.stream("GET", _question(endpoint)) as answer,
        ):
            status = answer.status_code
    except (TimeoutError, httpx2.TimeoutException):
        return f"{endpoint.address} did not answer within {LIMIT_S:g} s"
    except (httpx2.TransportError, OSError) as error:
        return f"{endpoint.address} {why_unreachable(error)}"
    return f"{endpoint.address} answered {status}" if status in _FOR_SOMEBODY_ELSE else ""


def _question(endpoint: Endpoint) -> str:
    if endpoint.api == "ollama":
        return f"{endpoint.address.removesuffix('/v1')}/api/tags"
    return f"{endpoint.address}/models"
