"""What the configuration names, each part checked by the plugin it is for."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from stentor.adapters.registry import Registry
from stentor.app.seams import Seams
from stentor.config import Config
from stentor.config.sections import DEFAULT_AGENT
from stentor.contract.settings import AccountSettings
from stentor.domain.plugin_words import named
from stentor.domain.refusals import Refused, details_of
from stentor.services.agent_turns import Agent
from stentor.services.directory import Directory

S = TypeVar("S", bound=BaseModel)


def directory_of(registry: Registry, config: Config) -> Directory:
    """The configured accounts, each checked by its channel's own model. Accounts of absent plugins stay out."""
    accounts: dict[str, dict[str, AccountSettings]] = {}
    for name, section in config.channels.items():
        channel = registry.channels.get(name)
        if channel is None:
            continue
        accounts[name] = {
            account: _checked(channel.settings, raw, f"channels.{name}.accounts.{account}")
            for account, raw in section.accounts.items()
        }
    defaults = {name: section.default_to for name, section in config.channels.items() if section.default_to}
    return Directory(registry.channels, accounts, defaults)


def agents_of(config: Config, registry: Registry, seams: Seams) -> dict[str, Agent]:
    """The configured agents with their runners; each runner checks its own settings."""
    agents: dict[str, Agent] = {}
    for name, section in config.agents.items():
        runner = registry.runners.get(section.runner)
        if runner is None:
            known = ", ".join(sorted(registry.runners))
            raise Refused(
                "unknown_runner",
                f"agents.{name}: there is no runner {section.runner!r}",
                hint=f"known: {known}",
            )
        settings = _checked(runner.settings, section.options, f"agents.{name}")
        workspace = Path(section.workspace).expanduser() if section.workspace else None
        agents[name] = Agent(
            name,
            seams.around_runner(runner),
            settings,
            section.model,
            workspace,
            section.fallbacks,
            section.allowed_models,
            config.providers,
        )
        _check_models(agents[name])
    if config.heartbeat.model is not None:
        _check_model(agents[DEFAULT_AGENT], config.heartbeat.model, "heartbeat.model")
    return agents


def _check_models(agent: Agent) -> None:
    """No turn would begin with any other than these."""
    for key, model in _models_named(agent):
        # What all models of a provider are called means something only where names mean the same to all.
        if agent.runner.models == "shared" or not model.endswith(":*"):
            _check_model(agent, model, f"agents.{agent.id}.{key}")


def idle_models(agents: Iterable[Agent]) -> Iterator[str]:
    """Where agents name models in vain, or lack one that most of their jobs will need."""
    for agent in agents:
        where, runner = f"[agents.{agent.id}]", agent.runner
        named = _models_named(agent) if runner.models == "none" else []
        for key, _ in named:
            yield f'{where} {key}: the runner {runner.name} asks no model; leave it out, or set runner = "model"'
        if runner.models == "shared" and agent.model is None:
            yield f"{where}: no model is set, so only jobs that name one can run; write one such as openai:gpt-5-mini"


def _models_named(agent: Agent) -> list[tuple[str, str]]:
    """Where in its section, and which."""
    lists = {"fallbacks": agent.fallbacks, "allowed_models": agent.allowed_models}
    several = [
        (f"{key}[{number}]", model) for key, models in lists.items() for number, model in enumerate(models)
    ]
    return [("model", agent.model), *several] if agent.model is not None else several


def _check_model(agent: Agent, model: str, where: str) -> None:
    try:
        agent.check_model(model)
    except Refused as error:
        raise Refused("bad_config", f"{where}: {error.message}", hint=error.hint) from error


def _checked(model: type[S], raw: Mapping[str, object], where: str) -> S:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise Refused(
            "bad_config", f"{where} is not valid", details=details_of(error, model, where)
        ) from error
    except Exception as error:
        hint = "the plugin has to be mended: `stentor plugins` says which one that is"
        raise Refused("bad_config", f"{where} cannot be read: {named(error)}", hint=hint) from error
