"""What the flags of `cron add` and `cron edit` say, before anybody is asked to do it."""

from typing import Any

import click
import pytest

from stentor.cli.cron_add import add
from stentor.cli.cron_edit import edit
from stentor.cli.job_flags import job_of, patch_of
from stentor.domain.refusals import Refused

JsonObject = dict[str, Any]
_NOT_FLAGS = {"job", "file", "revision", "home", "as_json"}


def flags(command: click.Command, *words: str) -> JsonObject:
    params = command.make_context("test", list(words), help_option_names=["-h", "--help"]).params
    return {name: value for name, value in params.items() if name not in _NOT_FLAGS}


def patch(*words: str) -> JsonObject:
    return patch_of(flags(edit, "brief", *words))


def job(*words: str) -> JsonObject:
    return job_of(flags(add, *words))


PATCHES: dict[str, tuple[tuple[str, ...], JsonObject]] = {
    "a name": (("--name", "New"), {"name": "New"}),
    "an empty description": (("--description", ""), {"description": ""}),
    "an agent": (("--agent", "ops"), {"agentId": "ops"}),
    "the default agent": (("--clear-agent",), {"agentId": None}),
    "a session": (("--session", "session:daily"), {"sessionTarget": "session:daily"}),
    "the current session": (("--session", "current"), {"sessionTarget": "current"}),
    "a session key": (("--session-key", "k"), {"sessionKey": "k"}),
    "no session key": (("--clear-session-key",), {"sessionKey": None}),
    "a wake mode in capitals": (("--wake", "Next-Heartbeat"), {"wakeMode": "next-heartbeat"}),
    "on": (("--enable",), {"enabled": True}),
    "off": (("--disable",), {"enabled": False}),
    "a time": (("--at", "20m"), {"schedule": {"kind": "at", "at": "20m"}}),
    "a time in a zone": (
        ("--at", "2026-07-01T09:00", "--tz", "UTC"),
        {"schedule": {"kind": "at", "at": "2026-07-01T09:00", "tz": "UTC"}},
    ),
    "an interval": (("--every", "1h30m"), {"schedule": {"kind": "every", "everyMs": 5_400_000}}),
    "an expression": (("--cron", "0 7 * * *"), {"schedule": {"kind": "cron", "expr": "0 7 * * *"}}),
    "a zone alone": (("--tz", "UTC"), {"schedule": {"tz": "UTC"}}),
    "a stagger alone": (("--stagger", "5m"), {"schedule": {"staggerMs": 300_000}}),
    "no stagger": (("--exact",), {"schedule": {"staggerMs": 0}}),
    "a message": (("--message", "hi"), {"payload": {"kind": "agentTurn", "message": "hi"}}),
    "a text": (("--text", "hi"), {"payload": {"kind": "text", "text": "hi"}}),
    "an event": (("--system-event", "hi"), {"payload": {"kind": "systemEvent", "text": "hi"}}),
    "a program": (("--command", "ls '-l x'"), {"payload": {"kind": "command", "argv": ["ls", "-l x"]}}),
    "a program as JSON": (
        ("--command-argv", '["ls"]', "--command-cwd", "/", "--command-env", "A=b=c", "--command-input", "in"),
        {"payload": {"kind": "command", "argv": ["ls"], "cwd": "/", "env": {"A": "b=c"}, "input": "in"}},
    ),
    "a model alone": (("--model", "m"), {"payload": {"model": "m"}}),
    "no model": (("--clear-model",), {"payload": {"model": None}}),
    "thinking": (("--thinking", "high"), {"payload": {"thinking": "high"}}),
    "no thinking": (("--clear-thinking",), {"payload": {"thinking": None}}),
    "no limit": (("--timeout-seconds", "0"), {"payload": {"timeoutSeconds": 0}}),
    "a light context": (("--light-context",), {"payload": {"lightContext": True}}),
    "no light context": (("--no-light-context",), {"payload": {"lightContext": False}}),
    "best effort alone": (("--best-effort-deliver",), {"delivery": {"bestEffort": True}}),
    "no best effort alone": (("--no-best-effort-deliver",), {"delivery": {"bestEffort": False}}),
    "announced": (("--announce",), {"delivery": {"mode": "announce"}}),
    "announced in older words": (("--deliver",), {"delivery": {"mode": "announce"}}),
    "not delivered": (("--no-deliver",), {"delivery": {"mode": "none"}}),
    "posted": (("--webhook", "https://x"), {"delivery": {"mode": "webhook", "to": ["https://x"]}}),
    "several targets": (("--to", "a", "--to", "b"), {"delivery": {"to": ["a", "b"]}}),
    "a thread of any spelling": (
        ("--announce", "--channel", "slack", "--to", "C1", "--thread-id", "1700000000.000100"),
        {
            "delivery": {
                "mode": "announce",
                "channel": "slack",
                "to": ["C1"],
                "threadId": "1700000000.000100",
            }
        },
    ),
    "an account": (("--account", "two"), {"delivery": {"accountId": "two"}}),
    "no address": (
        ("--clear-to", "--clear-channel", "--clear-thread-id", "--clear-account"),
        {"delivery": {"to": None, "channel": None, "threadId": None, "accountId": None}},
    ),
    "a priority": (("--priority", "digest"), {"delivery": {"priority": "digest"}}),
    "an expiry": (("--expires", "6h"), {"delivery": {"expiresAfterSeconds": 21_600}}),
    "an expiry in seconds": (("--expires", "90"), {"delivery": {"expiresAfterSeconds": 90}}),
    "what may have arrived": (("--on-unknown", "resend"), {"delivery": {"onUnknown": "resend"}}),
    "missed": (("--missed", "all", "--grace", "2h"), {"missed": {"policy": "all", "graceSeconds": 7200}}),
    "no grace": (("--grace", "0s"), {"missed": {"graceSeconds": 0}}),
    "overlap": (("--overlap", "queue"), {"overlap": "queue"}),
    "interrupted": (("--on-interrupt", "report"), {"onInterrupt": "report"}),
    "no retries": (("--retries", "0"), {"retry": {"maxAttempts": 0}}),
    "removed when done": (("--delete-after-run",), {"deleteAfterRun": True}),
    "kept when done": (("--keep-after-run",), {"deleteAfterRun": False}),
    "tools": (("--tools", "exec, read"), {"payload": {"toolsAllow": ["exec", "read"]}}),
    "fallbacks": (("--fallbacks", "a,b"), {"payload": {"fallbacks": ["a", "b"]}}),
    "an alert": (("--failure-alert",), {"failureAlert": {}}),
    "an alert with details": (
        ("--failure-alert-after", "2", "--failure-alert-include-skipped"),
        {"failureAlert": {"after": 2, "includeSkipped": True}},
    ),
    "an alert with a cooldown and a place": (
        (
            *("--failure-alert-cooldown", "90m", "--failure-alert-to", "local:ops"),
            *("--failure-alert-channel", "local", "--failure-alert-thread-id", "7"),
            *("--failure-alert-account-id", "two", "--failure-alert-mode", "Announce"),
        ),
        {
            "failureAlert": {
                "cooldownMs": 5_400_000,
                "to": "local:ops",
                "channel": "local",
                "threadId": "7",
                "accountId": "two",
                "mode": "announce",
            }
        },
    ),
    "an alert without skipped runs": (
        ("--failure-alert-exclude-skipped",),
        {"failureAlert": {"includeSkipped": False}},
    ),
    "no alert": (("--no-failure-alert",), {"failureAlert": False}),
}


@pytest.mark.parametrize(("words", "expected"), PATCHES.values(), ids=PATCHES.keys())
def test_an_edit_says_what_its_flags_say_and_nothing_else(
    words: tuple[str, ...], expected: JsonObject
) -> None:
    assert patch(*words) == expected


CONTRADICTIONS: dict[str, tuple[tuple[str, ...], str]] = {
    "nothing": ((), "nothing to change"),
    "on and off": (("--enable", "--disable"), "--enable or --disable, not both"),
    "removed and kept": (("--delete-after-run", "--keep-after-run"), "not both"),
    "two schedules": (("--at", "20m", "--every", "1h"), "at most one schedule: --at, --every, --cron"),
    "a stagger and none": (("--stagger", "5m", "--exact"), "--stagger or --exact, not both"),
    "a zone for an interval": (("--every", "1h", "--tz", "UTC"), "--tz is only valid with --cron"),
    "a stagger for a time": (("--at", "1h", "--exact"), "only valid with --cron"),
    "two payloads": (("--message", "a", "--text", "b"), "at most one payload: --message, --text"),
    "a model for a text": (("--text", "a", "--model", "b"), "--model only concerns --message"),
    "a folder for a turn": (
        ("--message", "a", "--command-cwd", "/"),
        "--command-cwd only concerns --command",
    ),
    "a limit for a text": (
        ("--text", "a", "--timeout-seconds", "0"),
        "--timeout-seconds only concerns --command and --message",
    ),
    "a heavy program": (
        ("--command", "ls", "--no-light-context"),
        "--no-light-context only concerns --message",
    ),
    "an agent and none": (("--agent", "a", "--clear-agent"), "--agent or --clear-agent, not both"),
    "a key and none": (("--session-key", "a", "--clear-session-key"), "not both"),
    "a target and none": (("--to", "a", "--clear-to"), "--to or --clear-to, not both"),
    "a thread and none": (("--thread-id", "a", "--clear-thread-id"), "not both"),
    "light and heavy": (("--light-context", "--no-light-context"), "not both"),
    "best effort and not": (("--best-effort-deliver", "--no-best-effort-deliver"), "not both"),
    "announced and not": (("--announce", "--no-deliver"), "--announce or --no-deliver, not both"),
    "announced and posted": (("--announce", "--webhook", "x"), "--announce or --webhook, not both"),
    "delivered and not": (("--deliver", "--no-deliver"), "choose one of"),
    "a target and a URL": (("--to", "a", "--webhook", "x"), "choose one of --webhook and --to"),
    "a thread and a URL": (("--thread-id", "4", "--webhook", "x"), "choose one of --webhook and --thread-id"),
    "a URL and nothing": (("--no-deliver", "--webhook", "x"), "choose one of --no-deliver and --webhook"),
    "an account for nothing": (("--no-deliver", "--account", "a"), "choose one of"),
    "an alert and none": (("--no-failure-alert", "--failure-alert"), "takes no details"),
    "details of no alert": (("--no-failure-alert", "--failure-alert-after", "2"), "takes no details"),
    "skipped and not": (
        ("--failure-alert-include-skipped", "--failure-alert-exclude-skipped"),
        "not both",
    ),
    "a cooldown in words": (
        ("--failure-alert-cooldown", "often"),
        "--failure-alert-cooldown: 'often' is not a duration",
    ),
    "an interval in words": (("--every", "often"), "--every: 'often' is not a duration"),
    "a grace in words": (("--grace", "long"), "--grace: 'long' is not a duration"),
    "part of a second": (("--expires", "1500ms"), "no whole number of seconds"),
    "an open quotation": (("--command", "echo 'x"), "--command: No closing quotation"),
    "a list that is none": (("--command-argv", "ls -l"), "--command-argv is not JSON"),
    "a variable without value": (("--command-env", "A", "--command", "ls"), "'A' is not KEY=VALUE"),
}


@pytest.mark.parametrize(("words", "said"), CONTRADICTIONS.values(), ids=CONTRADICTIONS.keys())
def test_flags_that_contradict_each_other_are_named(words: tuple[str, ...], said: str) -> None:
    with pytest.raises(Refused) as refusal:
        patch(*words)
    assert said in refusal.value.message


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("--missed", "none"), id="missed"),
        pytest.param(("--overlap", "kill"), id="overlap"),
        pytest.param(("--wake", "later"), id="wake"),
        pytest.param(("--thinking", "hard"), id="thinking"),
        pytest.param(("--retries", "11"), id="retries"),
        pytest.param(("--timeout-seconds", "soon"), id="timeout"),
        pytest.param(("--revision", "0"), id="revision"),
        pytest.param(("--failure-alert-after", "0"), id="from no error on"),
        pytest.param(("--failure-alert-mode", "mail"), id="mode of an alert"),
    ],
)
def test_a_word_that_no_flag_knows_is_refused(words: tuple[str, ...]) -> None:
    with pytest.raises(click.BadParameter):
        patch(*words)


def test_a_new_job_is_described_by_the_same_flags() -> None:
    described = job(
        *("--id", "brief", "--disabled", "--cron", "0 7 * * *", "--exact", "--message", "hi"),
        *("--timeout-seconds", "0", "--to", "local:a", "--best-effort-deliver", "--missed", "skip"),
        *("--failure-alert-after", "3"),
    )

    assert described == {
        "id": "brief",
        "enabled": False,
        "schedule": {"kind": "cron", "expr": "0 7 * * *", "staggerMs": 0},
        "payload": {"kind": "agentTurn", "message": "hi", "timeoutSeconds": 0},
        "delivery": {"to": ["local:a"], "bestEffort": True},
        "missed": {"policy": "skip"},
        "failureAlert": {"after": 3},
    }


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(("--text", "x"), "choose exactly one schedule", id="no schedule"),
        pytest.param(("--every", "1h"), "choose exactly one payload", id="no payload"),
    ],
)
def test_a_new_job_needs_a_schedule_and_a_payload(words: tuple[str, ...], said: str) -> None:
    with pytest.raises(Refused) as refusal:
        job(*words)
    assert said in refusal.value.message
