"""Whether a server nearby is up, asked beforehand."""

import asyncio
import time
from collections.abc import Callable, Mapping

import pytest
from tests.loopback import Drop, Hang, LoopbackServer, Reply, closed_port

from stentor.agents.model.runner import ModelRunner
from stentor.agents.model.settings import ModelSettings
from stentor.contract.runners import TurnRequest
from stentor.contract.settings import ProviderSettings

Build = Callable[..., TurnRequest]


async def probe(request_for: Build, section: Mapping[str, object], name: str = "box") -> str:
    providers = {name: ProviderSettings.model_validate(section)}
    request = request_for(ModelSettings(), model=f"{name}:x", providers=providers)
    return await ModelRunner().probe(request)


@pytest.mark.parametrize(
    ("section", "path"),
    [({"api": "ollama"}, "/api/tags"), ({}, "/v1/models"), ({"api": "anthropic"}, "/v1/models")],
    ids=["Ollama", "OpenAI-compatible", "another"],
)
async def test_each_kind_of_server_is_asked_what_it_can_tell_and_is_given_no_key(
    request_for: Build, section: Mapping[str, object], path: str
) -> None:
    async with LoopbackServer() as server:
        there = {**section, "base_url": server.url("/v1"), "api_key": {"env": "SOME_KEY"}}
        assert await probe(request_for, there) == ""
        (seen,) = server.seen
    assert (seen.method, seen.path) == ("GET", path)
    assert "authorization" not in seen.headers


@pytest.mark.parametrize("status", [200, 204, 301, 401, 403, 404, 405, 418, 500, 501])
async def test_whoever_answers_is_up(request_for: Build, status: int) -> None:
    async with LoopbackServer(Reply(status)) as server:
        assert await probe(request_for, {"base_url": server.url("/v1")}) == ""


@pytest.mark.parametrize("status", [502, 503, 504])
async def test_a_gateway_that_answers_for_a_dead_server_is_none(request_for: Build, status: int) -> None:
    async with LoopbackServer(Reply(status)) as server:
        assert (
            await probe(request_for, {"base_url": server.url("/v1")})
            == f"{server.url('/v1')} answered {status}"
        )


async def test_a_refused_connection_is_told_as_one_without_the_password(request_for: Build) -> None:
    port = closed_port()
    why = await probe(request_for, {"base_url": f"http://me:secret@127.0.0.1:{port}/v1"})
    assert why == f"http://127.0.0.1:{port}/v1 refused the connection"


async def test_a_name_nobody_knows_is_told_as_one(request_for: Build) -> None:
    why = await probe(request_for, {"base_url": "http://nobody.invalid.local:1/v1"})
    assert why.startswith("http://nobody.invalid.local:1/v1 ")
    assert why.endswith(("is no host that is known here", "did not answer within 2.5 s"))


async def test_a_connection_that_is_cut_is_told_as_one(request_for: Build) -> None:
    async with LoopbackServer(Drop()) as server:
        assert "cut the connection" in await probe(request_for, {"base_url": server.url("/v1")})


async def test_a_server_that_says_nothing_is_down_after_two_and_a_half_seconds(request_for: Build) -> None:
    async with LoopbackServer(Hang()) as server:
        began = time.monotonic()
        why = await probe(request_for, {"base_url": server.url("/v1")})
        took = time.monotonic() - began
        async with asyncio.timeout(5):
            await server.deserted()
    assert why == f"{server.url('/v1')} did not answer within 2.5 s"
    assert 2.4 < took < 5


async def test_proxies_are_not_for_servers_nearby(
    request_for: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port()}")
    async with LoopbackServer() as server:
        assert await probe(request_for, {"base_url": server.url("/v1")}) == ""
