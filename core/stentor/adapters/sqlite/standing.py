"""How the runs of a job went, in the words of SQL: `j` is its row, if it is stored.

No stored job asks for the turns of the main session, so their own rows say it. There are as many as the run log keeps
of one job.
"""

from stentor.domain.happenings import ANSWERED, HEARTBEAT

# The turns of the main session that are over.
_TURNS = f"SELECT {{}} FROM runs t WHERE t.job_id = '{HEARTBEAT}' AND t.ended_at IS NOT NULL"
# What was cancelled, or was not necessary any more, says nothing of how they go.
_TOLD = f"AND t.status <> 'cancelled' AND ifnull(t.error_kind, '') <> '{ANSWERED}'"
_RAN = f"{_TOLD} AND t.status <> 'skipped'"
_NEWEST = "ORDER BY t.ended_at DESC, t.rowid DESC LIMIT 1"
_LAST = f"({_TURNS.format('t.status')} {_RAN} {_NEWEST})"
_LAST_OK = f"ifnull(({_TURNS.format('max(t.ended_at)')} AND t.status = 'ok'), 0)"
_LAST_RUN = f"ifnull(({_TURNS.format('max(t.ended_at)')} {_RAN}), 0)"
_ERRORS = f"({_TURNS.format('count(*)')} AND t.status IN ('error', 'timeout') AND t.ended_at > {_LAST_OK})"
_SKIPS = f"({_TURNS.format('count(*)')} {_TOLD} AND t.status = 'skipped' AND t.ended_at > {_LAST_RUN})"
_FORGOTTEN = f"NOT EXISTS ({_TURNS.format('1')} {_TOLD})"
# How often it went wrong since it last went well, and why the last time.
FAILING = f"{_TURNS.format('count(*) OVER (), t.error')} {_TOLD} AND t.ended_at > {_LAST_OK} {_NEWEST}"
# A heartbeat comes round again, and what somebody wanted does not.
_IS_LAST_WORD = _TURNS.format("t.status = 'interrupted' OR t.scheduled_for IS NULL")
_NO_MORE = f"""
({_IS_LAST_WORD} {_RAN} {_NEWEST})
AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.job_id = '{HEARTBEAT}' AND r.ended_at IS NULL)
"""
# Of a job that waits for a run nobody can say yet that nothing more will come.
_FINAL = """
(j.enabled = 0 OR j.next_at IS NULL OR j.last_status = 'interrupted')
AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.job_id = j.id AND r.ended_at IS NULL)
"""
_LEFT_ALONE = "(j.id IS NULL OR (j.enabled = 0 AND j.finished IS NULL AND j.auto_disabled IS NULL))"


def last_status(job_id: str) -> str:
    """How the last of them ended."""
    return _either(job_id, _LAST, "j.last_status")


def errors(job_id: str) -> str:
    """How many erred in a row."""
    return _either(job_id, _ERRORS, "j.consecutive_errors")


def skips(job_id: str) -> str:
    """How many were skipped in a row."""
    return _either(job_id, _SKIPS, "j.consecutive_skipped")


def final(job_id: str) -> str:
    """Whether nothing more will come of it by itself."""
    return _either(job_id, _NO_MORE, _FINAL)


def left_alone(job_id: str) -> str:
    """Whether nobody wants it any more, or nothing is known of it."""
    return _either(job_id, _FORGOTTEN, _LEFT_ALONE)


def _either(job_id: str, of_turns: str, stored: str) -> str:
    return f"CASE {job_id} WHEN '{HEARTBEAT}' THEN {of_turns} ELSE {stored} END"
