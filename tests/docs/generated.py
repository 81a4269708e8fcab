"""The parts of the documentation that follow from the code. `python -m tests.docs.generated` writes them anew."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import click
from tests.docs.pages import DOCS, text_of

from stentor import Channel
from stentor.adapters.registry import Registry
from stentor.cli.commands import cli

CLI_PAGE = "cli.md"
CHANNELS_PAGE = "channels.md"
HOW = "run `python -m tests.docs.generated`"

_WIDTH = 100
_CLI_INTRODUCTION = """\
# The command line

Every command with its options, as `--help` shows them. [Getting started](getting-started.md) shows the first ones at work,
[the run log](run-log.md#exit-codes) lists the exit codes.

`--home DIR` says which home a command is about; without it `STENTOR_HOME` does, and else the platform's folder for user data.
`--json` makes it answer with exactly one JSON document. `JOB` is a job's id or its name.
"""


def commands() -> Iterator[click.Context]:
    """Every command of the product as somebody asking for its help reaches it, groups before what they hold."""
    wide: dict[str, Any] = {"terminal_width": _WIDTH, "max_content_width": _WIDTH}
    yield from _below(click.Context(cli, info_name="stentor", **cli.context_settings, **wide))


def cli_page() -> str:
    sections = [_CLI_INTRODUCTION]
    for context in commands():
        shown = "\n".join(line.rstrip() for line in context.get_help().splitlines())
        sections.append(f"## {context.command_path}\n\n```text\n{shown}\n```\n")
    return "\n".join(sections)


def channels() -> Mapping[str, Channel]:
    """The channels that come with the product."""
    registry = Registry.load()
    own = {plugin.name for plugin in registry.plugins if plugin.distribution == "stentor"}
    return {name: channel for name, channel in registry.channels.items() if name in own}


def target_table(channel: Channel) -> str:
    """Every spelling that the channel declares, and what it stands for."""
    rows = ["| you write | it is | |", "|---|---|---|"]
    rows += [f"| `{shown.text}` | `{shown.canonical}` | {shown.note} |" for shown in channel.examples]
    return "\n".join(rows)


def channels_page() -> str:
    """The page with its tables as they should be; a table stands below a mark that names its channel."""
    text = text_of(CHANNELS_PAGE)
    for name, channel in channels().items():
        mark = f"<!-- targets: {name} -->\n"
        before, _, after = text.partition(mark)
        rest = re.sub(r"\A(?:\|.*\n)*", "", after)
        text = f"{before}{mark}{target_table(channel)}\n{rest}"
    return text


def _below(context: click.Context) -> Iterator[click.Context]:
    yield context
    group = context.command
    if isinstance(group, click.Group):
        for word in group.list_commands(context):
            inner = group.get_command(context, word)
            if inner is not None:
                yield from _below(click.Context(inner, parent=context, info_name=word))


if __name__ == "__main__":
    (DOCS / CLI_PAGE).write_text(cli_page(), "utf-8")
    (DOCS / CHANNELS_PAGE).write_text(channels_page(), "utf-8")
