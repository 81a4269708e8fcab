"""`stentor cron run`, and `next`, which needs the schedule rules."""

import sys
import time
from pathlib import Path
from typing import Any

import click

from stentor.cli.cron_add import NO_DAEMON
from stentor.cli.daemon import job_path, operate
from stentor.cli.output import common, note, show_json, trouble
from stentor.cli.patience import limit_of, wait_options
from stentor.cli.usage import refuse_beside
from stentor.domain.json_types import JsonObject

_PATIENCE = "10m"


@click.command()
@click.argument("job")
@click.option("--due", is_flag=True, help="Only if the job is waiting to be run.")
@wait_options("Wait for the run and its delivery; exit 6 if either is not good.", _PATIENCE)
@common
def run(job: str, due: bool, wait: bool, wait_timeout: str | None, home: Path, as_json: bool) -> None:
    """Run a job now. Its scheduled instants stay as they are."""
    limit = limit_of(wait_timeout, _PATIENCE, wait=wait)
    if wait:
        from stentor.cli.waiting import run_and_wait

        answer, code = run_and_wait(home, job, due=due, limit=limit)
    else:
        request = ("POST", job_path(job, "run"), {"due": due})
        answer, daemon = operate(home, request, lambda operations: operations.run_job(job, due=due))
        code = 0
        if not daemon and answer.get("enqueued"):
            answer["warnings"] = [NO_DAEMON]
    if as_json:
        show_json(answer)
    else:
        show_queued(answer)
    if code:
        click.get_current_context().exit(code)


def show_queued(answer: JsonObject) -> None:
    """A run on its way, or with `run` in the answer what became of it."""
    if "run" in answer:
        from stentor.cli.cron_reading import show_runs

        show_runs([answer["run"]])
        for line in (line for delivery in answer["run"]["deliveries"] for line in trouble(delivery)):
            note(line)
    elif answer.get("enqueued"):
        click.echo(f"queued {answer['runId']}")
    else:
        click.echo(f"not run: {answer['reason']}")
    for warning in answer.get("warnings", []):
        note(f"warning: {warning}")


@click.command("next")
@click.option("--cron", "expr")
@click.option("--every")
@click.option("--at")
@click.option("--id", "job", help="The schedule of a stored job.")
@click.option(
    "--tz",
    help="IANA zone; default: the job's, or the configured one. With --id only the times shown are in it.",
)
@click.option("--after", help="ISO time to start from; default: now.")
@click.option("-n", "count", type=click.IntRange(1, 1000), default=5, show_default=True)
@click.option("--batch", is_flag=True, help="Read one JSON object per line (expr, every, at, tz, after, n).")
@common
def next_runs(home: Path, as_json: bool, batch: bool, **flags: Any) -> None:
    """Show when a schedule fires."""
    from stentor.cli import upcoming

    if batch:
        refuse_beside("batch", "each line says it all")
        upcoming.batch(home, sys.stdin)
        return
    answer = upcoming.answer(home, flags, now_ms=time.time_ns() // 1_000_000)
    if as_json:
        show_json(answer)
        return
    for utc, local in zip(answer["occurrences"], answer["local"], strict=True):
        click.echo(f"{local}  {utc}")


COMMANDS = {"next": next_runs, "run": run}
