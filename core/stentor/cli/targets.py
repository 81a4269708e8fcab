"""`stentor targets`: how a target is read, and what was learned of those that were sent to."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from stentor.adapters.registry import Registry
from stentor.app.assembly import directory_of
from stentor.app.checking import check_target
from stentor.cli import targets_known
from stentor.cli.output import common, note, read_line, show_json, table
from stentor.config import load_config
from stentor.domain.json_types import JsonObject
from stentor.domain.refusals import Refused
from stentor.domain.routing import Address, Directory, Route, resolve

_KEYS = {"text", "channel", "account", "thread", "defaultKind", "check"}


@click.group()
def targets() -> None:
    """Explain how a target is read, and see which are suspended or have moved."""


@targets.command()
@click.argument("text", required=False)
@click.option("--channel", help="The channel of a target without prefix.")
@click.option("--account")
@click.option("--thread")
@click.option("--default-kind", help="What an id without a kind is taken for.")
@click.option("--check", is_flag=True, help="Also ask the channel, without sending.")
@click.option("--batch", is_flag=True, help="Read one JSON object per line (text, channel, account, …).")
@common
def explain(home: Path, as_json: bool, batch: bool, check: bool, text: str | None, **hints: Any) -> None:
    """Say which channel, account and address TEXT means. Pure and offline, unless --check is given.

    \b
    stentor targets explain -- local:inbox
    """
    config = load_config(home)
    directory = directory_of(Registry.load(), config)
    if batch:
        _batch(home, directory)
        return
    if text is None:
        raise Refused("bad_request", "name a target", hint="stentor targets explain -- TEXT")
    asked = {"text": text, "check": check, "defaultKind": hints.pop("default_kind"), **hints}
    answer = explained(home, directory, asked)
    if as_json:
        show_json(answer)
        return
    table(("", ""), [(key, value) for key, value in answer.items() if key != "warnings"], empty="")
    for warning in answer["warnings"]:
        note(f"warning: {warning}")


def explained(home: Path, directory: Directory, asked: JsonObject) -> JsonObject:
    said = {key: asked.get(key) for key in ("channel", "account", "thread", "defaultKind")}
    texts = [asked["text"], *(hint for hint in said.values() if hint is not None)]
    if not all(isinstance(text, str) for text in texts):
        raise Refused("bad_request", "text, channel, account, thread and defaultKind are texts")
    route = resolve(Address(asked["text"], *said.values()), directory)
    if asked.get("check"):
        route = Route(check_target(home, route, directory), route.source)
    target = route.target
    return {
        "input": asked["text"],
        "channel": target.channel,
        "account": target.account,
        "kind": target.kind,
        "id": target.id,
        "thread": target.thread,
        "canonical": target.canonical,
        "display": target.display or target.canonical,
        "warnings": list(target.warnings),
    }


def _batch(home: Path, directory: Directory) -> None:
    """One JSON answer per JSON line; a bad line is answered with its error and the rest goes on."""
    from stentor.app.failures import failure_of

    for line in sys.stdin:
        if not line.strip():
            continue
        try:
            asked = read_line(line)
            unknown = asked.keys() - _KEYS
            if unknown or "text" not in asked:
                raise Refused("bad_request", f"the keys are {', '.join(sorted(_KEYS))}; text is needed")
            answer = explained(home, directory, asked)
        except Exception as error:  # noqa: BLE001 - each line has its own answer
            answer = failure_of(error).as_json()
        click.echo(json.dumps(answer, ensure_ascii=False))


for _name, _command in targets_known.COMMANDS.items():
    targets.add_command(_command, _name)
