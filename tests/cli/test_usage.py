"""What a command is told takes effect or is refused by its name; what it cannot say, it says where it can."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from socket import AF_UNIX, SOCK_STREAM, socket

import pytest
from tests.outside import STENTOR, Stentor, dump, serving, until

from stentor.app.operations import Operations
from stentor.cli.patience import limit_of
from stentor.domain.refusals import Refused
from stentor.testing.scripted import Provider, scripted_channel
from stentor.testing.simulation import Simulation

LARGEST = 256 * 1024
SECRET = "tok_live_27182818"
HOURLY = ("cron", "add", "--every", "1h", "--text", "x", "--to", "local:a", "--id")
SEND = ("send", "--to", "local:a", "--text", "x")

IDLE = {
    "a schedule beside a batch": (
        ("cron", "next", "--batch", "--cron", "0 7 * * *", "-n", "3"),
        "--cron, -n would say nothing beside --batch: each line says it all",
    ),
    "a target beside a batch": (
        ("targets", "explain", "--batch", "--channel", "webhook", "--", "foo"),
        "would say nothing beside --batch",
    ),
    "patience with a run": (
        ("cron", "run", "x", "--wait-timeout", "5s"),
        "--wait-timeout belongs to --wait: add --wait, or leave it out",
    ),
    "patience with a message": ((*SEND, "--wait-timeout", "5"), "--wait-timeout belongs to --wait"),
    "patience with what is sent again": (
        ("deliveries", "resend", "x", "--wait-timeout", "5"),
        "--wait-timeout belongs to --wait",
    ),
    "waiting for nothing": ((*SEND, "--dry-run", "--wait"), "--wait has nothing to wait for with --dry-run"),
    "a kind that does not exist": (
        ("targets", "explain", "--default-kind", "bogus", "--", "local:a"),
        "'bogus' is no kind of target on local; known are box",
    ),
}


@pytest.mark.parametrize(("words", "said"), IDLE.values(), ids=IDLE.keys())
def test_a_flag_that_would_say_nothing_is_refused(alone: Stentor, words: tuple[str, ...], said: str) -> None:
    assert said in alone.refusal(*words)["message"]


def test_a_kind_that_a_channel_has_is_taken(alone: Stentor) -> None:
    explained = alone.ask("targets", "explain", "--default-kind", "box", "--", "local:a")

    assert explained["kind"] == "box"


@pytest.mark.parametrize("check", ["no", 0, []], ids=repr)
def test_a_flag_of_a_batch_is_true_or_false(alone: Stentor, check: object) -> None:
    line = json.dumps({"text": "local:a", "check": check})

    (answer,) = alone.run("targets", "explain", "--batch", stdin=line).lines

    assert answer["error"]["details"] == [{"path": "check", "message": "must be true or false"}]


def test_the_word_last_is_explained(alone: Stentor) -> None:
    error = alone.refusal("targets", "explain", "--channel", "last", "--", "x")

    assert error["message"] == '"last" is no address of its own'
    assert "is looked up at each run: `stentor cron preview JOB` says what it is" in error["hint"]


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        pytest.param("10", 10, id="a bare number"),
        pytest.param("1m30s", 90, id="a duration"),
        pytest.param("0.5", 0.5, id="half a second"),
        pytest.param(None, 600, id="nothing"),
    ],
)
def test_patience_counts_in_seconds_unless_it_says_otherwise(said: str | None, seconds: float) -> None:
    assert limit_of(said, "10m", wait=True) == seconds


def test_no_patience_at_all_is_patience_of_nothing(served: Stentor, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    served.ask("cron", "add", "--id", "gated", "--every", "1h", "--command", f"cat {gate}", "--no-deliver")

    waited = served.ask("cron", "run", "gated", "--wait", "--wait-timeout", "0", code=6)

    assert waited["run"]["endedAt"] is None
    until(lambda: served.runs("gated", "--status", "running"), "the start of the run")
    gate.write_text("open")
    until(lambda: served.runs("gated", "--status", "ok"), "its end")


# what is full, and what is no home


@pytest.mark.parametrize(
    "words",
    [
        ("cron", "runs", "--json"),
        ("cron", "list", "--json"),
        ("cron", "list"),
        ("cron", "get", "x", "--json"),
    ],
    ids=" ".join,
)
def test_an_output_that_takes_nothing_is_told_in_one_line(alone: Stentor, words: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*STENTOR, *words, "--home", str(alone.home)],
            stdout=full,
            stderr=subprocess.PIPE,
            env=alone.environment,
            check=False,
        )

    assert done.returncode == 1
    assert done.stderr == b"error: standard output cannot be written: No space left on device\n"


def test_an_output_that_is_closed_is_no_bug(alone: Stentor) -> None:
    command = [
        "sh",
        "-c",
        'exec "$@" >&-',
        "sh",
        *STENTOR,
        "cron",
        "runs",
        "--json",
        "--home",
        str(alone.home),
    ]

    done = subprocess.run(command, stderr=subprocess.PIPE, env=alone.environment, check=False)

    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    "words", [("cron", "list"), ("cron", "list", "--all"), (*HOURLY, "x"), ("status",)], ids=" ".join
)
def test_a_file_is_no_home(tmp_path: Path, words: tuple[str, ...]) -> None:
    (tmp_path / "file").write_text("")

    error = Stentor(tmp_path / "file").refusal(*words)

    assert error["message"] == f"{tmp_path / 'file'} is no folder"
    assert "--home or STENTOR_HOME" in error["hint"]


# which deliveries, and of which job


def test_a_job_that_never_was_is_told_from_one_without_history(either: Stentor) -> None:
    either.ask(*HOURLY, "fresh")
    either.ask(*HOURLY, "passing", "--name", "Passing by")
    either.ask("cron", "run", "passing", "--wait")
    either.ask("cron", "rm", "passing")

    for words in (("cron", "runs", "--id"), ("deliveries", "list", "--job")):
        assert either.ask(*words, "fresh")["total"] == 0
        assert either.ask(*words, "passing")["total"] == 1
        assert either.ask(*words, "passing by")["total"] == 1
        assert either.refusal(*words, "nobody", code=4)["code"] == "not_found"


def test_deliveries_are_found_by_any_spelling_of_their_target(either: Stentor) -> None:
    sent = either.ask("send", "--to", "local:Spelt", "--text", "x")

    for spelling in ("local:Spelt", "LOCAL: Spelt", "local:local:Spelt"):
        page = either.ask("deliveries", "list", "--target", spelling)
        assert [delivery["id"] for delivery in page["deliveries"]] == [sent["id"]]
    assert either.ask("deliveries", "list", "--target", "local:nobody")["total"] == 0
    assert either.refusal("deliveries", "list", "--target", "pager:1")["code"] == "unknown_prefix"


# how much, and what of it


def test_a_text_weighs_the_same_with_a_daemon_and_without(either: Stentor) -> None:
    def job(characters: int) -> str:
        payload = {"kind": "text", "text": "ж" * characters}
        schedule = {"kind": "every", "everyMs": 3_600_000}
        return json.dumps({"schedule": schedule, "payload": payload, "delivery": {"to": "local:a"}})

    add = ("cron", "add", "--file", "-")
    assert either.ask(*add, stdin=job(LARGEST // 2 - 200))["payload"]["kind"] == "text"
    error = either.refusal(*add, stdin=job(LARGEST // 2))

    assert error["code"] == "too_large"
    assert error["message"] == f"what is asked at once is at most {LARGEST} bytes of JSON"


def test_a_long_message_is_taken_with_a_daemon_and_without(either: Stentor) -> None:
    sent = either.ask("send", "--to", "local:long", "--text", "ж" * 60_000)

    assert sent["target"] == "local:long"


def test_a_message_that_is_too_long_is_refused_without_a_daemon_too(tmp_path: Path) -> None:
    """A shell takes no argument of that length, so this one is asked directly."""
    told: list[str] = []

    async def story(operations: Operations) -> None:
        with pytest.raises(Refused) as refusal:
            await operations.send({"to": "page:a", "text": "ж" * (LARGEST // 2)})
        told.append(refusal.value.code)

    Simulation(tmp_path / "home", [scripted_channel("page", Provider())]).live(story, seconds=1)

    assert told == ["too_large"]


def test_half_a_character_is_refused_with_a_daemon_and_without(either: Stentor) -> None:
    text = (
        '{"schedule": {"kind": "every", "everyMs": 3600000}, "payload": {"kind": "text", "text": "\\ud83d"}}'
    )

    assert either.refusal("cron", "add", "--file", "-", stdin=text)["code"] == "bad_text"


def test_a_secret_is_blacked_out_before_a_message_is_stored(home: Path) -> None:
    home.mkdir(mode=0o700)
    (home / "stentor.toml").write_text(
        '[channels.webhook.accounts.default]\nbearer_token = { env = "HOOK_TOKEN" }\n'
    )
    secretive = Stentor(home, {"HOOK_TOKEN": SECRET})

    sent = secretive.ask("send", "--to", "local:a", "--text", f"the token is {SECRET}")

    shown = secretive.ask("deliveries", "show", sent["id"])
    assert shown["parts"][0]["text"] == "the token is [redacted]"
    assert SECRET not in str(dump(home))
    with serving(secretive):
        until(lambda: secretive.inbox("local:a"), "the message")
    assert secretive.inbox("local:a") == ["the token is [redacted]"]


# a daemon that reads and says nothing


@pytest.fixture
def mute(home: Path) -> Iterator[list[bytes]]:
    """Somebody takes every request in and hangs up; what they have heard."""
    heard: list[bytes] = []
    home.mkdir()
    with socket(AF_UNIX, SOCK_STREAM) as listener:
        listener.bind(str(home / "stentor.sock"))
        listener.listen()
        answering = threading.Thread(target=_take_in, args=(listener, heard))
        answering.start()
        yield heard
        with socket(AF_UNIX, SOCK_STREAM) as last:
            last.connect(str(home / "stentor.sock"))
            last.send(b"enough")
        answering.join()


def _take_in(listener: socket, heard: list[bytes]) -> None:
    while True:
        caller, _ = listener.accept()
        with caller, caller.makefile("rb") as asked:
            if asked.peek(6).startswith(b"enough"):
                return
            head = list(iter(asked.readline, b"\r\n"))
            length = next((int(line[16:]) for line in head if line.startswith(b"Content-Length: ")), 0)
            heard.append(asked.read(length))


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        pytest.param(SEND, "stentor deliveries list", id="a message"),
        pytest.param(("deliveries", "cancel", "x"), "stentor deliveries list", id="a ruling"),
        pytest.param((*HOURLY, "x"), "stentor cron edits", id="a job"),
        pytest.param(("cron", "run", "x"), "stentor cron runs", id="a run"),
        pytest.param(("runs", "cancel", "x"), "stentor cron runs", id="the end of a run"),
    ],
)
@pytest.mark.usefixtures("mute")
def test_what_a_silent_daemon_was_asked_may_still_be_done(
    stentor: Stentor, words: tuple[str, ...], shown: str
) -> None:
    error = stentor.refusal(*words, code=5)

    assert "may still be done" in error["message"]
    assert error["hint"] == f"look at `{shown}` before you repeat it"


@pytest.mark.usefixtures("mute")
def test_a_question_to_a_silent_daemon_changes_nothing(stentor: Stentor) -> None:
    error = stentor.refusal("status", code=5)

    assert "may still be done" not in error["message"]


def test_a_daemon_hears_letters_and_no_numbers_of_letters(stentor: Stentor, mute: list[bytes]) -> None:
    stentor.refusal("send", "--to", "local:a", "--text", "жук", code=5)

    assert "жук".encode() in mute[0]


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("cron", "show", "nobody"), "`stentor cron list --all` shows them"),
        (("cron", "preview", "nobody"), "`stentor cron list --all` shows them"),
        (("cron", "edit", "nobody", "--name", "x"), "`stentor cron list --all` shows them"),
        (("cron", "run", "nobody"), "`stentor cron list --all` shows them"),
        (("runs", "cancel", "nobody"), "`stentor cron runs` shows them"),
        (("deliveries", "show", "nobody"), "`stentor deliveries list` shows them"),
        (("targets", "clear", "local:nobody"), "`stentor targets list` shows what is"),
        (("sessions", "show", "nobody"), "`stentor sessions list` shows them"),
    ],
    ids=lambda part: " ".join(part[:2]) if isinstance(part, tuple) else "",
)
def test_whoever_names_what_is_not_there_is_told_where_to_look(
    stentor: Stentor, words: tuple[str, ...], hint: str
) -> None:
    stentor.ask(*HOURLY, "tea")
    assert stentor.refusal(*words, code=4)["hint"] == hint


def test_the_module_is_the_command(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "stentor", "cron", "show", "x", "--home", str(tmp_path / "home")]
    answer = subprocess.run(words, check=False, capture_output=True, text=True)
    assert (answer.returncode, answer.stderr.splitlines()[0]) == (4, "error: there is no job 'x'")
