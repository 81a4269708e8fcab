"""`stentor runs`: what can be done to runs. The run log itself is `stentor cron runs`."""

from pathlib import Path
from urllib.parse import quote

import click

from stentor.cli.daemon import operate
from stentor.cli.output import common, show_json


@click.group()
def runs() -> None:
    """Cancel runs. `stentor cron runs` lists them."""


@runs.command()
@click.argument("run")
@common
def cancel(run: str, home: Path, as_json: bool) -> None:
    """Stop a run, or take it out of the queue. One that is over stays as it ended."""
    request = ("POST", f"runs/{quote(run, safe='')}/cancel", None)
    ended, _ = operate(home, request, lambda operations: operations.cancel_run(run))
    show_json(ended) if as_json else click.echo(f"{ended['runId']}  {ended['status']}")
