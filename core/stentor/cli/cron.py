"""`stentor cron`: reading commands. They open the store read-only, whether or not a daemon runs."""

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stentor.adapters.sqlite.reader import Reader, page
from stentor.cli.output import common, existing, show_json, table, when

if TYPE_CHECKING:
    from stentor.adapters.sqlite.shapes import JsonObject

_WRITING = ("add", "disable", "enable", "next", "rm", "run")


class _CronGroup(click.Group):
    """Keeps what writing commands need out of the way of `cron list`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *_WRITING})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _WRITING:
            from stentor.cli import cron_changes

            return cron_changes.COMMANDS[cmd_name]
        return super().get_command(ctx, cmd_name)


@click.group(cls=_CronGroup)
def cron() -> None:
    """Add, list, run and inspect jobs.

    \b
    stentor cron add --every 1h --message 'Anything new?' --to local:inbox
    stentor cron add --file job.json
    stentor cron runs --id brief
    """


@cron.command("list")
@click.option("--agent", help="Only jobs of this agent.")
@click.option("--all", "everything", is_flag=True, help="Disabled jobs too.")
@common
def list_jobs(agent: str | None, everything: bool, home: Path, as_json: bool) -> None:
    """List jobs with their next run and where they deliver."""
    with Reader.open(existing(home)) as reader:
        texts, total = reader.jobs_json(agent=agent, everything=everything)
    hidden = total - len(texts)
    if as_json:
        # SQLite has built each job's JSON already; taking it apart again would double the start-up time.
        sys.stdout.write(f'{{"jobs": [{", ".join(texts)}], "total": {total}, "hidden": {hidden}}}\n')
        return
    now = time.time_ns() // 1_000_000
    columns = ("id", "name", "schedule", "next", "last", "status", "target", "agent", "delivers to")
    table(
        columns,
        [_job_row(json.loads(text), now) for text in texts],
        empty="No jobs. Add one with `stentor cron add`.",
    )
    if hidden:
        click.echo(f"{hidden} disabled, shown with --all", err=True)


@cron.command()
@click.argument("job")
@common
def get(job: str, home: Path, as_json: bool) -> None:
    """Print a stored job as JSON."""
    del as_json  # there is no other form
    with Reader.open(existing(home)) as reader:
        show_json(_job(reader, job))


@cron.command()
@click.argument("job")
@common
def show(job: str, home: Path, as_json: bool) -> None:
    """Show a job, where it would deliver, and its last runs."""
    with Reader.open(existing(home)) as reader:
        found = _job(reader, job)
        entries, _ = reader.runs(limit=10, offset=0, id=str(found["id"]))
    if as_json:
        show_json({**found, "runs": entries})
        return
    now = time.time_ns() // 1_000_000
    facts = {
        "id": found["id"],
        "name": found["name"],
        "status": found["status"],
        "schedule": _schedule(found["schedule"]),
        "next": _moment(found["state"]["nextRunAtMs"], now),
        "session": _session(found),
        "payload": found["payload"]["kind"],
        "delivery": f"{found['preview']['label']} ({found['preview']['detail']})",
        "last error": found["state"]["lastError"],
    }
    table(("", ""), facts.items(), empty="")
    click.echo()
    show_runs(entries)


@cron.command()
@click.option("--id", "job", help="Only runs of this job.")
@click.option("--run-id", help="Only this run.")
@click.option("--status", help="Only runs of this status.")
@click.option("--delivery-status", help="Only runs of this delivery status.")
@click.option("--query", help="Only runs whose summary, error or job says this.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True)
@click.option("--offset", type=click.IntRange(0), default=0)
@common
def runs(home: Path, as_json: bool, job: str | None, limit: int, offset: int, **filters: str | None) -> None:
    """Show the run log, newest first. The history of removed jobs stays."""
    with Reader.open(existing(home)) as reader:
        known = reader.job(job) if job else None
        wanted = str(known["id"]) if known else job
        query = filters.pop("query")
        entries, total = reader.runs(limit=limit, offset=offset, query=query, id=wanted, **filters)
    if as_json:
        show_json(page(entries, total, limit, offset))
        return
    show_runs(entries)
    if total > len(entries):
        click.echo(f"{len(entries)} of {total} runs", err=True)


def show_runs(entries: "list[JsonObject]") -> None:
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


def _run_row(entry: dict[str, Any], now: int) -> tuple[object, ...]:
    parts = [part for delivery in entry["deliveries"] for part in delivery["parts"]]
    intended = entry["delivery"]["intended"] or {}
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


def _job_row(job: dict[str, Any], now: int) -> tuple[object, ...]:
    state = job["state"]
    last = _moment(state["lastRunAtMs"], now)
    return (
        job["id"],
        job["name"],
        _schedule(job["schedule"]),
        _moment(state["nextRunAtMs"], now),
        last,
        job["status"],
        job["sessionTarget"],
        job["agentId"],
        job["preview"]["label"],
    )


def _job(reader: Reader, name: str) -> dict[str, Any]:
    found = reader.job(name)
    if found is None:
        from stentor.app.operations import NotFound

        raise NotFound(f"there is no job {name!r}; `stentor cron list --all` shows them")
    return found


def _moment(ms: int | None, now: int) -> str:
    from stentor.adapters.sqlite.shapes import iso

    return when(iso(ms), now)


def _schedule(schedule: dict[str, Any]) -> str:
    match schedule["kind"]:
        case "at":
            return f"at {schedule['at']}"
        case "every":
            return f"every {schedule['everyMs'] / 1000:g} s"
        case _:
            return f"{schedule['expr']} ({schedule['tz']})"


def _session(job: dict[str, Any]) -> str:
    if job["sessionKey"] is not None:
        return f"{job['sessionTarget']}, sharing the session {job['sessionKey']}"
    return str(job["sessionTarget"])
