"""`stentor cron apply`: the jobs of a file become the stored ones."""

from pathlib import Path

import click

from stentor.cli.cron_add import NO_DAEMON
from stentor.cli.daemon import operate
from stentor.cli.job_files import read_jobs
from stentor.cli.job_lines import differences, say, say_remarks
from stentor.cli.output import common, note, show_json
from stentor.domain.json_types import JsonObject

_GROUPS = ("added", "changed", "unchanged", "removed", "passed")


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@click.option("--prune", is_flag=True, help="Remove every job that is not in the file.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@common
def apply(file: str, prune: bool, dry_run: bool, home: Path, as_json: bool) -> None:
    """Make the stored jobs those of FILE: JSON, JSON lines or TOML; - reads stdin. Each job needs an id.

    All of it is done, or nothing. Applying a file again changes nothing.

    \b
    stentor cron apply jobs.toml --dry-run
    stentor cron apply jobs.json --prune
    """
    jobs = read_jobs(file)
    answer, daemon = _previewed(home, jobs, prune) if dry_run else _applied(home, jobs, prune)
    if not daemon and (answer["added"] or answer["changed"]):
        answer["warnings"].append(NO_DAEMON)
    show_json(answer) if as_json else _show(answer)


def _previewed(home: Path, jobs: list[JsonObject], prune: bool) -> tuple[JsonObject, bool]:
    from stentor.app import previewing

    return previewing.preview_at(home).apply(jobs, prune=prune), True


def _applied(home: Path, jobs: list[JsonObject], prune: bool) -> tuple[JsonObject, bool]:
    body = {"jobs": jobs, "prune": prune}
    return operate(home, ("POST", "jobs/apply", body), lambda operations: operations.apply_jobs(body))


def _show(answer: JsonObject) -> None:
    for group in _GROUPS:
        ids = answer[group]
        if group in ("added", "removed", "passed") and ids:
            say(f"{group}  {', '.join(ids)}", "")
        elif group == "unchanged" and ids:
            click.echo(f"unchanged  {len(ids)}")
        for job in ids if group == "changed" else ():
            click.echo(f"changed  {job}")
            for line in differences(answer["differences"][job], "  "):
                click.echo(line)
    if not any(answer[group] for group in _GROUPS):
        click.echo("no jobs")
    for job, repairs in answer["repaired"].items():
        say_remarks({"repaired": [f"{job}: {repair}" for repair in repairs]})
    say_remarks({"warnings": answer["warnings"]})
    if answer["dryRun"]:
        note("a dry run: nothing was stored")


COMMANDS = {"apply": apply}
