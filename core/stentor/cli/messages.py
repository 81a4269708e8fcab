"""`stentor send` and `stentor inbox`."""

import time
from pathlib import Path
from typing import Any

import click

from stentor.adapters.sqlite.reader import Reader
from stentor.cli.daemon import operate
from stentor.cli.output import common, existing, note, show_json, table, trouble, when
from stentor.cli.patience import limit_of, wait_options
from stentor.domain.json_types import JsonObject

_PATIENCE = "60s"
NOT_SENT_YET = "no-daemon: nothing is sent until `stentor serve` runs"


@click.command()
@click.option("--to", required=True, help="A target such as local:inbox.")
@click.option("--text", required=True)
@click.option("--channel", help="The channel of a target without prefix.")
@click.option("--account")
@click.option("--thread")
@click.option("--silent", is_flag=True, default=None, help="Without a sound.")
@click.option(
    "--no-link-previews",
    "linkPreviews",
    flag_value=False,
    default=None,
    type=bool,
    help="Without previews under links.",
)
@click.option("--broadcast", is_flag=True, default=None, help="Show what goes to a thread beside it too.")
@click.option("--mentions", is_flag=True, default=None, help="The text may call people.")
@click.option("--reply-to", "replyTo", help="The provider's id of the message it answers.")
@wait_options("Wait for the receipt; exit 6 if there is none.", _PATIENCE)
@click.option("--dry-run", is_flag=True, help="Only say where it would go.")
@common
def send(
    home: Path, as_json: bool, wait: bool, wait_timeout: str | None, dry_run: bool, **fields: Any
) -> None:
    """Send a message by hand, with a receipt like any other.

    \b
    stentor send --to local:inbox --text 'Hello' --wait
    """
    if dry_run and wait:
        raise click.UsageError("--wait has nothing to wait for with --dry-run: choose one of them")
    limit = limit_of(wait_timeout, _PATIENCE, wait=wait)
    message = {key: value for key, value in fields.items() if value is not None}
    if dry_run:
        message["dryRun"] = True
    request = ("POST", "send", message)
    code, daemon = 0, True
    if wait:
        from stentor.cli.waiting import deliver_and_wait

        answer, code = deliver_and_wait(
            home, request, lambda operations: operations.send(message), limit=limit
        )
    else:
        answer, daemon = operate(home, request, lambda operations: operations.send(message))
    if not daemon and not dry_run:
        answer["warnings"] = [NOT_SENT_YET]
    if as_json:
        show_json(answer)
    elif dry_run:
        click.echo(f"would send to {answer['target']} on account {answer['accountId']}")
    else:
        say_delivery(answer)
    if code:
        click.get_current_context().exit(code)


def say_delivery(delivery: JsonObject) -> None:
    """A delivery on one line, and below it what is wrong with it."""
    click.echo(f"{delivery['id']}  {delivery['target']}  {delivery['state']}")
    for line in trouble(delivery):
        note(line)
    for warning in delivery.get("warnings", []):
        note(f"warning: {warning}")


@click.command()
@click.argument("target", required=False)
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@common
def inbox(target: str | None, limit: int, home: Path, as_json: bool) -> None:
    """Read what was delivered into this machine, newest first. TARGET narrows it, for instance local:inbox."""
    with Reader.open(existing(home)) as reader:
        messages = reader.journal(target, limit)
    if as_json:
        show_json({"messages": messages})
        return
    now = time.time_ns() // 1_000_000
    rows = [
        (message["id"], when(message["at"], now), message["target"], message.get("text"))
        for message in messages
    ]
    table(("id", "arrived", "target", "text"), rows, empty="Nothing has arrived yet.")
