"""How answers look: one JSON document for scripts, tables for people, data on stdout and the rest on stderr."""

import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from stentor.cli.listing import usable
from stentor.domain.json_types import JsonObject, as_object
from stentor.home import home_path

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

F = TypeVar("F", bound=Callable[..., Any])
# Where nobody sees it: a file, or another program.
_WIDE = 200
# Less than this of a text in each line is hard to read.
_TEXT_WIDTH = 24
_GAP = 2
# What agents and providers say is shown, never obeyed: a terminal takes orders in these characters.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# Of these, those that JSON does not spell out by itself.
_UNSPELT = re.compile(r"[\x7f-\x9f]")


def common(command: F) -> F:
    """The options every command has that answers."""
    command = click.option("--json", "as_json", is_flag=True, help="Answer with one JSON document.")(command)
    return at_home(command)


def at_home(command: F) -> F:
    """The option every command has."""
    home = click.option(
        "--home",
        "home",
        callback=_home_of,
        help="Use this home folder.",
    )
    return home(command)


def _home_of(_context: click.Context, _option: click.Parameter, value: str | None) -> Path:
    return Path(usable(home_path(value, os.environ)))


def show_json(document: object) -> None:
    click.echo(json_text(document, indent=None if not sys.stdout.isatty() else 2))


def json_text(document: object, *, indent: int | None = None) -> str:
    """JSON that gives a terminal no orders, and means the same."""
    text = json.dumps(document, ensure_ascii=False, indent=indent)
    return _UNSPELT.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def note(text: str) -> None:
    """Something for people that is not the answer."""
    click.echo(harmless(text), err=True)


def read_line(line: str) -> JsonObject:
    """One question of a batch."""
    from stentor.domain.refusals import Refused

    try:
        asked = as_object(json.loads(line))
    except (ValueError, RecursionError) as error:
        raise Refused("bad_json", f"the line is not JSON: {error}") from error
    if asked is None:
        raise Refused("bad_json", "each line must hold one JSON object")
    return asked


def show_error(error: BaseException, *, as_json: bool) -> int:
    """Say what went wrong, why and how to mend it; returns the exit code."""
    error = _unwrapped(error)
    exit_code, document = described(error)
    if document["error"]["code"] == "internal":
        import traceback

        traceback.print_exception(error)
    if as_json:
        show_json(document)
    else:
        body = document["error"]
        note(f"error: {body['message']}")
        if body["hint"]:
            note(f"hint: {body['hint']}")
    return exit_code


def _unwrapped(error: BaseException) -> BaseException:
    """What happened, rather than the group a task passed it on in."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    group = cast("BaseExceptionGroup[BaseException]", error)
    return _unwrapped(group.exceptions[0]) if len(group.exceptions) == 1 else group


def described(error: BaseException) -> tuple[int, JsonObject]:
    """An error as scripts see it, and its exit code."""
    if isinstance(error, DaemonAnswer):
        return error.exit_code, error.document
    if isinstance(error, click.ClickException):
        hint = ""
        if isinstance(error, click.UsageError) and error.ctx is not None:
            hint = f"try `{error.ctx.command_path} --help`"
        body: JsonObject = {"code": "usage", "message": error.format_message(), "hint": hint, "details": []}
        return (error.exit_code if error.exit_code != 1 else 2), {"error": body}
    from stentor.app.failures import failure_of

    failure = failure_of(error)
    return failure.exit_code, failure.as_json()


class DaemonAnswer(Exception):
    """An error the daemon answered with, passed on as it is."""

    def __init__(self, exit_code: int, document: JsonObject) -> None:
        super().__init__(document["error"]["message"])
        self.exit_code = exit_code
        self.document = document


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """A table for people, or a sentence when there is nothing to show. On a narrow terminal each row is a list."""
    from rich.console import Console

    cells = [[_cell(value) for value in row] for row in rows]
    if not cells:
        click.echo(empty)
        return
    is_seen = sys.stdout.isatty()
    # A key such as agent:main:b:run says nothing that looks like a picture.
    console = Console(width=None if is_seen else _WIDE, soft_wrap=False, emoji=False)
    # Whoever reads it with a program finds a table, whatever stands in it.
    is_narrow = is_seen and _needed(columns, cells) > console.width
    console.print(_lists(columns, cells) if is_narrow else _table(columns, cells))


def _needed(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> int:
    """How wide a table must be to be read. Texts stand in the last column, and go over several lines."""
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    return sum(widths[:-1]) + min(widths[-1], _TEXT_WIDTH) + _GAP * (len(widths) - 1)


def _table(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> "Table":
    from rich.table import Table

    drawn = Table(box=None, header_style="bold", pad_edge=False, show_header=any(columns))
    for n, column in enumerate(columns):
        # The first column is what people copy: an id in two pieces is none.
        drawn.add_column(column, overflow="fold", no_wrap=n == 0)
    for row in cells:
        drawn.add_row(*row)
    return drawn


def _lists(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> "Group":
    """One row below the other: what it is called, and what there is to say of it."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    drawn: list[Text | Padding] = []
    for first, *others in cells:
        facts = Table(box=None, pad_edge=False, show_header=False)
        facts.add_column(no_wrap=True, style="dim")
        facts.add_column(overflow="fold")
        for column, cell in zip(columns[1:], others, strict=True):
            if cell != "-":
                facts.add_row(column, cell)
        drawn += [Text.from_markup(first, style="bold", emoji=False), Padding(facts, (0, 0, 0, 2))]
    return Group(*drawn)


def _cell(value: object) -> str:
    from rich.markup import escape

    return "-" if value in (None, "") else escape(harmless(str(value)))


def harmless(text: str) -> str:
    """Text that gives a terminal no orders."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def trouble(delivery: JsonObject) -> list[str]:
    """Why parts of a delivery have not arrived, one line each."""
    where = delivery["target"]
    return [
        f"{where}: {part['state']} ({part['reason']}): {part['error']}"
        for part in delivery["parts"]
        if part["error"] and not part["acceptedAt"]
    ]


def when(text: str | None, now_ms: int) -> str:
    """An instant as people say it: local time, and how far away."""
    if text is None:
        return "-"
    from datetime import datetime

    moment = datetime.fromisoformat(text)
    seconds = moment.timestamp() - now_ms / 1000
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m"), (1, "s")):
        if abs(seconds) >= size:
            distance = f"{abs(seconds) / size:.0f} {unit}"
            break
    else:
        distance = "0 s"
    relative = f"in {distance}" if seconds > 0 else f"{distance} ago"
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S} ({relative})"


def existing(home: Path) -> Path:
    """The store of a home, whether or not it exists yet."""
    return home / "stentor.db"


class DaemonUnreachable(DaemonAnswer):
    """Somebody listens, but does not answer."""

    def __init__(self, why: str, *, perhaps_done: str = "") -> None:
        """`perhaps_done` is the command that shows whether what was asked has been done all the same."""
        message = f"the daemon did not answer: {why or 'it hung up'}"
        hint = "look at its log; `stentor status` says what the store knows"
        if perhaps_done:
            message = f"{message}. What was asked may still be done"
            hint = f"look at `{perhaps_done}` before you repeat it"
        super().__init__(
            5, {"error": {"code": "daemon_unreachable", "message": message, "hint": hint, "details": []}}
        )
