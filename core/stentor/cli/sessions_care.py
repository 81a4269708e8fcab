"""`stentor sessions`: commands by which somebody begins a session anew, pins it, or removes what is too much."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import click

from stentor.adapters.sqlite.reader import Reader
from stentor.cli.daemon import operate
from stentor.cli.output import common, existing, harmless, note, show_json, table
from stentor.cli.session_figures import counted
from stentor.domain.json_types import JsonObject
from stentor.domain.sizes import size_text
from stentor.domain.wishes import THINKING

if TYPE_CHECKING:
    from stentor.app.operations import Operations
    from stentor.app.session_operations import SessionOperations

_CLEARABLE = {"model": "model", "thinking": "thinking", "fast": "fastMode"}
_REASONS = {
    "retention": "of runs that ended long ago",
    "age": "not used for long",
    "entries": "too many",
    "disk": "too large together",
}


@click.command()
@click.argument("key")
@common
def reset(key: str, home: Path, as_json: bool) -> None:
    """Begin a shared session anew: the next run of its key starts with an empty history. The old one is kept a while.

    \b
    stentor sessions reset agent:main:session:weekly
    """
    answer, _ = operate(
        home, ("POST", f"{_path(key)}/reset", {}), lambda operations: _care(operations).reset(key)
    )
    if as_json:
        show_json(answer)
        return
    done = "is closed" if answer["reset"] else "was closed already"
    click.echo(harmless(f"{answer['key']}: session {answer['sessionId']} {done}"))
    if answer["active"]:
        note("a run is under way in it, which still goes on there")


@click.command("set")
@click.argument("key")
@click.option("--model", help="Ask this model, unless a job names one.")
@click.option("--thinking", type=click.Choice(THINKING), help="How much to think, unless a job says it.")
@click.option("--fast", type=click.Choice(("on", "off")), help="Whether to ask for a fast answer.")
@click.option("--pin/--unpin", default=None, help="Never tidy it away, or as any other.")
@click.option(
    "--clear",
    type=click.Choice(tuple(_CLEARABLE)),
    multiple=True,
    help="Leave this to the agent again. May be given again.",
)
@common
def prefer(
    key: str,
    model: str | None,
    thinking: str | None,
    fast: str | None,
    pin: bool | None,
    clear: tuple[str, ...],
    home: Path,
    as_json: bool,
) -> None:
    """Say what is wanted of a conversation. It holds for all of its sessions, also those to come.

    \b
    stentor sessions set agent:main:session:weekly --model openai:gpt-5-mini --thinking low --pin
    stentor sessions set agent:main:cron:brief --clear model --clear thinking
    """
    wish = {
        "model": model,
        "thinking": thinking,
        "fastMode": None if fast is None else fast == "on",
        "pinned": pin,
        "clear": [_CLEARABLE[name] for name in clear] or None,
    }
    body: JsonObject = {name: value for name, value in wish.items() if value is not None}
    if not body:
        raise click.UsageError("say what is wanted: --model, --thinking, --fast, --pin, --unpin or --clear")
    answer, _ = operate(
        home, ("PATCH", _path(key), body), lambda operations: _care(operations).prefer(key, body)
    )
    if as_json:
        show_json(answer)
        return
    facts = [("conversation", answer["baseKey"]), ("pinned", "yes" if answer["pinned"] else "no")]
    table(("", ""), [*facts, *wanted(answer["preferences"])], empty="")


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say how many would go, and why.")
@common
def prune(dry_run: bool, home: Path, as_json: bool) -> None:
    """Remove the sessions that are beyond the limits of stentor.toml. A daemon does so by itself, every hour.

    Where [sessions] maintenance has the mode `warn` or `off`, this enforces its limits once. Active and pinned sessions
    stay.

    \b
    stentor sessions prune --dry-run
    """
    if dry_run:
        answer = _would_go(home)
    else:
        answer, _ = operate(
            home, ("POST", "sessions/prune", {}), lambda operations: _care(operations).prune({})
        )
    if as_json:
        show_json(answer)
        return
    rows = [
        (reason, answer[reason]["sessions"], size_text(answer[reason]["bytes"]), why)
        for reason, why in _REASONS.items()
        if answer[reason]["sessions"]
    ]
    table(("reason", "sessions", "size", ""), rows, empty="No session is beyond the limits.")
    total = answer["total"]["sessions"]
    if total:
        note(f"{counted(total, 'session')} {'would go' if dry_run else 'removed'}")


def wanted(preferences: JsonObject) -> Iterator[tuple[str, object]]:
    """What somebody wants of a conversation, for a table."""
    for name in ("model", "thinking"):
        if preferences[name] is not None:
            yield name, preferences[name]
    if preferences["fastMode"] is not None:
        yield "fast", "on" if preferences["fastMode"] else "off"


def _would_go(home: Path) -> JsonObject:
    """Looking needs no daemon and no lock."""
    from stentor.app.limits import session_limits_of
    from stentor.app.session_operations import pruned
    from stentor.config import load_config

    limits = session_limits_of(load_config(home))
    with Reader.open(existing(home)) as reader:
        beyond = reader.sessions_beyond(limits, time.time_ns() // 1_000_000)
    return pruned(beyond.sessions, dry_run=True)


def _care(operations: "Operations") -> "SessionOperations":
    from stentor.app.session_operations import SessionOperations

    return SessionOperations.of(operations)


def _path(key: str) -> str:
    return f"sessions/{quote(key, safe='')}"


COMMANDS = {"prune": prune, "reset": reset, "set": prefer}
