"""People are told of trouble once, where they want to hear of it, and told when it is over."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from stentor.app.operations import Operations
from stentor.contract.channel import Example
from stentor.contract.dialects import PLAIN, Dialect
from stentor.contract.errors import Ambiguous, CredentialsRejected, Rejected
from stentor.contract.payloads import Draft, Payload
from stentor.contract.targets import Target, TargetHints
from stentor.domain.instants import iso
from stentor.testing.scripted import Provider, ScriptedChannel, scripted_channel
from stentor.testing.virtual_time import START_MS
from tests.services.stories import JsonObject, job, runs
from tests.services.towns import EVERY_MINUTE, GLOBALLY, TURN, Streak, Town, failing, scripted

HOUR = 3600.0
TOKEN = "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"


def text_job(number: int, room: str, **changes: Any) -> JsonObject:
    """A text at two seconds past the start."""
    return job(id=f"t{number}", name=f"T{number}", delivery={"to": f"page:{room}"}) | changes


def in_a_row(times: int) -> str:
    return f'⚠️ Job "Brief" failed {times} times in a row'


ONCE = '⚠️ Job "Brief" failed: boom (last phase: model-call-started)'


def test_a_job_that_fails_twice_in_a_row_is_told_where_it_announces(fast_home: Path) -> None:
    town = Town(fast_home).live(failing(), seconds=200)
    assert town.told == [("page:room1", in_a_row(2))]
    (alert,) = town.alerts
    assert alert["runId"] == runs(fast_home)[1]["runId"]
    assert (alert["purpose"], alert["state"], alert["jobId"]) == ("failure", "accepted", "brief")


def test_one_failure_is_nothing_to_tell_where_nobody_named_a_place(fast_home: Path) -> None:
    town = Town(fast_home, Streak(1)).live(failing(), seconds=300)
    assert (town.told, town.incidents) == ([], [])


@pytest.mark.parametrize(
    ("config", "changes", "told"),
    [
        pytest.param(GLOBALLY, {}, ("ops:global", ONCE), id="everybody's destination before the audience"),
        pytest.param(
            GLOBALLY,
            {"delivery": {"to": "page:room1", "failureDestination": {"to": "ops:own"}}},
            ("ops:own", ONCE),
            id="the job's before everybody's",
        ),
        pytest.param(
            GLOBALLY,
            {
                "delivery": {"to": "page:room1", "failureDestination": {"to": "ops:own"}},
                "failureAlert": {"to": "ops:alert"},
            },
            ("ops:alert", ONCE),
            id="the alert's own address before both",
        ),
        pytest.param(
            GLOBALLY,
            {"delivery": {"mode": "none"}},
            ("ops:global", ONCE),
            id="a job that delivers nothing",
        ),
        pytest.param(
            "",
            {"failureAlert": {"after": 3}},
            ("page:room1", in_a_row(3)),
            id="as many as the job says",
        ),
        pytest.param(
            f"{GLOBALLY}failure_alert = {{ after = 2 }}\n",
            {},
            ("ops:global", in_a_row(2)),
            id="as many as all",
        ),
    ],
)
def test_the_nearest_destination_hears_of_it(
    fast_home: Path, config: str, changes: JsonObject, told: tuple[str, str]
) -> None:
    town = Town(fast_home, config=config).live(failing(**changes), seconds=800)
    assert town.told == [told]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"failureAlert": False}, id="the job wants none"),
        pytest.param({"delivery": {"to": "page:room1", "bestEffort": True}}, id="best effort"),
    ],
)
def test_who_wants_no_alerts_has_none(fast_home: Path, changes: JsonObject) -> None:
    town = Town(fast_home, config=GLOBALLY).live(failing(**changes), seconds=600)
    assert (town.told, town.incidents) == ([], [])


def test_alerts_that_are_off_for_all_can_be_on_for_one(fast_home: Path) -> None:
    town = Town(fast_home, config="[cron]\nfailure_alert = false\n")
    town.live(failing(), failing(id="loud", name="Loud", failureAlert={}), seconds=300)
    assert [where for where, _ in town.told] == ["page:room1"]
    assert {incident["jobId"] for incident in town.incidents} == {"loud"}


def test_best_effort_that_asks_for_alerts_has_them_of_its_runs_only(fast_home: Path) -> None:
    easy = failing(delivery={"to": "page:room1", "bestEffort": True}, failureAlert={"after": 1})
    town = Town(fast_home).live(easy, seconds=100)
    assert town.told == [("page:room1", ONCE)]


def test_reminders_come_after_the_cooldown_and_the_end_is_told(fast_home: Path) -> None:
    config = "[scheduler]\ndisable_after_errors = 0\n"
    town = Town(fast_home, Streak(7), config).live(failing(), seconds=4 * HOUR)
    # It fails at 7:01, 7:02, 7:03, 7:08, 7:23, 8:23 and 9:23, and what is new is told an hour after what was told.
    assert [text for _, text in town.told[:-1]] == [in_a_row(2), in_a_row(5), in_a_row(6), in_a_row(7)]
    assert town.told[-1][1].startswith('✅ Job "Brief" is good again; it failed 7 times since 2026-07-01T')
    assert [alert["purpose"] for alert in town.alerts] == [*["failure"] * 4, "recovery"]
    assert town.incidents == []


def test_a_cooldown_in_words_is_kept(fast_home: Path) -> None:
    town = Town(fast_home).live(failing(failureAlert={"after": 1, "cooldown": "2m"}), seconds=700)
    assert [text for _, text in town.told] == [ONCE, in_a_row(3), in_a_row(4)]


def test_a_one_shot_has_no_second_failure_to_wait_for(fast_home: Path) -> None:
    town = Town(fast_home).live(job(payload=TURN, retry={"maxAttempts": 0}), seconds=60)
    assert town.told == [("page:room1", ONCE)]


def test_a_job_that_was_switched_off_is_told_of(fast_home: Path) -> None:
    config = "[scheduler]\ndisable_after_errors = 3\n"
    town = Town(fast_home, config=config).live(failing(), seconds=1200)
    assert [text for _, text in town.told] == [in_a_row(2), '⚠️ Job "Brief" was switched off']


def test_a_dead_account_is_one_alert_however_many_wait_for_it(fast_home: Path) -> None:
    page = Provider(script=scripted(CredentialsRejected("token revoked")))
    town = Town(fast_home, config=GLOBALLY, page=page)
    town.live(*(text_job(number, f"r{number}") for number in range(20)), seconds=120)
    assert [text for _, text in town.told] == ["⚠️ Account page:default is down: credentials: token revoked"]
    assert len(page.requests) == 1
    (part,) = town.ops.accepted
    assert "and 8 more" in part.text
    town.live(seconds=60)
    assert town.told[-1] == ("ops:global", "✅ Account page:default is open again")
    assert len(page.accepted) == 20


def test_many_deliveries_that_may_have_arrived_are_one_alert(fast_home: Path) -> None:
    page = Provider(script=scripted(*(Ambiguous("no answer") for _ in range(5))))
    town = Town(fast_home, config=GLOBALLY, page=page)
    town.live(*(text_job(number, f"r{number}") for number in range(5)), seconds=60)
    assert town.told == [("ops:global", "⚠️ 5 deliveries may or may not have arrived")]
    assert 'Jobs concerned: "T0", "T1", "T2", "T3", "T4"' in town.ops.accepted[0].text
    for _ in range(10):
        town.live(seconds=20)
    assert len(town.ops.accepted) == 1


def test_a_target_that_is_gone_is_told_a_few_times_a_day_and_never_there(fast_home: Path) -> None:
    page = Provider(script=scripted(*(Rejected("thread_gone", "no such thread") for _ in range(2000))))
    every_five = {"kind": "every", "everyMs": 300_000, "anchorMs": START_MS}
    town = Town(fast_home, config=GLOBALLY, page=page)
    town.live(job(schedule=every_five, payload={"kind": "text", "text": "x"}), seconds=24 * HOUR)
    assert 1 <= len(town.told) <= 5
    assert {where for where, _ in town.told} == {"ops:global"}
    assert town.told[0][1] == "⚠️ Deliveries to page:room1 do not arrive: no such thread"


def test_a_target_where_something_arrives_again_is_told_of_too(fast_home: Path) -> None:
    page = Provider(script=scripted(Rejected("too_large", "too long"), Rejected("too_large", "too long")))
    town = Town(fast_home, config=GLOBALLY, page=page)
    town.live(job(schedule=EVERY_MINUTE, payload={"kind": "text", "text": "x"}), seconds=250)
    assert town.told == [
        ("ops:global", "⚠️ Deliveries to page:room1 do not arrive: too long"),
        ("ops:global", "✅ Deliveries to page:room1 arrive again"),
    ]
    assert town.incidents == []


def test_an_alert_that_is_refused_goes_the_next_way(fast_home: Path) -> None:
    ops = Provider(script=scripted(Rejected("bad_target", "no such room")))
    town = Town(fast_home, config=GLOBALLY, ops=ops).live(failing(), seconds=100)
    assert town.told == [("page:room1", ONCE)]
    refused, instead = town.alerts
    assert (refused["state"], instead["state"]) == ("failed", "accepted")
    assert [incident["cause"] for incident in town.incidents] == ["failing"]


def test_an_alert_on_a_dead_account_goes_the_next_way(fast_home: Path) -> None:
    ops = Provider(script=scripted(*(CredentialsRejected("no") for _ in range(9))))
    town = Town(fast_home, config=GLOBALLY, ops=ops).live(failing(), seconds=100)
    assert ("page:room1", ONCE) in town.told
    assert len(ops.requests) == 1


def test_when_no_way_is_left_the_store_keeps_it_and_nothing_goes_round(fast_home: Path) -> None:
    refusals = [Rejected("bad_target", "no") for _ in range(100)]
    town = Town(
        fast_home,
        config=GLOBALLY,
        page=Provider(script=scripted(*refusals)),
        ops=Provider(script=scripted(*refusals)),
    ).live(failing(failureAlert={"after": 1}), seconds=50 * 60)
    assert [alert["target"] for alert in town.alerts] == ["ops:global", "page:room1"]
    (incident,) = town.incidents
    assert (incident["cause"], incident["told"], incident["toldTo"]) == ("failing", 1, [])


def test_what_was_missed_in_an_outage_is_told_together(fast_home: Path) -> None:
    hourly = {"kind": "every", "everyMs": 3_600_000, "anchorMs": START_MS}
    calm = {"schedule": hourly, "missed": {"policy": "skip"}}
    town = Town(fast_home, config=GLOBALLY)
    town.live(*(text_job(number, "a", **calm) for number in range(4)), seconds=10)
    town.world.now_ms += 5 * 3_600_000
    town.live(seconds=120)
    assert town.told == [("ops:global", '⚠️ Missed: "T0", "T1", "T2", "T3"')]


def test_an_alert_holds_no_secret(fast_home: Path) -> None:
    town = Town(fast_home, Streak(error=f"401 at https://api.example/bot{TOKEN}/x"))
    town.live(failing(name=f"Job of {TOKEN}"), seconds=200)
    (part,) = town.page.accepted
    assert "[redacted]" in part.text
    assert TOKEN not in part.text


@pytest.mark.parametrize("dialect", [None, PLAIN], ids=["as it was written", "in a dialect"])
def test_a_name_is_shown_as_it_is_whatever_it_would_mean_as_markdown(
    fast_home: Path, dialect: Dialect | None
) -> None:
    chat = scripted_channel("chat", Provider(), dialect=dialect)
    town = Town(fast_home, Streak(error="no_such_key in *here*"), more=[chat])
    named = failing(name="*x* [a](http://b)", failureAlert={"after": 1, "to": "chat:x"})
    town.live(named, seconds=100)
    (part,) = chat.provider.accepted
    assert part.text.startswith('⚠️ Job "*x* [a](http://b)" failed: no_such_key in *here* (last phase')


class HookChannel(ScriptedChannel):
    """Posts what it is given as fields."""

    name = "webhook"
    prefixes = ("webhook",)
    examples = (Example("webhook:https://x", "webhook:https://x"),)

    def parse_target(self, text: str, hints: TargetHints) -> Target:
        body = self.body(text)
        return Target(self.name, "url", body, body)

    def render(self, payload: Payload, target: Target) -> Sequence[Draft]:
        return [Draft(json.dumps(dict(payload.event)), format="json")]


def test_a_url_gets_the_alert_as_json(fast_home: Path) -> None:
    hook = HookChannel()
    hook.provider = Provider()
    posted = {"mode": "webhook", "to": "https://hooks.example.com/x"}
    town = Town(fast_home, more=[hook])
    town.live(failing(delivery={"to": "page:room1", "failureDestination": posted}), seconds=100)
    (part,) = hook.provider.accepted
    event = json.loads(part.text)
    assert part.target.canonical == "webhook:https://hooks.example.com/x"
    assert {key: event[key] for key in ("type", "cause", "jobId", "jobName", "status", "count")} == {
        "type": "alert",
        "cause": "failing",
        "jobId": "brief",
        "jobName": "Brief",
        "status": "error",
        "count": 1,
    }
    assert event["message"].startswith(ONCE)
    assert iso(event["runAtMs"]) == runs(fast_home)[0]["startedAt"]


async def _until_the_fourth_minute(operations: Operations) -> None:
    await operations.add_job(failing())
    await operations.app.ground.seams.clock.sleep(240)
    await operations.edit_job("brief", {"failureAlert": {"after": 1}})


def test_an_edit_counts_for_trouble_that_is_there_already(fast_home: Path) -> None:
    town = Town(fast_home, config="[cron]\nfailure_alert = { after = 50 }\n")
    town.world.live(_until_the_fourth_minute, seconds=20)
    assert [text for _, text in town.told] == [in_a_row(3)]
