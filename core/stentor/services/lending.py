"""What the core lends to a connection; fills the contract's `ChannelContext`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from stentor.contract.channel import Account, Health, Journal
from stentor.contract.receipts import LaterReceipt
from stentor.contract.settings import SecretRef
from stentor.ports import Clock, Store, Vault


@dataclass(frozen=True)
class AccountJournal:
    """The journal lent to one account."""

    store: Store
    clock: Clock
    channel: str
    account: str

    async def append(self, key: str, target: str, body: Mapping[str, object]) -> str:
        return await self.store.append(self.channel, self.account, key, target, body, self.clock.now_ms())


@dataclass
class Lent:
    """The secrets one account was given, to notice when they are others."""

    vault: Vault
    given: dict[SecretRef, str | None] = field(default_factory=dict[SecretRef, str | None])

    def reveal(self, secret: SecretRef) -> str:
        self.given[secret] = None
        self.given[secret] = text = self.vault.reveal(secret)
        return text

    def have_changed(self) -> bool:
        seen = ((self.vault.glance(secret), text) for secret, text in self.given.items())
        return any(now is not None and now != text for now, text in seen)


@dataclass(frozen=True)
class Context:
    """The surroundings of one connection."""

    account: Account
    journal: Journal
    data_dir: Path
    clock: Clock
    vault: Lent
    on_report: Callable[[Account, LaterReceipt], None]
    on_health: Callable[[Account, Health, str], None]

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.clock.now_ms() / 1000, UTC)

    async def sleep(self, seconds: float) -> None:
        await self.clock.sleep(seconds)

    def reveal(self, secret: SecretRef) -> str:
        return self.vault.reveal(secret)

    def report(self, receipt: LaterReceipt) -> None:
        self.on_report(self.account, receipt)

    def health(self, state: Health, reason: str = "") -> None:
        self.on_health(self.account, state, reason)
