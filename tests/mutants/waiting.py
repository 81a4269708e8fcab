"""Bugs in what waits: gates, paces, drains and what is heard late."""

from tests.mutants.planting import Mutant

SQLITE = "core/stentor/adapters/sqlite"
GATES = f"{SQLITE}/gates.py"
ADMITTING = f"{SQLITE}/admitting.py"
DISPATCHER = "core/stentor/services/dispatcher.py"
STORE = "tests/stores/test_sqlite.py::TestWithTheWriterOnTheLoop"

WAITING = (
    Mutant(
        "a gate that was shut is open as soon as its time is over",
        GATES,
        "max(ready_at, ?4)), gated = 1, probing = 0",
        "max(ready_at, ?4)), gated = 0, probing = 0",
        f"{STORE}::test_one_part_goes_ahead_when_the_time_of_a_gate_is_over",
    ),
    Mutant(
        "a second one goes ahead while the first is on its way",
        ADMITTING,
        "ready_at = account.next_ahead(now_ms) if account.gated else free_at(rates, paces)",
        "ready_at = free_at(rates, paces)",
        f"{STORE}::test_one_part_goes_ahead_when_the_time_of_a_gate_is_over",
    ),
    Mutant(
        "all threads of a chat go ahead at once",
        ADMITTING,
        "        if entry.head.gated and self.begun:\n            return entry.account.next_ahead(now_ms)\n",
        "",
        f"{STORE}::test_a_chat_that_wants_quiet_has_it_in_all_its_threads",
    ),
    Mutant(
        "one that got through opens nothing",
        GATES,
        "            connection.execute(_OPEN, (free_at(as_rates(rates), as_paces(paces)), channel, account))\n",
        "            pass\n",
        f"{STORE}::test_one_part_goes_ahead_when_the_time_of_a_gate_is_over",
    ),
    Mutant(
        "a short wait shortens a long one",
        GATES,
        "ready_at = iif(probing, ?4, max(ready_at, ?4))",
        "ready_at = ?4",
        f"{STORE}::test_a_shorter_gate_does_not_open_a_longer_one",
    ),
    Mutant(
        "what an account has sent is forgotten",
        ADMITTING,
        "connection.execute(_SPEND, (json.dumps(paces), ready_at, account.channel, account.account))",
        "connection.execute(_SPEND, (account.paces, ready_at, account.channel, account.account))",
        f"{STORE}::test_an_account_keeps_to_its_rate_and_may_burst",
    ),
    Mutant(
        "what a chat has been sent is forgotten",
        ADMITTING,
        "        connection.execute(_SPEND_CHAT, (json.dumps(last.chat_paces), ready_at, chat))\n",
        "        connection.execute(_SPEND_CHAT, (NO_RATES, now_ms, chat))\n",
        f"{STORE}::test_each_chat_keeps_to_the_rate_of_a_target",
    ),
    Mutant(
        "a burst is free",
        "core/stentor/domain/rates.py",
        "return tuple(max(now_ms, pace) + _interval_ms(rate) for",
        "return tuple(pace or now_ms + _interval_ms(rate) for",
        f"{STORE}::test_an_account_keeps_to_its_rate_and_may_burst",
    ),
    Mutant(
        "the clock of a nonce runs though nothing was sent",
        f"{SQLITE}/settling.py",
        "first_sent_at = iif(attempts = w.unused, NULL, first_sent_at)",
        "first_sent_at = first_sent_at",
        "tests/services/test_not_begun.py::test_the_window_of_a_nonce_opens_when_a_part_is_first_offered",
    ),
    Mutant(
        "what is not begun has been tried",
        "core/stentor/domain/outbox.py",
        'return Verdict(PartState.PENDING, "unavailable", text, gate=gate, uses_attempt=False)',
        'return Verdict(PartState.PENDING, "unavailable", text, gate=gate)',
        "tests/services/test_dispatching.py::test_an_unavailable_channel_uses_up_no_attempt",
    ),
    Mutant(
        "a drain lasts as long as it may",
        DISPATCHER,
        "        self._draining = True\n        self.wake()\n",
        "        self.wake()\n",
        "tests/services/test_draining.py::test_who_has_nothing_to_send_goes_at_once",
    ),
    Mutant(
        "a drain does not wait for what is on its way",
        DISPATCHER,
        "if draining and not begun and not heard and self._busy == 0:",
        "if draining and not begun:",
        "tests/services/test_draining.py::test_a_drain_waits_for_the_answers_to_what_is_on_its_way",
    ),
    Mutant(
        "a drain does not go on with what waits behind",
        DISPATCHER,
        "if draining and not begun and not heard and self._busy == 0:",
        "if draining and not begun and self._busy == 0:",
        "tests/services/test_draining.py::test_a_drain_goes_on_with_what_waits_behind_what_is_on_its_way",
    ),
    Mutant(
        "a later receipt settles whatever has that number",
        f"{SQLITE}/receipts.py",
        "WHERE r.channel = ? AND r.account = ? AND r.message_id = ? AND r.level = 'accepted'",
        "WHERE ifnull(?, ?) <> '' AND r.message_id = ? AND r.level = 'accepted'",
        f"{STORE}::test_news_about_a_strangers_message_changes_nothing",
    ),
    Mutant(
        "a later receipt settles a part of another account",
        f"{SQLITE}/settling.py",
        "if (part.channel, part.account) == (channel, account):",
        "if part.id:",
        "tests/services/test_receipts_of_others.py::test_a_part_in_doubt_is_not_settled_by_another",
    ),
    Mutant(
        "what was said too early is lost",
        f"{SQLITE}/receipts.py",
        "    for part_id, _, _, _, level, at_ms in early:\n        _raise(connection, part_id, level, at_ms)\n",
        "",
        f"{STORE}::test_a_receipt_that_came_before_its_part_was_accepted_is_kept_for_it",
    ),
    Mutant(
        "the answer to an earlier try settles the next one",
        f"{SQLITE}/settling.py",
        "return self.is_being_sent and self.attempts == settlement.attempt",
        "return self.is_being_sent",
        f"{STORE}::test_the_verdict_on_another_attempt_changes_nothing",
    ),
)
