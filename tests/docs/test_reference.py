"""Nothing that the code offers is missing from the pages."""

import inspect
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast, get_args

import click
import pytest
from pydantic import BaseModel
from tests.docs import generated
from tests.docs.console import environment
from tests.docs.pages import ROOT, fences, text_of

from stentor.agents.command import CommandSettings
from stentor.agents.model.settings import ModelSettings
from stentor.config import Config
from stentor.contract import errors, hookspecs
from stentor.contract.settings import SecretRef
from stentor.domain import states
from stentor.domain.jobs import Job
from stentor.domain.json_types import as_object
from stentor_webhook.channel import WebhookSettings

COMMANDS = [pytest.param(context, id=context.command_path) for context in generated.commands()]
HOOKS = [name for name in vars(hookspecs) if name.startswith("stentor_")]


def keys(model: type[BaseModel], path: str = "", *, by_alias: bool = False) -> Iterator[str]:
    """The dotted names of a model's fields, down to the fields of the models they hold."""
    for name, field in model.model_fields.items():
        key = f"{path}{(by_alias and field.alias) or name}"
        inner = list(_models(field.annotation))
        is_table = "dict" in str(field.annotation)
        yield from [] if inner else [key]
        for found in inner:
            yield from keys(found, f"{key}.NAME." if is_table else f"{key}.", by_alias=by_alias)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel) and annotation is not SecretRef:
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def settings() -> Iterator[str]:
    for key in keys(Config):
        yield f"{key}.ID" if key.endswith(".accounts") else key
    for runner in (CommandSettings, ModelSettings):
        yield from (f"agents.NAME.{key}" for key in runner.model_fields)
    yield from (f"channels.webhook.accounts.ID.{key}" for key in WebhookSettings.model_fields)


@pytest.mark.parametrize("key", list(settings()))
def test_every_setting_is_explained(key: str) -> None:
    assert f"| `{key}` |" in text_of("configuration.md")


@pytest.mark.parametrize("place", list(SecretRef.model_fields))
def test_every_place_of_a_secret_is_explained(place: str) -> None:
    assert f"| `{{ {place} = " in text_of("configuration.md")


@pytest.mark.parametrize("key", sorted(set(keys(Job, by_alias=True))))
def test_every_field_of_a_job_is_explained(key: str) -> None:
    assert f"`{key}`" in text_of("jobs.md")


@pytest.mark.parametrize("name", HOOKS)
def test_every_hook_is_shown_with_its_signature(name: str) -> None:
    source = inspect.getsource(getattr(hookspecs, name))
    signature = next(line for line in source.splitlines() if line.startswith("def "))
    assert f"{signature} ..." in text_of("plugins.md")


@pytest.mark.parametrize("error", errors.DeliveryError.__subclasses__(), ids=lambda error: error.__name__)
def test_every_error_of_a_channel_is_explained(error: type[errors.DeliveryError]) -> None:
    assert f"| `{error.__name__}(" in text_of("plugins.md")


@pytest.mark.parametrize(
    "word",
    sorted(
        {
            word.value
            for kind in (
                states.RunStatus,
                states.PartState,
                states.DeliveryStatus,
                states.CompletionStatus,
                states.Trigger,
            )
            for word in kind
        }
        - {states.Trigger.WAKE.value}
    ),
)
def test_every_word_of_the_run_log_is_explained(word: str) -> None:
    assert f"`{word}`" in text_of("run-log.md")


@pytest.mark.parametrize("context", COMMANDS)
def test_every_option_of_a_command_is_listed(context: click.Context) -> None:
    section = text_of(generated.CLI_PAGE).partition(f"## {context.command_path}\n")[2].partition("\n## ")[0]
    shown = [parameter for parameter in context.command.params if not getattr(parameter, "hidden", False)]
    options = [option for parameter in shown for option in parameter.opts if option[0] == "-"]
    assert set(options) <= set(re.findall(r"(?<![\w-])-[\w-]+", section)), generated.HOW


def test_the_page_of_the_command_line_is_up_to_date() -> None:
    assert text_of(generated.CLI_PAGE) == generated.cli_page(), generated.HOW


@pytest.mark.parametrize("channel", list(generated.channels()))
def test_a_channels_targets_are_those_it_declares(channel: str) -> None:
    pages = generated.pages_of_targets()
    assert channel in pages, f"no page holds `<!-- targets: {channel} -->`"
    page = pages[channel]
    assert generated.with_targets(page) == text_of(page), generated.HOW


def test_the_rules_of_channels_are_up_to_date() -> None:
    assert text_of(generated.PLUGINS_PAGE) == generated.kit_page(), generated.HOW


def test_the_run_that_is_shown_has_the_fields_of_a_real_one(tmp_path: Path) -> None:
    shown = next(json.loads(fence.text) for fence in fences("run-log.md") if fence.language == "json")
    home = tmp_path / "home"
    add = ["cron", "add", "--id", "greet", "--every", "1d", "--text", "Hello", "--to", "local:inbox"]
    _stentor(home, *add)

    real = json.loads(_stentor(home, "cron", "run", "greet", "--wait", "--json"))["run"]

    assert _shape(shown) == _shape(real)


@pytest.mark.parametrize(
    "path", sorted(set(re.findall(r"`((?:core|tests)/[\w./-]+)`", text_of("architecture.md"))))
)
def test_every_place_the_architecture_names_is_there(path: str) -> None:
    assert (ROOT / path).exists()


def test_every_table_of_the_store_is_explained() -> None:
    folder = ROOT / "core/stentor/adapters/sqlite/migrations"
    scripts = "\n".join(path.read_text("utf-8") for path in folder.glob("*.sql"))
    tables = re.findall(r"CREATE TABLE (\w+)", scripts)
    assert tables
    assert [name for name in tables if f"| `{name}` |" not in text_of("architecture.md")] == []


def _stentor(home: Path, *words: str) -> str:
    command = [sys.executable, "-m", "stentor.cli.main", *words]
    env = environment(home, {})
    return subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout


def _shape(document: object) -> object:
    """The keys of a document, in depth; `routes` repeats what stands beside it."""
    if isinstance(document, list):
        return [_shape(entry) for entry in cast("list[object]", document)]
    fields = as_object(document)
    return fields and {key: _shape(value) for key, value in fields.items() if key != "routes"}
