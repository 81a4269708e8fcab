"""`stentor targets`: how a target is read, and what was learned of those that were sent to."""

import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from stentor.adapters.registry import Registry
from stentor.app.checking import check_target
from stentor.app.configured import directory_of
from stentor.app.parameters import Parameters, not_valid
from stentor.cli import targets_known
from stentor.cli.daemon import ACCOUNT_SECONDS, ask
from stentor.cli.output import DaemonAnswer, common, json_text, note, read_line, show_json, table
from stentor.cli.usage import refuse_beside
from stentor.config import load_config
from stentor.contract.targets import Target
from stentor.domain.json_types import JsonObject
from stentor.domain.refusals import Refused
from stentor.domain.routing import LAST, Address, Directory, Route, RouteError, read, without_account
from stentor.domain.target_json import as_spelt

_HINTS = ("channel", "account", "thread", "defaultKind")
_LAST = (
    "it stands for a conversation, the last one of a job's session, and is looked up at each run: "
    "`stentor cron preview JOB` says what it is for a job now"
)


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
    directory = directory_at(home)
    if batch:
        refuse_beside("batch", "each line says it all")
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


def directory_at(home: Path) -> Directory:
    """The channels and accounts that a daemon of this home would have."""
    return directory_of(Registry.load(), load_config(home))


def explained(home: Path, directory: Directory, said: JsonObject) -> JsonObject:
    asked = Parameters(said, "text", *_HINTS, "check")
    text, check = asked.text("text"), asked.flag("check")
    if text is None:
        raise not_valid("text", "is missing: name a target")
    channel, account, thread, kind = (asked.text(key) for key in _HINTS)
    if (channel or "").strip().lower() == LAST:
        raise Refused("bad_target", '"last" is no address of its own', hint=_LAST)
    address = Address(text, channel, account, thread, kind)
    route = read(address, directory) if check else without_account(address, directory)
    if kind is not None:
        _check_kind(kind, route, directory)
    if check:
        route = Route(_checked(home, route, directory), route.source)
    target = route.target
    return {
        "input": text,
        "channel": target.channel,
        "account": target.account,
        "kind": target.kind,
        "id": target.id,
        "thread": target.thread,
        "canonical": target.canonical,
        "display": target.display or target.canonical,
        "warnings": list(target.warnings),
    }


def _checked(home: Path, route: Route, directory: Directory) -> Target:
    """What the channel knows of a target. An account that stays open is asked by the daemon that has it."""
    target = route.target
    if directory.channels[target.channel].traits.stays_open:
        asked = {"channel": target.channel, "accountId": route.account, "target": target.canonical}
        answer = ask(home, "POST", "accounts/check", asked, patience=ACCOUNT_SECONDS)
        if answer is not None:
            return as_spelt(answer)
    return check_target(home, route, directory)


def _check_kind(kind: str, route: Route, directory: Directory) -> None:
    """A channel shows its kinds by its examples."""
    channel = directory.channels[route.target.channel]
    kinds = {route.target.kind}
    for example in channel.examples:
        with suppress(RouteError):
            kinds.add(without_account(Address(example.canonical), directory).target.kind)
    if kind not in kinds:
        why = f"{kind!r} is no kind of target on {channel.name}; known are {', '.join(sorted(kinds))}"
        raise not_valid("defaultKind", why)


def _batch(home: Path, directory: Directory) -> None:
    """One JSON answer per JSON line; a bad line is answered with its error and the rest goes on."""
    from stentor.app.failures import failure_of

    for line in sys.stdin:
        if not line.strip():
            continue
        try:
            answer = explained(home, directory, read_line(line))
        except DaemonAnswer as error:
            answer = error.document
        except Exception as error:  # noqa: BLE001 - each line has its own answer
            answer = failure_of(error).as_json()
        click.echo(json_text(answer))


for _name, _command in targets_known.COMMANDS.items():
    targets.add_command(_command, _name)
