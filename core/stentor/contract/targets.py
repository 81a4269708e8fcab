"""Targets: typed addresses inside a channel."""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stentor.contract.settings import AccountSettings


@dataclass(frozen=True, slots=True)
class Target:
    """One address, parsed once and never guessed at again.

    `address` is the canonical text without the channel's name; it must parse back to an equal target.
    The account stands beside the canonical text, not in it. `id` is what the provider's API takes and keeps
    its case; `display` and `warnings` are for people and do not take part in equality.

    `is_name` says that this is no address yet: names change hands. The channel is asked for the id once
    (`Connection.resolve`), before anything is stored, and nothing is ever sent to a name.
    """

    channel: str
    kind: str
    id: str
    address: str
    thread: str | None = None
    account: str | None = None
    display: str = field(default="", compare=False)
    warnings: tuple[str, ...] = field(default=(), compare=False)
    is_name: bool = False

    @property
    def canonical(self) -> str:
        return f"{self.channel}:{self.address}"

    def on(self, account: str) -> "Target":
        """The same address, on one account."""
        return replace(self, account=account)


@dataclass(frozen=True, slots=True)
class TargetHints:
    """What the surroundings add to a target's text: never a second address, only a reading of this one."""

    thread: str | None = None
    default_kind: str | None = None
    settings: "AccountSettings | None" = None
