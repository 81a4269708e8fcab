"""The parts of the documentation that follow from the code. `python -m tests.docs.generated` writes them anew."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import click
from tests.docs.pages import DOCS, pages, text_of

from stentor import Channel
from stentor.adapters.registry import Registry
from stentor.cli.commands import cli
from stentor.testing.conformance import RULES, Behaviour

CLI_PAGE = "cli.md"
PLUGINS_PAGE = "plugins.md"
HOW = "run `python -m tests.docs.generated`"

Row = tuple[str, ...]

_WIDTH = 100
_OLD_TABLE = re.compile(r"\A(?:\|.*\n)*")
_TARGETS = re.compile(r"(?P<mark>^<!-- targets: (?P<channel>[\w-]+) -->\n)(?:\|.*\n)*", re.MULTILINE)
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
    rows = [(f"`{shown.text}`", f"`{shown.canonical}`", shown.note) for shown in channel.examples]
    return _table(("you write", "it is", ""), rows)


def with_targets(page: str) -> str:
    """A page with its tables of targets as they should be: below `<!-- targets: NAME -->`, as far as lines begin with |."""
    known = channels()

    def filled(found: re.Match[str]) -> str:
        return f"{found['mark']}{target_table(known[found['channel']])}\n"

    return _TARGETS.sub(filled, text_of(page))


def kit_page() -> str:
    """The page about plugins with what the kit for channels checks and plays."""
    rules = [(f"`{name}`", rule.says) for name, rule in RULES.items()]
    played = [(f"`{each.name}`", each.says) for each in Behaviour]
    page = with_table(text_of(PLUGINS_PAGE), "rules", ("rule", "what it says"), rules)
    return with_table(page, "behaviours", ("behaviour", "what the provider does"), played)


def with_table(page: str, mark: str, columns: Row, rows: Iterable[Row]) -> str:
    """A page with the table below a mark as it should be."""
    before, found, after = page.partition(f"<!-- {mark} -->\n")
    return f"{before}{found}{_table(columns, rows)}\n{_OLD_TABLE.sub('', after)}"


def _table(columns: Row, rows: Iterable[Row]) -> str:
    lines = (" | ".join(cell.replace("|", "\\|") for cell in row) for row in (columns, *rows))
    head, *body = (f"| {line} |" for line in lines)
    return "\n".join([head.replace("|  |", "| |"), f"|{'---|' * len(columns)}", *body])


def pages_of_targets() -> Mapping[str, str]:
    """For each channel that some page lists the targets of: the page."""
    return {
        found["channel"]: page.name for page in pages() for found in _TARGETS.finditer(text_of(page.name))
    }


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
    (DOCS / PLUGINS_PAGE).write_text(kit_page(), "utf-8")
    for name in set(pages_of_targets().values()):
        (DOCS / name).write_text(with_targets(name), "utf-8")
