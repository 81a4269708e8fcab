"""`stentor cron show` and `edits`: one job with all that is known of it, and who changed what when."""

import time
from pathlib import Path
from typing import cast

import click

from stentor.adapters.sqlite.reader import Reader, page
from stentor.adapters.sqlite.totals import job_totals
from stentor.cli.cron_reading import moment_text, schedule_text, stored_job
from stentor.cli.job_lines import differences, facts, say
from stentor.cli.output import common, existing, note, show_json, trouble, when
from stentor.cli.totals import totals_text
from stentor.domain.durations import format_duration
from stentor.domain.json_types import JsonObject

_RUNS, _EDITS = 10, 10
_SAID = ("message", "text", "argv")


@click.command()
@click.argument("job")
@common
def show(job: str, home: Path, as_json: bool) -> None:
    """Show a job, where it would deliver, its last runs and its last edits."""
    with Reader.open(existing(home)) as reader:
        found = stored_job(reader, job)
        job_id = str(found["id"])
        entries, _ = reader.runs(limit=_RUNS, offset=0, id=job_id)
        changes, total = reader.edits(job_id, limit=_EDITS)
    totals = job_totals(existing(home), job_id)
    if as_json:
        show_json({**found, "totals": totals, "runs": entries, "edits": changes})
        return
    now = time.time_ns() // 1_000_000
    facts([*_facts(found, now), ("totals", totals_text(totals))])
    for entry in entries:
        click.echo()
        _say_run(entry, now)
    click.echo()
    _say_edit(changes[0], now, brief=True) if changes else click.echo("no edits are known")
    if total > 1:
        note(f"{total} edits: stentor cron edits {job_id}")


@click.command()
@click.argument("job", required=False)
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True)
@click.option("--offset", type=click.IntRange(0, 10**12), default=0)
@common
def edits(job: str | None, limit: int, offset: int, home: Path, as_json: bool) -> None:
    """Show who changed a job, when and how, newest first. The history of removed jobs stays."""
    from stentor.app.operations import known_job

    with Reader.open(existing(home)) as reader:
        job_id = None if job is None else known_job(reader, job)
        entries, total = reader.edits(job_id, limit=limit, offset=offset)
    if as_json:
        show_json(page(entries, total, limit, offset))
        return
    now = time.time_ns() // 1_000_000
    for entry in entries:
        _say_edit(entry, now)
    if not entries:
        click.echo("No edits.")
    if total > len(entries):
        note(f"{len(entries)} of {total} edits")


def _facts(job: JsonObject, now: int) -> list[tuple[str, object]]:
    payload, state, missed = job["payload"], job["state"], job["missed"]
    said: object = next((payload[key] for key in _SAID if payload.get(key)), "")
    grace = format_duration((missed["graceSeconds"] or 0) * 1000)
    words = (
        " ".join(map(str, cast("list[object]", said)))
        if isinstance(said, list)
        else str(said).replace("\n", " ")
    )
    known: dict[str, object] = {
        "id": job["id"],
        "name": job["name"],
        "about": job["description"],
        "status": _status(job),
        "schedule": schedule_text(job["schedule"]),
        "next": moment_text(state["nextRunAtMs"], now),
        "last": moment_text(state["lastRunAtMs"], now),
        "last error": state["lastError"],
        "agent": job["agentId"],
        "session": _session(job),
        "payload": payload["kind"],
        "": words,
        "model": payload.get("model"),
        "delivery": f"{job['preview']['label']} ({job['preview']['detail']})",
        "missed": f"{missed['policy']}, at most {grace} late",
        "overlap": job["overlap"],
        "revision": job["revision"],
    }
    optional = ("about", "last error", "model")
    return [(name, value) for name, value in known.items() if value or name not in optional]


def _status(job: JsonObject) -> str:
    why = job["blocked"] or job["state"].get("autoDisabled")
    return f"{job['status']}: {why}" if why else str(job["status"])


def _session(job: JsonObject) -> str:
    if job["sessionKey"] is not None:
        return f"{job['sessionTarget']}, sharing the session {job['sessionKey']}"
    return str(job["sessionTarget"])


def _say_run(entry: JsonObject, now: int) -> None:
    outcome = entry["suppression"] or entry["deliveryStatus"]
    took = "" if entry["durationMs"] is None else f", took {entry['durationMs'] / 1000:.1f} s"
    click.echo(f"{entry['runId']}  {entry['status']}  {outcome}")
    say(f"{entry['trigger']}, {when(entry['startedAt'] or entry['queuedAt'], now)}{took}", "  ")
    if entry["error"]:
        say(entry["error"], "  ")
    for delivery in entry["deliveries"]:
        receipts = ", ".join(part["messageId"] or part["state"] for part in delivery["parts"])
        say(f"-> {delivery['target']}  {delivery['state']}  {receipts}", "  ")
        for line in trouble(delivery):
            say(line, "     ")


def _say_edit(entry: JsonObject, now: int, *, brief: bool = False) -> None:
    revision = f" to revision {entry['revision']}" if entry["revision"] else ""
    what = "" if brief else f"{entry['jobId']} "
    click.echo(f"{when(entry['at'], now)}")
    say(f"{what}{entry['action']}{revision} by {entry['by']}", "  ")
    if entry["action"] == "changed":
        for line in differences(entry, "    "):
            click.echo(line)


COMMANDS = {"edits": edits, "show": show}
