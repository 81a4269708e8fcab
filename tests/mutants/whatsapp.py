"""Bugs in what speaks to WhatsApp: messages that are sent twice or never, and accounts that never come back."""

from tests.left_out import is_here
from tests.mutants.planting import Mutant

PLUGIN = "plugins/stentor_whatsapp"
TESTS = "tests/plugins/whatsapp"
STANDING = f"{TESTS}/test_standing.py"

_BUGS = (
    Mutant(
        "what was handed over is taken for unsent",
        f"{PLUGIN}/connection.py",
        '        if state == "never" and',
        '        if state in ("never", "handed_over") and',
        f"{TESTS}/test_sending.py::test_a_part_that_may_have_arrived_stays_in_doubt",
    ),
    Mutant(
        "what leaves is not written down first",
        f"{PLUGIN}/ledger.py",
        "                (message_id, sending.part, sending.chat, sending.at),\n            )\n",
        '                (message_id + "?", sending.part, sending.chat, sending.at),\n            )\n',
        f"{TESTS}/test_ledger.py::test_a_part_that_was_announced_may_have_arrived",
    ),
    Mutant(
        "what the child hears of messages is told to nobody",
        f"{PLUGIN}/hearing.py",
        "                self._report(event.facts)\n",
        "                pass\n",
        f"{TESTS}/test_sending.py::test_what_the_child_hears_of_a_message_is_told_and_what_makes_no_sense_is_not",
    ),
    Mutant(
        "what was heard before a death is not told again",
        f"{PLUGIN}/account.py",
        "        for receipt in self._ledger.receipts():\n",
        "        for receipt in ():\n",
        f"{TESTS}/test_child_deaths.py"
        "::test_the_next_life_tells_again_how_far_messages_have_come_before_anything_new",
    ),
    Mutant(
        "a child that dies all the time is started all the time",
        f"{PLUGIN}/supervisor.py",
        "_PAUSES_SECONDS[min(self._failures, len(_PAUSES_SECONDS)) - 1]",
        "_PAUSES_SECONDS[0]",
        f"{TESTS}/test_supervisor.py::test_children_that_die_again_and_again_are_started_ever_more_seldom",
    ),
    Mutant(
        "a ban that ends is taken for one that does not",
        f"{PLUGIN}/standing.py",
        '            return Trouble("down", said, until=until)\n',
        '            return Trouble("down", said)\n',
        f"{STANDING}::test_who_is_not_let_in_says_what_to_do",
    ),
    Mutant(
        "whatever was amiss is forgotten when the connection is built up again",
        f"{PLUGIN}/standing.py",
        "        if self._amiss:\n",
        "        if False:\n",
        f"{STANDING}::test_what_is_amiss_outlives_the_connection_until_a_message_is_taken",
    ),
)
# The channel may be left out of a checkout.
WHATSAPP = _BUGS if is_here("whatsapp") else ()
