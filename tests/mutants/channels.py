"""Bugs in what channels are asked and told: names, manners, conversations that are begun, and what comes in."""

from tests.mutants.planting import Mutant

SQLITE = "core/stentor/adapters/sqlite"
NAMING = "core/stentor/services/naming.py"
RECEIVING = "core/stentor/services/receiving.py"
INCOMING = "core/stentor/domain/incoming.py"
OUTBOX = "core/stentor/domain/outbox.py"
ROUTING = "core/stentor/domain/routing.py"
STORE = "tests/stores/test_sqlite.py::TestWithTheWriterOnTheLoop"
NAMES = "tests/services/test_names.py"
MANNERS = "tests/services/test_manners.py"
CIRCUMSTANCES = "core/stentor/services/circumstances.py"
PROMISES = "tests/services/test_promises_of_accounts.py"
ARRIVALS = "tests/services/test_receiving.py"

CHANNELS = (
    Mutant(
        "a name is sent to as it stands",
        ROUTING,
        "    if not route.target.is_name:\n        return route\n",
        "    return route\n",
        f"{NAMES}::test_a_job_is_stored_with_the_id_and_delivers_there",
    ),
    Mutant(
        "what a name stood for once it stands for for ever",
        NAMING,
        "                self.directory.forget(name)\n",
        "                pass\n",
        f"{NAMES}::test_the_next_one_asks_anew_because_names_change_hands",
    ),
    Mutant(
        "whatever a channel says a name stands for is believed",
        NAMING,
        "    if target.channel != channel.name or target.is_name:\n",
        "    if target.channel != channel.name:\n",
        f"{NAMES}::test_a_name_that_leads_nowhere_is_refused_with_the_reason",
    ),
    Mutant(
        "a manner that nobody heeds is accepted",
        "core/stentor/domain/manners.py",
        "        if getattr(manner, field) and field not in channel.traits.manners:\n",
        "        if False:\n",
        f"{MANNERS}::test_what_would_say_nothing_is_refused",
    ),
    Mutant(
        "the manner of a message is lost when it is sent again",
        "core/stentor/services/desk.py",
        "manner=old.manner if target.channel == old.target.channel else USUAL",
        "manner=USUAL",
        f"{MANNERS}::test_so_does_whoever_sends_by_hand_and_sending_again_keeps_it",
    ),
    Mutant(
        "what follows a post goes beside it",
        f"{SQLITE}/settling.py",
        "        if opened is not None and part.of > 1:\n",
        "        if False:\n",
        f"{MANNERS}::test_what_follows_the_first_part_goes_where_that_has_led",
    ),
    Mutant(
        "more is begun than an account can do",
        "core/stentor/domain/shares.py",
        "        if is_greedy or under_way >= self.most.get(account, sys.maxsize):\n",
        "        if is_greedy:\n",
        f"{STORE}::test_no_more_are_under_way_than_an_account_can_do",
    ),
    Mutant(
        "a provider that refuses to say is asked for ever",
        OUTBOX,
        "    if isinstance(error, Rejected):\n        return Verdict(PartState.UNKNOWN",
        "    if False:\n        return Verdict(PartState.UNKNOWN",
        "tests/services/test_provider_answers.py::test_a_provider_that_refuses_to_say_is_not_asked_for_ever",
    ),
    Mutant(
        "an album is larger than a request may be",
        "core/stentor/domain/rendering.py",
        "        and (most is None or size <= most)\n",
        "",
        "tests/domain/test_albums.py::test_an_album_is_no_larger_than_a_file_may_be",
    ),
    Mutant(
        "anybody may write",
        INCOMING,
        "held=not may_write, known=known)",
        "held=False, known=known)",
        f"{ARRIVALS}::test_who_may_write_is_what_the_account_says",
    ),
    Mutant(
        "what is said in company is overheard",
        INCOMING,
        "    if not (message.direct or message.addressed):\n        return None\n",
        "",
        f"{ARRIVALS}::test_who_may_write_is_what_the_account_says",
    ),
    Mutant(
        "a message that comes twice is kept twice",
        f"{SQLITE}/migrations/0004_channels.sql",
        "    received_at INTEGER NOT NULL,\n    UNIQUE (channel, account, target, message_id)\n",
        "    received_at INTEGER NOT NULL\n",
        f"{STORE}::test_a_message_that_is_told_of_again_is_kept_once",
    ),
    Mutant(
        "whoever is let in is the owner",
        INCOMING,
        "    known = message.sender in allowed\n",
        '    known = message.sender in allowed or "*" in allowed or policy == "open"\n',
        f"{ARRIVALS}::test_who_is_let_in_with_everybody_is_not_the_owner",
    ),
    Mutant(
        "listening that ends is not begun again",
        RECEIVING,
        "        while True:\n            renewed = self.connections.renewal(channel, account)\n",
        "        for _ in range(1):\n            renewed = self.connections.renewal(channel, account)\n",
        f"{ARRIVALS}::test_listening_begins_again_after_it_has_ended",
    ),
    Mutant(
        "everything that is begun is with the provider at once",
        "core/stentor/services/attempts.py",
        "        await lines.acquire()\n",
        "",
        f"{PROMISES}::test_no_more_is_with_a_provider_than_its_channel_can_do",
    ),
    Mutant(
        "who does not answer keeps the line",
        "core/stentor/services/attempts.py",
        "            on_overdue()\n",
        "",
        f"{PROMISES}::test_who_does_not_answer_in_time_holds_nobody_up_any_longer",
    ),
    Mutant(
        "what is promised of one target is promised of all",
        CIRCUMSTANCES,
        '    given = cast("object", channel.traits_of(target))\n',
        '    given = cast("object", channel.traits)\n',
        f"{PROMISES}::test_what_is_promised_of_a_target_decides_what_a_doubt_about_it_means",
    ),
    Mutant(
        "where nothing can be learned everything is promised",
        CIRCUMSTANCES,
        '    return replace(channel.traits, idempotency="none", reconcile="none") if traits is None else traits\n',
        "    return channel.traits if traits is None else traits\n",
        f"{PROMISES}::test_what_is_promised_of_a_target_decides_what_a_doubt_about_it_means",
    ),
    Mutant(
        "all accounts of a channel have one pace",
        "core/stentor/services/accounts.py",
        "    return channel.traits.rates if found is None else found\n",
        "    return channel.traits.rates\n",
        f"{PROMISES}::test_an_account_keeps_to_its_own_pace_or_else_to_that_of_its_channel",
    ),
    Mutant(
        "a file of jobs knows no names",
        "core/stentor/services/job_apply.py",
        "            if name_behind(error) is not None:\n",
        "            if False:\n",
        f"{NAMES}::test_a_file_of_jobs_is_applied_with_ids_and_is_the_same_the_next_time",
    ),
)
