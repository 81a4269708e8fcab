"""`stentor cron add`, and `cron preview`, which only says what adding would do."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stentor.cli.daemon import ask, operate
from stentor.cli.job_files import read_object
from stentor.cli.job_flags import given, job_of
from stentor.cli.job_lines import say_job
from stentor.cli.job_options import new_job_options
from stentor.cli.output import DaemonAnswer, DaemonUnreachable, common, note, show_json
from stentor.domain.json_types import JsonObject, as_object
from stentor.domain.refusals import Refused

if TYPE_CHECKING:
    from stentor.app.previewing import Preview
    from stentor.domain.routing import Route

NO_DAEMON = "no-daemon: nothing happens until `stentor serve` runs"
_DEPRECATED = "--deliver is deprecated: say --announce"


@click.command()
@new_job_options
@common
def add(file: str | None, home: Path, as_json: bool, **flags: Any) -> None:
    """Add a job; the answer shows where it will deliver and its next three runs.

    \b
    stentor cron add --cron '0 7 * * *' --tz Europe/Berlin --message 'Morning brief' --to local:inbox
    stentor cron add --at 20m --text 'Tea is ready' --to local:inbox
    stentor cron add --file job.json
    """
    raw = described(file, flags)
    added, daemon = operate(home, ("POST", "jobs", raw), lambda operations: operations.add_job(raw))
    added["warnings"] += [*remarks(flags), *_default_agent(raw, added)]
    if not daemon:
        added["warnings"].append(NO_DAEMON)
    show_json(added) if as_json else say_job(added)


@click.command()
@click.argument("job", required=False)
@new_job_options
@common
def preview(job: str | None, file: str | None, home: Path, as_json: bool, **flags: Any) -> None:
    """Show what adding a job would do, or where the stored JOB would deliver now. Stores and opens nothing.

    \b
    stentor cron preview --cron '0 7 * * *' --message 'Morning brief' --to local:inbox
    stentor cron preview --file job.json
    stentor cron preview JOB
    """
    from stentor.app import previewing

    if job is not None and (file is not None or given(flags)):
        raise Refused("bad_request", "name a stored job or describe a new one, not both")
    preview = previewing.preview_at(home)
    if job is not None:
        shown = preview.stored(job)
    else:
        raw = described(file, flags)
        shown = preview.job(raw)
        shown["warnings"] += [*remarks(flags), *_default_agent(raw, shown)]
    shown = _confirmed(home, preview, shown)
    if as_json:
        show_json(shown)
        return
    say_job(shown)
    if job is None:
        note("a preview: nothing was stored")


def _confirmed(home: Path, preview: "Preview", shown: JsonObject) -> JsonObject:
    """With what a daemon that runs hears of the targets: it is connected where we are not."""
    import asyncio

    from stentor.app.confirming import PATIENCE_SECONDS, askable, confirmed

    routes = askable(shown, preview.naming.directory)
    if not routes:
        return shown

    async def ask_daemon(route: "Route") -> JsonObject | None:
        target = {
            "channel": route.target.channel,
            "accountId": route.account,
            "target": route.target.canonical,
        }
        try:
            return ask(home, "POST", "accounts/check", target, patience=PATIENCE_SECONDS)
        except DaemonUnreachable as error:
            raise TimeoutError from error
        except DaemonAnswer as answer:
            refusal = answer.document["error"]
            raise Refused(refusal["code"], refusal["message"]) from answer

    return asyncio.run(confirmed(shown, routes, ask_daemon))


def described(file: str | None, flags: dict[str, Any]) -> JsonObject:
    """The job that a file or the flags describe."""
    if file is None:
        return job_of(flags)
    if given(flags):
        raise Refused("bad_request", "--file takes no other flags", hint="put everything into the file")
    return read_object(file)


def remarks(flags: dict[str, Any]) -> list[str]:
    return [_DEPRECATED] if flags.get("deliver") else []


def _default_agent(raw: JsonObject, added: JsonObject) -> list[str]:
    inner = as_object(raw.get("job")) or as_object(raw.get("data")) or raw
    if added["payload"]["kind"] != "agentTurn" or inner.get("agentId") is not None:
        return []
    return [f"no agent is named: the default agent {added['agentId']} takes the turn (--agent)"]


COMMANDS = {"add": add, "preview": preview}
