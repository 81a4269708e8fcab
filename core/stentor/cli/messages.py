"""`stentor send`, `stentor inbox` and `stentor deliveries`."""

import time
from pathlib import Path
from typing import Any

import click

from stentor.adapters.sqlite.reader import Reader
from stentor.cli.daemon import operate
from stentor.cli.output import common, existing, note, show_json, table, trouble, when
from stentor.domain.json_types import JsonObject
from stentor.domain.states import DeliveryState


@click.command()
@click.option("--to", required=True, help="A target such as local:inbox.")
@click.option("--text", required=True)
@click.option("--channel", help="The channel of a target without prefix.")
@click.option("--account")
@click.option("--thread")
@click.option("--wait", is_flag=True, help="Wait for the receipt; exit 6 if there is none.")
@click.option("--wait-timeout", type=click.FloatRange(0), default=60, show_default=True, help="Seconds.")
@click.option("--dry-run", is_flag=True, help="Only say where it would go.")
@common
def send(home: Path, as_json: bool, wait: bool, wait_timeout: float, dry_run: bool, **fields: Any) -> None:
    """Send a message by hand, with a receipt like any other.

    \b
    stentor send --to local:inbox --text 'Hello' --wait
    """
    message = {key: value for key, value in fields.items() if value is not None}
    if dry_run:
        message["dryRun"] = True
    code, daemon = 0, True
    if wait and not dry_run:
        from stentor.cli.waiting import send_and_wait

        answer, code = send_and_wait(home, message, limit=wait_timeout)
    else:
        answer, daemon = operate(home, ("POST", "send", message), lambda operations: operations.send(message))
    if not daemon and not dry_run:
        answer["warnings"] = ["no-daemon: nothing is sent until `stentor serve` runs"]
    if as_json:
        show_json(answer)
    elif dry_run:
        click.echo(f"would send to {answer['target']} on account {answer['accountId']}")
    else:
        click.echo(f"{answer['id']}  {answer['target']}  {answer['state']}")
        for line in trouble(answer):
            note(line)
        for warning in answer.get("warnings", []):
            note(f"warning: {warning}")
    if code:
        click.get_current_context().exit(code)


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


@click.group()
def deliveries() -> None:
    """Look at deliveries: their parts, attempts and receipts."""


@deliveries.command("list")
@click.option(
    "--state",
    type=click.Choice([word.value for word in DeliveryState]),
    help="Only deliveries in this state.",
)
@click.option("--target", help="Only deliveries to this canonical target.")
@click.option("--run", help="Only deliveries of this run.")
@common
def list_deliveries(
    state: str | None, target: str | None, run: str | None, home: Path, as_json: bool
) -> None:
    """List deliveries, newest first."""
    with Reader.open(existing(home)) as reader:
        found = reader.deliveries(run=run, target=target, state=state)
    if as_json:
        show_json({"deliveries": found, "total": len(found)})
        return
    now = time.time_ns() // 1_000_000
    rows = [_row(delivery, now) for delivery in found]
    columns = ("id", "created", "purpose", "target", "state", "why", "parts", "attempts", "receipts")
    table(columns, rows, empty="No deliveries.")


@deliveries.command("show")
@click.argument("delivery")
@common
def show_delivery(delivery: str, home: Path, as_json: bool) -> None:
    """Show one delivery with every part."""
    with Reader.open(existing(home)) as reader:
        found = reader.deliveries(delivery=delivery)
    if not found:
        from stentor.app.operations import NotFound

        raise NotFound(f"there is no delivery {delivery!r}; `stentor deliveries list` shows them")
    if as_json:
        show_json(found[0])
        return
    now = time.time_ns() // 1_000_000
    table(
        ("", ""),
        [(key, found[0][key]) for key in ("id", "purpose", "target", "accountId", "state", "reason")],
        empty="",
    )
    rows = [
        (
            part["n"],
            part["state"],
            part["attempts"],
            part["messageId"],
            when(part["acceptedAt"], now),
            part["error"],
        )
        for part in found[0]["parts"]
    ]
    table(("part", "state", "attempts", "receipt", "accepted", "last error"), rows, empty="No parts.")


def _row(delivery: JsonObject, now: int) -> tuple[object, ...]:
    parts = delivery["parts"]
    return (
        delivery["id"],
        when(delivery["createdAt"], now),
        delivery["purpose"],
        delivery["target"],
        delivery["state"],
        next((part["reason"] for part in parts if part["reason"]), delivery["reason"]),
        len(parts),
        sum(part["attempts"] for part in parts),
        ", ".join(part["messageId"] for part in parts if part["messageId"]),
    )
