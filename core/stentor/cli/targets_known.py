"""`stentor targets list` and `clear`: targets that are suspended or have moved."""

import time
from pathlib import Path

import click

from stentor.adapters.sqlite.reader import Reader
from stentor.cli.daemon import operate
from stentor.cli.output import common, existing, show_json, table, when


@click.command("list")
@common
def list_targets(home: Path, as_json: bool) -> None:
    """List what was learned of targets: those that are suspended, and those that have moved."""
    with Reader.open(existing(home)) as reader:
        known = reader.known_targets()
    if as_json:
        show_json({"targets": known})
        return
    now = time.time_ns() // 1_000_000
    columns = ("target", "account", "state", "why", "moved to", "since")
    keys = ("target", "accountId", "state", "reason", "movedTo")
    rows = [(*(row[key] for key in keys), when(row["since"], now)) for row in known]
    table(columns, rows, empty="Nothing out of the ordinary is known of any target.")


@click.command()
@click.argument("target")
@click.option("--account", help="The account, where the target is known on several.")
@common
def clear(target: str, account: str | None, home: Path, as_json: bool) -> None:
    """Forget that a target is suspended or has moved: deliveries go there again. What was given up can be resent."""
    from stentor.app.outbox_operations import OutboxOperations

    body = {"target": target, "account": account}
    cleared, _ = operate(
        home,
        ("POST", "targets/clear", body),
        lambda operations: OutboxOperations.of(operations).clear_target(body),
    )
    if as_json:
        show_json(cleared)
    else:
        click.echo(f"{cleared['target']} on {cleared['accountId']} is no longer {cleared['state']}")


COMMANDS = {"clear": clear, "list": list_targets}
