"""One live connection per account, opened when it is first needed and closed once."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from stentor.contract.channel import Account, Connection, Health, Journal
from stentor.contract.errors import Unavailable
from stentor.contract.receipts import LaterReceipt
from stentor.contract.settings import SecretRef
from stentor.domain.routing import Directory
from stentor.ports import Clock, Store, Vault
from stentor.services.persistence import insist

log = logging.getLogger(__name__)
_OPENING_SECONDS = 60.0
_LOOK_AT_SECRETS_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class AccountHealth:
    state: Health
    reason: str
    since_ms: int


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
    """What the core lends to a connection; fills the contract's `ChannelContext`."""

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


@dataclass
class Connections:
    """Opens accounts on demand. `transport` is the seam a simulation puts itself into."""

    directory: Directory
    store: Store
    clock: Clock
    home: Path
    vault: Vault
    clean: Callable[[str], str]
    transport: Callable[[Connection], Connection]
    reports: asyncio.Queue[tuple[Account, LaterReceipt]] = field(
        default_factory=asyncio.Queue[tuple[Account, LaterReceipt]]
    )
    health: dict[tuple[str, str], AccountHealth] = field(default_factory=dict[tuple[str, str], AccountHealth])
    _open: dict[tuple[str, str], Connection] = field(default_factory=dict[tuple[str, str], Connection])
    _opening: dict[tuple[str, str], "asyncio.Future[Connection]"] = field(
        default_factory=dict[tuple[str, str], "asyncio.Future[Connection]"]
    )
    _lent: dict[tuple[str, str], Lent] = field(default_factory=dict[tuple[str, str], Lent])
    _refused: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])

    async def get(self, channel: str, account: str) -> Connection:
        """The account's connection. Raises what opening raises: unavailable, or credentials rejected.

        Whoever comes while it is being opened shares what comes of that, good or bad.
        """
        key = (channel, account)
        if key in self._open:
            return self._open[key]
        if key in self._opening:
            return await asyncio.shield(self._opening[key])
        opening = self._opening[key] = asyncio.get_running_loop().create_future()
        try:
            connection = self._open[key] = await self._connect(channel, account)
        except BaseException as error:
            shared = error if isinstance(error, Exception) else Unavailable("its opening was interrupted")
            opening.set_exception(shared)
            opening.exception()  # perhaps nobody waits for it
            raise
        else:
            opening.set_result(connection)
            return connection
        finally:
            del self._opening[key]

    def refused(self, channel: str, account: str) -> None:
        """The provider does not let this account in: from now on its secrets are watched."""
        self._refused.add((channel, account))

    async def watch(self) -> None:
        """Until cancelled: accounts that were refused are opened anew when they have other secrets."""
        while True:
            await self.clock.sleep(_LOOK_AT_SECRETS_SECONDS)
            for key in [key for key in self._refused if key in self._lent and self._lent[key].have_changed()]:
                self._refused.discard(key)
                await self._close(key)
                log.info("%s:%s has other secrets", *key, extra={"event": "account_reopened"})
                reopen = partial(self.store.reopen, *key, self.clock.now_ms())
                await insist(self.clock, f"that {':'.join(key)} is open", reopen)

    async def run(self) -> None:
        """Write later receipts down as they come in, until cancelled."""
        while True:
            account, receipt = await self.reports.get()
            at_ms = int(receipt.at.timestamp() * 1000)
            news = (account.channel, account.id, receipt.message_id, receipt.level.value, at_ms)
            keep = partial(self.store.later_receipt, *news)
            await insist(self.clock, f"a receipt for {receipt.message_id}", keep)

    async def close(self) -> None:
        for key in list(self._open):
            await self._close(key)

    async def _close(self, key: tuple[str, str]) -> None:
        connection = self._open.pop(key, None)
        try:
            if connection is not None:
                await connection.close()
        except Exception:
            log.exception("closing %s:%s failed", *key, extra={"event": "close_failed"})

    async def _connect(self, channel: str, account: str) -> Connection:
        declared = self.directory.channels.get(channel)
        settings = self.directory.accounts(channel).get(account)
        if declared is None or settings is None:
            raise Unavailable(f"account {account!r} of channel {channel!r} is not configured")
        identity = Account(channel, account, settings)
        self._note(identity, "starting", "")
        context = self._context(identity)
        context.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            async with asyncio.timeout(_OPENING_SECONDS):
                connection = await declared.open(identity, context)
        except TimeoutError as error:
            raise Unavailable(f"opening took longer than {_OPENING_SECONDS:g} s") from error
        except (SystemExit, KeyboardInterrupt) as error:
            raise Unavailable(f"opening raised {type(error).__name__}") from error
        self._note(identity, "ready", "")
        return self.transport(connection)

    def _context(self, account: Account) -> Context:
        lent = self._lent[account.channel, account.id] = Lent(self.vault)
        return Context(
            account,
            AccountJournal(self.store, self.clock, account.channel, account.id),
            self.home / "channels" / account.channel / account.id,
            self.clock,
            lent,
            lambda who, receipt: self.reports.put_nowait((who, receipt)),
            self._note,
        )

    def _note(self, account: Account, state: Health, said: str) -> None:
        key = (account.channel, account.id)
        reason = self.clean(said)
        before = self.health.get(key)
        if before is None or (before.state, before.reason) != (state, reason):
            self.health[key] = AccountHealth(state, reason, self.clock.now_ms())
            log.info("%s:%s is %s %s", *key, state, reason, extra={"event": "account_health"})
