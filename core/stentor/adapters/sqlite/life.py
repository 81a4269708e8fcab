"""Starting, living and looking back: recovery, heartbeat, accounts, and the journal lent to channels."""

import json
from collections.abc import Mapping, Sequence

import apsw

from stentor.adapters.sqlite import gates, runs, sending
from stentor.adapters.sqlite.events import alert
from stentor.adapters.sqlite.rows import Row, fetch, first, only
from stentor.domain.records import AccountRow, Recovery

# A gate that a provider closed stays closed over a restart; rejected credentials get a new chance, they may have changed.
_ACCOUNT = """
INSERT INTO accounts (channel, account, state, reason, since, ready_at, gated, patience, rates, target_rates, at_once)
VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, ?7, ?8, ?9, ?10)
ON CONFLICT DO UPDATE SET state = excluded.state, gated = excluded.gated OR gated OR state = 'down', probing = iif(excluded.gated, 0, probing),
    rates = excluded.rates, target_rates = excluded.target_rates, patience = excluded.patience, sated = 0, at_once = excluded.at_once,
    reason = CASE WHEN excluded.state = 'open' AND state = 'open' THEN reason ELSE excluded.reason END,
    since = CASE WHEN state = excluded.state THEN since ELSE excluded.since END,
    ready_at = CASE WHEN state = 'down' OR (probing AND excluded.gated) THEN excluded.ready_at ELSE ready_at END
"""
_REOPEN = """
UPDATE accounts SET state = 'open', reason = '', since = iif(state = 'down', ?1, since), ready_at = ?1, gated = 1, probing = 0
WHERE channel = ?2 AND account = ?3
    AND (state = 'down' OR gated = 1 AND probing = 0 AND ready_at > ?1 AND reason LIKE 'unavailable:%')
"""
_BLOCK = """
UPDATE accounts SET state = 'blocked', reason = 'not_configured', since = ?,
    ready_at = iif(state = 'down', 0, ready_at)
WHERE channel = ? AND account = ? AND state <> 'blocked'
"""
_META = "INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value"
_NEWEST = """
INSERT INTO meta VALUES ('newest', ?) ON CONFLICT DO UPDATE SET value = max(CAST(value AS INTEGER), excluded.value + 0)
"""
# What the store knew of time when this process began: a clock that was behind even then has perhaps not been set yet.
_NEWEST_AT_START = """
INSERT INTO meta SELECT 'newest_at_start', ifnull((SELECT value FROM meta WHERE key = 'newest'), '0')
WHERE NOT EXISTS (SELECT 1 FROM meta WHERE key = 'boot' AND value = ?)
ON CONFLICT DO UPDATE SET value = excluded.value
"""
_JOURNAL = "INSERT INTO journal (channel, account, key, target, body, at) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"


def recover(connection: apsw.Connection, boot: str) -> Recovery:
    """Find what earlier processes left unfinished. Their runs are adopted: whoever is late now is fenced off."""
    open_runs = runs.adopt_open(connection, boot)
    return Recovery(tuple(open_runs), tuple(sending.orphans(connection, boot)))


def beat(connection: apsw.Connection, boot: str, now_ms: int) -> None:
    """Say that this process lives. The newest instant ever seen never goes back, whatever the clock does."""
    connection.execute(_NEWEST_AT_START, (boot,))
    connection.executemany(_META, [("heartbeat", str(now_ms)), ("boot", boot)])
    connection.execute(_NEWEST, (str(now_ms),))


def set_accounts(connection: apsw.Connection, accounts: Sequence[AccountRow], now_ms: int) -> None:
    """Say which accounts exist; all others keep their parts, blocked."""
    there = {(row.channel, row.account) for row in accounts}
    known = fetch(connection, "SELECT channel, account FROM accounts")
    gone = [account for account in known if account not in there]
    connection.executemany(_BLOCK, [(now_ms, *account) for account in gone])
    connection.executemany(_ACCOUNT, [_values(row, now_ms) for row in accounts])
    if any(row.gated for row in accounts):
        connection.execute("UPDATE chats SET probing = 0, ready_at = ? WHERE probing = 1", (now_ms,))


def reopen(connection: apsw.Connection, channel: str, account: str, now_ms: int) -> None:
    """An account that was down, or not connected, gets another chance: one part goes ahead."""
    connection.execute(_REOPEN, (now_ms, channel, account))


def shut(connection: apsw.Connection, channel: str, account: str, reason: str, now_ms: int) -> None:
    """An account is down, and nobody had to try it to learn that."""
    for message in gates.shut(connection, channel, account, reason, now_ms):
        alert(connection, now_ms, "account_down", message, account=(channel, account))


def _values(row: AccountRow, now_ms: int) -> Row:
    rates = [
        gates.rates_text(rate for rate in row.rates if rate.scope == scope) for scope in ("account", "target")
    ]
    terms = (*rates, row.at_once)
    return row.channel, row.account, row.state, row.reason, now_ms, row.gated, row.patience_ms, *terms


def journal(
    connection: apsw.Connection,
    owner: tuple[str, str],
    key: str,
    target: str,
    body: Mapping[str, object],
    at_ms: int,
) -> str:
    """Keep a record once; the same key gives the first record's id again."""
    connection.execute(_JOURNAL, (*owner, key, target, json.dumps(body, ensure_ascii=False), at_ms))
    find = "SELECT id FROM journal WHERE channel = ? AND account = ? AND key = ?"
    return str(only(connection, find, (*owner, key))[0])


def newest(connection: apsw.Connection) -> int:
    """The latest time the store has ever seen."""
    row = first(connection, "SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'newest'")
    return 0 if row is None else row[0]
