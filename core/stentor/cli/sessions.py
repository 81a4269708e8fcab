"""`stentor sessions`: reading commands. They open the store read-only, whether or not a daemon runs."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from stentor.adapters.sqlite.reader import Reader, page
from stentor.adapters.sqlite.session_log import Asked
from stentor.cli import sessions_care
from stentor.cli.output import common, existing, harmless, note, show_json, table, when
from stentor.cli.session_figures import counted
from stentor.domain.json_types import JsonObject
from stentor.domain.sessions import KINDS
from stentor.domain.sizes import size_text


@click.group()
def sessions() -> None:
    """See sessions and what was said in them, begin them anew, and tidy them up."""


@sessions.command("list")
@click.option("--kind", type=click.Choice(KINDS), help="Only sessions of this kind.")
@click.option("--agent", help="Only sessions of this agent.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True)
@click.option("--offset", type=click.IntRange(0, 10**12), default=0)
@common
def list_sessions(
    kind: str | None, agent: str | None, limit: int, offset: int, home: Path, as_json: bool
) -> None:
    """List sessions, those that changed last first.

    \b
    stentor sessions list --kind named
    stentor sessions list --agent ops --limit 20
    """
    with Reader.open(existing(home)) as reader:
        found, total = reader.session_page(Asked(kind, agent), limit=limit, offset=offset)
        agents = [] if total or agent is None else reader.session_agents()
    if as_json:
        show_json(page(found, total, limit, offset, under="sessions"))
    else:
        now = time.time_ns() // 1_000_000
        columns = ("key", "kind", "agent", "messages", "size", "context", "billed", "changed", "")
        table(columns, [_row(session, now) for session in found], empty="No sessions.")
        if total > len(found):
            note(f"{len(found)} of {total} sessions")
    if agents and agent is not None:
        from stentor.domain.spelling import did_you_mean

        note(f"no session is of agent {agent!r}{did_you_mean(agent, agents)}")


@sessions.command("show")
@click.argument("key")
@click.option(
    "--last", type=click.IntRange(1, 10_000), default=200, show_default=True, help="Only so many messages."
)
@common
def show_session(key: str, last: int, home: Path, as_json: bool) -> None:
    """Show a session and what was said in it.

    KEY is its key, the key of its conversation, then the newest of its sessions is meant, or its id.

    \b
    stentor sessions show agent:main:session:weekly
    stentor sessions show agent:main:cron:brief --last 20
    """
    from stentor.app.session_operations import known_session

    with Reader.open(existing(home)) as reader:
        found = known_session(reader, key)
        said = reader.transcript(found["sessionId"], last)
    if as_json:
        show_json({**found, "transcript": said})
        return
    now = time.time_ns() // 1_000_000
    table(("", ""), [fact for fact in _facts(found, now) if fact[1] not in (None, "", "-")], empty="")
    for message in said:
        _say(message, now)
    if found["messages"] > len(said):
        note(f"the last {len(said)} of {found['messages']} messages")
    if found["others"]:
        note(f"{counted(found['others'], 'more session')} of {found['baseKey']}")


def _row(session: JsonObject, now: int) -> tuple[object, ...]:
    marks = [word for word in ("active", "pinned") if session[word]]
    return (
        session["key"],
        session["kind"],
        session["agentId"],
        session["messages"],
        size_text(session["bytes"]),
        session["contextTokens"],
        session["billedTokens"] or None,
        when(session["updatedAt"], now),
        ", ".join([*marks, *([] if session["current"] else ["reset"])]),
    )


def _facts(session: JsonObject, now: int) -> Iterator[tuple[str, object]]:
    for name, key in (("key", "key"), ("id", "sessionId"), ("kind", "kind"), ("agent", "agentId")):
        yield name, session[key]
    yield from (("job", session["jobId"]), ("label", session["label"]))
    if session["active"]:
        yield "standing", "a run is under way in it"
    elif not session["current"]:
        yield "standing", "reset: the next run has another"
    yield "pinned", "yes" if session["pinned"] else None
    yield "size", f"{session['messages']} messages, {size_text(session['bytes'])}"
    if session["contextTokens"] is not None:
        yield "context", f"{session['contextTokens']} tokens at the last request"
    if session["billedTokens"]:
        yield "billed", f"{session['billedTokens']} tokens in all"
    for name, key in (("begun", "createdAt"), ("spoken", "spokenAt"), ("changed", "updatedAt")):
        yield name, when(session[key], now)
    yield from sessions_care.wanted(session["preferences"])


def _say(message: JsonObject, now: int) -> None:
    click.echo()
    click.echo(f"{message['role']}, {when(message['at'], now)}")
    for line in str(message["text"]).splitlines():
        click.echo(f"  {harmless(line)}")
    for line in _calls(message["calls"]):
        click.echo(harmless(line))


def _calls(calls: Sequence[JsonObject]) -> Iterator[str]:
    for call in calls:
        words = ", ".join(f"{name}: {value!r}" for name, value in dict(call.get("args") or {}).items())
        yield f"  -> {call.get('name')}({words})"


for _name, _command in sessions_care.COMMANDS.items():
    sessions.add_command(_command, _name)
