"""What a job has used and come to, summed up over the runs that the run log still holds."""

from pathlib import Path

import apsw

from stentor.adapters.sqlite.rows import only
from stentor.adapters.sqlite.shapes import iso
from stentor.adapters.sqlite.snapshot import read_only
from stentor.domain.json_types import JsonObject

_TOTALS = """
SELECT count(*), count(*) FILTER (WHERE status = 'ok'),
    count(*) FILTER (WHERE status IN ('error', 'timeout', 'interrupted')), count(*) FILTER (WHERE status = 'skipped'),
    sum(input_tokens), sum(output_tokens), sum(cached_tokens), sum(cost_usd), min(queued_at)
FROM runs WHERE job_id = ?
"""
# Sums of binary fractions end in a tail that nobody paid.
_DECIMALS = 9


def job_totals(path: Path, job_id: str) -> JsonObject:
    """Usage is null where no run reported any."""
    connection = read_only(str(path))
    try:
        return _totals(connection, job_id)
    finally:
        connection.close()


def _totals(connection: apsw.Connection, job_id: str) -> JsonObject:
    runs, ok, errors, skipped, given, said, cached, cost, since = only(connection, _TOTALS, (job_id,))
    return {
        "runs": runs,
        "ok": ok,
        "errors": errors,
        "skipped": skipped,
        "inputTokens": given,
        "outputTokens": said,
        "cachedTokens": cached,
        "costUsd": None if cost is None else round(cost, _DECIMALS),
        "since": iso(since),
    }
