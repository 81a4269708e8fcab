"""The one resolver: which target a delivery goes to, or why there is none. It fails closed.

Add-time checks, previews, runs, tools, alerts and manual sends all ask here, so they cannot disagree.
"""

import re
from collections.abc import Mapping
from typing import Literal, Protocol

from stentor.contract.channel import Channel
from stentor.contract.errors import InvalidTarget
from stentor.contract.settings import AccountSettings
from stentor.contract.targets import Target, TargetHints
from stentor.domain.answers import parsed_by
from stentor.domain.plugin_words import PluginFault, asked, said, storable
from stentor.domain.spelling import did_you_mean
from stentor.domain.values import value

Source = Literal["explicit", "prefix", "last", "current", "default"]
# Words for conversations: they stand for a target that is known from elsewhere.
LAST: Literal["last"] = "last"
CURRENT: Literal["current"] = "current"
# The code of a way that a fault of its plugin blocks.
PLUGIN_ERROR = "plugin_error"
_PREFIX = re.compile(r"\s*([A-Za-z][A-Za-z0-9_-]*):")
# Kinds inside a channel: they say what an id is, never which channel it belongs to.
_KINDS = frozenset({"channel", "conversation", "dm", "group", "room", "thread", "user", "topic", "session"})
_WEB = frozenset({"http", "https"})


class RouteError(Exception):
    """There is no target; `code` is stable, `hint` names the mend."""

    def __init__(self, code: str, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint


class Directory(Protocol):
    """The channels that are loaded and the accounts that are configured."""

    @property
    def channels(self) -> Mapping[str, Channel]: ...

    def channel_of_prefix(self, prefix: str) -> Channel | None: ...

    def accounts(self, channel: str) -> Mapping[str, AccountSettings]: ...

    def default_targets(self) -> Mapping[str, str]:
        """The configured `default_to` of each channel that has one."""
        ...

    def id_of(self, name: Target) -> Target | None:
        """What a name stands for, as far as somebody has asked the channel for it."""
        ...


@value
class Address:
    """A target as somebody wrote it."""

    text: str
    channel: str | None = None
    account: str | None = None
    thread: str | None = None
    default_kind: str | None = None


@value
class Route:
    """A resolved address and what it was resolved from."""

    target: Target
    source: Source

    @property
    def account(self) -> str:
        return self.target.account or ""


class NameUnknown(RouteError):
    """The address is a name: the channel has to be asked for the id before it can be used."""

    def __init__(self, target: Target) -> None:
        hint = "write the id; where a job or a message is made, the channel is asked for it"
        super().__init__("name_unknown", f"{target.canonical} is a name, and names change hands", hint=hint)
        self.target = target


def name_behind(error: BaseException | None) -> Target | None:
    """The name on which some work has failed, if it is that."""
    while error is not None:
        if isinstance(error, NameUnknown):
            return error.target
        error = error.__cause__
    return None


def resolve(address: Address, directory: Directory) -> Route:
    """Read one address. Only prefixes of loaded plugins select a channel, and they must agree with a named one."""
    route = read(address, directory)
    if not route.target.is_name:
        return route
    known = directory.id_of(route.target)
    if known is None:
        raise NameUnknown(route.target)
    return Route(known, route.source)


def read(address: Address, directory: Directory) -> Route:
    """The same as far as it can be read: a name is left as it stands."""
    channel, source = channel_of(address, directory)
    account, settings = _account(channel, address.account, directory)
    hints = TargetHints(address.thread, address.default_kind, settings)
    return Route(_parsed(channel, address.text, hints).on(account), source)


def without_account(address: Address, directory: Directory) -> Route:
    """The same where it does not matter which account it is for, or whether there is one."""
    channel, source = channel_of(address, directory)
    if address.account is not None or len(directory.accounts(channel.name)) == 1:
        return read(address, directory)
    hints = TargetHints(address.thread, address.default_kind)
    return Route(_parsed(channel, address.text, hints), source)


def _parsed(channel: Channel, text: str, hints: TargetHints) -> Target:
    try:
        return asked(lambda: parsed_by(channel.name, channel.parse_target(text, hints)), InvalidTarget)
    except InvalidTarget as error:
        hint = str(getattr(error, "hint", ""))
        raise RouteError("bad_target", said(error), hint=storable(hint)) from error
    except PluginFault as fault:
        raise at_fault(channel, f"cannot read {text!r}", fault) from fault


def at_fault(channel: Channel, doing: str, fault: PluginFault) -> RouteError:
    """A way that cannot be gone for now, because of the plugin it leads through."""
    hint = f"the plugin of channel {channel.name} has to be mended: `stentor plugins` says which one that is"
    return RouteError(PLUGIN_ERROR, f"channel {channel.name} {doing}: {fault}", hint=hint)


def infer(channel: str | None, directory: Directory) -> str:
    """The one target that the configuration names as default; none or several is an error that lists them."""
    if channel is not None:
        channel = _named_channel(channel, directory).name
    defaults = directory.default_targets()
    usable = {name: text for name, text in defaults.items() if channel in (None, name)}
    if len(usable) == 1:
        name, text = next(iter(usable.items()))
        return text if prefix_of(text) else f"{name}:{text}"
    if usable:
        raise RouteError(
            "ambiguous_target",
            f"no target is named, and there are several defaults: {', '.join(sorted(usable.values()))}",
            hint="say which with delivery.to",
        )
    raise RouteError(
        "no_target", "no target is named and none can be inferred", hint=usable_targets(directory, channel)
    )


def channel_of(address: Address, directory: Directory) -> tuple[Channel, Source]:
    """The channel an address belongs to, and what says so."""
    prefix = prefix_of(address.text)
    owner = directory.channel_of_prefix(prefix) if prefix else None
    if address.channel is not None:
        named = _named_channel(address.channel, directory)
        if owner is not None and owner is not named:
            raise RouteError(
                "channel_mismatch",
                f'target prefix "{prefix}:" belongs to {owner.name}, not {named.name}',
                hint=f"leave the channel out, or name a {named.name} target such as {named.examples[0].text}",
            )
        return named, "explicit"
    if owner is not None:
        return owner, "prefix"
    if prefix in _WEB:
        raise RouteError(
            "no_channel",
            "a web address needs its channel",
            # It is not repeated: the addresses of incoming webhooks are secrets.
            hint="write webhook: in front of it to post to it; if it is a link into a chat, name the channel",
        )
    if prefix:
        known = sorted({p for channel in directory.channels.values() for p in channel.prefixes})
        raise RouteError(
            "unknown_prefix",
            f'no loaded plugin owns the prefix "{prefix}:"{did_you_mean(prefix, known)}',
            hint=f"loaded prefixes: {', '.join(known)}; `stentor plugins` shows what failed to load",
        )
    if address.text.strip().lower() in (LAST, CURRENT):
        raise _no_address(address.text.strip().lower(), directory)
    # Whatever may be part of an address of the web is not repeated: some of these are secrets.
    said = "the target" if "/" in address.text else repr(address.text)
    raise RouteError("no_channel", f"{said} names no channel", hint=usable_targets(directory))


def _named_channel(name: str, directory: Directory) -> Channel:
    if name in (LAST, CURRENT):
        raise _no_address(name, directory)
    channel = directory.channel_of_prefix(name)
    if channel is None:
        known = sorted(directory.channels)
        raise RouteError(
            "unknown_channel",
            f"there is no channel {name!r}{did_you_mean(name, known)}",
            hint=f"loaded channels: {', '.join(known)}",
        )
    return channel


def _account(channel: Channel, wanted: str | None, directory: Directory) -> tuple[str, AccountSettings]:
    accounts = directory.accounts(channel.name)
    names = ", ".join(sorted(accounts))
    if wanted is not None:
        if wanted not in accounts:
            hint = f"configured: {names}" if names else _to_be_added(channel, wanted)
            raise RouteError(
                "unknown_account", f"channel {channel.name} has no account {wanted!r}", hint=hint
            )
        return wanted, accounts[wanted]
    if not accounts:
        raise RouteError(
            "no_account",
            f"channel {channel.name} has no account",
            hint=_to_be_added(channel, "default"),
        )
    if len(accounts) > 1:
        raise RouteError(
            "ambiguous_account",
            f"channel {channel.name} has several accounts: {names}",
            hint="say which with delivery.accountId (--account)",
        )
    return next(iter(accounts.items()))


def _to_be_added(channel: Channel, account: str) -> str:
    section = f"[channels.{channel.name}.accounts.{account}]"
    return f"add {section} to stentor.toml; a daemon that runs already has to be started anew"


def prefix_of(text: str) -> str | None:
    """The word in front that is meant to select a channel."""
    match = _PREFIX.match(text)
    if match is None or match[1].lower() in _KINDS:
        return None
    return match[1].lower()


def _no_address(word: str, directory: Directory) -> RouteError:
    """A word that stands for a conversation, where there is none it could stand for."""
    if word == LAST:
        hint = (
            f'"channel": "last" (--channel last) stands for a conversation; here {usable_targets(directory)}'
        )
        return RouteError("bad_target", '"last" is no address of its own', hint=hint)
    hint = f"nothing is known of where this was written; {usable_targets(directory)}"
    return RouteError("no_current", "there is no current conversation", hint=hint)


def usable_targets(directory: Directory, channel: str | None = None) -> str:
    """What could be named instead, for somebody who has named nothing that can be used."""
    defaults = [text for name, text in sorted(directory.default_targets().items()) if channel in (None, name)]
    channels = [c for name, c in sorted(directory.channels.items()) if channel in (None, name)]
    examples = [c.examples[0].canonical for c in channels if directory.accounts(c.name)]
    named = " or ".join(dict.fromkeys((*defaults, *examples)))
    listed = f"name a target, for instance {named}" if named else "configure a channel first"
    return f"{listed}; or set default_to under [channels.NAME]"
