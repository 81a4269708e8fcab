"""The channels that are loaded and the accounts that are configured, as the resolver asks for them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from stentor.contract.channel import Channel
from stentor.contract.settings import AccountSettings
from stentor.contract.targets import Target


@dataclass(frozen=True)
class Directory:
    """Built once at start-up; fills the resolver's port."""

    channels: Mapping[str, Channel]
    configured: Mapping[str, Mapping[str, AccountSettings]]
    defaults: Mapping[str, str]
    _names: dict[Target, Target] = field(default_factory=dict[Target, Target])

    @cached_property
    def _owners(self) -> dict[str, Channel]:
        prefixes = {
            prefix.lower(): channel for channel in self.channels.values() for prefix in channel.prefixes
        }
        return prefixes | dict(self.channels)

    def channel_of_prefix(self, prefix: str) -> Channel | None:
        return self._owners.get(prefix.lower())

    def accounts(self, channel: str) -> Mapping[str, AccountSettings]:
        """Configured accounts; a channel that needs no settings has `default` without being asked."""
        accounts = self.configured.get(channel, {})
        declared = self.channels.get(channel)
        if not accounts and declared is not None and not declared.needs_account:
            return {"default": declared.settings()}
        return accounts

    def default_targets(self) -> Mapping[str, str]:
        return self.defaults

    def id_of(self, name: Target) -> Target | None:
        return self._names.get(name)

    def learn(self, name: Target, target: Target) -> None:
        self._names[name] = target

    def forget(self, name: Target) -> None:
        self._names.pop(name, None)
