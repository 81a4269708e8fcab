"""Who may begin to send now: past the gates of accounts and chats, at their pace, and not all from one account."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import apsw

from stentor.adapters.sqlite import lanes
from stentor.adapters.sqlite.gates import NO_RATES, as_paces, as_rates
from stentor.adapters.sqlite.lanes import Head
from stentor.adapters.sqlite.rows import fetch, listed, only
from stentor.domain.rates import affordable, free_at, spent
from stentor.domain.shares import Shares

# An answer that took all the time it may take is written down a little later.
_MARGIN_MS = 5_000
_ACCOUNTS = """
SELECT channel, account, gated, patience, rates, target_rates, paces, at_once FROM accounts
WHERE state = 'open' AND ready_at <= ? AND sated = 0
"""
_OPEN_ACCOUNTS = "SELECT count(*) FROM accounts WHERE state = 'open'"
_UNDER_WAY = """
SELECT l.channel || ':' || l.account, count(*) FROM parts p INDEXED BY parts_sending CROSS JOIN lanes l ON l.id = p.lane
WHERE p.state = 'sending' GROUP BY 1
"""
_SATE = "UPDATE accounts SET sated = 1 WHERE channel || ':' || account IN (SELECT value FROM json_each(?))"
_SPEND = "UPDATE accounts SET paces = ?, ready_at = max(ready_at, ?), probing = gated WHERE channel = ? AND account = ?"
_CHATS = "SELECT id, ready_at, paces FROM chats WHERE id IN (SELECT value FROM json_each(?))"
_SPEND_CHAT = "UPDATE chats SET paces = ?, ready_at = max(ready_at, ?), probing = gated WHERE id = ?"


class Account(NamedTuple):
    """An account that may send now."""

    channel: str
    account: str
    gated: int
    patience: int
    rates: str
    target_rates: str
    paces: str
    at_once: int | None

    @property
    def name(self) -> str:
        return f"{self.channel}:{self.account}"

    def quota(self, now_ms: int, limit: int) -> int:
        """How many parts may begin now."""
        most = min(limit, 1) if self.gated else limit
        return affordable(as_rates(self.rates), as_paces(self.paces), now_ms, most)

    def next_ahead(self, now_ms: int) -> int:
        """When another part goes ahead if nothing is heard of the one that does so now."""
        return now_ms + self.patience + _MARGIN_MS


class Admitted(NamedTuple):
    """A head that may go now, on its account, and the paces of its chat when it is gone."""

    head: Head
    account: Account
    chat_paces: tuple[float, ...] = ()

    @property
    def is_paced(self) -> bool:
        """Whether its chat has a say."""
        return bool(self.head.gated) or self.account.target_rates != NO_RATES


class _Chat:
    """What a chat still takes at this moment."""

    def __init__(self, ready_at: int, paces: str) -> None:
        self.ready_at = ready_at
        self.paces = as_paces(paces)
        self.begun = False

    def free_at(self, entry: Admitted, now_ms: int) -> int:
        """The earliest instant for one more."""
        if entry.head.gated and self.begun:
            return entry.account.next_ahead(now_ms)
        return max(self.ready_at, free_at(as_rates(entry.account.target_rates), self.paces))

    def take(self, entry: Admitted, now_ms: int) -> Admitted:
        self.begun = True
        self.paces = spent(as_rates(entry.account.target_rates), self.paces, now_ms)
        return entry._replace(chat_paces=self.paces)


def admit(connection: apsw.Connection, now_ms: int, limit: int) -> list[Admitted]:
    """The heads that may go now, in the order in which they should."""
    found: list[Admitted] = []
    accounts = [Account._make(row) for row in fetch(connection, _ACCOUNTS, (now_ms,))]
    for account in accounts:
        quota = account.quota(now_ms, limit)
        waiting = lanes.waiting(connection, account.channel, account.account, now_ms, quota) if quota else ()
        found += [Admitted(head, account) for head in waiting]
    if len(accounts) > 1:
        found.sort()
    if not found:
        return []
    shares = _shares(connection, limit, accounts)
    if not shares.are_limited and not any(entry.is_paced for entry in found):
        return found[:limit]
    admitted = _let_through(connection, found, shares, now_ms)
    if shares.sated:
        connection.execute(_SATE, (listed(shares.sated),))
    return admitted


def _shares(connection: apsw.Connection, limit: int, accounts: Sequence[Account]) -> Shares:
    several = only(connection, _OPEN_ACCOUNTS)[0] > 1
    most = {account.name: account.at_once for account in accounts if account.at_once is not None}
    under_way: dict[str, int] = dict(fetch(connection, _UNDER_WAY)) if several or most else {}
    return Shares(limit, Counter(under_way), several=several, most=most)


def _let_through(
    connection: apsw.Connection, found: Sequence[Admitted], shares: Shares, now_ms: int
) -> list[Admitted]:
    """Without those that leave the slots to other accounts, and those whose chat has had enough for now: their lanes
    wait for it."""
    paced = listed({entry.head.chat for entry in found if entry.is_paced})
    chats = {chat: _Chat(*rest) for chat, *rest in fetch(connection, _CHATS, (paced,))}
    through: list[Admitted] = []
    for entry in found:
        if not shares.has_room(entry.account.name):
            continue
        chat = chats[entry.head.chat] if entry.is_paced else None
        free = chat.free_at(entry, now_ms) if chat else now_ms
        if free > now_ms:
            lanes.put_off(connection, entry.head.lane, free)
            continue
        shares.take(entry.account.name)
        through.append(chat.take(entry, now_ms) if chat else entry)
    return through


def spend(connection: apsw.Connection, begun: Sequence[Admitted], now_ms: int) -> None:
    """These parts are being sent: it counts against the rates of their accounts and chats."""
    for account, sends in Counter(entry.account for entry in begun).items():
        rates, paces = as_rates(account.rates), as_paces(account.paces)
        if rates or account.gated:
            for _ in range(sends):
                paces = spent(rates, paces, now_ms)
            ready_at = account.next_ahead(now_ms) if account.gated else free_at(rates, paces)
            connection.execute(_SPEND, (json.dumps(paces), ready_at, account.channel, account.account))
    # The last one of a chat knows what all of them have spent.
    for chat, last in {entry.head.chat: entry for entry in begun if entry.is_paced}.items():
        free = free_at(as_rates(last.account.target_rates), last.chat_paces)
        ready_at = last.account.next_ahead(now_ms) if last.head.gated else free
        connection.execute(_SPEND_CHAT, (json.dumps(last.chat_paces), ready_at, chat))
        lanes.put_off_chat(connection, chat, ready_at)
