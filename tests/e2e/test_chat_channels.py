"""Jobs that deliver to chats, from the command line, through the real SDKs, to providers on this machine."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.left_out import CHATS, is_here
from tests.outside import JsonObject, Stentor, serving

TARGETS = {
    "telegram": "telegram:-1001234567890:topic:42",
    "discord": "discord:channel:987654321098765432",
    "slack": "slack:C0123456789:thread:1795225318.000001",
}
# By what each provider sees which of these it was.
SEEN = {
    "telegram": "message_thread_id=42",
    "discord": "/channels/987654321098765432/",
    "slack": "1795225318.000001",
}
TOKENS = {"TELEGRAM": "12345:telegram-token", "DISCORD": "discord-token", "SLACK": "xoxb-slack-token"}
ROOTS = {"telegram": "", "discord": "/api/v10", "slack": "/api/"}
HERE = [channel for channel in CHATS if is_here(channel)]
SECTION = """
[channels.{channel}.accounts.default]
token = {{ env = "{secret}" }}
base_url = "http://127.0.0.1:{port}{root}"
"""


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the providers were asked, a line for each request."""
    return tmp_path_factory.mktemp("providers") / "log"


@pytest.fixture(scope="module")
def chats(tmp_path_factory: pytest.TempPathFactory, taken: Path) -> Iterator[Stentor]:
    """A daemon with an account on each channel."""
    command = [sys.executable, "-m", "tests.chat_provider", str(taken)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as provider:
        assert provider.stdin is not None
        assert provider.stdout is not None
        port = int(provider.stdout.readline())
        stentor = Stentor(tmp_path_factory.mktemp("chats") / "home", TOKENS)
        stentor.home.mkdir()
        sections = [
            SECTION.format(channel=channel, secret=channel.upper(), port=port, root=ROOTS[channel])
            for channel in HERE
        ]
        (stentor.home / "stentor.toml").write_text("".join(sections))
        with serving(stentor):
            yield stentor
        provider.stdin.close()


def run_of(stentor: Stentor, *targets: str) -> JsonObject:
    """One run of a job to these targets, as the run log has it."""
    job = stentor.add(
        {
            "schedule": {"kind": "every", "everyMs": 3_600_000},
            "payload": {"kind": "text", "text": "The **backup** is done."},
            "delivery": {"to": list(targets)},
        }
    )
    stentor.ask("cron", "run", job["id"], "--wait")
    (run,) = stentor.runs(job["id"])
    return run


def sends(taken: Path) -> list[Any]:
    words = ("sendMessage", "/messages", "chat.postMessage")
    asked = [json.loads(line) for line in taken.read_text().splitlines()]
    return [request for request in asked if request["path"].endswith(words)]


@pytest.mark.parametrize("channel", HERE)
def test_a_job_to_a_chat_has_its_receipt_in_the_run_log(chats: Stentor, taken: Path, channel: str) -> None:
    before, target = len(sends(taken)) if taken.exists() else 0, TARGETS[channel]
    run = run_of(chats, target)

    (delivery,) = run["deliveries"]
    (part,) = delivery["parts"]
    assert (delivery["target"], delivery["state"]) == (target, "accepted")
    assert (part["state"], part["attempts"], part["error"]) == ("accepted", 1, None)
    assert part["messageId"]
    assert part["acceptedAt"]
    assert run["delivery"]["delivered"] is True
    assert len(sends(taken)) == before + 1


def test_one_job_to_all_of_them_has_a_receipt_for_each(chats: Stentor, taken: Path) -> None:
    run = run_of(chats, *(TARGETS[channel] for channel in HERE))

    assert {delivery["target"] for delivery in run["deliveries"]} == {TARGETS[channel] for channel in HERE}
    assert {delivery["state"] for delivery in run["deliveries"]} == {"accepted"}
    assert len({part["messageId"] for delivery in run["deliveries"] for part in delivery["parts"]}) == len(
        HERE
    )
    assert (run["delivery"]["delivered"], run["deliveryStatus"]) == (True, "delivered")
    last = [request["path"] + request["body"] for request in sends(taken)[-len(HERE) :]]
    assert all(any(SEEN[channel] in request for request in last) for channel in HERE)


def test_a_token_is_seen_nowhere_but_at_its_provider(chats: Stentor) -> None:
    run_of(chats, *(TARGETS[channel] for channel in HERE))

    stored = b"".join(path.read_bytes() for path in chats.home.glob("stentor.db*"))
    for token in TOKENS.values():
        assert token.encode() not in stored


def test_an_account_that_has_sent_something_is_ready(chats: Stentor) -> None:
    run_of(chats, *(TARGETS[channel] for channel in HERE))
    states = {row["channel"]: row["state"] for row in chats.ask("channels", "list")["channels"]}

    assert {states[channel] for channel in HERE} == {"ready"}


@pytest.mark.parametrize("channel", HERE)
def test_an_account_says_who_it_is(chats: Stentor, channel: str) -> None:
    answer = chats.ask("channels", "test", channel)

    assert (answer["ok"], answer["error"]) == (True, None)
    assert answer["said"].startswith(
        {"telegram": "@b_bot", "discord": "bot @b (1)", "slack": "b in t"}[channel]
    )


@pytest.mark.skipif(not is_here("slack"), reason="the channel slack was left out of this checkout")
def test_a_name_is_previewed_as_it_would_be_stored(chats: Stentor) -> None:
    flags = ("--every", "1h", "--text", "x", "--to", "slack:#general")
    preview = chats.ask("cron", "preview", *flags)
    added = chats.ask("cron", "add", *flags)

    assert preview["delivery"]["to"] == added["delivery"]["to"] == ["slack:C0GENERAL1"]
