"""Gates of accounts and chats: what answers shut, and what opens again.

A gate that an answer shut stays half open when its time is over: one part goes ahead, and what becomes of it tells
the others. If nothing becomes of it for longer than a send may take, another one goes.
"""

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

import apsw

from stentor.adapters.sqlite import lanes
from stentor.adapters.sqlite.rows import fetch, first, listed
from stentor.contract.errors import ThrottleScope
from stentor.contract.traits import Rate
from stentor.domain.outbox import LONG_QUIET_SECONDS, Gate
from stentor.domain.rates import free_at

NO_RATES = "[]"
# A slot is free again.
_HUNGRY_AGAIN = "UPDATE accounts SET sated = 0 WHERE sated = 1"
# The longest gate counts: an answer that wants less quiet does not shorten what another one asked for. But whoever
# went ahead has the newest word.
_SHUT = """
UPDATE accounts SET state = ?1, reason = iif(?4 >= ready_at OR probing OR ?1 = 'down', ?2, reason), since = ?3,
    ready_at = iif(probing, ?4, max(ready_at, ?4)), gated = 1, probing = 0
WHERE channel = ?5 AND account = ?6 AND state = 'open'
"""
# A long quiet is told with the first answer that asks for it; those that were under way ask for the same.
_HELD = (
    "SELECT 1 FROM accounts WHERE channel = ? AND account = ? AND gated = 1 AND probing = 0 AND ready_at >= ?"
)
_MOMENTS_MS = 120_000
_PROBING = "SELECT rates, paces FROM accounts WHERE channel = ? AND account = ? AND probing = 1"
_OPEN = (
    "UPDATE accounts SET gated = 0, probing = 0, reason = '', ready_at = ? WHERE channel = ? AND account = ?"
)
_SHUT_CHAT = """
UPDATE chats SET ready_at = iif(probing, ?1, max(ready_at, ?1)), gated = 1, probing = 0
WHERE id = ?2
"""
_PROBING_CHATS = """
SELECT c.id, a.target_rates, c.paces FROM chats c
CROSS JOIN accounts a ON a.channel = c.channel AND a.account = c.account
WHERE c.probing = 1 AND c.id IN (SELECT value FROM json_each(?))
"""
_OPEN_CHAT = "UPDATE chats SET gated = 0, probing = 0, ready_at = ? WHERE id = ?"


class Answered(NamedTuple):
    """A part that was being sent has been answered, perhaps with a gate."""

    channel: str
    account: str
    chat: int
    gate: Gate | None

    def lets_in(self, scope: ThrottleScope) -> bool:
        """Whether it got past this gate: who is stopped by the gate of a chat was let in by the account, and the
        other way round."""
        return self.gate is None or self.gate.scope != scope


def heed(connection: apsw.Connection, answers: Sequence[Answered], at_ms: int) -> list[str]:
    """Shut what answers ask to shut, and open what others went ahead for. Gives the accounts that are down now."""
    connection.execute(_HUNGRY_AGAIN)
    down: list[str] = []
    for channel, account, chat, gate in answers:
        if gate is None:
            continue
        if gate.scope == "target":
            connection.execute(_SHUT_CHAT, (gate.until_ms, chat))
            lanes.put_off_chat(connection, chat, gate.until_ms)
            continue
        if gate.down:
            down += shut(connection, channel, account, gate.reason, at_ms, gate.until_ms)
            continue
        long_ms = at_ms + LONG_QUIET_SECONDS * 1000
        known = first(connection, _HELD, (channel, account, long_ms - _MOMENTS_MS)) is not None
        connection.execute(_SHUT, ("open", gate.reason, at_ms, gate.until_ms, channel, account))
        if gate.until_ms >= long_ms and connection.changes() and not known:
            down.append(f"{channel}:{account} sends nothing for now: {gate.reason}")
    let_in = [(answer.channel, answer.account) for answer in answers if answer.lets_in("account")]
    for channel, account in dict.fromkeys(let_in):
        for rates, paces in fetch(connection, _PROBING, (channel, account)):
            connection.execute(_OPEN, (free_at(as_rates(rates), as_paces(paces)), channel, account))
    _open_chats(connection, {answer.chat for answer in answers if answer.lets_in("target")})
    return down


def shut(
    connection: apsw.Connection, channel: str, account: str, reason: str, at_ms: int, until_ms: int = 0
) -> list[str]:
    """Take an account for down. Gives what is to be said of it: nothing, where it was down before."""
    connection.execute(_SHUT, ("down", reason, at_ms, until_ms, channel, account))
    return [f"{channel}:{account} is down: {reason}"] if connection.changes() else []


def _open_chats(connection: apsw.Connection, let_in: Iterable[int]) -> None:
    for chat, rates, paces in fetch(connection, _PROBING_CHATS, (listed(let_in),)):
        connection.execute(_OPEN_CHAT, (free_at(as_rates(rates), as_paces(paces)), chat))
        lanes.review(connection, lanes.of_chat(connection, chat))


@lru_cache
def as_rates(text: str) -> tuple[Rate, ...]:
    return tuple(Rate(per_second, burst) for per_second, burst in json.loads(text))


def rates_text(rates: Iterable[Rate]) -> str:
    return json.dumps([(rate.per_second, rate.burst) for rate in rates])


def as_paces(text: str) -> tuple[float, ...]:
    return tuple(json.loads(text)) if text != NO_RATES else ()
