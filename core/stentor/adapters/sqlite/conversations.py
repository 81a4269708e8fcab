"""Where sessions last sent to, read off the outbox. Opens the store read-only."""

from dataclasses import dataclass
from pathlib import Path

from stentor.adapters.sqlite.rows import fetch, listed
from stentor.adapters.sqlite.snapshot import read_only
from stentor.adapters.sqlite.targets import address
from stentor.contract.targets import Target
from stentor.domain.happenings import HEARTBEAT
from stentor.domain.sessions import SourceSession
from stentor.domain.states import GOOD_DELIVERY

_TARGET = "d.channel, d.kind, d.target_id, d.target, d.thread, d.account"
# A place that was itself found by looking for the last one says nothing new, nor does where nobody was spoken with.
_OF_SESSION = f"""
SELECT {_TARGET}, d.created_at, d.rowid FROM sessions s CROSS JOIN messages m ON m.session_id = s.id
CROSS JOIN deliveries d ON d.run_id = m.run_id
WHERE s.key = ?1 AND s.current = 1 AND d.purpose IN ('announce', 'tool', 'reply') AND d.source <> 'last'
    AND d.job_id <> '{HEARTBEAT}' AND d.state IN (SELECT value FROM json_each(?2))
ORDER BY d.created_at DESC, d.rowid DESC LIMIT 1
"""
_BY_HAND = f"""
SELECT {_TARGET}, d.created_at, d.rowid FROM deliveries d INDEXED BY deliveries_by_hand
WHERE d.run_id IS NULL AND d.purpose = 'manual' AND d.link IS NULL AND d.state IN (SELECT value FROM json_each(?))
ORDER BY d.created_at DESC, d.rowid DESC LIMIT 1
"""
_SPOKEN = """
SELECT target, account, received_at, id FROM incoming INDEXED BY incoming_direct
WHERE direct = 1 AND known = 1 ORDER BY received_at DESC, id DESC LIMIT 1
"""


@dataclass(frozen=True)
class StoredConversations:
    """Looks when it is asked, so that it also answers beside a daemon, or without one."""

    path: Path

    def last(self, session: SourceSession) -> Target | None:
        """Where its runs sent to, and for the owner's main session where something was sent by hand or came from,
        whichever is newest."""
        if not self.path.exists() or not self.path.stat().st_size:
            return None
        connection = read_only(str(self.path))
        try:
            good = listed(sorted(GOOD_DELIVERY))
            found = fetch(connection, _OF_SESSION, (session.key, good))
            if session.is_owners:
                found += fetch(connection, _BY_HAND, (good,))
            spoken = fetch(connection, _SPOKEN) if session.is_owners else []
        finally:
            connection.close()
        sent = max(found, key=lambda row: row[6:], default=None)
        if spoken and (sent is None or spoken[0][2] > sent[6]):
            return address(spoken[0][0], spoken[0][1])
        if sent is None:
            return None
        channel, kind, target_id, canonical, thread, account, *_ = sent
        return Target(channel, kind, target_id, canonical.removeprefix(f"{channel}:"), thread, account)
