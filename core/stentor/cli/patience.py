"""`--wait` and how long: the same wherever a command can wait for what it has asked for."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from stentor.cli.job_flags import duration

F = TypeVar("F", bound=Callable[..., Any])


def wait_options(what: str, usual: str) -> Callable[[F], F]:
    """The command gets `wait` and `wait_timeout`, which `limit_of` reads."""
    length = f"How long: a duration such as 90s or 10m, or seconds.  [default: {usual}]"

    def options(command: F) -> F:
        command = click.option("--wait-timeout", help=length)(command)
        return click.option("--wait", is_flag=True, help=what)(command)

    return options


def limit_of(wait_timeout: str | None, usual: str, *, wait: bool) -> float:
    """In seconds."""
    if wait_timeout is not None and not wait:
        raise click.UsageError("--wait-timeout belongs to --wait: add --wait, or leave it out")
    return duration(wait_timeout or usual, "--wait-timeout", default_unit="s") / 1000
