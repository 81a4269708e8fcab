"""`stentor channels login` and `logout`: an account and a device of its owner."""

import signal
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import click

from stentor.cli.account_names import directory_of_home, named
from stentor.cli.output import common, harmless, note, show_json
from stentor.domain.json_types import JsonObject
from stentor.domain.routing import Directory

# The exit code of what a daemon does not know.
_NOT_FOUND = 4


@click.command()
@click.argument("account", metavar="CHANNEL[:ACCOUNT]")
@click.option(
    "--phone", default="", help="The device's number: it shows a code to type, instead of a picture."
)
@common
def login(account: str, phone: str, home: Path, as_json: bool) -> None:
    """Pair an account with a device of its owner: point its camera at the picture, or type a code there.

    A daemon that runs lets go of the account meanwhile, and has it again afterwards. With --json, one line for each
    picture, code and step, and the answer last.

    \b
    stentor channels login whatsapp
    stentor channels login whatsapp:office --phone +6281234567890
    """
    from stentor.app.pairing import pair_account
    from stentor.cli.pairing_desk import TerminalDesk

    directory = directory_of_home(home)
    owner = _paired(account, directory)
    with _to_ourselves(home, *owner):
        who = pair_account(home, *owner, directory, TerminalDesk(phone, as_json))
    if as_json:
        show_json({"channel": owner[0], "accountId": owner[1], "ok": True, "said": who})
    else:
        click.echo(harmless(f"{':'.join(owner)} is {who}"))


@click.command()
@click.argument("account", metavar="CHANNEL[:ACCOUNT]")
@common
def logout(account: str, home: Path, as_json: bool) -> None:
    """End an account's pairing, there and here. What is to be sent with it waits for the next login.

    \b
    stentor channels logout whatsapp
    """
    from stentor.app.pairing import unpair_account

    directory = directory_of_home(home)
    owner = _paired(account, directory)
    with _to_ourselves(home, *owner):
        unpair_account(home, *owner, directory)
    if as_json:
        show_json({"channel": owner[0], "accountId": owner[1], "ok": True})
    else:
        click.echo(f"{':'.join(owner)} is not paired any more")


def _paired(text: str, directory: Directory) -> tuple[str, str]:
    """An account that is paired at all: most are let in by a token."""
    from stentor.domain.refusals import Refused

    channel, account = named(text, directory)
    if not directory.channels[channel].traits.pairs:
        pairing = sorted(name for name, found in directory.channels.items() if found.traits.pairs)
        raise Refused(
            "not_paired",
            f"accounts of {channel} are not paired: what lets them in stands in stentor.toml",
            hint=f"channels that are paired: {', '.join(pairing) or 'none'}; `stentor channels test {channel}` tries this one",
        )
    return channel, account


@contextmanager
def _to_ourselves(home: Path, channel: str, account: str) -> Generator[None]:
    """Only one process can have the account: a daemon that runs lets go of it for as long."""
    from stentor.cli.daemon import ACCOUNT_SECONDS, ask
    from stentor.cli.output import DaemonAnswer

    owner = {"channel": channel, "accountId": account}
    # Whoever closes the terminal means what Ctrl-C means.
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, signal.default_int_handler)
    # Until the daemon has answered, it may have let go of the account already.
    away = True
    try:
        try:
            away = ask(home, "POST", "accounts/give-away", owner, patience=ACCOUNT_SECONDS) is not None
        except DaemonAnswer as error:
            away = False
            if error.exit_code != _NOT_FOUND:
                raise
            # It does not know the account yet, so it does not have it either.
            note(f"note: {error}; restart it to send with this account")
        yield
    finally:
        if away:
            _give_back(home, owner)


def _give_back(home: Path, owner: JsonObject) -> None:
    """Whatever the daemon makes of it, what has become of the pairing stands."""
    from stentor.cli.daemon import ask
    from stentor.cli.output import DaemonAnswer

    try:
        ask(home, "POST", "accounts/renew", owner)
    except DaemonAnswer as error:
        note(f"note: {error}; restart the daemon if it does not send with this account")
