"""What accounts say: how they are, and what became of messages. It is written down as it comes in."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import get_args

from stentor.contract.channel import Account, Health
from stentor.contract.receipts import LaterReceipt
from stentor.domain.answers import Report, report_of
from stentor.domain.faults import StoreError
from stentor.domain.plugin_words import PluginFault, shown, storable, text_in
from stentor.ports import Clock, Store
from stentor.services.persistence import insist
from stentor.services.plugin_calls import Door

log = logging.getLogger(__name__)
_STATES: tuple[str, ...] = get_args(Health)
_NO_REASON = "it does not say why"

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class AccountHealth:
    state: Health
    reason: str
    since_ms: int


def _nobody() -> None:
    """Whom nobody wants to hear of it."""


@dataclass
class News:
    """`on_ready` is called when an account works again: what waits for it may go."""

    store: Store
    clock: Clock
    clean: Callable[[str], str]
    on_ready: Callable[[], None] = _nobody
    health: dict[Key, AccountHealth] = field(default_factory=dict[Key, AccountHealth])
    _came: asyncio.Queue[tuple[Key, Report | AccountHealth]] = field(
        default_factory=asyncio.Queue[tuple[Key, Report | AccountHealth]]
    )
    # Of these nobody else says how they are.
    _speaking: set[Key] = field(default_factory=set[Key])

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            key, news = await self._came.get()
            if isinstance(news, Report):
                await self._keep(key, news)
            else:
                await self._heed(key, news)

    def report(self, account: Account, receipt: LaterReceipt) -> None:
        """An account has heard of a message."""
        report = _door(account).hear("report", lambda: report_of(receipt))
        if report is not None:
            self._came.put_nowait(((account.channel, account.id), report))

    def hear(self, account: Account, state: Health, said: str) -> None:
        """An account says how it is. What it says counts: one that is down is sent nothing."""
        words = _door(account).hear("health", lambda: _health_of(state, said))
        if words is None:
            return
        key = (account.channel, account.id)
        self._speaking.add(key)
        if self.note(*key, *words) and words[0] in ("ready", "down"):
            self._came.put_nowait((key, self.health[key]))

    def opening(self, channel: str, account: str) -> None:
        """It is opened anew: what it said before is over."""
        self._speaking.discard((channel, account))
        self.note(channel, account, "starting", "")

    def unopened(self, channel: str, account: str, why: str) -> None:
        """It could not be opened: what it said on the way there is over too."""
        self._speaking.discard((channel, account))
        self.note(channel, account, "down", why)

    def seems(self, channel: str, account: str, state: Health, said: str = "") -> None:
        """How an account looks from here, unless it says that itself."""
        if (channel, account) not in self._speaking:
            self.note(channel, account, state, said)

    def note(self, channel: str, account: str, state: Health, said: str) -> bool:
        """How an account is, for people; whether that is new."""
        key = (channel, account)
        reason = self.clean(said)
        before = self.health.get(key)
        if before is not None and (before.state, before.reason) == (state, reason):
            return False
        self.health[key] = AccountHealth(state, reason, self.clock.now_ms())
        log.info("%s:%s is %s %s", *key, state, reason, extra={"event": "account_health"})
        return True

    async def _keep(self, key: Key, report: Report) -> None:
        keep = partial(
            self.store.later_receipt, *key, report.message_id, report.level, report.at_ms, report.part_id
        )
        try:
            await insist(self.clock, f"a receipt for {report.message_id}", keep)
        except StoreError:
            log.exception("a receipt for %s is lost", report.message_id, extra={"event": "report_lost"})

    async def _heed(self, key: Key, health: AccountHealth) -> None:
        now = self.clock.now_ms()
        is_down = health.state == "down"
        heed = (
            partial(self.store.shut, *key, health.reason or _NO_REASON, now)
            if is_down
            else partial(self.store.reopen, *key, now)
        )
        try:
            await insist(self.clock, f"that {':'.join(key)} is {health.state}", heed)
        except StoreError:
            log.exception("how %s:%s is cannot be written", *key, extra={"event": "health_lost"})
        if not is_down:
            self.on_ready()


def _health_of(state: Health, said: str) -> tuple[Health, str]:
    if state not in _STATES:
        raise PluginFault(f"health must be one of {', '.join(_STATES)}, not {shown(state)}")
    return state, storable(text_in(said, "the reason of health"))


def _door(account: Account) -> Door:
    return Door(account.channel, account.id)
