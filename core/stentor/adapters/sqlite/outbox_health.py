"""How the outbox is doing: what did not arrive, what nobody knows of, what waits and what it waits for."""

from dataclasses import dataclass
from pathlib import Path

import apsw

from stentor.adapters.sqlite import outbox_log, shapes
from stentor.adapters.sqlite.health import DEAD
from stentor.adapters.sqlite.rows import fetch, number, only
from stentor.adapters.sqlite.snapshot import read_only
from stentor.domain.json_types import JsonObject

_PARTS = "EXISTS (SELECT 1 FROM parts p WHERE p.delivery_id = d.id)"
_DEAD = f"SELECT d.state, count(*) FROM deliveries d WHERE {DEAD} GROUP BY d.state"
# The words of the index over what is open.
_OPEN = f"""
SELECT {shapes.STATE} AS shown, count(*) FROM {shapes.DELIVERIES}
WHERE d.state IN ('pending', 'unknown') AND {_PARTS} GROUP BY shown
"""
_OLDEST = f"""
SELECT min(d.created_at) FROM deliveries d WHERE d.state IN ('pending', 'unknown') AND d.state = 'pending' AND {_PARTS}
"""
_GATES = """
SELECT channel, account, reason, ready_at FROM accounts WHERE state = 'open' AND gated = 1 AND ready_at > ?
ORDER BY channel, account
"""


@dataclass(frozen=True, slots=True)
class Gated:
    """An account that may not send before an instant."""

    account: str
    reason: str
    until_ms: int


@dataclass(frozen=True, slots=True)
class OutboxHealth:
    """How many deliveries are in which trouble. `targets` are those of which something was learned."""

    failed: int = 0
    partial: int = 0
    pending: int = 0
    blocked: int = 0
    unknown: int = 0
    unconfirmed: int = 0
    oldest_pending_ms: int | None = None
    gates: tuple[Gated, ...] = ()
    targets: tuple[JsonObject, ...] = ()

    @property
    def dead(self) -> int:
        return self.failed + self.partial

    def known_targets(self, state: str) -> list[JsonObject]:
        return [target for target in self.targets if target["state"] == state]


def read_outbox_health(path: Path, now_ms: int) -> OutboxHealth:
    """An outbox that does not exist yet is in perfect health."""
    if not path.exists() or not path.stat().st_size:
        return OutboxHealth()
    connection = read_only(str(path))
    try:
        return _health(connection, now_ms)
    finally:
        connection.close()


def _health(connection: apsw.Connection, now_ms: int) -> OutboxHealth:
    counts: dict[str, int] = dict(fetch(connection, _DEAD)) | dict(fetch(connection, _OPEN))
    unconfirmed = "SELECT count(*) FROM deliveries WHERE unconfirmed_at IS NOT NULL"
    return OutboxHealth(
        **counts,
        unconfirmed=only(connection, unconfirmed)[0],
        oldest_pending_ms=number(connection, _OLDEST),
        gates=tuple(
            Gated(f"{channel}:{account}", reason, until)
            for channel, account, reason, until in fetch(connection, _GATES, (now_ms,))
        ),
        targets=tuple(outbox_log.known_targets(connection)),
    )
