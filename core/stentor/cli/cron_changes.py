"""`stentor cron`: commands that change jobs, and `next`, which needs the schedule rules."""

import json
import shlex
import sys
import time
from pathlib import Path
from typing import Any

import click

from stentor.cli.daemon import job_path, operate
from stentor.cli.output import common, note, show_json, trouble
from stentor.domain.durations import parse_duration
from stentor.domain.json_types import JsonObject, as_object
from stentor.domain.refusals import Refused

_NO_DAEMON = "no-daemon: nothing happens until `stentor serve` runs"


@click.command()
@click.option(
    "--file", "file", type=click.Path(dir_okay=False, allow_dash=True), help="A job as JSON; - reads stdin."
)
@click.option("--id", "id_", help="Choose the job's id.")
@click.option("--name", help="What to call the job.")
@click.option("--description")
@click.option("--disabled", is_flag=True, help="Store the job switched off.")
@click.option("--agent", help="The agent whose turn it is.")
@click.option("--at", help="Once: ISO time, or a duration from now such as 20m.")
@click.option("--every", help="Again and again: a duration such as 1h30m.")
@click.option("--cron", "expr", help="A cron expression; with six fields the first is seconds.")
@click.option("--tz", help="IANA zone of --cron, or of an --at without offset.")
@click.option("--stagger", help="Spread a cron job's instants by up to this duration.")
@click.option("--exact", is_flag=True, help="No stagger.")
@click.option("--session", help="main, isolated or session:<id>.")
@click.option("--session-key", help="Let an isolated job share this session.")
@click.option("--message", help="Ask the agent this.")
@click.option("--text", help="Deliver this text as it is.")
@click.option("--system-event", help="Put this line into the main session.")
@click.option("--command", "command_line", help="Run this program and deliver its output.")
@click.option("--model")
@click.option("--thinking")
@click.option("--timeout-seconds", type=float, help="0 means no limit.")
@click.option("--light-context", is_flag=True)
@click.option("--to", multiple=True, help="A target such as local:inbox; repeat it for several.")
@click.option("--channel", help="The channel of a target without prefix.")
@click.option("--thread-id")
@click.option("--account")
@click.option("--webhook", help="Post the finished run to this URL.")
@click.option("--no-deliver", is_flag=True, help="Keep the result in the run log only.")
@click.option("--best-effort-deliver", is_flag=True, help="A failed delivery does not count against the job.")
@click.option(
    "--delete-after-run/--keep-after-run", default=None, help="What becomes of a one-shot that is done."
)
@common
def add(file: str | None, home: Path, as_json: bool, **flags: Any) -> None:
    """Add a job; the answer shows where it will deliver and its next three runs.

    \b
    stentor cron add --cron '0 7 * * *' --tz Europe/Berlin --message 'Morning brief' --to local:inbox
    stentor cron add --at 20m --text 'Tea is ready' --to local:inbox
    stentor cron add --file job.json
    """
    given = {
        key: value for key, value in flags.items() if value is not None and value is not False and value != ()
    }
    if file is not None:
        if given or flags["delete_after_run"] is not None:
            raise Refused("bad_request", "--file takes no other flags", hint="put everything into the file")
        raw = _read_job(file)
    else:
        raw = job_of(given, keep=flags["delete_after_run"])
    added, daemon = operate(home, ("POST", "jobs", raw), lambda operations: operations.add_job(raw))
    if not daemon:
        added.setdefault("warnings", []).append(_NO_DAEMON)
    if as_json:
        show_json(added)
        return
    _show_added(added)


def job_of(flags: dict[str, Any], *, keep: bool | None) -> JsonObject:
    """The job that a set of flags describes; contradictions are refused here, the rest by the job's own rules."""
    job: JsonObject = {
        "schedule": _schedule(flags),
        "payload": _payload(flags),
        "delivery": _delivery(flags),
        "deleteAfterRun": keep,
    }
    plain = {
        "id": "id_",
        "name": "name",
        "description": "description",
        "agentId": "agent",
        "sessionTarget": "session",
        "sessionKey": "session_key",
    }
    job |= {key: flags[flag] for key, flag in plain.items() if flag in flags}
    if flags.get("disabled"):
        job["enabled"] = False
    return {key: value for key, value in job.items() if value is not None}


def _schedule(flags: dict[str, Any]) -> JsonObject:
    kind = _exactly_one(flags, {"at": "--at", "every": "--every", "expr": "--cron"}, "schedule")
    if kind == "every" and "tz" in flags:
        raise Refused("bad_request", "--tz is only valid with --cron or an --at without offset")
    if kind != "expr" and ("stagger" in flags or "exact" in flags):
        raise Refused("bad_request", "--stagger and --exact are only valid with --cron")
    if "stagger" in flags and "exact" in flags:
        raise Refused("bad_request", "choose either --stagger or --exact, not both")
    match kind:
        case "at":
            return {"kind": "at", "at": flags["at"], **_zone(flags)}
        case "every":
            return {"kind": "every", "everyMs": _duration(flags["every"], "--every")}
        case _:
            stagger = _duration(flags["stagger"], "--stagger") if "stagger" in flags else 0
            return {"kind": "cron", "expr": flags["expr"], "staggerMs": stagger, **_zone(flags)}


def _zone(flags: dict[str, Any]) -> JsonObject:
    return {"tz": flags["tz"]} if "tz" in flags else {}


def _payload(flags: dict[str, Any]) -> JsonObject:
    names = {
        "message": "--message",
        "text": "--text",
        "system_event": "--system-event",
        "command_line": "--command",
    }
    kind = _exactly_one(flags, names, "payload")
    limit = {"timeoutSeconds": flags["timeout_seconds"]} if flags.get("timeout_seconds") is not None else {}
    agent_only = {"model": "--model", "thinking": "--thinking", "light_context": "--light-context"}
    for flag, spelt in agent_only.items():
        if flag in flags and kind != "message":
            raise Refused("bad_request", f"{spelt} only concerns --message")
    match kind:
        case "message":
            extras = {"model": "model", "thinking": "thinking", "lightContext": "light_context"}
            chosen = {key: flags[flag] for key, flag in extras.items() if flag in flags}
            return {"kind": "agentTurn", "message": flags["message"], **chosen, **limit}
        case "command_line":
            return {"kind": "command", "argv": _words(flags["command_line"]), **limit}
        case "text":
            return {"kind": "text", "text": flags["text"], **limit}
        case _:
            return {"kind": "systemEvent", "text": flags["system_event"], **limit}


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as error:
        raise Refused("bad_request", f"--command: {error}", hint="close the quotation marks") from error


def _delivery(flags: dict[str, Any]) -> JsonObject | None:
    where = {"to": "to", "channel": "channel", "threadId": "thread_id", "accountId": "account"}
    chosen: JsonObject = {key: flags[flag] for key, flag in where.items() if flag in flags}
    if "to" in chosen:
        chosen["to"] = list(chosen["to"])
    silent, posted = "no_deliver" in flags, "webhook" in flags
    if silent + posted + bool(chosen.keys() - {"accountId"}) > 1 or (silent and chosen):
        raise Refused("bad_request", "choose one of --to, --webhook and --no-deliver")
    if silent:
        chosen = {"mode": "none"}
    elif posted:
        chosen |= {"mode": "webhook", "to": [flags["webhook"]]}
    if flags.get("best_effort_deliver"):
        chosen["bestEffort"] = True
    return chosen or None


def _exactly_one(flags: dict[str, Any], names: dict[str, str], what: str) -> str:
    given = [flag for flag in names if flag in flags]
    if len(given) != 1:
        raise Refused("bad_request", f"choose exactly one {what}: {', '.join(names.values())}")
    return given[0]


def _duration(text: str, flag: str) -> int:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise Refused("bad_request", f"{flag}: {error}") from error


def _read_job(file: str) -> JsonObject:
    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        raw = as_object(json.loads(content.decode("utf-8-sig")))
    except OSError as error:
        raise Refused("bad_request", f"{file} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise Refused("bad_json", f"{file} is not JSON: {error}") from error
    if raw is None:
        raise Refused("bad_json", f"{file} must hold one JSON object")
    return raw


def _show_added(added: JsonObject) -> None:
    click.echo(f"{added['id']}  {added['name']}")
    click.echo(f"  {added['preview']['label']} ({added['preview']['detail']})")
    for run in added["preview"]["nextRuns"]:
        click.echo(f"  next {run['local']}  ({run['utc']})")
    for repair in added.get("repaired", []):
        note(f"  repaired: {repair}")
    for warning in added["warnings"]:
        note(f"  warning: {warning}")


@click.command()
@click.argument("job")
@common
def rm(job: str, home: Path, as_json: bool) -> None:
    """Remove a job; its run log stays."""
    removed, _ = operate(home, ("DELETE", job_path(job), None), lambda operations: operations.remove_job(job))
    show_json(removed) if as_json else click.echo(f"removed {removed['id']}")


@click.command()
@click.argument("job")
@common
def enable(job: str, home: Path, as_json: bool) -> None:
    """Switch a job on."""
    _switch(job, home, enabled=True, as_json=as_json)


@click.command()
@click.argument("job")
@common
def disable(job: str, home: Path, as_json: bool) -> None:
    """Switch a job off; it keeps its place and its history."""
    _switch(job, home, enabled=False, as_json=as_json)


def _switch(job: str, home: Path, *, enabled: bool, as_json: bool) -> None:
    request = ("PATCH", job_path(job), {"enabled": enabled})
    changed, _ = operate(home, request, lambda operations: operations.set_enabled(job, enabled=enabled))
    show_json(changed) if as_json else click.echo(f"{changed['id']} is {'on' if enabled else 'off'}")


@click.command()
@click.argument("job")
@click.option("--due", is_flag=True, help="Only if the job is waiting to be run.")
@click.option("--wait", is_flag=True, help="Wait for the run and its delivery; exit 6 if either is not good.")
@click.option("--wait-timeout", default="10m", show_default=True)
@common
def run(job: str, due: bool, wait: bool, wait_timeout: str, home: Path, as_json: bool) -> None:
    """Run a job now. Its scheduled instants stay as they are."""
    limit = _duration(wait_timeout, "--wait-timeout") / 1000
    if wait:
        from stentor.cli.waiting import run_and_wait

        answer, code = run_and_wait(home, job, due=due, limit=limit)
    else:
        request = ("POST", job_path(job, "run"), {"due": due})
        answer, daemon = operate(home, request, lambda operations: operations.run_job(job, due=due))
        code = 0
        if not daemon and answer.get("enqueued"):
            answer["warnings"] = [_NO_DAEMON]
    if as_json:
        show_json(answer)
    else:
        _show_run(answer)
    if code:
        click.get_current_context().exit(code)


def _show_run(answer: JsonObject) -> None:
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
@click.option("--tz", help="IANA zone; default: the configured one.")
@click.option("--after", help="ISO time to start from; default: now.")
@click.option("-n", "count", type=click.IntRange(1, 1000), default=5, show_default=True)
@click.option("--batch", is_flag=True, help="Read one JSON object per line (expr, every, at, tz, after, n).")
@common
def next_runs(home: Path, as_json: bool, batch: bool, **flags: Any) -> None:
    """Show when a schedule fires."""
    from stentor.cli import upcoming

    if batch:
        upcoming.batch(home, sys.stdin)
        return
    answer = upcoming.answer(home, flags, now_ms=time.time_ns() // 1_000_000)
    if as_json:
        show_json(answer)
        return
    for utc, local in zip(answer["occurrences"], answer["local"], strict=True):
        click.echo(f"{local}  {utc}")


COMMANDS = {"add": add, "disable": disable, "enable": enable, "next": next_runs, "rm": rm, "run": run}
