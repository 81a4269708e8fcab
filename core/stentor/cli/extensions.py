"""Commands that plugins add, as click sees them."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import click

from stentor.adapters.registry import Registry


class _Collected:
    """Fills the contract's `Commands` with click groups along a path."""

    def __init__(self) -> None:
        self.root = click.Group()

    def add(self, path: str, handler: Callable[[Sequence[str]], int], *, help: str) -> None:
        *groups, name = path.split()
        group = self.root
        for word in groups:
            inner = group.commands.get(word)
            if not isinstance(inner, click.Group):
                inner = click.Group(word)
                group.add_command(inner)
            group = inner
        words = click.Argument(["words"], nargs=-1, type=click.UNPROCESSED)
        settings = {"ignore_unknown_options": True}
        group.add_command(
            click.Command(
                name, params=[words], callback=partial(_call, handler), help=help, context_settings=settings
            )
        )


def plugin_commands() -> Mapping[str, click.Command]:
    collected = _Collected()
    Registry.load().add_commands(collected)
    return collected.root.commands


def _call(handler: Callable[[Sequence[str]], int], words: tuple[str, ...]) -> None:
    code = handler(words)
    if code:
        click.get_current_context().exit(code)
