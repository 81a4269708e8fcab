"""One live connection per account, opened when it is first needed and closed once."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import get_args

from stentor.contract.channel import Account, Connection, Health
from stentor.contract.errors import CredentialsRejected, Unavailable
from stentor.contract.receipts import LaterReceipt
from stentor.domain.answers import Report, report_of
from stentor.domain.faults import StoreError
from stentor.domain.plugin_words import PluginFault, shown, storable, text_in
from stentor.domain.routing import Directory
from stentor.ports import Clock, Store, Vault
from stentor.services.lending import AccountJournal, Context, Lent
from stentor.services.opening import closed, opened
from stentor.services.persistence import insist
from stentor.services.plugin_calls import Door

log = logging.getLogger(__name__)
_LOOK_AT_SECRETS_SECONDS = 10.0
_STATES: tuple[str, ...] = get_args(Health)

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class AccountHealth:
    state: Health
    reason: str
    since_ms: int


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
    reports: asyncio.Queue[tuple[Account, Report]] = field(
        default_factory=asyncio.Queue[tuple[Account, Report]]
    )
    health: dict[Key, AccountHealth] = field(default_factory=dict[Key, AccountHealth])
    _open: dict[Key, Connection] = field(default_factory=dict[Key, Connection])
    _opening: dict[Key, "asyncio.Future[Connection]"] = field(
        default_factory=dict[Key, "asyncio.Future[Connection]"]
    )
    _lent: dict[Key, Lent] = field(default_factory=dict[Key, Lent])
    _refused: dict[Key, Lent] = field(default_factory=dict[Key, Lent])

    async def get(self, channel: str, account: str) -> Connection:
        """The account's connection. Raises nothing but `Unavailable` and `CredentialsRejected`.

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

    def lent(self, channel: str, account: str) -> Lent | None:
        """The secrets the account was opened with, or tried to be; None once it is to be opened with others."""
        return self._lent.get((channel, account))

    def refused(self, channel: str, account: str, lent: Lent) -> None:
        """The provider does not let the account in with these secrets: from now on they are watched."""
        self._refused[channel, account] = lent

    async def watch(self) -> None:
        """Until cancelled: accounts that were refused are opened anew when they have other secrets."""
        while True:
            await self.clock.sleep(_LOOK_AT_SECRETS_SECONDS)
            changed = {key: lent for key, lent in self._refused.items() if lent.have_changed()}
            async with asyncio.TaskGroup() as renewing:
                for key, lent in changed.items():
                    del self._refused[key]
                    renewing.create_task(self._renew(key, lent))

    async def run(self) -> None:
        """Write later receipts down as they come in, until cancelled."""
        while True:
            account, report = await self.reports.get()
            news = (account.channel, account.id, report.message_id, report.level, report.at_ms)
            keep = partial(self.store.later_receipt, *news)
            try:
                await insist(self.clock, f"a receipt for {report.message_id}", keep)
            except StoreError:
                log.exception("a receipt for %s is lost", report.message_id, extra={"event": "report_lost"})

    async def close(self) -> None:
        await self._close(list(self._open))

    async def _renew(self, key: Key, lent: Lent) -> None:
        """A refusal may have come late: what has been opened with other secrets meanwhile stays open."""
        if self._lent.get(key) is lent:
            del self._lent[key]
            await self._close([key])
        log.info("%s:%s has other secrets", *key, extra={"event": "account_reopened"})
        reopen = partial(self.store.reopen, *key, self.clock.now_ms())
        await insist(self.clock, f"that {':'.join(key)} is open", reopen)

    async def _close(self, keys: Iterable[Key]) -> None:
        """All at a time, and none for long."""
        async with asyncio.TaskGroup() as closing:
            for key in keys:
                connection = self._open.pop(key, None)
                if connection is not None:
                    closing.create_task(closed(Door(*key), connection))

    async def _connect(self, channel: str, account: str) -> Connection:
        declared = self.directory.channels.get(channel)
        settings = self.directory.accounts(channel).get(account)
        if declared is None or settings is None:
            raise Unavailable(f"account {account!r} of channel {channel!r} is not configured")
        identity = Account(channel, account, settings)
        self.note(channel, account, "starting", "")
        try:
            context = self._context(identity)
        except OSError as error:
            raise Unavailable(f"the account's folder cannot be made: {error}") from error
        try:
            connection = await opened(declared, identity, context)
        except (Unavailable, CredentialsRejected) as error:
            self.note(channel, account, "down", str(error))
            raise
        self.note(channel, account, "ready", "")
        return self.transport(connection)

    def _context(self, account: Account) -> Context:
        lent = self._lent[account.channel, account.id] = Lent(self.vault)
        folder = self.home / "channels" / account.channel / account.id
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        journal = AccountJournal(self.store, self.clock, account.channel, account.id)
        return Context(account, journal, folder, self.clock, lent, self._report, self._hear_of_health)

    def _report(self, account: Account, receipt: LaterReceipt) -> None:
        report = _door(account).hear("report", lambda: report_of(receipt))
        if report is not None:
            self.reports.put_nowait((account, report))

    def _hear_of_health(self, account: Account, state: Health, said: str) -> None:
        words = _door(account).hear("health", lambda: _health_of(state, said))
        if words is not None:
            self.note(account.channel, account.id, *words)

    def note(self, channel: str, account: str, state: Health, said: str) -> None:
        """How an account is, for people."""
        key = (channel, account)
        reason = self.clean(said)
        before = self.health.get(key)
        if before is None or (before.state, before.reason) != (state, reason):
            self.health[key] = AccountHealth(state, reason, self.clock.now_ms())
            log.info("%s:%s is %s %s", *key, state, reason, extra={"event": "account_health"})


def _health_of(state: Health, said: str) -> tuple[Health, str]:
    if state not in _STATES:
        raise PluginFault(f"health must be one of {', '.join(_STATES)}, not {shown(state)}")
    return state, storable(text_in(said, "the reason of health"))


def _door(account: Account) -> Door:
    return Door(account.channel, account.id)
