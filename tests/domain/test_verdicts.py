"""What an answer means beside what was known before: doubt outlasts everything but a receipt."""

from typing import Any

import pytest

from stentor.contract.errors import Ambiguous, NotSent, Rejected, Throttled
from stentor.contract.targets import Target
from stentor.contract.traits import RetrySchedule, Traits
from stentor.domain.outbox import (
    Attempt,
    Gate,
    NewAddress,
    Verdict,
    called_off,
    judge,
    proved,
    still_in_doubt,
)
from stentor.domain.states import PartState

ROOM = Target("page", "room", "room1", "room1", account="main")
OPEN = (PartState.PENDING, PartState.RETRY_WAIT)
GATE = Gate(5_000, "throttled")


def attempt(**changes: Any) -> Attempt:
    known = {"number": 1, "refusals": 0, "started_ms": 0, "first_sent_ms": 0, "expires_ms": 60_000}
    return Attempt(ROOM, **{**known, "resend_unknown": False, **changes})


@pytest.mark.parametrize("state", [PartState.REJECTED, PartState.EXPIRED, PartState.UNKNOWN])
def test_what_may_have_arrived_ends_unknown_however_a_later_try_ends(state: PartState) -> None:
    verdict = still_in_doubt(Verdict(state, "no_answer", "the last word", suspends="blocked"), "no_answer")

    assert (verdict.state, verdict.reason) == (PartState.UNKNOWN, "no_answer")
    assert (verdict.error, verdict.suspends) == ("the last word", "blocked")


@pytest.mark.parametrize("state", [PartState.REJECTED, PartState.EXPIRED, *OPEN])
def test_without_doubt_a_verdict_stands(state: PartState) -> None:
    verdict = Verdict(state, "too_large")

    assert still_in_doubt(verdict, "") is verdict


@pytest.mark.parametrize("doubt", ["", "no_answer"])
def test_a_refusal_counts_whether_or_not_an_earlier_try_may_have_arrived(doubt: str) -> None:
    verdict = still_in_doubt(judge(NotSent("503", refused=True), attempt(), Traits()), doubt)

    assert (verdict.state, verdict.refused) == (PartState.RETRY_WAIT, True)


def test_what_is_refused_too_often_after_a_doubt_is_unknown() -> None:
    traits = Traits(retry=RetrySchedule(refusals=3))
    verdict = judge(NotSent("503", refused=True), attempt(refusals=2), traits)

    assert verdict.reason == "exhausted"
    assert still_in_doubt(verdict, "no_answer").state is PartState.UNKNOWN


def test_only_what_is_said_of_the_target_suspends_it() -> None:
    said = [judge(Rejected(reason), attempt(), Traits()).suspends for reason in ("blocked", "too_large")]

    assert said == ["blocked", ""]


def test_an_earlier_try_that_was_accepted_outweighs_this_one_but_not_what_it_said_of_the_account() -> None:
    failed = Verdict(
        PartState.RETRY_WAIT, "throttled", "429", next_at_ms=5_000, gate=GATE, uses_attempt=False
    )

    assert proved(failed, "m-1") == Verdict(
        PartState.ACCEPTED, message_id="m-1", gate=GATE, uses_attempt=False
    )


@pytest.mark.parametrize("state", OPEN)
def test_what_nobody_wants_any_more_ends_where_it_would_be_tried_again(state: PartState) -> None:
    elsewhere = NewAddress(ROOM, for_all=True)
    verdict = called_off(
        Verdict(state, "moved", "x", next_at_ms=9, gate=GATE, plain=True, readdress=elsewhere)
    )

    assert verdict == Verdict(PartState.CANCELLED, "cancelled by hand", "x", gate=GATE)


def test_what_nobody_wants_any_more_and_may_have_arrived_is_unknown() -> None:
    verdict = called_off(Verdict(PartState.RETRY_WAIT, "no_answer", "cut", next_at_ms=9))

    assert verdict == Verdict(PartState.UNKNOWN, "no_answer", "cut")


@pytest.mark.parametrize("state", [PartState.ACCEPTED, PartState.REJECTED, PartState.UNKNOWN])
def test_what_has_ended_is_not_called_off(state: PartState) -> None:
    verdict = Verdict(state, "x")

    assert called_off(verdict) is verdict


KEY, NONCE, NONE = Traits(idempotency="key"), Traits(idempotency="nonce", nonce_window=30), Traits()


@pytest.mark.parametrize(
    ("traits", "quiet_seconds", "state", "reason"),
    [
        pytest.param(KEY, 40, PartState.RETRY_WAIT, "no_answer", id="a repeat is harmless"),
        pytest.param(NONCE, 20, PartState.RETRY_WAIT, "no_answer", id="a repeat is harmless by then"),
        pytest.param(NONCE, 40, PartState.UNKNOWN, "no_answer", id="by then no more"),
        pytest.param(NONE, 40, PartState.UNKNOWN, "no_answer", id="a repeat could be seen"),
        pytest.param(Traits(reconcile="lookup"), 40, PartState.RETRY_WAIT, "reconcile", id="it is asked"),
        pytest.param(KEY, 60, PartState.UNKNOWN, "no_answer", id="it expires before"),
    ],
)
def test_a_provider_that_may_have_it_and_wants_quiet_gets_exactly_that(
    traits: Traits, quiet_seconds: float, state: PartState, reason: str
) -> None:
    verdict = judge(Ambiguous("503", retry_after=quiet_seconds), attempt(jitter=0.1), traits)

    until = int(quiet_seconds * 1000)
    assert (verdict.state, verdict.reason) == (state, reason)
    assert verdict.next_at_ms == (until if state is PartState.RETRY_WAIT else None)
    assert verdict.gate == Gate(until, "throttled", scope="target")


@pytest.mark.parametrize("reason", ["too_large", "files_forbidden", "file_gone", "bad_file"])
def test_a_text_whose_files_are_refused_is_to_go_without_them(reason: str) -> None:
    verdict = judge(Rejected(reason, "no"), attempt(files=("a.png", "b.pdf")), Traits())

    assert (verdict.state, verdict.degraded) == (PartState.PENDING, "no_files")
    assert verdict.without_files == "File not sent: a.png, b.pdf"
    assert called_off(verdict).without_files == ""


@pytest.mark.parametrize(("reason", "files"), [("too_large", ()), ("no_permission", ("a.png",))])
def test_any_other_refusal_is_one_of_the_text_too(reason: str, files: tuple[str, ...]) -> None:
    assert judge(Rejected(reason, "no"), attempt(files=files), Traits()).state is PartState.REJECTED


def test_what_is_wrong_with_a_begun_conversation_says_nothing_of_its_target() -> None:
    followed, own = (
        judge(Rejected("bad_target", "gone"), attempt(follows=said), Traits()) for said in (True, False)
    )

    assert (followed.suspends, own.suspends) == ("", "bad_target")


def test_what_its_provider_forgets_is_tried_a_few_times_and_ever_more_seldom() -> None:
    traits = Traits(idempotency="nonce", nonce_window=120)
    tries = [0]
    while True:
        verdict = judge(Ambiguous("cut"), attempt(number=len(tries), started_ms=tries[-1]), traits)
        if verdict.next_at_ms is None:
            break
        tries.append(verdict.next_at_ms)

    assert verdict.state is PartState.UNKNOWN
    assert 4 <= len(tries) <= 6
    assert tries[1] <= 2_000
    assert 60_000 <= tries[-1] <= 115_000


def test_a_provider_that_names_no_time_is_not_asked_without_a_pause() -> None:
    verdict = judge(Throttled(0), attempt(), Traits())

    assert verdict.next_at_ms is not None
    assert verdict.next_at_ms >= 500
