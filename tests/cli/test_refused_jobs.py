"""A job that cannot be taken as it stands is refused whole: one document says why, and the store does not change."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.outside import JsonObject, Stentor, dump, serving
from tests.samples import JOB, changed

from stentor.testing.invariants import check

EVENT = {"kind": "systemEvent", "text": "tea"}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stentor]:
    """A home with one job; nothing that is refused may leave a trace in it."""
    stentor = Stentor(tmp_path_factory.mktemp("kept") / "home")
    with serving(stentor):
        stentor.add({**JOB, "id": "kept"})
        yield stentor
        assert [job["id"] for job in stentor.ask("cron", "list", "--all")["jobs"]] == ["kept"]
    check(stentor.home)


def cron(expr: str, **more: object) -> JsonObject:
    return changed(schedule={"kind": "cron", "expr": expr, **more})


def at(text: object, **more: object) -> JsonObject:
    return changed(schedule={"kind": "at", "at": text, **more})


KEYS = {
    "an unknown key": (changed(shedule={}), "shedule: unknown field, did you mean 'schedule'?"),
    "an unknown key of the schedule": (
        changed(schedule__evryMs=1),
        "schedule.evryMs: unknown field, did you mean 'everyMs'?",
    ),
    "an unknown key of the payload": (
        changed(payload__mesage=""),
        "payload.mesage: unknown field, did you mean 'message'?",
    ),
    "an unknown key of the delivery": (
        changed(delivery__chanel=""),
        "delivery.chanel: unknown field, did you mean 'channel'?",
    ),
    "a key of another payload kind": (
        changed(payload={"kind": "text", "text": "x", "timeoutSeconds": 5}),
        "payload.timeoutSeconds: unknown field",
    ),
    "a key like no other": (
        changed(delivery__zzz=1),
        "delivery.zzz: unknown field; known are accountId, agentMaySend",
    ),
    "no schedule and no payload": ({"name": "x"}, "schedule: is missing; payload: is missing"),
    "a schedule of unknown kind": (
        changed(schedule__kind="weekly"),
        "schedule.kind: must be one of 'at', 'every', 'cron'",
    ),
    "a payload of unknown kind": (
        changed(payload__kind="poem"),
        "payload.kind: must be one of 'agentTurn', 'systemEvent'",
    ),
    "an unknown delivery mode": (
        changed(delivery__mode="shout"),
        "delivery.mode: must be 'announce', 'webhook' or 'none'",
    ),
    "an unknown wake mode": (changed(wakeMode="later"), "wakeMode: must be 'now' or 'next-heartbeat'"),
    "an unknown overlap": (changed(overlap="kill"), "overlap: must be 'skip' or 'queue'"),
    "text for an object": (changed(delivery="local:inbox"), "delivery: must be an object"),
    "an object for a list": (changed(delivery__to={"a": 1}), "delivery.to: must be a list"),
    "text for a list": (
        changed(payload={"kind": "command", "argv": "ls -l"}),
        "payload.argv: must be a list",
    ),
    "a flag for a list": (
        changed(payload={"kind": "command", "argv": True}, name=None),
        "payload.argv: must be a list",
    ),
    "text for a flag": (changed(enabled="maybe"), "enabled: must be true or false"),
}
SCHEDULES = {
    "a minute that does not exist": (cron("61 * * * *"), "minute 61 is outside 0-59"),
    "four fields": (cron("* * * *"), "it has 4 fields; write minute, hour, day of month"),
    "words": (cron("every day at nine sharp"), "is not understood"),
    "a date that never comes": (cron("0 0 30 2 *"), "never fires"),
    "a range that runs backwards": (cron("0 22-6 * * *"), "runs backwards; write it as two ranges"),
    "a random value": (cron("R 7 * * *"), "random and hashed values are not taken"),
    "a step without end": (cron("5/10 * * * *"), "write 5-59/10"),
    "a zone that does not exist": (
        cron("0 7 * * *", tz="Mars/Olympus"),
        "name an IANA zone such as Europe/Berlin",
    ),
    "a zone that is a path": (cron("0 7 * * *", tz="../../etc/passwd"), "name an IANA zone"),
    "an empty zone": (cron("0 7 * * *", tz=""), "name an IANA zone"),
    "a zone for a one-shot that does not exist": (at("2031-05-01T09:00", tz="Mars"), "name an IANA zone"),
    "an interval of nothing": (changed(schedule__everyMs=0), "schedule.everyMs: must be at least 1000"),
    "an interval that runs backwards": (
        changed(schedule__everyMs=-5),
        "schedule.everyMs: must be at least 1000",
    ),
    "an interval in words": (changed(schedule__everyMs="soon"), "schedule.everyMs: must be a whole number"),
    "a time that has passed": (at("2020-01-01T00:00:00Z"), "in the past (it is 2"),
    "a time out of sight": (at("2099-01-01T00:00:00Z"), "give a time within ten years"),
    "a time in words": (at("tomorrow"), "'tomorrow' is not a time; write 2026-05-01T09:00"),
    "a time skipped by the clocks": (
        at("2031-03-30T02:30", tz="Europe/Berlin"),
        "does not exist in Europe/Berlin",
    ),
    "a recurring job that deletes itself": (
        changed(deleteAfterRun=True),
        "deleteAfterRun is only for one-shot jobs",
    ),
}
TARGETS = {
    "a prefix of no plugin": (changed(delivery__to="pager:1"), 'no loaded plugin owns the prefix "pager:"'),
    "a prefix that is nearly one": (changed(delivery__to="locl:inbox"), "did you mean 'local'?"),
    "a prefix of another channel": (
        changed(delivery={"channel": "webhook", "to": "local:inbox"}),
        'target prefix "local:" belongs to local, not webhook',
    ),
    "no target at all": (changed(delivery={"mode": "announce"}), "name a target, for instance local:inbox"),
    "no delivery at all": (
        {key: JOB[key] for key in ("schedule", "payload")},
        "no target is named and none can be inferred",
    ),
    "an id without its channel": (changed(delivery__to="2873"), "'2873' names no channel"),
    "a blank target": (changed(delivery__to=" "), "delivery.to.0: must not be blank"),
    "an empty list of targets": (changed(delivery__to=[]), "name a target or leave it out"),
    "a name the channel does not take": (changed(delivery__to="local:a b"), "write local:NAME"),
    "a thread where there are none": (changed(delivery__threadId="7"), "a local box has no threads"),
    "a web address without its channel": (
        changed(delivery__to="https://hooks.example.com"),
        "write webhook: in front of it",
    ),
    "an unknown channel": (
        changed(delivery={"channel": "pigeon", "to": "1"}),
        "loaded channels: ",
    ),
    "an unknown channel and no target": (
        changed(delivery={"channel": "pigeon"}),
        "there is no channel 'pigeon'",
    ),
    "a thread of the last conversation": (
        changed(delivery={"channel": "last", "threadId": "7"}),
        "last brings its own account and thread",
    ),
    "last as an address": (changed(delivery__to="last"), '"channel": "last" (--channel last) stands for'),
    "the current chat, where there is none": (
        changed(delivery__to="current"),
        "there is no current conversation; nothing is known of where this was written; name a target",
    ),
    "the current channel": (changed(delivery={"channel": "current"}), "there is no current conversation"),
    "an allowed target of no plugin": (
        changed(delivery__allow=["pager:1"]),
        'delivery.allow: no loaded plugin owns the prefix "pager:"',
    ),
    "half a channel allowed": (
        changed(delivery__allow=["local:a*"]),
        "delivery.allow: 'a*' is not the name of a box",
    ),
    "an allow list for a text": (
        changed(payload={"kind": "text", "text": "x"}, delivery__allow=["local:*"]),
        "only concern the payload agentTurn",
    ),
    "an agent that may send, for a program": (
        changed(payload={"kind": "command", "argv": ["ls"]}, delivery__agentMaySend=True),
        "only concern the payload agentTurn",
    ),
    "an allow list for an agent that may not send": (
        changed(delivery={"mode": "none", "allow": ["local:*"]}),
        "delivery.allow says nothing while the agent may not send",
    ),
    "an agent that may send nowhere": (
        changed(delivery={"mode": "none", "agentMaySend": True}),
        "delivery.agentMaySend needs somewhere to send to",
    ),
    "a target that nobody sends to": (
        changed(delivery={"mode": "none", "to": "local:inbox"}),
        "mode none delivers nothing, but a target is named; leave to, channel",
    ),
    "an unknown account": (changed(delivery__accountId="second"), "channel local has no account 'second'"),
    "a webhook without its URL": (
        changed(delivery={"mode": "webhook"}),
        "mode webhook needs to = an http(s) URL",
    ),
    "a webhook to a box": (changed(delivery__mode="webhook"), "mode webhook needs to = an http(s) URL"),
    "a webhook with a thread": (
        changed(delivery={"mode": "webhook", "to": "https://hooks.example.com", "threadId": "7"}),
        "a webhook has no threads",
    ),
    "no delivery, with a target": (
        changed(delivery__mode="none"),
        "mode none delivers nothing, but a target is named",
    ),
    "no delivery, with a channel": (
        changed(delivery={"mode": "none", "channel": "local"}),
        "leave to, channel, accountId",
    ),
}
SESSIONS = {
    "an unknown agent": (changed(agentId="mian"), "did you mean 'main'?"),
    "an agent that is a path": (changed(agentId="../x"), "an agent id is a-z, 0-9, _ and -"),
    "an unknown session target": (changed(sessionTarget="isolatd"), "did you mean 'isolated'?"),
    "the current session, where there is none": (
        changed(sessionTarget="current"),
        "name one with session:<id>",
    ),
    "a session without a name": (changed(sessionTarget="session:"), "session: needs an id"),
    "a session key for the main session": (
        {**changed(sessionTarget="main", sessionKey="x", payload=EVENT), "delivery": None},
        "sessionKey cannot apply to the main session; leave it out",
    ),
    "two sessions": (
        changed(sessionTarget="session:a", sessionKey="b"),
        "sessionKey contradicts sessionTarget",
    ),
    "the session of another agent": (changed(sessionKey="agent:ops:x"), "belongs to another agent"),
    "a session that poses as another": (changed(sessionKey="agent:main:cron:x"), "name it otherwise"),
    "a turn in the main session": (changed(sessionTarget="main"), "use sessionTarget isolated for this"),
    "an event outside the main session": (
        {**changed(sessionTarget="isolated", payload=EVENT), "delivery": None},
        "set sessionTarget main, or use an agentTurn",
    ),
    "an event that is delivered": (changed(payload=EVENT), "leave delivery out or set mode none"),
}
TEXTS = {
    "an unknown placeholder": (
        changed(payload={"kind": "text", "text": "{{jobname}}"}),
        "{{jobname}} is not a placeholder, did you mean 'jobName'?",
    ),
    "a blank message": (changed(payload__message=" \n"), "payload.message: must not be blank"),
    "a blank name": (changed(name=" "), "name: must not be blank"),
    "a name as long as a book": (changed(name="x" * 201), "up to 200 characters"),
    "a NUL in the name": (changed(name="a\0b"), "name: must be one line"),
    "an escape sequence in the name": (changed(name="\x1b[31mred"), "none of them a control character"),
    "a second line in the name": (changed(name="a\nb"), "name: must be one line"),
    "a name that is written backwards": (changed(name="a\u202eb"), "none of them a control character"),
    "a NUL in the id": (changed(id="a\0b"), "id: an id is up to 128 characters without slashes"),
    "a control character in the id": (changed(id="a\x85b"), "id: an id is"),
    "an id that is written backwards": (changed(id="a\u202eb"), "id: an id is"),
    "an id that is a path": (changed(id="../kept"), "without slashes"),
    "an id that is a folder": (changed(id=".."), "id: an id is"),
    "an empty id": (changed(id=""), "id: an id is"),
    "an id in blanks": (changed(id=" kept "), "outer blanks"),
    "a NUL in the target": (changed(delivery__to="local:a\0b"), "holds control or invisible characters"),
    "an invisible character in the target": (
        changed(delivery__to="local:a\u200bb"),
        "type the target by hand",
    ),
    "no program": (changed(payload={"kind": "command", "argv": []}), "payload.argv: must not be empty"),
    "a blank program": (
        changed(payload={"kind": "command", "argv": [" "]}),
        "must begin with the program to run",
    ),
    "a NUL in an argument": (
        changed(payload={"kind": "command", "argv": ["ls", "\0"]}),
        "payload.argv.1: must not hold a NUL",
    ),
    "a variable with an equals sign": (
        changed(payload={"kind": "command", "argv": ["ls"], "env": {"A=B": "x"}}),
        "payload.env.A=B: the name of a variable",
    ),
    "an endless turn": (changed(payload__timeoutSeconds=-1), "payload.timeoutSeconds: must be at least 0"),
    "more tries than make sense": (
        changed(retry={"maxAttempts": 11}),
        "retry.maxAttempts: must be at most 10",
    ),
    "fewer tries than none": (changed(retry={"maxAttempts": -1}), "retry.maxAttempts: must be at least 0"),
    "a fallback without a name": (
        changed(payload__fallbacks=[" "]),
        "payload.fallbacks.0: names a model, without blanks around it",
    ),
    "a tool without a name": (changed(payload__toolsAllow=[""]), "payload.toolsAllow.0: must not be blank"),
    "an id that is taken": (changed(id="kept"), "there is a job 'kept' already"),
}
ALERTS = {
    "alerts that are neither off nor described": (
        changed(failureAlert=0),
        "failureAlert: is false, or an object with after",
    ),
    "alerts from no error on": (changed(failureAlert={"after": 0}), "failureAlert.after: must be at least 1"),
    "a misspelt detail of an alert": (changed(failureAlert={"aftr": 2}), "did you mean 'after'?"),
    "a cooldown in other words": (changed(failureAlert={"cooldown": "often"}), "'often' is not a duration"),
    "two cooldowns": (
        changed(failureAlert={"cooldown": "1h", "cooldownMs": 1}),
        "cooldown and cooldownMs are the same",
    ),
    "details of alerts that are off": (
        changed(failureAlert={"enabled": False, "after": 2}),
        "failureAlert: is switched off, so it takes no details",
    ),
    "a destination of an unknown channel": (
        changed(delivery__failureDestination={"to": "pager:x"}),
        'delivery.failureDestination: no loaded plugin owns the prefix "pager:"',
    ),
    "a destination of another channel than it says": (
        changed(failureAlert={"channel": "local", "to": "webhook:https://x.example"}),
        'failureAlert: target prefix "webhook:" belongs to webhook, not local',
    ),
    "a destination with an unknown account": (
        changed(delivery__failureDestination={"to": "local:ops", "accountId": "second"}),
        "delivery.failureDestination: channel local has no account 'second'",
    ),
    "a destination without a target": (
        changed(delivery__failureDestination={"channel": "local"}),
        "delivery.failureDestination names no target, and there is none to take over; say delivery.failureDestination.to",
    ),
    "a webhook that is none": (
        changed(delivery__failureDestination={"mode": "webhook", "to": "local:ops"}),
        "mode webhook needs to = an http(s) URL",
    ),
    "a destination beside the main session": (
        changed(
            payload={"kind": "systemEvent", "text": "x"},
            sessionTarget="main",
            delivery={"mode": "none", "failureDestination": {"to": "local:ops"}},
        ),
        "failureDestination is for jobs that run apart from the main session",
    ),
}
POST = {"mode": "webhook", "to": "https://hooks.example.com"}
IDLE = {
    "the end of nothing": (
        changed(delivery={"mode": "none", "expiresAfterSeconds": 7200}),
        "delivery.expiresAfterSeconds: says nothing with mode none, which sends nothing; leave it out, or choose",
    ),
    "the doubt about nothing": (
        changed(delivery={"mode": "none", "onUnknown": "resend"}),
        "delivery.onUnknown: says nothing with mode none",
    ),
    "a note nobody reads": (
        changed(payload={"kind": "text", "text": "x"}, delivery={"mode": "none", "lateNote": True}),
        "delivery.lateNote: says nothing with mode none",
    ),
    "numbers nobody sees": (
        changed(delivery={**POST, "numberParts": True}),
        "delivery.numberParts: says nothing with mode webhook, which posts the run as it is",
    ),
    "calls nobody hears": (
        changed(delivery={**POST, "mentions": True}),
        "delivery.mentions: says nothing with mode webhook",
    ),
    "the thread of a box": (
        changed(delivery__onThreadGone="parent"),
        "delivery.onThreadGone: says nothing where no target is a thread; leave it out, or name",
    ),
}
MENDED = {**KEYS, **SCHEDULES, **TARGETS, **SESSIONS, **TEXTS, **ALERTS, **IDLE}


@pytest.mark.parametrize(("job", "said"), MENDED.values(), ids=MENDED.keys())
def test_a_refusal_names_what_is_wrong_and_its_mend(kept: Stentor, job: JsonObject, said: str) -> None:
    before = dump(kept.home)

    error = kept.refusal("cron", "add", "--file", "-", stdin=json.dumps(job))

    assert said in f"{error['message']}; {error['hint']}"
    assert all(detail.keys() == {"path", "message"} for detail in error["details"])
    assert dump(kept.home) == before


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b"{bad", "is not JSON", id="no JSON"),
        pytest.param(b"", "is not JSON", id="nothing"),
        pytest.param(b"\xff\xfe{}", "is not JSON", id="no text"),
        pytest.param(b"[" * 100_000, "is not JSON", id="a hole without bottom"),
        pytest.param(b'[{"name": "x"}]', "must hold one JSON object", id="a list of jobs"),
        pytest.param(b'"kept"', "must hold one JSON object", id="a text"),
        pytest.param(b'{"name": "\\ud800"}', "half a character", id="half a character"),
    ],
)
def test_a_file_that_holds_no_job_is_refused(
    kept: Stentor, tmp_path: Path, content: bytes, said: str
) -> None:
    file = tmp_path / "job.json"
    file.write_bytes(content)
    before = dump(kept.home)

    assert said in kept.refusal("cron", "add", "--file", str(file))["message"]
    assert dump(kept.home) == before


def test_a_file_that_is_not_there_is_named(kept: Stentor, tmp_path: Path) -> None:
    error = kept.refusal("cron", "add", "--file", str(tmp_path / "nowhere.json"))

    assert "nowhere.json cannot be read: No such file or directory" in error["message"]


def test_a_file_with_the_mark_of_windows_editors_is_read(stentor: Stentor, tmp_path: Path) -> None:
    file = tmp_path / "job.json"
    file.write_bytes(b"\xef\xbb\xbf" + json.dumps({**JOB, "name": "Früh"}).encode())

    assert stentor.ask("cron", "add", "--file", str(file))["name"] == "Früh"


FLAGS = {
    "no schedule": (["--text", "x", "--to", "local:a"], "choose exactly one schedule: --at, --every, --cron"),
    "two schedules": (["--every", "1h", "--at", "20m", "--text", "x"], "choose exactly one schedule"),
    "no payload": (["--every", "1h", "--to", "local:a"], "choose exactly one payload: --message, --text"),
    "two payloads": (["--every", "1h", "--text", "x", "--message", "y"], "choose exactly one payload"),
    "a zone for an interval": (
        ["--every", "1h", "--tz", "UTC", "--text", "x"],
        "--tz is only valid with --cron",
    ),
    "a stagger for an interval": (
        ["--every", "1h", "--stagger", "5m", "--text", "x"],
        "only valid with --cron",
    ),
    "a stagger and none": (["--cron", "0 7 * * *", "--stagger", "5m", "--exact", "--text", "x"], "not both"),
    "an interval in words": (["--every", "often", "--text", "x"], "write it like 500ms, 30s"),
    "an open quotation": (
        ["--every", "1h", "--command", "echo 'x", "--to", "local:a"],
        "close the quotation marks",
    ),
    "no command": (["--every", "1h", "--command", "", "--to", "local:a"], "payload.argv: must not be empty"),
    "a model for a text": (
        ["--every", "1h", "--text", "x", "--model", "m"],
        "--model only concerns --message",
    ),
    "a target and none": (
        ["--every", "1h", "--text", "x", "--to", "local:a", "--no-deliver"],
        "choose one of --no-deliver and --to",
    ),
    "a target and a URL": (
        ["--every", "1h", "--text", "x", "--to", "local:a", "--webhook", "https://x"],
        "choose one of --webhook and --to",
    ),
    "an account for nothing": (
        ["--every", "1h", "--text", "x", "--no-deliver", "--account", "a"],
        "choose one of --no-deliver and --account",
    ),
    "a file and a flag": (["--file", "job.json", "--name", "x"], "--file takes no other flags"),
    "a file and a switch": (["--file", "job.json", "--keep-after-run"], "--file takes no other flags"),
    "an empty zone": (
        ["--cron", "0 7 * * *", "--tz", "", "--text", "x", "--to", "local:a"],
        "name an IANA zone",
    ),
    "a flag that does not exist": (["--evry", "1h"], "No such option '--evry'"),
    "an argument too many": (["job.json"], "unexpected extra argument"),
}


@pytest.mark.parametrize(("flags", "said"), FLAGS.values(), ids=FLAGS.keys())
def test_flags_that_contradict_each_other_are_refused(kept: Stentor, flags: list[str], said: str) -> None:
    before = dump(kept.home)

    error = kept.refusal("cron", "add", *flags)

    assert said in f"{error['message']}; {error['hint']}"
    assert dump(kept.home) == before


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("cron", "add", "--every", "1h", "--to", "local:a", "--text", "\udcff"), id="cron add"),
        pytest.param(("send", "--to", "local:a", "--text", "\udcff"), id="send"),
        pytest.param(("cron", "get", "\udcff"), id="cron get"),
    ],
)
def test_an_argument_that_is_no_text_is_refused(kept: Stentor, words: tuple[str, ...]) -> None:
    assert kept.refusal(*words)["message"] == "an argument is not valid UTF-8"


def test_two_accounts_and_none_named_is_a_question_not_a_guess(stentor: Stentor, home: Path) -> None:
    home.mkdir()
    (home / "stentor.toml").write_text("[channels.webhook.accounts.one]\n[channels.webhook.accounts.two]\n")
    flags = ("cron", "add", "--every", "1h", "--text", "x", "--webhook", "https://hooks.example.com/in")

    error = stentor.refusal(*flags)
    assert error["message"] == "channel webhook has several accounts: one, two"
    assert "--account" in error["hint"]
    assert stentor.ask(*flags, "--account", "two")["delivery"]["accountId"] == "two"


def test_several_defaults_are_a_question_not_a_guess(stentor: Stentor, home: Path) -> None:
    home.mkdir()
    (home / "stentor.toml").write_text(
        '[channels.local]\ndefault_to = "local:ops"\n[channels.webhook]\ndefault_to = "https://hooks.example.com/in"\n'
    )
    flags = ("cron", "add", "--every", "1h", "--text", "x")

    assert "several defaults: https://hooks.example.com/in, local:ops" in stentor.refusal(*flags)["message"]
    added = stentor.ask(*flags, "--channel", "local")
    assert added["delivery"]["to"] == ["local:ops"]
    assert added["preview"]["detail"] == "default"
