"""`stentor cron`: reading commands. They open the store read-only, whether or not a daemon runs."""

import json
import time
from pathlib import Path

import click

from stentor.adapters.sqlite.reader import Reader, page
from stentor.cli.output import common, existing, show_json, table, when
from stentor.domain.durations import format_duration
from stentor.domain.json_types import JsonObject
from stentor.domain.states import DeliveryStatus, RunStatus


def show_jobs(texts: list[str]) -> None:
    now = time.time_ns() // 1_000_000
    columns = ("id", "name", "schedule", "next", "last", "status", "target", "agent", "delivers to")
    table(
        columns,
        [_job_row(json.loads(text), now) for text in texts],
        empty="No jobs. Add one with `stentor cron add`.",
    )


@click.command()
@click.argument("job")
@common
def get(job: str, home: Path, as_json: bool) -> None:
    """Print a stored job as JSON."""
    del as_json  # there is no other form
    with Reader.open(existing(home)) as reader:
        show_json(stored_job(reader, job))


@click.command()
@click.option("--id", "job", help="Only runs of this job, also of one that is gone.")
@click.option("--run-id", help="Only this run.")
@click.option(
    "--status", type=click.Choice([word.value for word in RunStatus]), help="Only runs of this status."
)
@click.option(
    "--delivery-status",
    type=click.Choice([word.value for word in DeliveryStatus]),
    help="Only runs of this delivery status.",
)
@click.option("--query", help="Only runs whose summary, error or job says this.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True)
@click.option("--offset", type=click.IntRange(0, 10**12), default=0)
@common
def runs(home: Path, as_json: bool, job: str | None, limit: int, offset: int, **filters: str | None) -> None:
    """Show the run log, newest first. The history of removed jobs stays."""
    with Reader.open(existing(home)) as reader:
        wanted = None if job is None else known_id(reader, job)
        query = filters.pop("query")
        entries, total = reader.runs(limit=limit, offset=offset, query=query, id=wanted, **filters)
    if as_json:
        show_json(page(entries, total, limit, offset))
        return
    show_runs(entries)
    if total > len(entries):
        click.echo(f"{len(entries)} of {total} runs", err=True)


def show_runs(entries: list[JsonObject]) -> None:
    now = time.time_ns() // 1_000_000
    columns = (
        "run",
        "job",
        "started",
        "took",
        "status",
        "delivery",
        "intended",
        "resolved",
        "attempts",
        "receipt",
    )
    table(columns, [_run_row(entry, now) for entry in entries], empty="No runs yet.")


def _run_row(entry: JsonObject, now: int) -> tuple[object, ...]:
    parts = [part for delivery in entry["deliveries"] for part in delivery["parts"]]
    intended: JsonObject = entry["delivery"]["intended"] or {}
    outcome = entry["suppression"] or entry["deliveryStatus"]
    took = "-" if entry["durationMs"] is None else f"{entry['durationMs'] / 1000:.1f} s"
    status = entry["status"] if not entry["error"] else f"{entry['status']}: {entry['error']}"
    return (
        entry["runId"],
        entry["jobName"],
        when(entry["startedAt"], now),
        took,
        status,
        outcome,
        intended.get("to"),
        entry["delivery"]["resolved"]["target"],
        sum(part["attempts"] for part in parts) or None,
        ", ".join(part["messageId"] or part["state"] for part in parts),
    )


def _job_row(job: JsonObject, now: int) -> tuple[object, ...]:
    state = job["state"]
    last = moment_text(state["lastRunAtMs"], now)
    return (
        job["id"],
        job["name"],
        schedule_text(job["schedule"]),
        moment_text(state["nextRunAtMs"], now),
        last,
        job["status"],
        job["sessionTarget"],
        job["agentId"],
        job["preview"]["label"],
    )


def stored_job(reader: Reader, name: str) -> JsonObject:
    found = reader.job(name)
    if found is None:
        from stentor.app.missing import NoSuchJob

        raise NoSuchJob(name)
    return found


def known_id(reader: Reader, name: str) -> str:
    """The id of a job by its id or name, also of one that is gone."""
    found = reader.job(name)
    if found is not None:
        return str(found["id"])
    from stentor.app.operations import known_job

    return known_job(reader, name)


def moment_text(ms: int | None, now: int) -> str:
    from stentor.adapters.sqlite.shapes import iso

    return when(iso(ms), now)


def schedule_text(schedule: JsonObject) -> str:
    match schedule["kind"]:
        case "at":
            return f"at {schedule['at']}"
        case "every":
            return f"every {format_duration(schedule['everyMs'])}"
        case _:
            return f"{schedule['expr']} ({schedule['tz']})"


COMMANDS = {"get": get, "runs": runs}
