"""Bugs in what people are told of trouble."""

from tests.mutants.planting import Mutant

POLICY = "core/stentor/domain/alerts.py"
INCIDENTS = "core/stentor/adapters/sqlite/incidents.py"
TELLING = "tests/services/test_alerts.py"
DECIDING = "tests/domain/test_alert_policy.py"
CRASHES = "tests/simulation/test_alerts_everywhere.py"

ALERTS = (
    Mutant(
        "an alert comes one failure late",
        POLICY,
        "incident.streak >= wish.after",
        "incident.streak > wish.after",
        f"{TELLING}::test_a_job_that_fails_twice_in_a_row_is_told_where_it_announces",
    ),
    Mutant(
        "an alert comes one failure early",
        POLICY,
        "incident.streak >= wish.after",
        "incident.streak >= wish.after - 1",
        f"{TELLING}::test_one_failure_is_nothing_to_tell_where_nobody_named_a_place",
    ),
    Mutant(
        "a one-shot waits for its second failure",
        POLICY,
        "return incident.final or incident.streak",
        "return incident.streak",
        f"{TELLING}::test_a_one_shot_has_no_second_failure_to_wait_for",
    ),
    Mutant(
        "nobody hears that it is over",
        POLICY,
        "FAILING: _Kind(of_job=True, least_quiet_ms=0, recovers=True)",
        "FAILING: _Kind(of_job=True, least_quiet_ms=0)",
        f"{TELLING}::test_reminders_come_after_the_cooldown_and_the_end_is_told",
    ),
    Mutant(
        "what nobody heard of is said to be over",
        POLICY,
        "Step.RECOVER if incident.told and kind.recovers else Step.CLOSE",
        "Step.RECOVER if kind.recovers else Step.CLOSE",
        f"{TELLING}::test_one_failure_is_nothing_to_tell_where_nobody_named_a_place",
    ),
    Mutant(
        "a cooldown is not kept",
        POLICY,
        "max(wish.cooldown_ms, kind.least_quiet_ms)",
        "kind.least_quiet_ms",
        f"{TELLING}::test_a_cooldown_in_words_is_kept",
    ),
    Mutant(
        "nobody is reminded",
        POLICY,
        "incident.stands or incident.last_ms > incident.told_ms",
        "incident.stands",
        f"{TELLING}::test_a_cooldown_in_words_is_kept",
    ),
    Mutant(
        "each of those who suffer from one outage is told of",
        POLICY,
        "UNKNOWN: _Kind(gather_ms=_GATHER_MS)",
        "UNKNOWN: _Kind()",
        f"{DECIDING}::test_what_one_outage_does_to_many_waits_a_moment_for_the_rest",
    ),
    Mutant(
        "an alert that does not get through is left at that",
        POLICY,
        "    if incident.stranded:\n        return Step.REROUTE\n",
        "",
        f"{TELLING}::test_an_alert_that_is_refused_goes_the_next_way",
    ),
    Mutant(
        "an alert that was refused is sent there again",
        INCIDENTS,
        "place not in known and first(",
        "first(",
        "tests/services/test_alert_detours.py::test_an_alert_is_not_repeated_where_it_did_not_get_through",
    ),
    Mutant(
        "an alert waits on a dead account",
        INCIDENTS,
        "(ifnull(a.state, 'blocked') <> 'open' OR d.created_at < ?3)",
        "d.created_at < ?3",
        f"{TELLING}::test_an_alert_on_a_dead_account_goes_the_next_way",
    ),
    Mutant(
        "an alert about an alert",
        POLICY,
        "    if happening.of_alert:\n        return None",
        "    if happening.of_alert and not happening.target:\n        return None",
        f"{TELLING}::test_when_no_way_is_left_the_store_keeps_it_and_nothing_goes_round",
    ),
    Mutant(
        "an alert is written before it is said to be told",
        INCIDENTS,
        "    connection.execute(_TOLD, (",
        "    if seed is not None:\n        _write(connection, seed)\n"
        '        connection.execute("RELEASE one; COMMIT; BEGIN IMMEDIATE; SAVEPOINT one")\n'
        "    connection.execute(_TOLD, (",
        f"{CRASHES}::test_a_crash_at_any_point_tells_of_a_failure_once",
    ),
    Mutant(
        "an alert is said to be told before it is written",
        INCIDENTS,
        "    if seed is None:\n        return False\n    if tried:\n",
        '    connection.execute("RELEASE one; COMMIT; BEGIN IMMEDIATE; SAVEPOINT one")\n'
        "    if seed is None:\n        return False\n    if tried:\n",
        f"{CRASHES}::test_a_crash_at_any_point_tells_of_a_failure_once",
    ),
    Mutant(
        "what happened is counted in a commit of its own",
        INCIDENTS,
        "    connection.executemany(_FILE, values)\n",
        "    connection.executemany(_FILE, values)\n"
        '    connection.execute("RELEASE one; COMMIT; BEGIN IMMEDIATE; SAVEPOINT one")\n',
        f"{CRASHES}::test_a_crash_at_any_point_tells_of_a_failure_once",
    ),
    Mutant(
        "a job without alerts has some",
        POLICY,
        "    if incident.gone or (kind.of_job and not wish.runs):\n",
        "    if incident.gone:\n",
        f"{TELLING}::test_who_wants_no_alerts_has_none",
        also=((POLICY, "    if not wish.runs:\n        return None\n", ""),),
    ),
)
