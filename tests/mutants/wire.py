"""Bugs between a channel and the far side, and in what is written down of it."""

from tests.mutants.planting import Mutant

CLIENT = "plugins/stentor_webhook/client.py"
READING = "plugins/stentor_webhook/answers.py"
GUARD = "plugins/stentor_webhook/guard.py"
WORK = "core/stentor/services/work.py"
MATRIX = "tests/simulation/test_webhook_matrix.py"
EACH_ANSWER = f"{MATRIX}::test_each_answer_of_a_receiver_has_its_consequence_and_no_other"
SECRETS = "tests/services/test_secrets.py"

WIRE = (
    Mutant(
        "a request without an answer was not sent",
        CLIENT,
        "            self.writing = True\n",
        "            self.writing = False\n",
        f"{EACH_ANSWER}[resets after the request]",
    ),
    Mutant(
        "a connection that nobody accepted may have carried the message",
        CLIENT,
        "        if self.writing:\n            return Ambiguous(",
        "        if not late or self.writing:\n            return Ambiguous(",
        f"{EACH_ANSWER}[a handshake that is cut]",
    ),
    Mutant(
        "each try has an id of its own",
        CLIENT,
        "self._post(url, part.id, ",
        'self._post(url, f"{part.id}-{part.attempt}", ',
        f"{EACH_ANSWER}[500]",
    ),
    Mutant(
        "a redirect is a success",
        READING,
        "return 200 <= self.status < 300",
        "return 200 <= self.status < 400",
        f"{EACH_ANSWER}[302]",
    ),
    Mutant(
        "a receiver that wants the message later does not want it",
        READING,
        "_TRY_LATER = frozenset({408, 425, 429})",
        "_TRY_LATER = frozenset({408, 429})",
        f"{EACH_ANSWER}[425]",
    ),
    Mutant(
        "a receiver that broke down has refused",
        READING,
        "    if status >= 500:\n",
        "    if status >= 5000:\n",
        f"{EACH_ANSWER}[500 again and again]",
    ),
    Mutant(
        "the wait that a receiver names is taken for a hint",
        READING,
        "        return float(retry_after)\n",
        "        return float(retry_after) / 2\n",
        f"{EACH_ANSWER}[429 for 40 seconds]",
    ),
    Mutant(
        "an answer counts once its body has ended",
        CLIENT,
        "            if answer is None:\n",
        "            if answer is None or answer.ok:\n",
        f"{EACH_ANSWER}[200 and half a body]",
    ),
    Mutant(
        "an address that is called global is public",
        GUARD,
        "        kind = refusal(address)\n",
        '        kind = "" if address.is_global else refusal(address)\n',
        "tests/plugins/test_webhook_guard.py::test_a_special_address_is_refused_in_any_spelling",
    ),
    Mutant(
        "the name is dialled, not the address that was checked",
        CLIENT,
        "self._dialler.connect_tcp(address, port, share,",
        "self._dialler.connect_tcp(host, port, share,",
        "tests/plugins/test_webhook_guard.py::test_a_resolver_that_changes_its_mind_gains_nothing",
    ),
    Mutant(
        "an agent's error is written down unread",
        WORK,
        "error=self.clean(str(failure))",
        "error=str(failure)",
        f"{SECRETS}::test_a_token_appears_nowhere_whoever_quotes_it[in its error]",
    ),
    Mutant(
        "an agent's answer is written down unread",
        WORK,
        "            outcome = await self.outgoings.beside(characters, partial(self._cleaned, outcome))\n",
        "",
        f"{SECRETS}::test_a_token_appears_nowhere_whoever_quotes_it[in its answer]",
    ),
    Mutant(
        "a message by hand goes out unread",
        "core/stentor/services/outgoing.py",
        "        payload = replace(payload, text=self.clean(payload.text))\n",
        "",
        "tests/services/test_own_renderings.py::test_a_message_by_hand_is_cleaned_before_its_channel_renders_it",
    ),
    Mutant(
        "a log line is written unread",
        "core/stentor/adapters/secrets.py",
        "return self._redactor.clean(self._inner.format(record))",
        "return self._inner.format(record)",
        f"{SECRETS}::test_a_token_appears_nowhere_whoever_quotes_it[in its answer]",
    ),
    Mutant(
        "the invariants themselves leave a trace",
        "core/stentor/adapters/sqlite/reader.py",
        "        return cls(read_only(",
        '        apsw.Connection(str(path)).execute("UPDATE jobs SET updated_at = updated_at + 1")\n'
        "        return cls(read_only(",
        "tests/simulation/test_invariants.py::test_a_store_that_nobody_touched_breaks_no_rule",
    ),
)
