"""Bugs in how long sessions are kept, which of them go, and when they begin anew."""

from tests.mutants.planting import Mutant

SQLITE = "core/stentor/adapters/sqlite"
BOUNDS = f"{SQLITE}/session_bounds.py"
RUNS = f"{SQLITE}/runs.py"
RESETS = "core/stentor/domain/session_resets.py"
LIMITS = "core/stentor/app/limits.py"
STORE = "tests/stores/test_sqlite.py::TestWithTheWriterOnTheLoop"
SERVICE = "tests/services/test_sessions.py"
MONTH = "tests/simulation/test_a_month_of_sessions.py"

SESSIONS = (
    Mutant(
        "the sessions of single runs are not looked for",
        LIMITS,
        "        config.cron.session_retention, kept",
        "        0, kept",
        f"{MONTH}::test_without_a_job_that_could_run_sessions_go_all_the_same",
    ),
    Mutant(
        "a run that ended without a word is as old as its beginning",
        BOUNDS,
        "s.updated_at < ?1 AND NOT EXISTS ({_ENDED_LATER})",
        "s.updated_at < ?1",
        f"{STORE}::test_a_run_that_ended_later_without_a_word_keeps_its_session_for_as_long",
    ),
    Mutant(
        "the session of an open run goes",
        BOUNDS,
        "    s.id IN in_use OR {PINNED}, s.kind",
        "    {PINNED}, s.kind",
        f"{STORE}::test_the_session_of_an_open_run_stays",
    ),
    Mutant(
        "the session of whoever waits for another goes",
        BOUNDS,
        "    UNION SELECT c.parent_id FROM in_use u CROSS JOIN sessions c ON c.id = u.id WHERE c.parent_id IS NOT NULL)\n",
        ")\n",
        f"{STORE}::test_a_session_stays_as_long_as_one_that_its_run_made_is_in_use",
    ),
    Mutant(
        "what is pinned goes",
        BOUNDS,
        "    s.id IN in_use OR {PINNED}, s.kind",
        "    s.id IN in_use, s.kind",
        f"{STORE}::test_a_pinned_session_stays",
    ),
    Mutant(
        "what is said in a session stays behind",
        BOUNDS,
        '    connection.executemany("DELETE FROM messages WHERE session_id = ?", gone)\n',
        "",
        f"{STORE}::test_the_session_of_a_run_goes_however_the_run_ended",
    ),
    Mutant(
        "of too many sessions the newest go",
        BOUNDS,
        "ORDER BY s.updated_at, s.rowid LIMIT",
        "ORDER BY s.updated_at DESC, s.rowid LIMIT",
        f"{STORE}::test_of_too_many_the_oldest_go_and_those_of_single_runs_before_all_others",
    ),
    Mutant(
        "sessions go to make room that others leave anyway",
        BOUNDS,
        "            if dry or not limits.enforces(row.reason):\n",
        "            if False:\n",
        f"{STORE}::test_what_would_go_is_what_goes",
    ),
    Mutant(
        "a warning removes sessions",
        BOUNDS,
        "for each in found if limits.sessions.enforces(each.reason)]",
        "for each in found]",
        f"{STORE}::test_limits_that_only_warn_remove_nothing_but_what_single_runs_left",
    ),
    Mutant(
        "a day begins with the run after the one that begins it",
        RUNS,
        "max(at_ms, fresh.born_ms)",
        "at_ms",
        f"{STORE}::test_a_session_that_begins_with_a_day_is_of_that_day",
    ),
    Mutant(
        "a system event keeps a conversation fresh",
        f"{SQLITE}/transcripts.py",
        ' and any(entry.role == "user" for entry in messages)',
        "",
        f"{SERVICE}::test_system_events_do_not_keep_the_main_session_fresh",
    ),
    Mutant(
        "days begin by UTC everywhere",
        LIMITS,
        "Resets(config.zone()[0], ",
        'Resets("UTC", ',
        f"{SERVICE}::test_a_day_begins_in_the_time_zone_of_the_configuration",
    ),
    Mutant(
        "clocks that were put back over midnight have shown nothing of tomorrow",
        RESETS,
        "for day in (1, 0, -1)",
        "for day in (0, -1)",
        "tests/domain/test_session_resets.py",
    ),
)
