"""`stentor channels`: the accounts there are, how they are, and what people wrote to them."""

import time
from pathlib import Path

import click

from stentor.cli.account_names import directory_of_home, named
from stentor.cli.channel_pairing import login, logout
from stentor.cli.channel_project import new
from stentor.cli.output import DaemonAnswer, common, existing, harmless, note, show_json, table, when
from stentor.domain.json_types import JsonObject
from stentor.domain.routing import Directory


@click.group()
def channels() -> None:
    """See the channels with their accounts, and try whether they work."""


for _command in (login, logout, new):
    channels.add_command(_command)


@channels.command(name="list")
@common
def list_accounts(home: Path, as_json: bool) -> None:
    """Show every account of every channel, and how the running daemon finds it.

    \b
    stentor channels list
    """
    directory = directory_of_home(home)
    states = _states(home)
    rows = [
        _account(directory, channel, account, states)
        for channel in sorted(directory.channels)
        for account in (*sorted(directory.accounts(channel)),) or (None,)
    ]
    if as_json:
        show_json({"channels": rows})
        return
    now = time.time_ns() // 1_000_000
    cells = [
        (
            row["channel"],
            row["accountId"] or "-",
            row["state"],
            when(row["since"], now) if row["since"] else "-",
            row["reason"] or "",
        )
        for row in rows
    ]
    table(("channel", "account", "state", "since", ""), cells, empty="No channel is loaded.")


@channels.command()
@click.argument("account", metavar="CHANNEL[:ACCOUNT]")
@common
def test(account: str, home: Path, as_json: bool) -> None:
    """Ask the provider who the account is, without sending anything; exit 1 if it does not say.

    \b
    stentor channels test telegram
    stentor channels test slack:work
    """
    from stentor.domain.refusals import Refused

    directory = directory_of_home(home)
    channel, name = named(account, directory)
    answer: JsonObject = {"channel": channel, "accountId": name, "ok": True, "said": None, "error": None}
    try:
        answer["said"] = _said(home, channel, name, directory)
    except (Refused, DaemonAnswer) as error:
        answer |= {"ok": False, "error": str(error)}
    if as_json:
        show_json(answer)
    elif answer["ok"]:
        click.echo(harmless(f"{channel}:{name} works: {answer['said']}"))
    else:
        note(f"{channel}:{name} does not work: {answer['error']}")
    if not answer["ok"]:
        click.get_current_context().exit(1)


@channels.command()
@click.option("--channel", help="Of this channel only.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@common
def messages(channel: str | None, limit: int, home: Path, as_json: bool) -> None:
    """Read what people wrote to accounts that take it in, newest first."""
    from stentor.adapters.sqlite.reader import Reader

    with Reader.open(existing(home)) as reader:
        found = reader.incoming(channel, limit)
    if as_json:
        show_json({"messages": found})
        return
    now = time.time_ns() // 1_000_000
    rows = [
        (
            when(message["receivedAt"], now),
            message["target"],
            message["senderName"] or message["sender"],
            "held" if message["held"] else "",
            message["text"],
        )
        for message in found
    ]
    table(("arrived", "from", "who", "", "text"), rows, empty="Nobody has written yet.")


def _said(home: Path, channel: str, account: str, directory: Directory) -> str:
    """What the provider says of an account. One that stays open is asked by the daemon that has it."""
    from stentor.app.checking import probe_account
    from stentor.cli.daemon import ACCOUNT_SECONDS, ask

    if directory.channels[channel].traits.stays_open:
        owner = {"channel": channel, "accountId": account}
        answer = ask(home, "POST", "accounts/probe", owner, patience=ACCOUNT_SECONDS)
        if answer is not None:
            return str(answer["said"])
    return probe_account(home, channel, account, directory)


def _states(home: Path) -> dict[tuple[str, str], JsonObject]:
    """The accounts as the daemon knows them; without one, as the store does."""
    from stentor.cli.status import accounts_of

    if not (home / "stentor.db").exists():
        return {}
    return {(row["channel"], row["accountId"]): row for row in accounts_of(home)}


def _account(
    directory: Directory, name: str, account: str | None, states: dict[tuple[str, str], JsonObject]
) -> JsonObject:
    from stentor.adapters.extras import missing

    channel = directory.channels[name]
    state = states.get((name, account or ""), {})
    lacking = missing(channel.extra) if channel.extra else []
    limits = channel.limits
    reason = state.get("reason")
    if lacking:
        reason = f"pip install 'stentor[{channel.extra}]'"
    elif account is None:
        reason = f"add [channels.{name}.accounts.default] to stentor.toml"
    usual = "not configured" if account is None else "configured"
    return {
        "channel": name,
        "accountId": account,
        "configured": account is not None,
        "state": "extra missing" if lacking else state.get("state", usual),
        "reason": reason,
        "since": state.get("since"),
        "extra": channel.extra or None,
        "extraMissing": bool(lacking),
        "prefixes": list(channel.prefixes),
        "limits": {
            "text": limits.text,
            "unit": limits.unit,
            "caption": limits.caption,
            "attachmentBytes": limits.attachment_bytes,
            "album": limits.album,
        },
        "receives": account is not None and channel.receives(directory.accounts(name)[account]),
        "receiptLevel": channel.traits.receipt_level,
    }
