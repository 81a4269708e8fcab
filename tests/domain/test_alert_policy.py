"""Which events are one incident, and when people are told of it, reminded and told that it is over."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stentor.contract.dialects import PLAIN
from stentor.contract.payloads import Payload
from stentor.contract.traits import Limits
from stentor.domain.alert_texts import About, RunFacts, Telling, event_of, text_of
from stentor.domain.alerts import HOUR_MS, Happening, Incident, Mark, Step, Wish, decide, filed
from stentor.domain.destinations import Destination
from stentor.domain.rendering import drafts

NOW_MS = 1_782_889_200_000
MINUTE_MS = 60_000
OPEN = Incident(1, "failing", "brief", "brief", NOW_MS, NOW_MS, 1, "boom")
TOLD = replace(OPEN, told_ms=NOW_MS, told=1, streak=2)


def happening(cause: str, **changes: Any) -> Happening:
    facts: dict[str, Any] = {
        "job_id": "brief",
        "message": "boom",
        "channel": "page",
        "account": "main",
        "target": "page:a",
    }
    return Happening(NOW_MS, cause, **{**facts, **changes})


def root_of(mark: Mark | None) -> tuple[str, str] | None:
    return None if mark is None else (mark.cause, mark.root)


@pytest.mark.parametrize(
    ("found", "root"),
    [
        pytest.param(happening("error"), ("failing", "brief"), id="an error"),
        pytest.param(happening("timeout"), ("failing", "brief"), id="a timeout"),
        pytest.param(happening("interrupted"), ("failing", "brief"), id="an interruption"),
        pytest.param(happening("auto_disabled"), ("switched_off", "brief"), id="switched off"),
        pytest.param(happening("missed"), ("missed", "main@page:ops"), id="missed instants by where they are told"),
        pytest.param(happening("unknown"), ("unknown", "main@page:ops"), id="unknown by where it is told"),
        pytest.param(happening("failed"), ("undelivered", "main@page:a"), id="a failed delivery by its target"),
        pytest.param(happening("partial"), ("undelivered", "main@page:a"), id="half a delivery"),
        pytest.param(happening("rejected"), ("undelivered", "main@page:a"), id="a lost part"),
        pytest.param(happening("expired"), ("undelivered", "main@page:a"), id="an expired delivery"),
        pytest.param(happening("expired", shut=True), ("account_down", "page:main"), id="expired on a dead account"),
        pytest.param(happening("account_down", job_id=None), ("account_down", "page:main"), id="a dead account"),
        pytest.param(happening("account_down", of_alert=True), ("account_down", "page:main"), id="found by an alert"),
        pytest.param(happening("failed", of_alert=True), None, id="an alert that failed"),
        pytest.param(happening("stalled", job_id=None), ("stalled", ""), id="anything else"),
        pytest.param(happening("skipped"), None, id="a skipped run that nobody wants to hear of"),
        pytest.param(happening("error", of_errand=True), None, id="an errand of which somebody hears"),
        pytest.param(happening("error", of_errand=True, unheard_in="chat"), ("errand_failed", "chat"), id="one of which nobody does"),
        pytest.param(happening("skipped", of_errand=True, unheard_in="chat"), ("errand_failed", "chat"), id="one that was skipped"),
    ],
)  # fmt: skip
def test_trouble_is_filed_under_its_root(found: Happening, root: tuple[str, str] | None) -> None:
    assert root_of(filed(found, Wish(), "main@page:ops")) == root


def test_skipped_runs_count_for_those_who_want_it() -> None:
    mark = filed(happening("skipped"), Wish(include_skipped=True), "")
    assert root_of(mark) == ("skipped", "brief")
    assert filed(happening("skipped", kind="answered"), Wish(include_skipped=True), "") is None


@pytest.mark.parametrize("cause", ["error", "missed", "auto_disabled", "skipped"])
def test_a_job_without_alerts_has_no_incidents_of_its_own(cause: str) -> None:
    assert filed(happening(cause), Wish(runs=False, include_skipped=True), "") is None


@pytest.mark.parametrize("cause", ["failed", "expired", "unknown"])
def test_best_effort_has_no_incidents_of_its_deliveries(cause: str) -> None:
    assert filed(happening(cause), Wish(deliveries=False), "") is None


@pytest.mark.parametrize(
    ("incident", "after", "step"),
    [
        pytest.param(replace(OPEN, streak=1), 2, Step.WAIT, id="too few"),
        pytest.param(replace(OPEN, streak=2), 2, Step.TELL, id="enough"),
        pytest.param(replace(OPEN, streak=1), 1, Step.TELL, id="one is enough"),
        pytest.param(replace(OPEN, streak=1, final=True), 9, Step.TELL, id="there will be no second one"),
        pytest.param(replace(OPEN, over=True), 1, Step.CLOSE, id="good again before anybody was told"),
        pytest.param(replace(OPEN, streak=5, gone=True), 1, Step.CLOSE, id="the job is gone"),
        pytest.param(replace(TOLD, over=True), 2, Step.RECOVER, id="good again"),
        pytest.param(replace(TOLD, stranded=True), 2, Step.REROUTE, id="the alert does not get through"),
        pytest.param(replace(TOLD, stranded=True, over=True), 2, Step.RECOVER, id="nor need it any more"),
    ],
)
def test_failures_are_told_when_they_are_sure(incident: Incident, after: int, step: Step) -> None:
    assert decide(incident, Wish(after=after), NOW_MS) is step


@pytest.mark.parametrize(
    ("last_ms", "passed_ms", "step"),
    [
        pytest.param(1, HOUR_MS - 1, Step.WAIT, id="within the cooldown"),
        pytest.param(1, HOUR_MS, Step.REMIND, id="it failed again"),
        pytest.param(0, 9 * HOUR_MS, Step.WAIT, id="nothing new"),
    ],
)
def test_a_reminder_comes_after_the_cooldown_if_there_is_something_new(
    last_ms: int, passed_ms: int, step: Step
) -> None:
    again = replace(TOLD, last_ms=NOW_MS + last_ms)
    assert decide(again, Wish(), NOW_MS + passed_ms) is step


def test_an_hour_is_no_time_for_trouble_that_is_not_of_runs() -> None:
    dead = replace(TOLD, cause="undelivered", root="main@page:a", last_ms=NOW_MS + 1)
    steps = [decide(dead, Wish(), NOW_MS + hours * HOUR_MS) for hours in (1, 5, 6)]
    assert steps == [Step.WAIT, Step.WAIT, Step.REMIND]


def test_a_dead_account_is_mentioned_again_though_nothing_happens() -> None:
    down = replace(TOLD, cause="account_down", root="page:main", job_id=None, stands=True)
    assert decide(down, Wish(), NOW_MS + 6 * HOUR_MS) is Step.REMIND
    assert decide(replace(down, stands=False), Wish(), NOW_MS + 6 * HOUR_MS) is Step.CLOSE
    assert decide(replace(down, over=True), Wish(), NOW_MS) is Step.RECOVER


@pytest.mark.parametrize("cause", ["unknown", "missed", "account_down", "agent_failing"])
def test_what_one_outage_does_to_many_waits_a_moment_for_the_rest(cause: str) -> None:
    first = replace(OPEN, cause=cause, root="main@page:ops")
    assert decide(first, Wish(), NOW_MS + 9_999) is Step.WAIT
    assert decide(first, Wish(), NOW_MS + 10_000) is Step.TELL


def test_what_has_no_visible_end_is_over_when_all_is_quiet() -> None:
    missed = replace(TOLD, cause="missed", root="main@page:ops")
    assert decide(missed, Wish(), NOW_MS + 6 * HOUR_MS) is Step.CLOSE


@pytest.mark.parametrize("cause", ["undelivered", "agent_failing"])
def test_what_may_never_be_tried_again_is_over_when_a_week_has_been_quiet(cause: str) -> None:
    gone = replace(TOLD, cause=cause, root="main@page:a")
    steps = [decide(gone, Wish(), NOW_MS + days * 24 * HOUR_MS) for days in (1, 7, 8)]
    assert steps == [Step.WAIT, Step.WAIT, Step.CLOSE]


@pytest.mark.parametrize(
    ("notice", "step"),
    [
        pytest.param(replace(TOLD, closed=True), Step.WAIT, id="on its way"),
        pytest.param(replace(TOLD, closed=True, stranded=True), Step.REROUTE, id="refused"),
        pytest.param(replace(TOLD, closed=True, over=True, stranded=True), Step.CLOSE, id="of no use"),
        pytest.param(replace(TOLD, closed=True, gone=True), Step.WAIT, id="its job is gone"),
    ],
)
def test_a_notice_that_it_is_over_is_looked_after_like_an_alert(notice: Incident, step: Step) -> None:
    assert decide(notice, Wish(), NOW_MS + HOUR_MS) is step


NO_KEY = happening("error", kind="auth", streak=2)
AGENTS = ("agent_failing", "main@mine@page:ops")


@pytest.mark.parametrize(
    ("found", "root"),
    [
        pytest.param(NO_KEY, AGENTS, id="enough in a row"),
        pytest.param(replace(NO_KEY, streak=1), None, id="it is not sure yet"),
        pytest.param(replace(NO_KEY, streak=1, final=True), AGENTS, id="there will be no second one"),
        pytest.param(replace(NO_KEY, apart=True), ("failing", "brief"), id="the job has its own trouble"),
        pytest.param(replace(NO_KEY, kind="crashed"), ("failing", "brief"), id="it may lie in the job"),
    ],
)
def test_what_lies_in_an_agent_is_filed_under_it_and_the_place_where_it_is_told(
    found: Happening, root: tuple[str, str] | None
) -> None:
    assert root_of(filed(found, Wish(), "mine@page:ops", "main")) == root
    assert root_of(filed(found, Wish(), "mine@page:ops")) == ("failing", "brief")


def test_an_every_minute_failure_of_a_day_is_told_at_most_five_times() -> None:
    told: list[int] = []
    incident = replace(OPEN, cause="undelivered", root="main@page:a", told_ms=None)
    for minute in range(24 * 60):
        now = NOW_MS + minute * MINUTE_MS
        incident = replace(incident, last_ms=now, count=minute + 1)
        if decide(incident, Wish(), now + 1) in (Step.TELL, Step.REMIND):
            told.append(minute)
            incident = replace(incident, told_ms=now + 1, told=incident.told + 1)
    assert told == [0, 360, 720, 1080]


@given(
    failures=st.lists(st.integers(0, 90 * MINUTE_MS), min_size=1, max_size=60),
    cooldown=st.integers(0, 3 * HOUR_MS),
    after=st.integers(1, 5),
)
def test_between_two_messages_of_an_incident_lies_the_cooldown(
    failures: list[int], cooldown: int, after: int
) -> None:
    now = NOW_MS
    told: list[int] = []
    incident = replace(OPEN, streak=0)
    for pause in failures:
        now += pause + 1
        incident = replace(incident, last_ms=now, streak=incident.streak + 1)
        if decide(incident, Wish(after=after, cooldown_ms=cooldown), now) in (Step.TELL, Step.REMIND):
            told.append(now)
            incident = replace(incident, told_ms=now, told=incident.told + 1)
    assert bool(told) == (len(failures) >= after)
    assert all(later - earlier >= cooldown for earlier, later in pairwise(told))


ABOUT = About("Morning *brief*", None, RunFacts("r-1", "error", "reply", "no key\nat all", NOW_MS, NOW_MS))


def telling(incident: Incident, about: About = ABOUT, **changes: Any) -> Telling:
    return Telling(
        incident, about, lambda text: text.replace("key", "[redacted]"), "Europe/Berlin", **changes
    )


def test_an_alert_names_job_error_run_phase_and_time() -> None:
    assert text_of(telling(replace(OPEN, streak=3), markdown=False)).splitlines() == [
        '⚠️ Job "Morning *brief*" failed 3 times in a row',
        "Last error: no [redacted] at all",
        "Run r-1, phase reply, 2026-07-01T09:00:00+02:00 (2026-07-01T07:00:00Z)",
        "Next: stentor cron runs --id brief",
    ]


def test_a_single_failure_is_told_in_one_line_with_its_error() -> None:
    first = text_of(telling(OPEN, markdown=False)).splitlines()[0]
    assert first == '⚠️ Job "Morning *brief*" failed: no [redacted] at all'


def test_an_error_is_cut_at_two_hundred_characters() -> None:
    run = RunFacts("r-1", "error", "reply", "x" * 500, None, NOW_MS)
    line = text_of(telling(replace(OPEN, streak=2), About("Brief", None, run))).splitlines()[1]
    assert line == f"Last error: {'x' * 199}…"


def test_an_outage_names_the_jobs_it_concerns() -> None:
    down = replace(OPEN, cause="account_down", root="page:main", job_id=None, message="token revoked")
    text = text_of(telling(down, About(names=("A", "B"), jobs=12)))
    assert "Account page:main is down" in text
    assert 'Jobs concerned: "A", "B" and 10 more' in text


@pytest.mark.parametrize(
    "cause",
    [
        "failing",
        "agent_failing",
        "skipped",
        "missed",
        "switched_off",
        "undelivered",
        "unknown",
        "account_down",
        "stalled",
    ],
)
def test_no_alert_holds_a_secret_and_each_says_what_to_do(cause: str) -> None:
    incident = replace(OPEN, cause=cause, root="main@page:a", message="the key is out")
    said = telling(
        incident, replace(ABOUT, delivery_id="d-1", target="page:a", text="my key", names=("key",))
    )
    assert "key" not in text_of(said) + str(event_of(said))
    assert "\nNext: " in text_of(said)


CAUSES = ["failing", "agent_failing", "skipped", "missed", "switched_off", "undelivered", "unknown", "account_down"]  # fmt: skip
ODD = "*x* [a](http://b) _y_ `z` <http://c> &amp; ~~d~~ \\ ![e](f)"


def shown(telling: Telling) -> str:
    """What somebody reads who sees no markup."""
    (draft,) = drafts(Payload(text_of(telling)), Limits(20_000), PLAIN)
    return draft.text


def of_odd_things(cause: str, odd: str, **changes: Any) -> Telling:
    incident = replace(OPEN, cause=cause, root=f"main@{odd}", job_id=odd, message=odd, streak=2)
    run = RunFacts("r-1", "error", "reply", odd, None, NOW_MS)
    about = About(odd, None, run, "d-1", odd, odd, (odd, odd), 2)
    return Telling(incident, about, lambda text: text, "UTC", **changes)


@pytest.mark.parametrize("recovery", [False, True], ids=["alert", "recovery"])
@pytest.mark.parametrize("cause", [*CAUSES, "stalled"])
def test_words_from_outside_are_shown_as_they_are(cause: str, recovery: bool) -> None:
    told = of_odd_things(cause, ODD, recovery=recovery)
    assert shown(told) == text_of(replace(told, markdown=False)) == event_of(told)["message"]


@given(st.text(alphabet="*_`[]()<>&;!~|#+-=.\\\"' ab1:/\n", min_size=1, max_size=60), st.sampled_from(CAUSES))
def test_whatever_a_job_is_called_its_alert_shows_it(odd: str, cause: str) -> None:
    told = of_odd_things(cause, odd)
    assert shown(told).split() == text_of(replace(told, markdown=False)).split()


def test_a_secret_is_found_before_its_marks_are_escaped() -> None:
    about = replace(ABOUT, job_name="a_secret*key", names=("a_secret*key",))

    def hidden(text: str) -> str:
        return text.replace("a_secret*key", "[redacted]")

    for cause in CAUSES:
        said = shown(Telling(replace(OPEN, cause=cause, message="a_secret*key"), about, hidden, "UTC"))
        assert "secret" not in said


def test_a_webhook_gets_the_alert_as_fields() -> None:
    event = event_of(telling(replace(OPEN, streak=2)))
    assert {
        key: event[key] for key in ("type", "jobId", "status", "error", "runAtMs", "durationMs", "count")
    } == {
        "type": "alert",
        "jobId": "brief",
        "status": "error",
        "error": "no [redacted] at all",
        "runAtMs": NOW_MS,
        "durationMs": 0,
        "count": 2,
    }


EVERYBODY = Destination(None, "page", "ops", "main", "7")


@pytest.mark.parametrize(
    ("own", "merged"),
    [
        pytest.param(Destination(account="two"), replace(EVERYBODY, account="two"), id="another account"),
        pytest.param(Destination(thread="9"), replace(EVERYBODY, thread="9"), id="another thread"),
        pytest.param(Destination(to="night"), Destination(None, "page", "night", "main"), id="another target"),
        pytest.param(Destination(to="pager:x"), Destination("announce", None, "pager:x"), id="another channel"),
        pytest.param(Destination(mode="webhook"), Destination("webhook"), id="another mode drops the target"),
        pytest.param(Destination(mode="announce"), EVERYBODY, id="the same mode in words"),
        pytest.param(
            Destination("webhook", to="https://x.example"), Destination("webhook", to="https://x.example"), id="a URL"
        ),
    ],
)  # fmt: skip
def test_a_jobs_destination_lies_over_everybodys(own: Destination, merged: Destination) -> None:
    assert own.over(EVERYBODY, lambda text: text.startswith("pager:")) == merged
    assert own.over(None, lambda _text: False) == own
