"""`stentor cron`: the group, and `cron list`; the other commands are imported when they are asked for."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stentor.cli.listing import document, listed
from stentor.cli.output import common

if TYPE_CHECKING:
    from collections.abc import Mapping

_ELSEWHERE = ("add", "disable", "enable", "get", "next", "rm", "run", "runs", "show")


class _CronGroup(click.Group):
    """Finds the other commands when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *_ELSEWHERE})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return _elsewhere().get(cmd_name) if cmd_name in _ELSEWHERE else super().get_command(ctx, cmd_name)


def _elsewhere() -> "Mapping[str, click.Command]":
    from stentor.cli import cron_changes, cron_reading

    return cron_changes.COMMANDS | cron_reading.COMMANDS


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
    texts, total = listed(str(home), agent=agent, everything=everything)
    if as_json:
        sys.stdout.write(document(texts, total))
        return
    from stentor.cli.cron_reading import show_jobs

    show_jobs(texts)
    if total > len(texts):
        click.echo(f"{total - len(texts)} disabled, shown with --all", err=True)
