"""Which server a model's name means."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from stentor.agents.model.endpoints import endpoint_of, is_nearby
from stentor.agents.model.runner import ModelRunner
from stentor.agents.model.settings import ModelSettings
from stentor.contract.errors import RunnerError
from stentor.contract.runners import TurnRequest
from stentor.contract.settings import ProviderSettings

Build = Callable[..., TurnRequest]


@pytest.fixture
def asking(request_for: Build) -> Build:
    def build(model: str | None, sections: Mapping[str, Any] | None = None, **more: Any) -> TurnRequest:
        providers = {name: ProviderSettings.model_validate(raw) for name, raw in (sections or {}).items()}
        return request_for(ModelSettings(), model=model, providers=providers, **more)

    return build


@pytest.mark.parametrize(
    ("model", "api", "base_url", "key"),
    [
        ("openai:gpt-5-mini", "openai-responses", "https://api.openai.com/v1", "OPENAI_API_KEY"),
        ("anthropic:claude-sonnet-4-5", "anthropic", "https://api.anthropic.com", "ANTHROPIC_API_KEY"),
        ("google:gemini-2.5-flash", "google", "https://generativelanguage.googleapis.com", "GOOGLE_API_KEY"),
        ("ollama:qwen3:8b", "ollama", "http://127.0.0.1:11434/v1", None),
    ],
    ids=["openai", "anthropic", "google", "ollama"],
)
def test_four_providers_need_no_section(
    asking: Build, model: str, api: str, base_url: str, key: str | None
) -> None:
    endpoint = endpoint_of(asking(model))
    assert (endpoint.candidate, endpoint.model) == (model, model.partition(":")[2])
    assert (endpoint.api, endpoint.base_url) == (api, base_url)
    assert (endpoint.key and endpoint.key.env) == key
    assert ModelRunner().objection(model, {}) == ""


@pytest.mark.parametrize(
    ("model", "section", "api", "base_url", "key"),
    [
        pytest.param(
            "local:llama3",
            {"base_url": "http://10.0.0.9:8080/v1/"},
            "openai",
            "http://10.0.0.9:8080/v1",
            None,
            id="a server of one's own",
        ),
        pytest.param(
            "openai:gpt-5",
            {"base_url": "https://gateway.example/v1"},
            "openai",
            "https://gateway.example/v1",
            None,
            id="the usual key goes nowhere else",
        ),
        pytest.param(
            "openai:gpt-5",
            {"api_key": {"env": "MINE"}},
            "openai-responses",
            "https://api.openai.com/v1",
            "MINE",
            id="another key",
        ),
        pytest.param(
            "work:claude",
            {"api": "anthropic", "api_key": {"env": "MINE"}},
            "anthropic",
            "https://api.anthropic.com",
            "MINE",
            id="a second account",
        ),
        pytest.param(
            "ollama:qwen3",
            {"base_url": "http://box.local:11434"},
            "ollama",
            "http://box.local:11434/v1",
            None,
            id="Ollama without its /v1",
        ),
        pytest.param(
            "box:qwen3",
            {"base_url": "http://box.local:11434/v1", "api": "ollama"},
            "ollama",
            "http://box.local:11434/v1",
            None,
            id="Ollama with its /v1",
        ),
    ],
)
def test_a_section_says_what_is_not_as_usual(
    asking: Build, model: str, section: object, api: str, base_url: str, key: str | None
) -> None:
    endpoint = endpoint_of(asking(model, {model.partition(":")[0]: section}))
    assert (endpoint.api, endpoint.base_url, endpoint.key and endpoint.key.env) == (api, base_url, key)


@pytest.mark.parametrize(
    ("model", "sections", "words"),
    [
        pytest.param(None, {}, 'set model = "openai:..." in [agents.ops]', id="no model"),
        pytest.param("", {}, "has no model", id="an empty one"),
        pytest.param("gpt-5", {}, "write provider:model", id="no provider"),
        pytest.param("openai:", {}, "write provider:model", id="nothing after the provider"),
        pytest.param(
            "nobody:x",
            {"mine": {"base_url": "http://127.0.0.1/v1"}},
            "add [providers.nobody] with its base_url, or use anthropic, google, mine, ollama, openai",
            id="an unknown provider",
        ),
        pytest.param("mine:x", {"mine": {}}, "neither base_url nor api", id="a section that says nothing"),
        pytest.param("openai/gpt-5", {}, "write openai:gpt-5", id="a slash for a colon"),
        pytest.param(
            "mine/llama3:8b",
            {"mine": {"base_url": "http://127.0.0.1/v1"}},
            "write mine:llama3:8b",
            id="a slash and a colon",
        ),
    ],
)
def test_what_cannot_be_asked_is_refused_with_the_way_out(
    asking: Build, model: str | None, sections: Mapping[str, object], words: str
) -> None:
    request = asking(model, sections)
    with pytest.raises(RunnerError) as refused:
        endpoint_of(request)
    assert refused.value.kind == "bad_request"
    assert words in str(refused.value)
    assert ModelRunner().endpoint(request) is None
    if model:
        assert ModelRunner().objection(model, request.providers) == str(refused.value)


@pytest.mark.parametrize(
    ("seconds", "first", "whole"),
    [(None, 120, 600), (0, 120, 600), (2000, 120, 600), (150, 120, 150), (30, 30, 30)],
    ids=["without a limit", "zero is none", "a long turn", "a shorter turn", "a short turn"],
)
def test_no_request_takes_longer_than_the_turn_leaves_it(
    asking: Build, seconds: float | None, first: float, whole: float
) -> None:
    endpoint = endpoint_of(asking("openai:gpt-5", seconds=seconds))
    assert (endpoint.first_event_seconds, endpoint.request_seconds) == (first, whole)


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST.",
        "a.localhost",
        "box.local",
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.5",
        "169.254.1.1",
        "::1",
        "fd00::1",
        "fe80::1%eth0",
    ],
)
def test_these_hosts_are_nearby(host: str) -> None:
    assert is_nearby(host)


@pytest.mark.parametrize(
    "host", ["api.openai.com", "8.8.8.8", "172.32.0.1", "local", "localhost.example", "2606:4700::1111", ""]
)
def test_these_hosts_are_out_there(host: str) -> None:
    assert not is_nearby(host)


def test_only_a_server_nearby_is_asked_beforehand_and_named_without_its_password(asking: Build) -> None:
    sections = {"near": {"base_url": "http://me:secret@192.168.1.5:8080/v1?key=secret"}}
    runner = ModelRunner()
    assert runner.endpoint(asking("near:x", sections)) == "http://192.168.1.5:8080/v1"
    assert runner.endpoint(asking("ollama:qwen3")) == "http://127.0.0.1:11434/v1"
    assert runner.endpoint(asking("openai:gpt-5")) is None
