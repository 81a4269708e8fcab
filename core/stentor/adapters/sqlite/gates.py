"""Gates and paces of accounts and chats: who may send now, who waits, and who goes ahead to see if a gate is open.

A gate that an answer shut stays half open when its time is over: one part goes ahead, and what becomes of it tells
the others. If nothing becomes of it for a while, another one goes.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

import apsw

from stentor.adapters.sqlite import lanes
from stentor.adapters.sqlite.lanes import Head
from stentor.adapters.sqlite.rows import fetch, listed
from stentor.contract.traits import Rate
from stentor.domain.outbox import Gate
from stentor.domain.pacing import affordable, free_at, spent

_PATIENCE_MS = 10_000
_NO_RATES = "[]"
_ACCOUNTS = """
SELECT channel, account, gated, rates, target_rates, paces FROM accounts WHERE state = 'open' AND ready_at <= ?
"""
_SPEND = "UPDATE accounts SET paces = ?, ready_at = max(ready_at, ?), probing = gated WHERE channel = ? AND account = ?"
# The longest gate counts: an answer that wants less quiet does not shorten what another one asked for. But whoever
# went ahead has the newest word.
_SHUT = """
UPDATE accounts SET state = ?1, reason = iif(?4 >= ready_at OR probing OR ?1 = 'down', ?2, reason), since = ?3,
    ready_at = iif(probing, ?4, max(ready_at, ?4)), gated = 1, probing = 0
WHERE channel = ?5 AND account = ?6 AND state = 'open'
"""
_PROBING = "SELECT rates, paces FROM accounts WHERE channel = ? AND account = ? AND probing = 1"
_OPEN = (
    "UPDATE accounts SET gated = 0, probing = 0, reason = '', ready_at = ? WHERE channel = ? AND account = ?"
)
_CHATS = """
SELECT l.id, c.gated, c.ready_at, c.paces FROM json_each(?) w CROSS JOIN lanes l ON l.id = w.value
CROSS JOIN chats c ON c.id = l.chat
"""
_SPEND_CHAT = "UPDATE chats SET paces = ?, ready_at = max(ready_at, ?), probing = gated WHERE id = ?"
_SHUT_CHAT = """
UPDATE chats SET ready_at = iif(probing, ?1, max(ready_at, ?1)), gated = 1, probing = 0
WHERE id = (SELECT chat FROM lanes WHERE id = ?2)
"""
_PROBING_CHATS = """
SELECT DISTINCT c.id, a.target_rates, c.paces FROM json_each(?) w CROSS JOIN lanes l ON l.id = w.value
CROSS JOIN chats c ON c.id = l.chat CROSS JOIN accounts a ON a.channel = c.channel AND a.account = c.account
WHERE c.probing = 1
"""
_OPEN_CHAT = "UPDATE chats SET gated = 0, probing = 0, ready_at = ? WHERE id = ?"


class Account(NamedTuple):
    """An account that may send now."""

    channel: str
    account: str
    gated: int
    rates: str
    target_rates: str
    paces: str

    def quota(self, now_ms: int, limit: int) -> int:
        """How many parts may begin now."""
        most = min(limit, 1) if self.gated else limit
        return affordable(as_rates(self.rates), as_paces(self.paces), now_ms, most)


class Admitted(NamedTuple):
    """A head that may go now, on its account."""

    head: Head
    account: Account

    @property
    def is_paced(self) -> bool:
        """Whether its chat has a say."""
        return bool(self.head.gated) or self.account.target_rates != _NO_RATES


class Answered(NamedTuple):
    """A part that was being sent has been answered, perhaps with a gate."""

    channel: str
    account: str
    lane: int
    gate: Gate | None


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
    found = found[:limit]
    if any(entry.is_paced for entry in found):
        return _let_through(connection, found, now_ms)
    return found


def _let_through(connection: apsw.Connection, found: Sequence[Admitted], now_ms: int) -> list[Admitted]:
    """Without those whose chat has had enough for now: their lanes wait for it."""
    paced = listed(entry.head.lane for entry in found if entry.is_paced)
    chats = {
        lane: (gated, ready_at, text) for lane, gated, ready_at, text in fetch(connection, _CHATS, (paced,))
    }
    paces: dict[int, Sequence[float]] = {}
    through: list[Admitted] = []
    for entry in found:
        if not entry.is_paced:
            through.append(entry)
            continue
        chat, rates = entry.head.chat, as_rates(entry.account.target_rates)
        gated, ready_at, text = chats[entry.head.lane]
        free = max(ready_at, free_at(rates, paces.get(chat, as_paces(text))))
        if gated and chat in paces:
            free = now_ms + _PATIENCE_MS
        if free > now_ms:
            lanes.put_off(connection, entry.head.lane, free)
        else:
            paces[chat] = spent(rates, paces.get(chat, as_paces(text)), now_ms)
            through.append(entry)
    return through


def spend(connection: apsw.Connection, begun: Sequence[Admitted], now_ms: int) -> None:
    """These parts are being sent: it counts against the rates of their accounts and chats."""
    for account, sends in Counter(entry.account for entry in begun).items():
        rates, paces = as_rates(account.rates), as_paces(account.paces)
        if rates or account.gated:
            for _ in range(sends):
                paces = spent(rates, paces, now_ms)
            ready_at = now_ms + _PATIENCE_MS if account.gated else free_at(rates, paces)
            connection.execute(_SPEND, (json.dumps(paces), ready_at, account.channel, account.account))
    paced = [entry for entry in begun if entry.is_paced]
    for lane, gated, _, text in fetch(connection, _CHATS, (listed(entry.head.lane for entry in paced),)):
        entry = next(entry for entry in paced if entry.head.lane == lane)
        rates = as_rates(entry.account.target_rates)
        paces = spent(rates, as_paces(text), now_ms)
        ready_at = now_ms + _PATIENCE_MS if gated else free_at(rates, paces)
        connection.execute(_SPEND_CHAT, (json.dumps(paces), ready_at, entry.head.chat))
        lanes.put_off_chat(connection, entry.head.chat, ready_at)


def heed(connection: apsw.Connection, answers: Sequence[Answered], at_ms: int) -> list[str]:
    """Shut what answers ask to shut, and open what others went ahead for. Gives the accounts that are down now."""
    down: list[str] = []
    for channel, account, lane, gate in answers:
        if gate is None:
            continue
        if gate.scope == "target":
            connection.execute(_SHUT_CHAT, (gate.until_ms, lane))
            lanes.put_off_siblings(connection, lane, gate.until_ms)
            continue
        state = "down" if gate.down else "open"
        connection.execute(_SHUT, (state, gate.reason, at_ms, gate.until_ms, channel, account))
        if gate.down and connection.changes():
            down.append(f"{channel}:{account} is down: {gate.reason}")
    # A chat that wants quiet says that its account is let in, and the other way round.
    let_in = [answer for answer in answers if answer.gate is None or answer.gate.scope == "target"]
    for channel, account in dict.fromkeys((answer.channel, answer.account) for answer in let_in):
        for rates, paces in fetch(connection, _PROBING, (channel, account)):
            connection.execute(_OPEN, (free_at(as_rates(rates), as_paces(paces)), channel, account))
    _open_chats(connection, [a.lane for a in answers if a.gate is None or a.gate.scope == "account"])
    return down


def _open_chats(connection: apsw.Connection, answered: Iterable[int]) -> None:
    for chat, rates, paces in fetch(connection, _PROBING_CHATS, (listed(answered),)):
        connection.execute(_OPEN_CHAT, (free_at(as_rates(rates), as_paces(paces)), chat))
        lanes.review(connection, lanes.of_chat(connection, chat))


@lru_cache
def as_rates(text: str) -> tuple[Rate, ...]:
    return tuple(Rate(per_second, burst) for per_second, burst in json.loads(text))


def rates_text(rates: Iterable[Rate]) -> str:
    return json.dumps([(rate.per_second, rate.burst) for rate in rates])


def as_paces(text: str) -> tuple[float, ...]:
    return tuple(json.loads(text)) if text != _NO_RATES else ()
