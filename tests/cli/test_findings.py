"""What `status` has to say about a store and its daemon, finding by finding."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.outside import JsonObject, Stentor

from stentor.adapters.sqlite.health import Health, Named
from stentor.adapters.sqlite.outbox_health import Gated, OutboxHealth
from stentor.cli.findings import Facts, Finding, findings, level_of, span
from stentor.domain.stalls import Stall

NOW_MS = 1_782_889_200_000
SECOND_MS = 1_000
HOUR_MS = 3_600_000
COUNTS = {"jobs": 3, "enabled": 2, "blocked": 0, "running": 0, "pending": 0, "unknown": 0, "sessions": 0}
WELL = Health(heartbeat_ms=NOW_MS - 5 * SECOND_MS, newest_ms=NOW_MS - 5 * SECOND_MS)


def facts(daemon: str = "running", health: Health = WELL, stall: Stall | None = None, **counts: int) -> Facts:
    return Facts(NOW_MS, daemon, health, COUNTS | counts, [], [], stall)


def told(found: Facts) -> dict[str, str]:
    return {finding.code: finding.message for finding in findings(found)}


def levels(found: Facts) -> dict[str, str]:
    return {finding.code: finding.level for finding in findings(found)}


def test_a_daemon_that_lives_and_jobs_that_run_are_nothing_to_speak_of() -> None:
    assert findings(facts()) == []
    assert level_of([]) == "ok"


def test_the_worst_finding_is_the_level() -> None:
    warn, critical = Finding("warn", "a", "", ""), Finding("critical", "b", "", "")
    assert level_of([warn]) == "warn"
    assert level_of([warn, critical, warn]) == "critical"


# the daemon


@pytest.mark.parametrize(
    ("daemon", "seconds", "expected"),
    [
        pytest.param("running", 30, {}, id="young enough"),
        pytest.param("running", 31, {"stalled": "critical"}, id="answers but does not beat"),
        pytest.param("silent", 35, {"stalled": "critical"}, id="neither answers nor beats"),
        pytest.param("silent", 12, {"daemon_silent": "warn"}, id="slow to answer"),
        pytest.param("stopped", 35, {"daemon_stopped": "warn"}, id="stopped"),
    ],
)
def test_what_the_age_of_the_heartbeat_says(daemon: str, seconds: int, expected: dict[str, str]) -> None:
    health = replace(WELL, heartbeat_ms=NOW_MS - seconds * SECOND_MS)
    assert levels(facts(daemon, health)) == expected


def test_a_stall_says_for_how_long() -> None:
    stalled = facts("silent", replace(WELL, heartbeat_ms=NOW_MS - 35 * SECOND_MS))
    assert told(stalled)["stalled"] == "stalled 35 s: the daemon does not answer"


def test_a_store_that_never_had_a_daemon_has_not_stalled() -> None:
    assert findings(facts(health=Health())) == []


def test_a_daemon_that_ended_itself_is_told_from_one_that_was_stopped() -> None:
    ended = facts("stopped", stall=Stall(NOW_MS, 31, ended=True))
    assert told(ended)["stalled"] == "the daemon stalled 31 s; it was ended for it"
    assert levels(ended) == {"stalled": "critical", "daemon_stopped": "warn"}


def test_a_stopped_daemon_without_jobs_is_missed_by_nobody() -> None:
    assert findings(facts("stopped", enabled=0)) == []


def test_a_heartbeat_from_the_future_is_of_no_age() -> None:
    """The clock was set back since."""
    ahead = facts(health=replace(WELL, heartbeat_ms=NOW_MS + HOUR_MS))
    assert ahead.heartbeat_age_ms == 0


# the clock


@pytest.mark.parametrize("behind", [-HOUR_MS, 0, 5 * SECOND_MS], ids=["ahead", "even", "a little behind"])
def test_a_clock_that_is_not_behind_by_much_is_fine(behind: int) -> None:
    found = facts(health=replace(WELL, newest_ms=NOW_MS + behind))
    assert (found.clock, findings(found)) == ({"state": "ok", "behindMs": 0}, [])


@pytest.mark.parametrize("daemon", ["running", "stopped"])
def test_a_clock_that_moved_back_is_named_with_how_far(daemon: str) -> None:
    found = facts(daemon, replace(WELL, newest_ms=NOW_MS + 2 * HOUR_MS))
    assert found.clock == {"state": "moved_back", "behindMs": 2 * HOUR_MS}
    assert told(found)["clock_moved_back"] == "clock moved back 2 h"
    assert levels(found)["clock_moved_back"] == "warn"


def test_a_clock_that_was_behind_when_the_daemon_began_is_waited_for() -> None:
    ahead = NOW_MS + 20_000 * HOUR_MS
    health = replace(WELL, newest_ms=ahead, newest_at_start_ms=ahead)
    assert facts("running", health).clock["state"] == "waiting_for_clock"
    assert levels(facts("running", health)) == {"waiting_for_clock": "critical"}
    assert facts("stopped", health).clock["state"] == "moved_back"


def test_a_clock_that_has_reached_what_was_known_at_the_start_only_moved_back() -> None:
    health = replace(WELL, newest_ms=NOW_MS + HOUR_MS, newest_at_start_ms=NOW_MS - HOUR_MS)
    assert facts(health=health).clock["state"] == "moved_back"


# jobs and instants


@pytest.mark.parametrize(
    ("daemon", "late_ms", "expected"),
    [
        pytest.param("running", 29 * SECOND_MS, [], id="in a moment"),
        pytest.param("running", 120 * SECOND_MS, ["unaccounted"], id="late"),
        pytest.param("stopped", 120 * SECOND_MS, ["daemon_stopped"], id="nobody is there"),
    ],
)
def test_an_instant_that_nobody_accounts_for_is_a_finding(
    daemon: str, late_ms: int, expected: list[str]
) -> None:
    late = facts(daemon, replace(WELL, unaccounted_ms=NOW_MS - late_ms))
    assert late.late_ms == late_ms
    assert list(told(late)) == expected


def test_how_late_the_oldest_instant_is_is_said() -> None:
    late = facts(health=replace(WELL, unaccounted_ms=NOW_MS - 3 * HOUR_MS))
    assert told(late)["unaccounted"] == "an instant 3 h ago is not accounted for"


@pytest.mark.parametrize(
    ("field", "code", "message"),
    [
        ("switched_off", "auto_disabled", "switched off by itself: a, b, c and 2 more"),
        ("failed", "failed_jobs", "failed at the last run: a, b, c and 2 more"),
        ("undelivered", "failed_deliveries", "the last result did not arrive: a, b, c and 2 more"),
    ],
)
def test_jobs_in_trouble_are_named_but_not_all_of_them(field: str, code: str, message: str) -> None:
    several = facts(health=replace(WELL, **{field: Named(5, ("a", "b", "c"))}))
    one = facts(health=replace(WELL, **{field: Named(1, ("a",))}))
    assert told(several) == {code: message}
    assert told(one)[code].endswith(": a")
    assert levels(one) == {code: "warn"}


@pytest.mark.parametrize(
    ("counts", "message"),
    [({"blocked": 1}, "1 job cannot run"), ({"unknown": 2}, "2 may or may not have arrived")],
    ids=["blocked", "unknown"],
)
def test_what_the_counts_say(counts: dict[str, int], message: str) -> None:
    assert list(told(facts(**counts)).values()) == [message]


def test_messages_that_did_not_arrive_are_counted() -> None:
    assert "2 sent by hand" in told(facts(health=replace(WELL, failed_sends=2)))["failed_sends"]


def test_accounts_that_are_shut_and_jobs_that_are_damaged_are_critical() -> None:
    account = {"channel": "page", "accountId": "main", "state": "down", "reason": "token revoked"}
    found = Facts(NOW_MS, "running", WELL, COUNTS, [account, account | {"state": "open"}], ["bent"], None)
    assert told(found) == {
        "account_down": "page:main is down: token revoked",
        "damaged_job": "job bent does not match its checksum",
    }
    assert set(levels(found).values()) == {"critical"}


def test_an_incident_that_could_be_told_nowhere_is_a_finding() -> None:
    told_of = {"told": 1, "toldTo": [{"target": "page:ops"}]}
    incidents = [told_of, told_of | {"toldTo": []}, {"told": 0, "toldTo": []}]
    found = Facts(NOW_MS, "running", WELL, COUNTS, [], [], None, incidents=incidents)
    assert told(found) == {"untold_incidents": "1 of the open incidents could be told nowhere but here"}
    assert levels(found) == {"untold_incidents": "warn"}


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "0 s"),
        (45 * SECOND_MS, "45 s"),
        (90 * SECOND_MS, "2 min"),
        (2 * HOUR_MS, "2 h"),
        (72 * HOUR_MS, "3 d"),
    ],
)
def test_a_span_is_told_by_its_largest_unit(ms: int, text: str) -> None:
    assert span(ms) == text


def test_settings_that_say_nothing_are_found_by_the_doctor(tmp_path: Path) -> None:
    stentor = Stentor(tmp_path / "home")
    stentor.home.mkdir()
    (stentor.home / "stentor.toml").write_text(
        '[channels.lokal.accounts.default]\n[channels.local]\ndefault_to = "a b"\n'
    )
    stentor.ask("send", "--to", "local:inbox", "--text", "x")

    found = {finding["message"]: finding["code"] for finding in stentor.ask("doctor")["findings"]}
    said = [message for message, code in found.items() if code == "idle_settings"]
    assert (
        said[0] == "[channels.lokal]: no such channel is loaded; see `stentor plugins`, did you mean 'local'?"
    )
    assert said[1].startswith("[channels.local] default_to: 'a b' is not the name of a box")

    for broken in ("[nonsense]\n", "[agents.main]\nmodel = 'gpt-5'\n", "[agents.main]\nrunner = 'modle'\n"):
        (stentor.home / "stentor.toml").write_text(broken)
        codes = [finding["code"] for finding in stentor.ask("doctor")["findings"]]
        assert "bad_config" in codes

    (stentor.home / "stentor.toml").write_text("[nonsense]\n")
    (said,) = [each for each in stentor.ask("status")["findings"] if each["code"] == "bad_config"]
    assert "nonsense" in said["message"]


@pytest.mark.parametrize("command", ["doctor", "status"])
def test_a_home_that_is_not_there_is_no_healthy_one(tmp_path: Path, command: str) -> None:
    health = Stentor(tmp_path / "hmoe").ask(command)

    (finding,) = health["findings"]
    assert (health["level"], finding["code"]) == ("warn", "no_home")
    assert finding["message"] == f"there is nothing at {tmp_path / 'hmoe'}"
    assert not (tmp_path / "hmoe").exists()


@pytest.mark.parametrize(
    ("main_session", "expected"),
    [
        pytest.param({}, {}, id="nobody has looked"),
        pytest.param({"failing": None, "unanswered": 2}, {}, id="events that wait for their time"),
        pytest.param(
            {"failing": {"times": 1, "error": "boom"}, "unanswered": 0},
            {"heartbeat_failing": "the last turn of the main session failed: boom"},
            id="one that failed",
        ),
        pytest.param(
            {"failing": {"times": 3, "error": "boom"}, "unanswered": 1},
            {"heartbeat_failing": "the last 3 turns of the main session failed: boom; 1 event is unanswered"},
            id="several, with an event",
        ),
        pytest.param(
            {"failing": {"times": 1, "error": "boom"}, "unanswered": 2},
            {"heartbeat_failing": "the last turn of the main session failed: boom; 2 events are unanswered"},
            id="one, with events",
        ),
    ],
)
def test_turns_of_the_main_session_that_fail_are_found(
    main_session: JsonObject, expected: dict[str, str]
) -> None:
    assert told(replace(facts(), main_session=main_session)) == expected


@pytest.mark.parametrize(
    ("state", "stored", "expected"),
    [
        ("degraded", "open", {"account_degraded": "page:main is degraded: nothing comes in"}),
        ("down", "open", {"account_degraded": "page:main is down: nothing comes in"}),
        ("ready", "open", {}),
        ("degraded", "down", {"account_down": "page:main is down: 401"}),
    ],
    ids=["nothing comes in", "does not open", "works", "told already"],
)
def test_an_account_that_its_daemon_finds_unwell_is_spoken_of(
    state: str, stored: str, expected: dict[str, str]
) -> None:
    names = {"channel": "page", "accountId": "main"}
    live = [{**names, "state": state, "reason": "nothing comes in"}]
    found = replace(facts(), accounts=[{**names, "state": stored, "reason": "401"}], live=live)
    assert told(found) == expected


@pytest.mark.parametrize(
    ("reason", "said", "fix"),
    [
        (
            "credentials: token revoked",
            "page:main is down: credentials: token revoked",
            "mend its settings, then restart",
        ),
        (
            "banned until 18:00 UTC: send less then",
            "page:main is down: banned until 18:00 UTC: send less then",
            "do what the reason says; `stentor channels test page:main` says how it is now",
        ),
        (None, "page:main is down", "`stentor channels test page:main` says how it is now"),
        (
            "logged out: stentor channels login page",
            "page:main is down: logged out: stentor channels login page",
            "pair it: stentor channels login page:main",
        ),
    ],
    ids=["is refused", "says why", "does not", "is paired"],
)
def test_an_account_that_is_down_is_told_with_what_opens_it(reason: str | None, said: str, fix: str) -> None:
    account = {"channel": "page", "accountId": "main", "state": "down", "reason": reason}
    (finding,) = findings(replace(facts(), accounts=[account]))
    assert (finding.level, finding.message, finding.fix) == ("critical", said, fix)


def test_an_account_that_does_not_say_what_ails_it_is_spoken_of() -> None:
    live = [{"channel": "page", "accountId": "main", "state": "degraded", "reason": None}]
    assert told(replace(facts(), live=live)) == {"account_degraded": "page:main is degraded"}


@pytest.mark.parametrize(
    ("reason", "fix"),
    [("throttled", "wait: it tries by itself"), ("missing: pip install 'stentor[page]'", "install it where")],
    ids=["goes by itself", "does not"],
)
def test_a_gate_is_told_with_what_opens_it(reason: str, fix: str) -> None:
    gate = Gated("page:main", reason, NOW_MS + HOUR_MS)
    (finding,) = findings(replace(facts(), outbox=OutboxHealth(gates=(gate,))))
    assert finding.fix.startswith(fix)
