"""The bounds of sessions, in slices: first those whose time is over, then the oldest of those that are too many.

Of these the sessions of single runs go first: what a busy job leaves must not push out what a rare one remembers.

A session in which a run is under way stays, and so does one that holds events nobody has answered, and the one whose
run made it; one that is pinned always does.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import apsw

from stentor.adapters.sqlite.rows import fetch, only
from stentor.domain.retention import Limits, Removed
from stentor.domain.session_limits import OF_ONE_RUN, Reason, SessionLimits, SessionTallies

_ROWS = 200
# Whoever removes a session removes what was said in it: a slice ends after so many messages.
_MESSAGES = 2_000
_NEVER = 1 << 62
_OF_ONE_RUN, _ALL_OTHERS = 1, 2
_KINDS = ", ".join(f"'{kind}'" for kind in OF_ONE_RUN)

PINNED = "EXISTS (SELECT 1 FROM preferences p WHERE p.base_key = s.base_key AND p.pinned = 1)"
# What is needed of a session is known by these alone: whoever removes one asks for both.
USED = """
SELECT session_id FROM runs INDEXED BY runs_open WHERE ended_at IS NULL
    UNION SELECT session_id FROM messages INDEXED BY messages_unanswered WHERE wake IS NOT NULL
"""
_IN_USE = f"""
WITH RECURSIVE in_use(id) AS (
    {USED}
    UNION SELECT c.parent_id FROM in_use u CROSS JOIN sessions c ON c.id = u.id WHERE c.parent_id IS NOT NULL)
"""
# Its runs were queued between the first and the last change of a session, and may have ended later without a word.
_ENDED_LATER = """
SELECT 1 FROM runs r WHERE r.job_id = s.job_id AND r.queued_at BETWEEN s.created_at AND s.updated_at
    AND r.session_id = s.id AND r.ended_at >= ?1
"""
_SLICE = f"""
{_IN_USE}
SELECT s.updated_at, s.rowid, s.id, s.bytes, s.messages,
    CASE WHEN s.kind IN ({_KINDS}) AND s.updated_at < ?1 AND NOT EXISTS ({_ENDED_LATER}) THEN 'retention'
        WHEN s.updated_at < ?2 THEN 'age' END,
    s.id IN in_use OR {PINNED}, s.kind IN ({_KINDS})
FROM sessions s WHERE s.updated_at < ?3 AND (s.updated_at, s.rowid) > (?4, ?5) ORDER BY s.updated_at, s.rowid LIMIT {_ROWS}
"""
_ALL = "SELECT count(*), ifnull(sum(bytes), 0) FROM sessions"

After = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Place:
    """How far a sweep has come: of the old ones, then of the surplus, first of single runs and then of the others.

    Of the old ones it says how many were found and are still there, with their bytes; then how many are too many.
    """

    surplus: int = 0
    at_ms: int = -1
    row: int = 0
    count: int = 0
    bytes: int = 0

    def after(self) -> After:
        return self.surplus, self.at_ms, self.row, self.count, self.bytes


@dataclass(frozen=True, slots=True)
class _Found:
    """A session that may go."""

    id: str
    bytes: int
    reason: Reason


def old_and_surplus(
    connection: apsw.Connection, limits: Limits, now_ms: int, after: Sequence[int]
) -> tuple[Removed, After]:
    """One slice of a sweep."""
    if not limits.sessions:
        return Removed(), ()
    found, following = survey(connection, limits.sessions, now_ms, after, dry=False)
    gone = [(each.id,) for each in found if limits.sessions.enforces(each.reason)]
    connection.executemany("DELETE FROM messages WHERE session_id = ?", gone)
    connection.executemany("DELETE FROM sessions WHERE id = ?", gone)
    return tallied(found, limits.sessions), following


def tallied(found: Sequence[_Found], limits: SessionLimits) -> Removed:
    removed = Removed()
    for each in found:
        one = SessionTallies.of(each.reason, each.bytes)
        removed += Removed(sessions=one) if limits.enforces(each.reason) else Removed(beyond=one)
    return removed


def survey(
    connection: apsw.Connection, limits: SessionLimits, now_ms: int, after: Sequence[int], *, dry: bool
) -> tuple[list[_Found], After]:
    """What is to go next, and where to go on; a `dry` survey knows that nothing goes."""
    place = _Place(*after)
    if place.surplus:
        return _surplus(connection, limits, now_ms, place)
    return _old(connection, limits, now_ms, place, dry=dry)


def _old(
    connection: apsw.Connection, limits: SessionLimits, now_ms: int, place: _Place, *, dry: bool
) -> tuple[list[_Found], After]:
    """Sessions whose time is over."""
    found: list[_Found] = []
    count, size, row = place.count, place.bytes, None
    for row in _rows(connection, limits, now_ms, place, until_ms=max(_cutoffs(limits, now_ms))):
        if row.reason is not None and not row.stays:
            found.append(_Found(row.id, row.bytes, row.reason))
            if dry or not limits.enforces(row.reason):
                count, size = count + 1, size + row.bytes
    if row is not None:
        return found, _Place(0, row.at_ms, row.row, count, size).after()
    return found, _first_surplus(connection, limits, count, size)


def _first_surplus(connection: apsw.Connection, limits: SessionLimits, counted: int, size: int) -> After:
    if not limits.entries and not limits.bytes:
        return ()
    there, bytes_there = only(connection, _ALL)
    many = max(0, there - counted - limits.entries) if limits.entries else 0
    much = max(0, bytes_there - size - limits.bytes) if limits.bytes else 0
    return _Place(_OF_ONE_RUN, count=many, bytes=much).after() if many or much else ()


def _surplus(
    connection: apsw.Connection, limits: SessionLimits, now_ms: int, place: _Place
) -> tuple[list[_Found], After]:
    """The oldest, until they are no longer too many, nor too much. What is old has been found before."""
    found: list[_Found] = []
    count, size, row = place.count, place.bytes, None
    for row in _rows(connection, limits, now_ms, place, until_ms=_NEVER):
        if row.reason is None and not row.stays and bool(row.of_one_run) == (place.surplus == _OF_ONE_RUN):
            found.append(_Found(row.id, row.bytes, "entries" if count else "disk"))
            count, size = max(0, count - 1), max(0, size - row.bytes)
        if not count and not size:
            return found, ()
    if row is not None:
        return found, _Place(place.surplus, row.at_ms, row.row, count, size).after()
    more = place.surplus == _OF_ONE_RUN
    return found, _Place(_ALL_OTHERS, count=count, bytes=size).after() if more else ()


@dataclass(frozen=True, slots=True)
class _Row:
    at_ms: int
    row: int
    id: str
    bytes: int
    messages: int
    reason: Reason | None
    stays: int
    of_one_run: int


def _rows(
    connection: apsw.Connection, limits: SessionLimits, now_ms: int, place: _Place, *, until_ms: int
) -> Iterator[_Row]:
    """The sessions of a slice, oldest first."""
    values = (*_cutoffs(limits, now_ms), until_ms, place.at_ms, place.row)
    messages = 0
    for row in map(_row, fetch(connection, _SLICE, values)):
        yield row
        messages += row.messages
        if messages >= _MESSAGES:
            return


def _row(values: tuple[int, int, str, int, int, Reason | None, int, int]) -> _Row:
    return _Row(*values)


def _cutoffs(limits: SessionLimits, now_ms: int) -> tuple[int, int]:
    """Before which instants sessions of single runs go, and all others; nothing is from before the first."""
    retention = now_ms - limits.retention_ms if limits.retention_ms else -1
    return retention, now_ms - limits.age_ms if limits.age_ms else -1
