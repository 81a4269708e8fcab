"""One live connection per account, opened when it is first needed and closed once."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from stentor.contract.channel import Account, Connection, Health
from stentor.contract.errors import CredentialsRejected, Unavailable
from stentor.domain.routing import Directory
from stentor.ports import Clock, Store, Vault
from stentor.services.lending import AccountJournal, Context, Lent
from stentor.services.news import Key, News
from stentor.services.opening import closed, opened
from stentor.services.persistence import insist
from stentor.services.plugin_calls import Door

log = logging.getLogger(__name__)
_LOOK_AT_SECRETS_SECONDS = 10.0
_PAIRING = "it is being paired"


@dataclass
class Connections:
    """Opens accounts on demand. `transport` is the seam a simulation puts itself into."""

    directory: Directory
    store: Store
    clock: Clock
    home: Path
    vault: Vault
    news: News
    transport: Callable[[Connection], Connection]
    _open: dict[Key, Connection] = field(default_factory=dict[Key, Connection])
    _opening: dict[Key, "asyncio.Future[Connection]"] = field(
        default_factory=dict[Key, "asyncio.Future[Connection]"]
    )
    _lent: dict[Key, Lent] = field(default_factory=dict[Key, Lent])
    _refused: dict[Key, Lent] = field(default_factory=dict[Key, Lent])
    _renewals: dict[Key, asyncio.Event] = field(default_factory=dict[Key, asyncio.Event])
    # Accounts that somebody else has, each until when.
    _given_away: dict[Key, int] = field(default_factory=dict[Key, int])

    async def get(self, channel: str, account: str) -> Connection:
        """The account's connection. Raises nothing but `Unavailable` and `CredentialsRejected`.

        Whoever comes while it is being opened shares what comes of that, good or bad.
        """
        key = (channel, account)
        if self.given_away_for(channel, account):
            raise Unavailable(_PAIRING)
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

    def renewal(self, channel: str, account: str) -> asyncio.Event:
        """Set when the account is to be opened anew."""
        return self._renewals.setdefault((channel, account), asyncio.Event())

    async def take_down(self, channel: str, account: str, reason: str) -> None:
        """What the account is to send waits until it is renewed, and people are told."""
        shut = partial(self.store.shut, channel, account, self.news.clean(reason), self.clock.now_ms())
        await insist(self.clock, f"that {channel}:{account} is down", shut)

    async def bring_back(self, channel: str, account: str) -> None:
        """It was taken down, and is open again."""
        reopen = partial(self.store.reopen, channel, account, self.clock.now_ms())
        await insist(self.clock, f"that {channel}:{account} is open", reopen)
        self.news.on_ready()

    async def give_away(self, channel: str, account: str, seconds: float) -> None:
        """Let go of an account that can be had by one process only, until it is renewed or that time is over."""
        key = (channel, account)
        self._given_away[key] = self.clock.now_ms() + int(seconds * 1000)
        if key in self._opening:
            await asyncio.wait([self._opening[key]])
        self._lent.pop(key, None)
        await self._close([key])
        self.news.opening(*key)
        self.news.seems(*key, "down", _PAIRING)
        self._renewed(key)

    def given_away_for(self, channel: str, account: str) -> float:
        """For how many seconds more somebody else has the account, unless it is renewed before; 0 if nobody has."""
        return max(0, self._given_away.get((channel, account), 0) - self.clock.now_ms()) / 1000

    async def renew(self, channel: str, account: str) -> None:
        """Open the account anew, whatever was wrong with it."""
        key = (channel, account)
        self._given_away.pop(key, None)
        self._refused.pop(key, None)
        await self._reopen(key)

    async def close(self) -> None:
        await self._close(list(self._open))

    async def _renew(self, key: Key, lent: Lent) -> None:
        """A refusal may have come late: what has been opened with other secrets meanwhile stays open."""
        log.info("%s:%s has other secrets", *key, extra={"event": "account_reopened"})
        await self._reopen(key, close=self._lent.get(key) is lent)

    async def _reopen(self, key: Key, *, close: bool = True) -> None:
        if close:
            self._lent.pop(key, None)
            await self._close([key])
        # Before it is opened anew: if it is not let in then either, that comes later and counts.
        await self.bring_back(*key)
        self._renewed(key)

    def _renewed(self, key: Key) -> None:
        renewal = self._renewals.pop(key, None)
        if renewal is not None:
            renewal.set()

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
        self.news.opening(channel, account)
        try:
            context = self._context(identity)
        except OSError as error:
            raise Unavailable(f"the account's folder cannot be made: {error}") from error
        try:
            connection = await opened(declared, identity, context)
        except (Unavailable, CredentialsRejected) as error:
            self.news.unopened(channel, account, str(error))
            raise
        self.news.seems(channel, account, "ready")
        return self.transport(connection)

    def _context(self, account: Account) -> Context:
        lent = self._lent[account.channel, account.id] = Lent(self.vault)
        folder = self.home / "channels" / account.channel / account.id
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        journal = AccountJournal(self.store, self.clock, account.channel, account.id)

        def hear(speaker: Account, state: Health, said: str) -> None:
            """A connection that is closed, or being closed, says nothing of the account any more."""
            if self._lent.get((speaker.channel, speaker.id)) is lent:
                self.news.hear(speaker, state, said)

        return Context(account, journal, folder, self.clock, lent, self.news.report, hear)
