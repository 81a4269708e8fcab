"""Messages that were accepted, and that nobody has confirmed since although the provider could."""

import apsw

from stentor.adapters.sqlite.events import alert, record
from stentor.adapters.sqlite.rows import fetch, only

_SILENT = """
SELECT p.seq, d.id, d.run_id, d.job_id, d.channel, d.account, d.target, d.unconfirmed_at
FROM parts p JOIN deliveries d ON d.id = p.delivery_id
WHERE p.confirm_by IS NOT NULL AND p.state = 'accepted' AND p.confirm_by <= ? ORDER BY p.confirm_by LIMIT 200
"""
_FLAG = "UPDATE deliveries SET unconfirmed_at = ifnull(unconfirmed_at, ?) WHERE id = ?"
_IN_A_ROW = """
SELECT count(unconfirmed_at) FROM (
    SELECT unconfirmed_at FROM deliveries WHERE channel = ? AND account = ? AND target = ?
        AND state IN ('accepted', 'delivered', 'read') ORDER BY created_at DESC LIMIT ?)
"""
_WORTH_AN_ALERT = 3


def flag(connection: apsw.Connection, now_ms: int) -> int:
    """Flag what should have been confirmed by now, at most 200 parts at once."""
    silent = fetch(connection, _SILENT, (now_ms,))
    for seq, delivery, run, job, channel, account, target, flagged in silent:
        connection.execute("UPDATE parts SET confirm_by = NULL WHERE seq = ?", (seq,))
        if flagged is not None:
            continue
        connection.execute(_FLAG, (now_ms, delivery))
        names = {"job_id": job, "run_id": run, "delivery_id": delivery}
        record(connection, now_ms, "delivery.unconfirmed", **names)
        in_a_row = only(connection, _IN_A_ROW, (channel, account, target, _WORTH_AN_ALERT))[0]
        if in_a_row == _WORTH_AN_ALERT:
            why = f"{target} confirmed none of the last {_WORTH_AN_ALERT} messages: does anybody get them?"
            alert(connection, now_ms, "unconfirmed", why, **names)
    return len(silent)
