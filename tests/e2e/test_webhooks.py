"""A finished run posted to a URL: what is posted, whom it may reach, and what a refusal means."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from standardwebhooks import Webhook
from tests.loopback import Drop, LoopbackServer, Reply
from tests.outside import JsonObject, Stentor, serving, until

from stentor.testing.invariants import Witness, check

KEY = "whsec_" + base64.b64encode(b"a key of sufficient length").decode()
TOKEN = "bearer-of-good-news"
ALLOWED = """
[channels.webhook.accounts.default]
allow_networks = ["127.0.0.0/8"]
signing_secret = { env = "WEBHOOK_KEY" }
bearer_token = { env = "WEBHOOK_TOKEN" }
"""
Serve = Callable[[str], Stentor]


@pytest.fixture
def serve(home: Path) -> Iterator[Serve]:
    """Start a daemon with this configuration; its secrets may not be found anywhere in its home afterwards."""
    with ExitStack() as running:

        def begin(config: str) -> Stentor:
            home.mkdir()
            (home / "stentor.toml").write_text(config)
            stentor = Stentor(home, {"WEBHOOK_KEY": KEY, "WEBHOOK_TOKEN": TOKEN})
            running.enter_context(serving(stentor))
            return stentor

        yield begin
    check(home, Witness(secrets=[KEY, KEY.removeprefix("whsec_"), TOKEN]))


def job(delivery: JsonObject) -> JsonObject:
    return {
        "id": "hook",
        "name": "Hook",
        "schedule": {"kind": "every", "everyMs": 3_600_000},
        "payload": {"kind": "agentTurn", "message": "Grüße 🧪"},
        "delivery": delivery,
    }


@pytest.mark.parametrize("way", ["mode webhook", "a typed target"])
def test_the_finished_run_is_posted_and_signed(serve: Serve, receiver: LoopbackServer, way: str) -> None:
    stentor = serve(ALLOWED)
    url = receiver.url("/in?room=7")
    delivery = {"mode": "webhook", "to": url} if way == "mode webhook" else {"to": f"webhook:{url}"}
    added = stentor.add(job(delivery))

    run = stentor.ask("cron", "run", "hook", "--wait")["run"]

    (seen,) = receiver.seen
    assert (seen.method, seen.path) == ("POST", "/in?room=7")
    assert seen.headers["authorization"] == f"Bearer {TOKEN}"
    assert seen.headers["content-type"] == "application/json"
    body = json.loads(seen.body)
    assert Webhook(KEY).verify(seen.body, seen.headers) == body
    same = (
        "runId",
        "jobId",
        "jobName",
        "trigger",
        "status",
        "sessionKey",
        "sessionId",
        "startedAt",
        "summary",
    )
    assert {key: body[key] for key in same} == {key: run[key] for key in same}
    assert (body["type"], body["jobId"], body["status"]) == ("run.finished", "hook", "ok")
    assert body["text"] == "[cron:hook Hook] Grüße 🧪"
    (sent,) = run["deliveries"]
    assert sent["target"] == added["preview"]["targets"][0] == f"webhook:{url}"
    assert (sent["state"], sent["parts"][0]["messageId"]) == ("accepted", seen.headers["webhook-id"])


def test_an_address_nobody_allowed_is_refused_at_once_and_reported(
    serve: Serve, receiver: LoopbackServer
) -> None:
    stentor = serve("")
    stentor.add(job({"mode": "webhook", "to": receiver.url()}))

    run = stentor.ask("cron", "run", "hook", "--wait", code=6)["run"]

    (delivery,) = run["deliveries"]
    (part,) = delivery["parts"]
    assert (delivery["state"], run["deliveryStatus"], run["completionStatus"]) == (
        "failed",
        "not-delivered",
        "failed",
    )
    assert (part["state"], part["reason"], part["attempts"]) == ("rejected", "address_refused", 1)
    assert 'allow_networks = ["127.0.0.1/32"]' in part["error"]
    assert (run["status"], part["messageId"], part["nextAttemptAt"]) == ("ok", None, None)
    (alert,) = stentor.ask("status")["alerts"]
    assert (alert["jobId"], alert["runId"], alert["deliveryId"]) == ("hook", run["runId"], delivery["id"])
    assert "is loopback, not public" in alert["message"]
    assert receiver.connections == 0


def test_a_receiver_that_asks_for_patience_is_tried_again_when_it_said(
    serve: Serve, receiver: LoopbackServer
) -> None:
    receiver.plan.append(Reply(503, headers={"Retry-After": "1"}))
    stentor = serve(ALLOWED)
    stentor.add(job({"to": f"webhook:{receiver.url()}"}))

    run = stentor.ask("cron", "run", "hook", "--wait")["run"]

    (part,) = run["deliveries"][0]["parts"]
    assert (part["state"], part["attempts"]) == ("accepted", 2)
    first, second = receiver.seen
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == part["messageId"]
    assert int(second.headers["webhook-timestamp"]) >= int(first.headers["webhook-timestamp"]) + 1
    assert stentor.ask("status")["alerts"] == []


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param(Reply(400, b"bad luck"), "refused_by_receiver", id="refused"),
        pytest.param(Reply(410), "gone", id="gone"),
        pytest.param(Reply(302, headers={"Location": "http://127.0.0.1:1/"}), "redirect", id="redirected"),
    ],
)
def test_a_final_no_is_not_tried_again(
    serve: Serve, receiver: LoopbackServer, answer: Reply, reason: str
) -> None:
    receiver.plan.append(answer)
    stentor = serve(ALLOWED)

    sent = stentor.ask("send", "--to", f"webhook:{receiver.url()}", "--text", "x", "--wait", code=6)

    (part,) = sent["parts"]
    assert (sent["state"], part["state"], part["reason"], part["attempts"]) == (
        "failed",
        "rejected",
        reason,
        1,
    )
    assert len(receiver.seen) == 1
    assert "answered" in stentor.ask("status")["alerts"][0]["message"]


def test_a_message_in_doubt_is_offered_again_under_the_same_key(
    serve: Serve, receiver: LoopbackServer
) -> None:
    """The connection was cut after the request: the receiver may have it, and its key lets it drop the second."""
    receiver.plan.append(Drop())
    stentor = serve(ALLOWED)

    sent = stentor.ask("send", "--to", f"webhook:{receiver.url()}", "--text", "x")["id"]

    def waiting() -> JsonObject | None:
        part: JsonObject = stentor.ask("deliveries", "show", sent)["parts"][0]
        return part if part["state"] == "retry_wait" else None

    part = until(waiting, "the first attempt")
    assert (part["reason"], part["attempts"]) == ("no_answer", 1)
    assert part["nextAttemptAt"] is not None


def test_a_message_by_hand_is_posted_as_a_message(serve: Serve, receiver: LoopbackServer) -> None:
    stentor = serve(ALLOWED)

    stentor.ask("send", "--to", f"webhook:{receiver.url()}", "--text", "Hello", "--wait")

    assert json.loads(receiver.seen[0].body) == {"type": "message", "text": "Hello"}


def test_a_secret_that_is_not_there_takes_the_account_down_and_says_so(
    serve: Serve, receiver: LoopbackServer
) -> None:
    stentor = serve(ALLOWED.replace("WEBHOOK_KEY", "NOT_SET"))

    sent = stentor.ask("send", "--to", f"webhook:{receiver.url()}", "--text", "x")["id"]

    def reason() -> str | None:
        part: JsonObject = stentor.ask("deliveries", "show", sent)["parts"][0]
        text: str | None = part["error"]
        return text

    assert "NOT_SET is not set" in until(reason, "the first attempt")
    health = stentor.ask("status")
    assert (health["level"], health["findings"][0]["code"]) == ("critical", "account_down")
    assert "NOT_SET is not set" in health["findings"][0]["message"]
    assert receiver.seen == []
