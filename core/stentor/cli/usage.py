"""Flags that say nothing beside others, named as what they are: mistakes."""

import click
from click.core import ParameterSource

_EVERYWHERE = ("home", "as_json")


def given_beside(flag: str) -> list[str]:
    """What was written on the command line beside a flag, but for what every command takes."""
    context = click.get_current_context()
    return [
        _spelt(parameter)
        for parameter in context.command.params
        if parameter.name not in (flag, *_EVERYWHERE)
        and context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE
    ]


def refuse_beside(flag: str, why: str) -> None:
    """For a flag that leaves nothing to be said by others."""
    others = given_beside(flag)
    if others:
        spelt = f"--{flag.replace('_', '-')}"
        raise click.UsageError(f"{', '.join(others)} would say nothing beside {spelt}: {why}")


def _spelt(parameter: click.Parameter) -> str:
    return parameter.opts[0] if isinstance(parameter, click.Option) else parameter.human_readable_name
