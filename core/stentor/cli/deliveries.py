"""`stentor deliveries`: what was sent, part by part. Reading opens the store read-only, daemon or not."""

import time
from collections.abc import Sequence
from pathlib import Path

import click

from stentor.adapters.sqlite.outbox_log import UNCONFIRMED, Asked
from stentor.adapters.sqlite.reader import Reader, page
from stentor.cli import deliveries_desk
from stentor.cli.cron_reading import known_id
from stentor.cli.output import common, existing, note, show_json, table, when
from stentor.domain.json_types import JsonObject
from stentor.domain.states import DeliveryState, Purpose

_STATES = [*(word.value for word in DeliveryState), UNCONFIRMED]
_SHOWN = 200
_REVIEW = (
    "Each may or may not have arrived: look at the chat, then `stentor deliveries settle ID… --as delivered` or "
    "`--as not-delivered`; `stentor deliveries resend ID` sends it again, at the risk of a duplicate."
)


@click.group()
def deliveries() -> None:
    """See what was sent, part by part, and decide about what did not arrive or may not have."""


@deliveries.command("list")
@click.option("--state", type=click.Choice(_STATES), help="Only deliveries in this state.")
@click.option("--target", help="Only deliveries to this target.")
@click.option("--run", help="Only deliveries of this run.")
@click.option("--job", help="Only deliveries of this job, also of one that is gone.")
@click.option("--channel", help="Only deliveries on this channel.")
@click.option(
    "--purpose", type=click.Choice([word.value for word in Purpose]), help="Only deliveries made for this."
)
@click.option("--since", help="Only deliveries made since: an ISO time, or a time ago such as 24h.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True)
@click.option("--offset", type=click.IntRange(0, 10**12), default=0)
@common
def list_deliveries(
    home: Path,
    as_json: bool,
    since: str | None,
    job: str | None,
    target: str | None,
    limit: int,
    offset: int,
    **filters: str | None,
) -> None:
    """List deliveries, newest first.

    \b
    stentor deliveries list --state unknown
    stentor deliveries list --state failed --since 24h
    """
    now = time.time_ns() // 1_000_000
    with Reader.open(existing(home)) as reader:
        asked = Asked(
            **filters,
            job=None if job is None else known_id(reader, job),
            target=None if target is None else _target(reader, target, home),
            since_ms=None if since is None else _since(since, now),
        )
        found, total = reader.delivery_page(asked, limit=limit, offset=offset)
    if as_json:
        show_json(page(found, total, limit, offset, under="deliveries"))
        return
    tell = _tell_unknown if filters["state"] == DeliveryState.UNKNOWN else _tell
    tell(found, now)
    if total > len(found):
        note(f"{len(found)} of {total} deliveries")


@deliveries.command("show")
@click.argument("delivery")
@common
def show_delivery(delivery: str, home: Path, as_json: bool) -> None:
    """Show one delivery: its parts with their texts, receipts, links to other deliveries, and what happened to it."""
    with Reader.open(existing(home)) as reader:
        found = reader.delivery(delivery)
    if found is None:
        from stentor.app.missing import NoSuchDelivery

        raise NoSuchDelivery(delivery)
    if as_json:
        show_json(found)
    else:
        _tell_all(found, time.time_ns() // 1_000_000)


def _target(reader: Reader, text: str, home: Path) -> str | None:
    """The target as the store has it. Plugins are asked only about a spelling that the store does not know."""
    from stentor.app.target_filters import target_of_deliveries
    from stentor.cli.targets import directory_at

    return target_of_deliveries(reader, text, lambda: directory_at(home))


def _since(text: str, now: int) -> int:
    from stentor.domain.durations import parse_duration
    from stentor.domain.instants import from_iso
    from stentor.domain.refusals import Refused

    try:
        return from_iso(text) if "-" in text else now - parse_duration(text, default_unit="h")
    except ValueError:
        hint = "write an ISO time such as 2026-05-01T09:00:00Z, or a time ago such as 30m, 24h or 7d"
        raise Refused("bad_request", f"--since {text!r} is no time", hint=hint) from None


def _tell(found: Sequence[JsonObject], now: int) -> None:
    columns = ("id", "created", "purpose", "target", "state", "why", "parts", "attempts", "receipts")
    table(columns, [_row(delivery, now) for delivery in found], empty="No deliveries.")


def _tell_unknown(found: Sequence[JsonObject], now: int) -> None:
    """What it takes to decide about many, and how that is done."""
    columns = ("id", "since", "target", "why", "parts", "text")
    table(columns, [_review_row(delivery, now) for delivery in found], empty="No deliveries are unknown.")
    if found:
        note(_REVIEW)


def _row(delivery: JsonObject, now: int) -> tuple[object, ...]:
    parts = delivery["parts"]
    return (
        delivery["id"],
        when(delivery["createdAt"], now),
        delivery["purpose"],
        delivery["target"],
        delivery["state"],
        _why(delivery),
        len(parts),
        sum(part["attempts"] for part in parts),
        ", ".join(part["messageId"] for part in parts if part["messageId"]),
    )


def _review_row(delivery: JsonObject, now: int) -> tuple[object, ...]:
    return (
        delivery["id"],
        when(delivery["unknownSince"], now),
        delivery["target"],
        _why(delivery),
        delivery["reason"],
        delivery["textHead"],
    )


def _why(delivery: JsonObject) -> str | None:
    if delivery["settled"] is not None:
        return f"settled as {delivery['settled']['as']}"
    reasons: list[str] = [part["reason"] for part in delivery["parts"] if part["reason"]]
    return reasons[0] if reasons else delivery["reason"] and str(delivery["reason"])


def _tell_all(found: JsonObject, now: int) -> None:
    """Everything about one delivery, in tables."""
    facts = [
        (key, found[key]) for key in ("id", "purpose", "target", "meantFor", "accountId", "state", "reason")
    ]
    facts += [("run", found["runId"]), ("job", found["jobId"]), *_links(found)]
    facts += [(key, when(found[key], now)) for key in ("createdAt", "expiresAt", "unconfirmedAt")]
    settled = found["settled"]
    if settled is not None:
        said = f"{settled['as']} by {settled['by']}, {when(settled['at'], now)}"
        facts.append(("settled", f"{said}: {settled['note']}" if settled["note"] else said))
    table(("", ""), [fact for fact in facts if fact[1] not in (None, "-")], empty="")
    parts = [
        (
            part["n"],
            part["state"],
            part["attempts"],
            part["messageId"],
            when(part["acceptedAt"], now),
            part["error"] or part["reason"],
            part["text"] if len(part["text"]) <= _SHOWN else f"{part['text'][:_SHOWN]}…",
        )
        for part in found["parts"]
    ]
    columns = ("part", "state", "attempts", "receipt", "accepted", "last error", "text")
    table(columns, parts, empty="Its parts were dropped." if found["dropped"] else "No parts.")
    events = [(when(event["at"], now), event["kind"], _said(event["data"])) for event in found["events"]]
    table(("when", "what", ""), events, empty="No events.")
    for choice in found["choices"]:
        note(choice)


def _links(found: JsonObject) -> list[tuple[str, str]]:
    own = [] if found["linkedTo"] is None else [(f"{found['link']} of", str(found["linkedTo"]))]
    return [
        *own,
        *((f"{other['link']} in", f"{other['id']} ({other['state']})") for other in found["linkedFrom"]),
    ]


def _said(data: JsonObject) -> str:
    return ", ".join(f"{key}: {value}" for key, value in data.items() if value not in (None, "", []))


for _name, _command in deliveries_desk.COMMANDS.items():
    deliveries.add_command(_command, _name)
