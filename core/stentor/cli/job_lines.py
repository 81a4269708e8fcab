"""Jobs as lines for people: what was stored, what changed, where it delivers and when it runs."""

import json
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator
from typing import cast

import click

from stentor.cli.output import harmless, note
from stentor.domain.json_types import JsonObject, as_object

_WIDTH = 80
_LONGEST = 300


def width() -> int:
    """As wide as the terminal; what goes elsewhere is kept as narrow as people read it."""
    return shutil.get_terminal_size((_WIDTH, 24)).columns if sys.stdout.isatty() else _WIDTH


def say_job(answer: JsonObject, *, changed: bool = False) -> None:
    """The answer of a command that stored a job, or might have."""
    click.echo(f"{answer['id'] or '(new)'}  {answer['name']}")
    if changed:
        for line in differences(answer["changed"], "  ") or ["  nothing changed"]:
            click.echo(line)
    say(f"{answer['preview']['label']} ({answer['preview']['detail']})", "  ")
    for known in answer["preview"].get("known", {}).values():
        say(known, "  ")
    if not answer["enabled"]:
        click.echo("  switched off")
    for run in answer["preview"]["nextRuns"]:
        click.echo(f"  next {run['local']}  ({run['utc']})")
    say_remarks(answer)


def say_remarks(answer: JsonObject) -> None:
    for repair in answer.get("repaired", []):
        note(f"  repaired: {repair}")
    for warning in answer.get("warnings", []):
        note(f"  warning: {warning}")


def say(text: str, indent: str) -> None:
    for line in wrapped(text, indent):
        click.echo(line)


def wrapped(text: str, indent: str, *, hanging: str = "  ") -> list[str]:
    """Text in lines of the width people have; words such as ids and targets stay whole."""
    return textwrap.wrap(
        harmless(text),
        max(width(), len(indent) + 20),
        initial_indent=indent,
        subsequent_indent=indent + hanging,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [indent.rstrip()]


def facts(pairs: Iterable[tuple[str, object]]) -> None:
    """What is known of one thing, a line for each fact and more where it needs them."""
    known = [(name, "-" if value in (None, "") else str(value)) for name, value in pairs]
    column = max(len(name) for name, _ in known) + 2
    for name, value in known:
        lines = wrapped(value, " " * column, hanging="")
        click.echo(f"{name:<{column}}{lines[0][column:]}")
        for line in lines[1:]:
            click.echo(line)


def differences(changed: JsonObject, indent: str) -> list[str]:
    """`message: "a" -> "b"`, one for each field that differs."""
    before = dict(_flat(changed.get("before") or {}))
    after = dict(_flat(changed.get("after") or {}))
    lines: list[str] = []
    for path in [*before, *(path for path in after if path not in before)]:
        old, new = _value(before.get(path)), _value(after.get(path))
        line = f"{indent}{path}: {old} -> {new}"
        if len(line) <= width():
            lines.append(line)
        else:
            lines += [f"{indent}{path}:", *wrapped(old, f"{indent}  - "), *wrapped(new, f"{indent}  + ")]
    return lines


def _flat(document: JsonObject, path: str = "") -> Iterator[tuple[str, object]]:
    """Fields by their paths. A section of another kind is another one, and shown as a whole."""
    for key, value in document.items():
        inner = as_object(value)
        if inner and "kind" in inner:
            yield f"{path}{key}", {name: field for name, field in inner.items() if field is not None}
        elif inner:
            yield from _flat(inner, f"{path}{key}.")
        else:
            yield f"{path}{key}", cast("object", value)


def _value(value: object) -> str:
    text = harmless(json.dumps(value, ensure_ascii=False))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
