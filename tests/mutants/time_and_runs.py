"""Bugs in accounting, in runs and in their endings."""

from tests.mutants.planting import Mutant

SQLITE = "core/stentor/adapters/sqlite"
STORE = "tests/stores/test_sqlite.py::TestWithTheWriterOnTheLoop"
CRASHES = "tests/simulation/test_crash_everywhere.py"
READING = "tests/cli/test_reading_changes_nothing.py"
RETRYING = "tests/services/test_retrying.py"
CATCHING_UP = "tests/services/test_catching_up.py"
EXECUTING = "tests/services/test_executing.py"
SCHEDULING = "tests/services/test_scheduling.py"

TIME_AND_RUNS = (
    Mutant(
        "a run that was cut off is not done again",
        "core/stentor/services/successors.py",
        'return job.on_interrupt == "rerun" or not sent_something',
        'return job.on_interrupt == "rerun" and sent_something',
        "tests/services/test_running.py::test_a_run_longer_than_the_drain_is_interrupted_and_done_again",
    ),
    Mutant(
        "what was under way counts as not begun",
        f"{SQLITE}/runs.py",
        "r.not_before, r.started_at IS NOT NULL,",
        "r.not_before, 0,",
        f"{CRASHES}::test_a_crash_at_any_point_loses_nothing_and_doubles_nothing[plain]",
    ),
    Mutant(
        "the account moves in a commit of its own",
        f"{SQLITE}/schedule.py",
        "[_advance(claim)]):\n        return None\n",
        "[_advance(claim)]):\n        return None\n"
        '    connection.execute("RELEASE one; COMMIT; BEGIN IMMEDIATE; SAVEPOINT one")\n',
        f"{CRASHES}::test_a_crash_at_any_point_loses_nothing_and_doubles_nothing[plain]",
    ),
    Mutant(
        "the account moves on without rows",
        "core/stentor/domain/occurrences.py",
        "    due = found[:limit]\n",
        "    due = found[:limit][-1:]\n",
        "tests/domain/test_occurrences.py::test_a_jump_of_an_hour_gives_one_run_and_eleven_coalesced",
    ),
    Mutant(
        "an instant that has a row runs again",
        f"{SQLITE}/schedule.py",
        "[run for run in claim.runs if run.id in fresh]",
        "list(claim.runs)",
        f"{STORE}::test_an_instant_runs_once_even_if_the_account_was_set_back",
    ),
    Mutant(
        "an instant may have two rows",
        f"{SQLITE}/migrations/0001_initial.sql",
        "DEFAULT 1,\n    PRIMARY KEY (job_id, instant)\n) STRICT, WITHOUT ROWID;",
        "DEFAULT 1\n) STRICT;",
        f"{STORE}::test_an_instant_runs_once_even_if_the_account_was_set_back",
        also=((f"{SQLITE}/occurrences.py", "WHERE w.value ->> 1 <= (", "WHERE w.value ->> 1 < ("),),
    ),
    Mutant(
        "two daemons both have their way",
        f"{SQLITE}/schedule.py",
        "[_advance(claim) for claim in claims]) < len(claims):",
        "[_advance(claim) for claim in claims]) < 0:",
        "tests/simulation/test_two_daemons_at_once.py",
        also=(
            (
                f"{SQLITE}/schedule.py",
                "if not write_each(connection, _ADVANCE, [_advance(claim)]):",
                "if write_each(connection, _ADVANCE, [_advance(claim)]) < 0:",
            ),
            (
                f"{SQLITE}/occurrences.py",
                "[row for row in rows if row[:2] not in there]) == len(rows)",
                "[row for row in rows if row[:2] not in there]) >= 0",
            ),
        ),
    ),
    Mutant(
        "an instant within a range is written again",
        f"{SQLITE}/occurrences.py",
        "WHERE w.value ->> 1 <= (",
        "WHERE w.value ->> 1 > (",
        f"{STORE}::test_an_instant_inside_an_accounted_range_does_not_run",
    ),
    Mutant(
        "a claim from a stale account is taken",
        f"{SQLITE}/schedule.py",
        "AND accounted_at = claim.accounted_from",
        "AND accounted_at >= claim.accounted_from",
        f"{STORE}::test_a_claim_from_a_stale_account_writes_nothing",
    ),
    Mutant(
        "anybody ends a run",
        f"{SQLITE}/endings.py",
        "AND r.boot = w.value ->> 1 AND",
        "AND r.boot <> w.value ->> 1 || '?' AND",
        f"{STORE}::test_only_the_holder_of_the_lease_ends_a_run",
    ),
    Mutant(
        "a run ends twice",
        f"{SQLITE}/endings.py",
        "AND r.boot = w.value ->> 1 AND r.ended_at IS NULL",
        "AND r.boot = w.value ->> 1",
        f"{STORE}::test_a_run_ends_once_and_what_comes_late_is_recorded",
    ),
    Mutant(
        "a job runs as it was read first",
        "core/stentor/services/job_memory.py",
        "if known is not None and known[0] == row.doc:",
        "if known is not None:",
        "tests/services/test_job_memory.py::test_a_row_that_says_something_else_is_read_anew",
    ),
    Mutant(
        "the second end of a job in one commit is lost",
        f"{SQLITE}/endings.py",
        "free = next((told for told in rounds if job_id not in told), None)",
        "free = next(iter(rounds), None)",
        f"{STORE}::test_errors_and_skips_in_a_row_are_counted_apart",
    ),
    Mutant(
        "what was missed raises no alert",
        f"{SQLITE}/occurrences.py",
        "    if lost:\n",
        "    if len(lost) > 9_999:\n",
        f"{SCHEDULING}::test_a_one_shot_missed_by_more_than_a_day_says_so_and_stays",
    ),
    Mutant(
        "tidying up takes along what is still to be sent",
        f"{SQLITE}/retention.py",
        "d.run_id = runs.id AND d.state IN ('pending', 'unknown')",
        "d.run_id = runs.id AND d.state IN ('nothing')",
        f"{STORE}::test_a_run_whose_delivery_is_open_stays_whole",
    ),
    Mutant(
        "a commit may be lost with the power",
        f"{SQLITE}/engine.py",
        "PRAGMA synchronous = FULL",
        "PRAGMA synchronous = NORMAL",
        "tests/stores/test_sqlite_file.py::test_every_commit_is_on_the_disk_before_it_counts",
    ),
    Mutant(
        "a question leaves a trace",
        f"{SQLITE}/reader.py",
        "        return cls(read_only(",
        '        apsw.Connection(str(path)).execute("UPDATE jobs SET updated_at = updated_at + 1")\n'
        "        return cls(read_only(",
        f"{READING}::test_a_question_leaves_the_tables_byte_for_byte[without_daemon-show]",
    ),
    Mutant(
        "an edit of an old revision is taken",
        f"{SQLITE}/jobs.py",
        "WHERE id = ? AND revision = ?\n",
        "WHERE id = ? AND revision >= ?\n",
        f"{STORE}::test_a_change_decided_on_an_old_revision_is_refused_and_writes_nothing",
    ),
    Mutant(
        "a wall time is read as UTC",
        "core/stentor/domain/instants.py",
        "return wall_ms if tz is None else _in_zone(wall_ms, tz, plain)",
        "return wall_ms",
        "tests/domain/test_instants.py",
    ),
    Mutant(
        "the repeated hour counts twice",
        "core/stentor/domain/offsets.py",
        "wall.replace(fold=1).utcoffset()",
        "wall.utcoffset()",
        "tests/domain/test_cron_dst.py",
    ),
    Mutant(
        "a success does not end a row of errors",
        f"{SQLITE}/endings.py",
        "CASE WHEN w.status = 'ok' THEN 0 WHEN",
        "CASE WHEN w.status = 'ok' THEN consecutive_errors WHEN",
        f"{RETRYING}::test_a_success_brings_the_schedule_back_to_normal",
    ),
    Mutant(
        "a success does not end the waiting",
        f"{SQLITE}/endings.py",
        "lifted = bool(job.waits) and end.status is RunStatus.OK",
        "lifted = False",
        f"{RETRYING}::test_a_manual_success_ends_the_waiting_at_once",
    ),
    Mutant(
        "what stays wrong is tried again",
        "core/stentor/domain/backoff.py",
        "return kind in _TRANSIENT_KINDS\n",
        "return True\n",
        f"{RETRYING}::test_trouble_that_stays_ends_a_one_shot_at_once",
    ),
    Mutant(
        "late runs start all at once",
        "core/stentor/domain/pacing.py",
        "self._free_ms = start_ms + _MINUTE_MS // self.per_minute",
        "self._free_ms = start_ms",
        f"{CATCHING_UP}::test_forty_late_jobs_start_six_a_minute_in_the_order_they_were_due",
    ),
    Mutant(
        "grace has no end",
        "core/stentor/domain/occurrences.py",
        "if late and age_ms > missed.grace_ms and",
        "if late and age_ms < missed.grace_ms < 0 and",
        "tests/domain/test_occurrences.py::test_grace_ends_after_its_last_millisecond",
    ),
    Mutant(
        "a sleep goes unnoticed",
        "core/stentor/services/vigil.py",
        "if ahead > _JUMP_MS:",
        "if ahead > _JUMP_MS * 10**9:",
        f"{CATCHING_UP}::test_asleep_past_its_grace_a_job_is_missed",
    ),
    Mutant(
        "a clock that is not set is believed",
        "core/stentor/services/vigil.py",
        "        while self.clock.now_ms() < newest_ms - _STEP_BACK_MS:",
        "        while self.clock.now_ms() < newest_ms - 10**15:",
        f"{CATCHING_UP}::test_before_the_clock_is_set_nothing_is_scheduled",
    ),
    Mutant(
        "runs of one job overlap",
        "core/stentor/domain/occurrences.py",
        "    if look.overlapping:\n",
        "    if look.overlapping and look.now_ms < 0:\n",
        f"{RETRYING}::test_skipped_runs_do_not_slow_a_job_down",
    ),
    Mutant(
        "urgent work waits behind the rest",
        "core/stentor/services/tickets.py",
        "return priority, self.run.scheduled_ms or self.run.queued_ms, self.number",
        "return -priority, self.run.scheduled_ms or self.run.queued_ms, self.number",
        f"{EXECUTING}::test_urgent_work_overtakes_what_waits",
    ),
    Mutant(
        "what was switched off on the way runs all the same",
        "core/stentor/services/executor.py",
        "            ticket.stale = True\n",
        "            ticket.stale = False\n",
        f"{EXECUTING}::test_what_was_claimed_ahead_does_not_run_for_a_job_that_no_longer_wants_it",
    ),
    Mutant(
        "a manual run uses the instant up",
        "core/stentor/services/successors.py",
        "if not job.is_one_shot or run.trigger is Trigger.MANUAL:\n        return None\n    return",
        "if not job.is_one_shot:\n        return None\n    return",
        f"{SCHEDULING}::test_a_manual_run_leaves_the_scheduled_instant_alone",
    ),
    Mutant(
        "new zones move nothing",
        "core/stentor/services/readying.py",
        "                if next_at != row.next_at_ms:\n",
        "                if next_at is None:\n",
        f"{SCHEDULING}::test_a_new_time_zone_database_moves_what_lies_ahead_and_nothing_else",
    ),
)
