"""The accounts that are configured, and how people name them."""

from pathlib import Path

from stentor.domain.routing import Directory


def directory_of_home(home: Path) -> Directory:
    from stentor.adapters.registry import Registry
    from stentor.app.configured import directory_of
    from stentor.config import load_config

    return directory_of(Registry.load(), load_config(home))


def named(text: str, directory: Directory) -> tuple[str, str]:
    """A channel's account by its name, which may be left out where there is one."""
    from stentor.domain.refusals import Refused
    from stentor.domain.spelling import did_you_mean

    name, _, account = text.partition(":")
    channel = directory.channel_of_prefix(name)
    if channel is None:
        known = sorted(directory.channels)
        close = did_you_mean(name, known)
        raise Refused(
            "unknown_channel", f"there is no channel {name!r}{close}", hint=f"loaded: {', '.join(known)}"
        )
    accounts = sorted(directory.accounts(channel.name))
    if account in accounts:
        return channel.name, account
    if not account and len(accounts) == 1:
        return channel.name, accounts[0]
    if not accounts:
        hint = f"add [channels.{channel.name}.accounts.default] to stentor.toml"
        raise Refused("no_account", f"channel {channel.name} has no account", hint=hint)
    what = f"has no account {account!r}" if account else "has several accounts"
    raise Refused(
        "unknown_account", f"channel {channel.name} {what}", hint=f"say {channel.name}:{accounts[0]}"
    )
