"""Bugs in who may send what where, and in who owns a send."""

from tests.mutants.planting import Mutant

REACH = "core/stentor/domain/reach.py"
OWNERSHIP = "core/stentor/domain/ownership.py"
OUTGOING = "core/stentor/services/outgoing.py"
DELIVERIES = "core/stentor/adapters/sqlite/deliveries.py"
SQLITE = "core/stentor/adapters/sqlite"
STORE = "tests/stores/test_sqlite.py::TestWithTheWriterOnTheLoop"
REACHING = "tests/domain/test_reach.py"
OWNING = "tests/domain/test_ownership.py"
TOOLS = "tests/services/test_tool_sends.py"
OPERATORS = "tests/services/test_operators.py"

SENDS = (
    Mutant(
        "an agent reaches every target of its channel",
        REACH,
        "or target.channel in self.channels",
        "or target.channel in {*self.channels, *(own.channel for own in self.own)}",
        f"{TOOLS}::test_an_invented_target_is_refused_by_name_and_kept_in_the_run_log",
    ),
    Mutant(
        "what an agent sends is not checked",
        OUTGOING,
        "        check(plan.reach, intent.purpose, intent.route.target)\n",
        "",
        f"{TOOLS}::test_an_invented_target_is_refused_by_name_and_kept_in_the_run_log",
    ),
    Mutant(
        "an announce goes wherever an agent may send",
        REACH,
        "            case Purpose.ANNOUNCE:\n                return target in self.own\n",
        "            case Purpose.ANNOUNCE:\n                return target in self.own or target in self.allowed\n",
        f"{REACHING}::test_each_purpose_reaches_what_is_meant_for_it_and_nothing_else",
    ),
    Mutant(
        "an allow list counts as it is spelled",
        REACH,
        "yield Allowed(target.canonical, target)",
        "yield Allowed(text, replace(target, address=text))",
        f"{REACHING}::test_entries_of_one_meaning_are_one_entry",
        also=((REACH, "import Iterator\n", "import Iterator\nfrom dataclasses import replace\n"),),
    ),
    Mutant(
        "an allowed target is allowed on every account",
        REACH,
        "target in self.own or target in self.allowed or",
        "target.canonical in {one.canonical for one in (*self.own, *self.allowed)} or",
        f"{REACHING}::test_what_only_resembles_a_target_is_another_one",
    ),
    Mutant(
        "what was sent is compared without its thread",
        OWNERSHIP,
        "places = {target.canonical, meant_for} & self.targets",
        'places = {f"{target.channel}:{target.id}", meant_for} & self.targets',
        f"{TOOLS}::test_what_the_agent_sent_to_the_jobs_own_target_is_not_announced_there",
    ),
    Mutant(
        "what was sent from another account was sent",
        OWNERSHIP,
        "return bool(places) and (self.channel, self.account) == (target.channel, target.account)",
        "return bool(places) and self.channel == target.channel",
        f"{OWNING}::test_another_place_is_announced_as_it_was_meant",
    ),
    Mutant(
        "what was sent to an old address was sent elsewhere",
        OWNERSHIP,
        "{target.canonical, meant_for} & self.targets",
        "{target.canonical} & self.targets",
        f"{OWNING}::test_a_place_that_has_moved_is_the_same_place",
    ),
    Mutant(
        "what may have arrived is said once more in other words",
        OWNERSHIP,
        "return self.state is DeliveryState.FAILED",
        "return self.state in (DeliveryState.FAILED, DeliveryState.UNKNOWN)",
        f"{TOOLS}::test_a_message_that_may_have_arrived_has_no_second_and_an_alert",
    ),
    Mutant(
        "that an agent called a tool is taken for a message",
        OWNERSHIP,
        "standing = [send for send in same if not send.failed]",
        "standing = same",
        f"{TOOLS}::test_a_message_that_was_refused_is_replaced_by_the_answer",
    ),
    Mutant(
        "any message of a run stands for all its announces",
        OWNERSHIP,
        "same = [send for send in sends if send.is_for(announce.target, announce.meant_for)]",
        "same = list(sends)",
        f"{TOOLS}::test_of_several_targets_only_the_one_that_was_served_is_left_out",
    ),
    Mutant(
        "a run that is over sends",
        DELIVERIES,
        "    if first(connection, _LIVE, (seed.run_id, boot)) is None:\n",
        "    if first(connection, _LIVE, (seed.run_id, boot)) is None and not seed.parts:\n",
        f"{STORE}::test_a_run_that_is_over_sends_nothing_and_that_is_noted",
    ),
    Mutant(
        "work that is done once more sends twice",
        f"{SQLITE}/endings.py",
        "        _take_back(connection, end.run_id, end.ended_ms)\n",
        "",
        f"{STORE}::test_what_nobody_has_begun_to_send_is_taken_back_when_the_run_is_done_once_more",
    ),
    Mutant(
        "what has been begun is taken back",
        f"{SQLITE}/endings.py",
        "AND (o.state <> 'pending' OR o.attempts > 0))",
        "AND o.state = 'nothing')",
        f"{STORE}::test_what_was_tried_before_is_not_taken_back",
    ),
    Mutant(
        "what was sent again does not say whose repetition it is",
        "core/stentor/services/desk.py",
        '            link="resend",\n            linked_to=old.id,\n',
        "",
        f"{OPERATORS}::test_a_dead_letter_is_sent_again_as_a_new_delivery",
    ),
    Mutant(
        "what was sent again is also sent as it was",
        f"{SQLITE}/desk.py",
        "    give_up(connection, [again.delivery_id], PartState.CANCELLED, why, again.parts)\n",
        "",
        f"{OPERATORS}::test_behind_what_arrived_somebody_says_from_which_part_on",
    ),
    Mutant(
        "what had arrived is sent again unasked",
        "core/stentor/domain/rulings.py",
        "tuple(part for part in self.parts if not part.has_arrived) or self.parts",
        "self.parts",
        f"{OPERATORS}::test_unless_told_otherwise_what_arrived_is_not_sent_again",
    ),
    Mutant(
        "what was left out is thrown away before it is sure to be superfluous",
        OWNERSHIP,
        "parts=() if owner.decided else announce.parts",
        "parts=()",
        f"{TOOLS}::test_a_message_that_is_refused_after_its_run_is_replaced_by_the_answer_too",
    ),
    Mutant(
        "a target is lower-cased",
        "core/stentor/domain/routing.py",
        "_parsed(channel, address.text, hints)",
        "_parsed(channel, address.text.lower(), hints)",
        "tests/services/test_last_and_current.py::test_the_current_chat_is_stored_and_nothing_that_happens_later_changes_it",
    ),
    Mutant(
        "who names no target means the last conversation",
        "core/stentor/domain/aims.py",
        "        if delivery.channel == LAST:\n            return Aim(LAST",
        "        if delivery.channel in (None, LAST):\n            return Aim(LAST",
        "tests/services/test_last_and_current.py::test_where_nobody_is_in_a_conversation_there_is_no_current_one",
    ),
    Mutant(
        "the socket comes before the disk",
        f"{SQLITE}/sending.py",
        "    connection.execute(_SENDING, (boot, now_ms, listed(started)))\n",
        "",
        f"{STORE}::test_sending_and_its_attempt_are_committed_before_a_part_is_handed_out",
    ),
)
