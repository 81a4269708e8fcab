"""`stentor wake`."""

from pathlib import Path

import click

from stentor.cli.daemon import Request, operate
from stentor.cli.output import common, note, show_json
from stentor.cli.patience import limit_of, wait_options
from stentor.domain.json_types import JsonObject

_PATIENCE = "10m"
_LEFT = "no-daemon: it is read when `stentor serve` runs"


@click.command()
@click.option("--text", help="What it is to be told; without it the agent looks after what it has to.")
@click.option(
    "--mode",
    type=click.Choice(["now", "next-heartbeat"], case_sensitive=False),
    default="now",
    show_default=True,
    help="Whether the agent is woken for it, or told at its next heartbeat.",
)
@wait_options("Wait for the turn and its delivery; exit 6 if either is not good.", _PATIENCE)
@common
def wake(
    text: str | None, mode: str, wait: bool, wait_timeout: str | None, home: Path, as_json: bool
) -> None:
    """Wake the agent of the main session.

    \b
    stentor wake --text 'The deploy is done: tell the team'
    stentor wake --text 'The backup failed' --mode next-heartbeat
    stentor wake --wait
    """
    limit = limit_of(wait_timeout, _PATIENCE, wait=wait)
    if wait and mode != "now":
        raise click.UsageError(
            "--wait has nothing to wait for with --mode next-heartbeat: choose one of them"
        )
    asked: JsonObject = {"mode": mode} if text is None else {"text": text, "mode": mode}
    answer, code = _waited_for(home, asked, limit) if wait else (_woken(home, asked), 0)
    if as_json:
        show_json(answer)
    else:
        _say(answer)
    if code:
        click.get_current_context().exit(code)


def _woken(home: Path, asked: JsonObject) -> JsonObject:
    request: Request = ("POST", "wake", asked)
    answer, daemon = operate(home, request, lambda operations: operations.leave_for_main(asked))
    return answer if daemon else {**answer, "warnings": [_LEFT]}


def _waited_for(home: Path, asked: JsonObject, limit: float) -> tuple[JsonObject, int]:
    from stentor.cli.waiting import begin_and_wait

    request: Request = ("POST", "wake", asked)
    return begin_and_wait(home, request, lambda operations: operations.wake(asked), limit=limit)


def _say(answer: JsonObject) -> None:
    from stentor.cli.cron_run import show_queued

    if answer["enqueued"]:
        show_queued(answer)
        return
    click.echo("left for the next heartbeat" if answer["mode"] == "next-heartbeat" else "left for the daemon")
    for warning in answer.get("warnings", []):
        note(f"warning: {warning}")
