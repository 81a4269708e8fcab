"""`stentor cron`: the group, and `cron list`; the other commands are imported when they are asked for."""

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stentor.cli.listing import document, listed
from stentor.cli.output import common

if TYPE_CHECKING:
    from collections.abc import Mapping

# Where the other commands are, and the words that older habits have for them.
_ELSEWHERE = {
    "add": "cron_add",
    "apply": "cron_apply",
    "disable": "cron_edit",
    "edit": "cron_edit",
    "edits": "cron_show",
    "enable": "cron_edit",
    "get": "cron_reading",
    "next": "cron_run",
    "preview": "cron_add",
    "rm": "cron_edit",
    "run": "cron_run",
    "runs": "cron_reading",
    "show": "cron_show",
}
_ALIASES = {"create": "add", "delete": "rm", "remove": "rm"}


class _CronGroup(click.Group):
    """Finds the other commands when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *_ELSEWHERE})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        name = _ALIASES.get(cmd_name, cmd_name)
        return _elsewhere(name) if name in _ELSEWHERE else super().get_command(ctx, name)


def _elsewhere(name: str) -> click.Command:
    commands: Mapping[str, click.Command] = import_module(f"stentor.cli.{_ELSEWHERE[name]}").COMMANDS
    return commands[name]


@click.group(cls=_CronGroup)
def cron() -> None:
    """Add, edit, list, run and inspect jobs.

    \b
    stentor cron add --every 1h --message 'Anything new?' --to local:inbox
    stentor cron edit brief --cron '0 8 * * *'
    stentor cron apply jobs.toml
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
