"""`stentor deliveries`: commands by which somebody decides what becomes of a delivery."""

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import click

from stentor.cli.daemon import operate
from stentor.cli.messages import NOT_SENT_YET, say_delivery
from stentor.cli.output import common, note, show_json
from stentor.cli.patience import limit_of, wait_options
from stentor.domain.json_types import JsonObject
from stentor.domain.rulings import TERMINAL, WORDS

if TYPE_CHECKING:
    from stentor.app.operations import Operations
    from stentor.app.outbox_operations import OutboxOperations

_PATIENCE = "60s"


@click.command()
@click.argument("delivery")
@click.option(
    "--from-part",
    type=click.IntRange(1),
    help="Send the parts from this one on; default: those not known to have arrived.",
)
@click.option("--to", help="Send it to this target instead.")
@click.option("--account", help="Send it on this account.")
@wait_options("Wait for the receipt; exit 6 if there is none.", _PATIENCE)
@common
def resend(
    delivery: str,
    from_part: int | None,
    to: str | None,
    account: str | None,
    wait: bool,
    wait_timeout: str | None,
    home: Path,
    as_json: bool,
) -> None:
    """Send a delivery again, as a new one that is linked to it. The old one stays as it is.

    \b
    stentor deliveries resend d1m7y9v3k2 --from-part 2 --wait
    stentor deliveries resend d1m7y9v3k2 --to local:ops
    """
    limit = limit_of(wait_timeout, _PATIENCE, wait=wait)
    wish = {"fromPart": from_part, "to": to, "account": account}
    body = {key: value for key, value in wish.items() if value is not None}
    request = ("POST", _path(delivery, "resend"), body)
    code, daemon = 0, True
    if wait:
        from stentor.cli.waiting import deliver_and_wait

        answer, code = deliver_and_wait(
            home, request, lambda operations: _desk(operations).resend(delivery, body), limit=limit
        )
    else:
        answer, daemon = operate(home, request, lambda operations: _desk(operations).resend(delivery, body))
    if not daemon:
        answer["warnings"].append(NOT_SENT_YET)
    show_json(answer) if as_json else say_delivery(answer)
    if code:
        click.get_current_context().exit(code)


@click.command()
@click.argument("delivery", nargs=-1)
@click.option("--as", "word", type=click.Choice(WORDS), required=True, help="What became of it.")
@click.option("--note", "remark", help="Why, for whoever looks at it later.")
@click.option("--all-unknown", is_flag=True, help="Settle every unknown delivery.")
@click.option("--target", help="With --all-unknown: only those to this canonical target.")
@click.option("--confirm", type=int, help="With --all-unknown: how many there are.")
@common
def settle(
    delivery: tuple[str, ...],
    word: str,
    remark: str | None,
    all_unknown: bool,
    target: str | None,
    confirm: int | None,
    home: Path,
    as_json: bool,
) -> None:
    """Say of unknown deliveries whether they arrived. The run's outcome follows; the parts keep their states.

    Parts that waited behind the unknown one are sent if it was delivered, and cancelled if it was not.

    \b
    stentor deliveries settle d1m7y9v3k2 --as delivered --note 'it is in the chat'
    stentor deliveries settle --all-unknown --target local:ops --as not-delivered --confirm 12
    """
    if bool(delivery) == all_unknown:
        raise click.UsageError("name deliveries, or use --all-unknown")
    if not all_unknown and (target, confirm) != (None, None):
        raise click.UsageError("--target and --confirm belong to --all-unknown")
    chosen = {"all": True, "target": target, "confirm": confirm} if all_unknown else {"ids": list(delivery)}
    body: JsonObject = {**chosen, "as": word, "note": remark}
    answer, daemon = operate(
        home, ("POST", "deliveries/settle", body), lambda operations: _desk(operations).settle(body)
    )
    if as_json:
        show_json(answer["deliveries"][0] if len(delivery) == 1 else answer)
        return
    for settled in answer["deliveries"]:
        say_delivery(settled)
    if all_unknown:
        note(f"{answer['settled']} settled as {word}")
    if not daemon and any(settled["state"] == "pending" for settled in answer["deliveries"]):
        note(f"warning: {NOT_SENT_YET}")


@click.command()
@click.argument("delivery")
@common
def cancel(delivery: str, home: Path, as_json: bool) -> None:
    """Send nothing more of a delivery. What is being sent goes on; what may have arrived becomes unknown."""
    answer, _ = operate(
        home, ("POST", _path(delivery, "cancel"), {}), lambda operations: _desk(operations).cancel(delivery)
    )
    if as_json:
        show_json(answer)
        return
    say_delivery(answer)
    for n in answer["inDoubt"]:
        note(f"part {n} may have arrived before; `stentor deliveries settle {delivery}` once you know")


@click.command()
@click.argument("delivery", nargs=-1)
@click.option("--older-than", help="Only those made longer ago than this, such as 14d.")
@click.option(
    "--state",
    type=click.Choice(sorted(TERMINAL)),
    multiple=True,
    help="Only those that ended so; default: failed and partial. May be given again.",
)
@click.option(
    "--force",
    is_flag=True,
    help="Also DELIVERYs that are not over: what waits is cancelled, what is unknown will never be known.",
)
@common
def drop(
    delivery: tuple[str, ...],
    older_than: str | None,
    state: tuple[str, ...],
    force: bool,
    home: Path,
    as_json: bool,
) -> None:
    """Remove deliveries that nobody needs any more, with their texts and receipts. Their runs keep the outcome.

    \b
    stentor deliveries drop d1m7y9v3k2
    stentor deliveries drop --older-than 14d
    """
    if delivery and (older_than or state):
        raise click.UsageError("name deliveries, or use --older-than and --state")
    if force and not delivery:
        raise click.UsageError("--force is for deliveries you name")
    body: JsonObject = {"ids": list(delivery), "force": force}
    if not delivery:
        body = {"states": list(state), "olderThanMs": _age(older_than)}
    answer, _ = operate(
        home, ("POST", "deliveries/drop", body), lambda operations: _desk(operations).drop(body)
    )
    show_json(answer) if as_json else click.echo(f"{answer['dropped']} dropped")


def _age(text: str | None) -> int | None:
    if text is None:
        return None
    from stentor.cli.job_flags import duration

    return duration(text, "--older-than", default_unit="d")


def _desk(operations: "Operations") -> "OutboxOperations":
    from stentor.app.outbox_operations import OutboxOperations

    return OutboxOperations.of(operations)


def _path(delivery: str, verb: str) -> str:
    return f"deliveries/{quote(delivery, safe='')}/{verb}"


COMMANDS = {"cancel": cancel, "drop": drop, "resend": resend, "settle": settle}
