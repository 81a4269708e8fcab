"""The commands by name; each one's module is imported when the command is asked for."""

from importlib import import_module

import click

_COMMANDS = {
    "cron": ("stentor.cli.cron:cron", "Add, edit, list, run and inspect jobs."),
    "channels": ("stentor.cli.channels:channels", "See channels and their accounts, and try them."),
    "config": ("stentor.cli.settings:config", "Check the configuration."),
    "deliveries": (
        "stentor.cli.deliveries:deliveries",
        "See what was sent, and decide about what did not arrive.",
    ),
    "demo": ("stentor.cli.demo:demo", "See three jobs happen in a temporary home. No account, no network."),
    "doctor": ("stentor.cli.status:doctor", "Name what is not as it should be, and the mend."),
    "inbox": ("stentor.cli.messages:inbox", "Read what was delivered to local targets."),
    "mcp": ("stentor.cli.mcp_server:mcp", "Offer the tools to a program that speaks MCP."),
    "plugins": ("stentor.cli.status:plugins", "Show channels and runners, and what failed to load."),
    "runs": ("stentor.cli.runs:runs", "Cancel runs."),
    "send": ("stentor.cli.messages:send", "Send a message through the outbox."),
    "serve": ("stentor.cli.serve:serve", "Run the daemon."),
    "sessions": (
        "stentor.cli.sessions:sessions",
        "See sessions and what was said in them, and tidy them up.",
    ),
    "status": ("stentor.cli.status:status", "Show how the daemon and its store are doing."),
    "targets": ("stentor.cli.targets:targets", "Explain how a target is read, and what was learned of it."),
    "wake": ("stentor.cli.wake:wake", "Wake the agent of the main session."),
}


class LazyGroup(click.Group):
    """Imports a command's module when the command is asked for: start-up is a feature."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*_COMMANDS, *super().list_commands(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return self._from_plugins(ctx, cmd_name)
        module, name = _COMMANDS[cmd_name][0].split(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in sorted(_COMMANDS.items())])

    def _from_plugins(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        from stentor.cli.extensions import plugin_commands

        return plugin_commands().get(cmd_name) or super().get_command(ctx, cmd_name)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="stentor")
def cli() -> None:
    """Scheduled agents and jobs whose finished payloads arrive in chat, with receipts.

    \b
    stentor demo
    stentor serve &
    stentor cron add --cron '0 7 * * *' --text 'Good morning' --to local:inbox
    stentor cron runs
    """


def run(words: list[str]) -> int:
    """Hand the words to click; what a command returns is not an exit code, what it exits with is."""
    try:
        code = cli.main(args=words, prog_name="stentor", standalone_mode=False)
    except click.Abort as aborted:  # what click makes of an interrupt
        raise KeyboardInterrupt from aborted
    except click.exceptions.NoArgsIsHelpError as asked:
        click.echo(asked.format_message(), err=True)
        return asked.exit_code
    return code if isinstance(code, int) else 0
