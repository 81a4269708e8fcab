"""`stentor cron`: commands that change stored jobs."""

from pathlib import Path
from typing import Any

import click

from stentor.adapters.sqlite.reader import Reader
from stentor.cli.cron_add import remarks
from stentor.cli.daemon import job_path, operate
from stentor.cli.job_files import read_object
from stentor.cli.job_flags import (
    concern_the_stored_payload,
    given,
    patch_of,
    refuse_foreign_to_payload,
)
from stentor.cli.job_lines import say_job
from stentor.cli.job_options import edit_options
from stentor.cli.output import common, existing, show_json
from stentor.domain.json_types import JsonObject
from stentor.domain.refusals import Refused


@click.command()
@click.argument("job")
@edit_options
@common
def edit(job: str, file: str | None, revision: int | None, home: Path, as_json: bool, **flags: Any) -> None:
    """Change a job. What is not mentioned stays; the answer shows the whole job and what changed.

    \b
    stentor cron edit brief --cron '0 8 * * *'
    stentor cron edit brief --to local:a --to local:b --best-effort-deliver
    stentor cron edit brief --clear-model --revision 4
    """
    if file is None and concern_the_stored_payload(flags):
        refuse_foreign_to_payload(flags, _stored_kind(home, job))
    patch = _described(file, flags)
    if revision is not None:
        patch["revision"] = revision
    edited = _changed(home, job, patch)
    edited["warnings"] += remarks(flags)
    show_json(edited) if as_json else say_job(edited, changed=True)


def _stored_kind(home: Path, job: str) -> str | None:
    with Reader.open(existing(home)) as reader:
        found = reader.job(job)
    return None if found is None else str(found["payload"]["kind"])


def _described(file: str | None, flags: dict[str, Any]) -> JsonObject:
    if file is None:
        return patch_of(flags)
    if given(flags):
        raise Refused("bad_request", "--file takes no other flags", hint="put everything into the file")
    return read_object(file)


def _changed(home: Path, job: str, patch: JsonObject) -> JsonObject:
    edited, _ = operate(
        home, ("PATCH", job_path(job), patch), lambda operations: operations.edit_job(job, patch)
    )
    return edited


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
    changed = _changed(home, job, {"enabled": enabled})
    show_json(changed) if as_json else click.echo(f"{changed['id']} is {'on' if enabled else 'off'}")


COMMANDS = {"disable": disable, "edit": edit, "enable": enable, "rm": rm}
