"""Bugs on the way of a delivery."""

from tests.mutants.planting import Mutant

SQLITE = "core/stentor/adapters/sqlite"
OUTBOX = "core/stentor/domain/outbox.py"
STORE = "tests/stores/test_sqlite.py::TestWithTheWriterOnTheLoop"
ANSWERS = "tests/services/test_provider_answers.py"
DISPATCHING = "tests/services/test_dispatching.py"
CRASHES = "tests/simulation/test_crash_everywhere.py"

DELIVERY = (
    Mutant(
        "an answer without an id is a receipt",
        OUTBOX,
        "    if not receipt.message_id:\n",
        "    if receipt.message_id is None:\n",
        f"{DISPATCHING}::test_an_answer_that_is_no_receipt_is_never_tried_again",
    ),
    Mutant(
        "a receipt for another target counts",
        OUTBOX,
        "if (got.channel, got.canonical) != (attempt.target.channel, attempt.target.canonical):",
        "if got.channel != attempt.target.channel:",
        f"{DISPATCHING}::test_an_answer_that_is_no_receipt_is_never_tried_again",
    ),
    Mutant(
        "what was being sent is sent again after a start",
        OUTBOX,
        "    if attempt.resend_unknown or traits.resend_is_harmless(elapsed):\n"
        '        return Verdict(PartState.RETRY_WAIT, "crash_after_send"',
        '    if elapsed >= 0:\n        return Verdict(PartState.RETRY_WAIT, "not_sent"',
        f"{CRASHES}::test_a_crash_at_any_point_loses_nothing_and_doubles_nothing[plain]",
    ),
    Mutant(
        "a lost answer is taken for a lost message",
        OUTBOX,
        "    if attempt.resend_unknown or traits.resend_is_harmless(elapsed + delay):\n"
        "        return Verdict(PartState.RETRY_WAIT, reason,",
        '    if delay:\n        return Verdict(PartState.RETRY_WAIT, "not_sent",',
        f"{DISPATCHING}::test_an_answer_that_is_no_receipt_is_never_tried_again",
    ),
    Mutant(
        "a nonce is good for ever",
        OUTBOX,
        "    if attempt.resend_unknown or traits.resend_is_harmless(elapsed):\n        return None\n",
        "    if elapsed >= 0:\n        return None\n",
        f"{ANSWERS}::test_a_nonce_that_outlived_its_window_while_its_account_was_shut_is_not_used",
    ),
    Mutant(
        "a try that was put off forgets an earlier one",
        OUTBOX,
        "return replace(verdict, state=PartState.RETRY_WAIT, reason=doubt)",
        "return verdict",
        f"{ANSWERS}::test_a_nonce_that_outlived_its_window_while_its_account_was_shut_is_not_used",
    ),
    Mutant(
        "what may have arrived expires",
        f"{SQLITE}/giving_up.py",
        "UPDATE parts SET state = iif(reason IN (SELECT value FROM json_each(?1)), 'unknown', ?2),",
        "UPDATE parts SET state = ?2,",
        f"{ANSWERS}::test_a_part_in_doubt_never_just_expires",
    ),
    Mutant(
        "waiting counts as trying",
        f"{SQLITE}/settling.py",
        "attempts = attempts - w.unused,",
        "attempts = attempts - 0 * w.unused,",
        f"{DISPATCHING}::test_an_unavailable_channel_uses_up_no_attempt",
    ),
    Mutant(
        "all go ahead through a gate that was shut",
        f"{SQLITE}/admitting.py",
        "most = min(limit, 1) if self.gated else limit",
        "most = limit",
        f"{STORE}::test_one_part_goes_ahead_when_the_time_of_a_gate_is_over",
    ),
    Mutant(
        "a chat has a gate for each of its threads",
        f"{SQLITE}/gates.py",
        "max(ready_at, ?1)), gated = 1, probing = 0\nWHERE id = ?2",
        "max(ready_at, ?1)), gated = 0, probing = 0\nWHERE id = ?2",
        f"{STORE}::test_a_chat_that_wants_quiet_has_it_in_all_its_threads",
    ),
    Mutant(
        "a restart gives a new burst",
        f"{SQLITE}/life.py",
        "ready_at = CASE WHEN state = 'down' OR (probing AND excluded.gated) THEN excluded.ready_at ELSE ready_at END",
        "ready_at = excluded.ready_at, paces = '[]'",
        f"{STORE}::test_a_restart_gives_nobody_a_new_burst",
    ),
    Mutant(
        "one that waits holds up everybody",
        f"{SQLITE}/lanes.py",
        "AND l.ready_at <= ? AND l.busy = 0 AND l.head IS NOT NULL\nORDER BY",
        "AND (l.ready_at <= ? OR 1) AND l.busy = 0 AND l.head IS NOT NULL\nORDER BY",
        f"{ANSWERS}::test_an_old_message_that_waits_for_its_next_try_holds_up_nobody_but_its_own_target",
    ),
    Mutant(
        "a target that is of no use is tried again",
        f"{SQLITE}/targets.py",
        "    return replace(seed, state=DeliveryState.FAILED, reason=why, given_up=TARGET_SUSPENDED)",
        "    return seed",
        f"{ANSWERS}::test_a_target_that_is_of_no_use_is_not_tried_again_and_one_alert_says_so",
    ),
    Mutant(
        "a thread moves along",
        OUTBOX,
        "    if old.thread is not None:\n",
        "    if old.thread is None and attempt.readdressed:\n",
        f"{ANSWERS}::test_a_thread_does_not_move_along",
    ),
    Mutant(
        "a message whose thread is gone goes to its parent unasked",
        "core/stentor/services/circumstances.py",
        'part.on_thread_gone != "parent" or ',
        "",
        f"{ANSWERS}::test_a_message_whose_thread_is_gone_goes_nowhere_else",
    ),
    Mutant(
        "what a channel quotes is written down unread",
        "core/stentor/services/dispatcher.py",
        "verdict = replace(verdict, error=self.redactor.clean(verdict.error))",
        "verdict = replace(verdict, error=verdict.error)",
        f"{DISPATCHING}::test_what_a_channel_quotes_of_a_secret_is_written_nowhere",
    ),
    Mutant(
        "a word that holds a token is one",
        "core/stentor/domain/replies.py",
        "        or _TOKEN_ALONE.fullmatch(last_line)\n",
        "        or _TOKEN_ALONE.search(last_line)\n",
        "tests/domain/test_replies.py",
    ),
    Mutant(
        "a drain ends before the last result is sent",
        "core/stentor/services/dispatcher.py",
        "        draining = self._draining\n",
        "        draining = True\n",
        "tests/services/test_executing.py::test_fixed_texts_need_no_room",
    ),
)
