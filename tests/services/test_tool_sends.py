"""One owner of a send: what an agent sends itself goes through its run's outbox, and is not announced once more."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stentor.adapters.sqlite.reader import Reader
from stentor.app.operations import Operations
from stentor.contract.channel import Example
from stentor.contract.errors import Ambiguous, NotSent, Rejected, RunnerError
from stentor.contract.payloads import Payload
from stentor.contract.runners import TurnRequest
from stentor.contract.targets import Target
from stentor.testing.invariants import Witness, check
from stentor.testing.scripted import Provider, ScriptedChannel
from stentor.testing.simulation import Simulation
from stentor.testing.virtual_time import pass_time
from tests.services.stories import JsonObject, SlowDisk, TalkingRunner, alerts, deliveries, runs
from tests.services.tool_stories import CHAT, Caller, agent_job, chat_channel, page, played

HELLO = {"to": "page:room1", "text": "hello"}


def told(provider: Provider) -> list[tuple[str, str]]:
    """What people see: where, and what."""
    return [(part.target.canonical, part.text) for part in provider.accepted]


def states(home: Path) -> list[tuple[str, str, str | None]]:
    return [(entry["purpose"], entry["state"], entry["reason"]) for entry in deliveries(home)]


def the_run(home: Path) -> JsonObject:
    (run,) = runs(home)
    return run


def events(home: Path, kind: str) -> list[JsonObject]:
    with Reader.open(home / "stentor.db") as reader:
        return [event for event in reader.events(0) if event["kind"] == kind]


def test_what_the_agent_sent_to_the_jobs_own_target_is_not_announced_there(fast_home) -> None:
    provider = Provider()
    agent = Caller({"to": CHAT, "threadId": "42", "text": "A"})
    played(fast_home, agent, agent_job(to=f"page:{CHAT}:topic:42"), chat_channel(provider))

    assert told(provider) == [(f"page:{CHAT}:topic:42", "A")]
    tool, announce = deliveries(fast_home)
    assert (tool["purpose"], tool["state"]) == ("tool", "accepted")
    assert (announce["purpose"], announce["state"]) == ("announce", "suppressed")
    assert (announce["reason"], announce["linkedTo"]) == ("already_sent", tool["id"])
    run = the_run(fast_home)
    assert (run["deliveryStatus"], run["completionStatus"]) == ("delivered", "succeeded")
    assert (run["suppression"], run["fallbackUsed"]) == ("already_sent", False)
    assert run["delivery"]["messageToolSentTo"] == [f"page:{CHAT}:topic:42"]
    assert run["delivery"]["delivered"] is True
    assert run["summary"] == "done"
    check(fast_home, Witness({"page": provider}))


def test_another_topic_is_another_target(fast_home) -> None:
    provider = Provider()
    agent = Caller({"to": CHAT, "threadId": "43", "text": "A"})
    asked = agent_job(to=f"page:{CHAT}:topic:42", allow=[f"page:{CHAT}:topic:43"])
    played(fast_home, agent, asked, chat_channel(provider))

    assert told(provider) == [(f"page:{CHAT}:topic:43", "A"), (f"page:{CHAT}:topic:42", "done")]
    assert states(fast_home) == [("tool", "accepted", None), ("announce", "accepted", None)]


def test_without_delivery_nothing_is_sent_and_no_tool_is_offered(fast_home) -> None:
    provider = Provider()
    agent = Caller(HELLO, final="something to say")
    played(fast_home, agent, agent_job(mode="none"), page(provider))

    assert (told(provider), "message" in agent.offered) == ([], False)
    assert agent.answer.startswith("there is no tool 'message'; available: cron, session")
    run = the_run(fast_home)
    assert (run["status"], run["deliveryStatus"], run["deliveries"]) == ("ok", "not-requested", [])


def test_an_agent_that_may_send_without_a_delivery_sends_to_what_is_named(fast_home) -> None:
    provider = Provider()
    agent = Caller(HELLO, {"to": "page:room2", "text": "psst"}, final="something to say")
    played(fast_home, agent, agent_job(mode="none", to="page:room1", agentMaySend=True), page(provider))

    assert told(provider) == [("page:room1", "hello")]
    assert agent.answer.startswith("this job may not send to page:room2")
    assert states(fast_home) == [("tool", "accepted", None)]


def test_an_agent_that_may_not_send_is_offered_no_tool(fast_home) -> None:
    provider = Provider()
    agent = Caller(HELLO)
    played(fast_home, agent, agent_job(to="page:room1", agentMaySend=False), page(provider))

    assert "message" not in agent.offered
    assert told(provider) == [("page:room1", "done")]


def test_an_invented_target_is_refused_by_name_and_kept_in_the_run_log(fast_home) -> None:
    provider = Provider()
    agent = Caller({"to": "page:stranger", "text": "the balance is 12,345"})
    played(fast_home, agent, agent_job(to="page:room1", allow=["page:room2"]), page(provider))

    refusal = "this job may not send to page:stranger on default; it may send to page:room1, page:room2"
    assert (agent.results[0].ok, agent.answer) == (False, refusal)
    assert told(provider) == [("page:room1", "done")]
    assert the_run(fast_home)["warnings"] == [f"the tool message refused: {refusal}"]


@pytest.mark.parametrize(
    ("message", "said"),
    [
        pytest.param({"to": "page:room1"}, "the message is empty", id="empty"),
        pytest.param({"text": "x"}, "the call of message is not valid; to: is missing", id="no target"),
        pytest.param(
            {**HELLO, "thraedId": "7"},
            "the call of message is not valid; thraedId: unknown field, did you mean 'threadId'?",
            id="unknown field",
        ),
        pytest.param(
            {**HELLO, "text": 7}, "the call of message is not valid; text: must be text", id="no text"
        ),
        pytest.param({**HELLO, "to": " "}, "to: must not be blank", id="a blank target"),
        pytest.param({**HELLO, "channel": ""}, "channel: must not be blank", id="a blank channel"),
        pytest.param({**HELLO, "accountId": ""}, "accountId: must not be blank", id="a blank account"),
        pytest.param({**HELLO, "dryRun": 1}, "dryRun: must be true or false", id="a number for a flag"),
        pytest.param(
            {**HELLO, "attachments": [{"path": "a", "nmae": "b"}]},
            "attachments.0.nmae: unknown field, did you mean 'name'?",
            id="unknown field of a file",
        ),
        pytest.param(
            {**HELLO, "to": "pager:1"}, 'no loaded plugin owns the prefix "pager:"', id="no channel"
        ),
        pytest.param(
            {**HELLO, "to": "page:a-b"},
            "'page:a-b' is not a room; allowed targets: page:room1",
            id="no target of the channel",
        ),
        pytest.param({**HELLO, "accountId": "second"}, "has no account 'second'", id="no account"),
        pytest.param(
            {**HELLO, "attachments": [{"path": "report.pdf"}]},
            "nothing was sent: report.pdf: the agent has no workspace",
            id="no file",
        ),
    ],
)
def test_a_message_that_cannot_be_sent_says_why(fast_home, message: dict[str, Any], said: str) -> None:
    provider = Provider()
    agent = Caller(message)
    played(fast_home, agent, agent_job(to="page:room1"), page(provider))

    assert agent.results[0].ok is False
    assert said in agent.answer
    assert told(provider) == [("page:room1", "done")]


def test_what_is_null_was_not_said(fast_home) -> None:
    provider = Provider()
    left_out = ("threadId", "accountId", "channel", "attachments", "replyTo", "dryRun")
    agent = Caller({**HELLO, **dict.fromkeys(left_out)})
    played(fast_home, agent, agent_job(to="page:room1"), page(provider))

    assert agent.answer["state"] == "accepted"
    assert told(provider) == [("page:room1", "hello")]


def test_ids_may_be_numbers(fast_home) -> None:
    provider = Provider()
    agent = Caller({"to": int(CHAT), "threadId": 42, "text": "A"})
    played(fast_home, agent, agent_job(to=f"page:{CHAT}:topic:42"), chat_channel(provider))

    assert agent.answer["target"] == f"page:{CHAT}:topic:42"


class WordlessChannel(ScriptedChannel):
    """Finds no words for a message."""

    name = "page"
    prefixes = ("page",)
    examples = (Example("page:room1", "page:room1"),)

    def render(self, payload: Payload, target: Target) -> None:
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    ("message", "said"),
    [
        pytest.param(
            {"attachments": [{"path": "gone.txt"}]}, "gone.txt: not found", id="a file that is gone"
        ),
        pytest.param(
            {"attachments": [{"path": "../stentor.toml"}]}, "lies outside", id="a file from elsewhere"
        ),
        pytest.param({"attachments": [{"path": "sub"}]}, "sub: not found", id="a folder"),
        pytest.param({"attachments": [{"path": "a\0b"}]}, "cannot be read (not a path)", id="no path"),
        pytest.param(
            {"attachments": [{"path": "x" * 300}]}, "cannot be read (File name too long)", id="a long name"
        ),
        pytest.param({"text": " "}, "the message is empty", id="nothing"),
        pytest.param({"to": "page:room2"}, "this job may not send to page:room2", id="another target"),
        pytest.param({"replyTo": "7"}, "replyTo: channel page cannot answer", id="an answer"),
        pytest.param({}, "no words", id="a channel without words"),
    ],
)
def test_a_dry_run_refuses_what_sending_refuses(fast_home, message: JsonObject, said: str) -> None:
    workspace = fast_home / "workspace"
    (workspace / "sub").mkdir(parents=True)
    (fast_home / "stentor.toml").write_text(f'[agents.main]\nworkspace = "{workspace}"\n')
    channel = page(Provider())
    if not message:
        channel = WordlessChannel()
        channel.provider = Provider()
    agent = Caller({**HELLO, **message, "dryRun": True}, {**HELLO, **message})
    played(fast_home, agent, agent_job(to="page:room1"), channel)

    assert [result.ok for result in agent.results] == [False, False]
    assert agent.results[0].result == agent.answer
    assert said in agent.answer


def test_a_dry_run_keeps_no_copy_of_a_file_and_sends_nothing(fast_home) -> None:
    workspace = fast_home / "workspace"
    workspace.mkdir()
    (workspace / "report.txt").write_text("all is well")
    (fast_home / "stentor.toml").write_text(f'[agents.main]\nworkspace = "{workspace}"\n')
    provider = Provider()
    agent = Caller({"to": "room1", "attachments": [{"path": "report.txt", "name": None}], "dryRun": True})
    played(fast_home, agent, agent_job(to="page:room1"), page(provider))

    assert agent.answer == {"dryRun": True, "target": "page:room1", "accountId": "default"}
    assert told(provider) == [("page:room1", "done")]
    assert not (fast_home / "spool").exists()


def test_the_agent_learns_what_became_of_its_message(fast_home) -> None:
    provider = Provider()
    agent = Caller({"to": "room1", "text": "hello"})
    played(fast_home, agent, agent_job(to="page:room1"), page(provider))

    (tool, _) = deliveries(fast_home)
    assert agent.answer == {
        "deliveryId": tool["id"],
        "target": "page:room1",
        "accountId": "default",
        "state": "accepted",
    }


def test_the_agent_waits_a_moment_and_no_longer(fast_home) -> None:
    provider = Provider()
    provider.script.extend(NotSent("connection refused") for _ in range(3))

    async def agent(request: TurnRequest) -> str:
        result = await request.call_tool("message", HELLO)
        assert isinstance(result.result, dict)
        return f"{result.result['state']}: {result.result['note']}"

    played(fast_home, agent, agent_job(to="page:room1"), page(provider), seconds=600)

    run = the_run(fast_home)
    assert run["summary"].startswith("pending: it is on its way and will be sent")
    assert run["durationMs"] < 7_000
    assert told(provider) == [("page:room1", "hello")]
    assert run["deliveryStatus"] == "delivered"


def test_several_messages_to_one_target_are_all_sent(fast_home) -> None:
    provider = Provider()
    agent = Caller(HELLO, HELLO, {**HELLO, "text": "and more"})
    played(fast_home, agent, agent_job(to="page:room1"), page(provider))

    assert [text for _, text in told(provider)] == ["hello", "hello", "and more"]
    assert the_run(fast_home)["delivery"]["messageToolSentTo"] == ["page:room1"]


def test_of_several_targets_only_the_one_that_was_served_is_left_out(fast_home) -> None:
    provider = Provider()
    agent = Caller(HELLO)
    played(fast_home, agent, agent_job(to=["page:room1", "page:room2"]), page(provider))

    assert told(provider) == [("page:room1", "hello"), ("page:room2", "done")]
    run = the_run(fast_home)
    assert (run["suppression"], run["deliveryStatus"]) == (None, "delivered")


def test_a_message_that_was_refused_is_replaced_by_the_answer(fast_home) -> None:
    provider = Provider()
    provider.script.append(Rejected("bad_format"))
    agent = Caller(HELLO)
    played(fast_home, agent, agent_job(to="page:room1"), page(provider))

    assert agent.answer["state"] == "failed"
    assert told(provider) == [("page:room1", "done")]
    tool, announce = deliveries(fast_home)
    assert (tool["state"], announce["state"]) == ("failed", "accepted")
    assert (announce["link"], announce["linkedTo"]) == ("fallback", tool["id"])
    run = the_run(fast_home)
    assert run["fallbackUsed"] is True
    assert run["delivery"]["messageToolSentTo"] == []


def test_a_message_that_is_refused_after_its_run_is_replaced_by_the_answer_too(fast_home) -> None:
    provider = Provider()
    provider.script.extend([NotSent("no line"), NotSent("no line"), Rejected("bad_format")])
    agent = Caller(HELLO)
    played(fast_home, agent, agent_job(to="page:room1"), page(provider))

    assert agent.answer["state"] == "pending"
    assert told(provider) == [("page:room1", "done")]
    tool, announce = deliveries(fast_home)
    assert (tool["state"], announce["state"]) == ("failed", "accepted")
    assert (announce["link"], announce["linkedTo"], announce["reason"]) == ("fallback", tool["id"], None)
    run = the_run(fast_home)
    assert (run["fallbackUsed"], run["suppression"]) == (True, None)
    assert (run["deliveryStatus"], run["completionStatus"]) == ("delivered", "succeeded")
    check(fast_home, Witness({"page": provider}))


@pytest.mark.parametrize(
    ("ends", "seen", "announced"),
    [
        pytest.param(
            [NotSent("no line"), Rejected("bad_format"), NotSent("again")],
            ["second"],
            None,
            id="the second arrives",
        ),
        pytest.param(
            [NotSent("no line"), Rejected("bad_format"), Rejected("bad_format")],
            ["done"],
            "fallback",
            id="none arrives",
        ),
    ],
)
def test_the_answer_is_left_out_for_as_long_as_any_message_can_arrive(
    fast_home, ends: list[Exception], seen: list[str], announced: str | None
) -> None:
    provider = Provider()
    provider.script.extend(ends)
    agent = Caller(HELLO, HELLO | {"text": "second"})
    played(fast_home, agent, agent_job(to="page:room1"), page(provider), seconds=600)

    assert [text for _, text in told(provider)] == seen
    _, second, announce = deliveries(fast_home)
    assert announce["link"] == announced
    assert announce["linkedTo"] == second["id"]
    check(fast_home, Witness({"page": provider}))


def test_a_message_that_may_have_arrived_has_no_second_and_an_alert(fast_home) -> None:
    provider = Provider()
    provider.script.append(provider.accepted_then(Ambiguous("the answer was lost")))
    agent = Caller(HELLO)
    played(fast_home, agent, agent_job(to="page:room1"), page(provider))

    assert agent.answer["note"] == "it may have arrived; do not send it again"
    assert [text for _, text in told(provider)] == ["hello"]
    assert states(fast_home)[:2] == [("tool", "unknown", "0/1"), ("announce", "suppressed", "already_sent")]
    assert "unknown" in alerts(fast_home)
    run = the_run(fast_home)
    assert (run["fallbackUsed"], run["deliveryStatus"]) == (False, "unknown")


def test_an_agent_that_has_sent_its_result_is_not_asked_for_it_again(fast_home) -> None:
    provider = Provider()
    agent = Caller(HELLO, final="On it!")
    played(fast_home, agent, agent_job(to="page:room1"), page(provider))

    assert told(provider) == [("page:room1", "hello")]
    assert (the_run(fast_home)["warnings"], len(agent.results)) == ([], 1)


def test_a_message_after_the_run_is_over_is_refused_and_noted(fast_home) -> None:
    provider = Provider()
    results: list[object] = []

    async def agent(request: TurnRequest) -> str:
        try:
            await pass_time(100)
        finally:
            results.append((await request.call_tool("message", HELLO)).result)
        return "late"

    asked = agent_job(to="page:room1")
    asked["payload"]["timeoutSeconds"] = 30
    asked |= {"retry": {"maxAttempts": 0}, "failureAlert": False}
    played(fast_home, agent, asked, page(provider), seconds=120)

    assert results == ["fenced: the run is over, and the tool was not called"]
    assert told(provider) == []
    assert [event["data"]["what"] for event in events(fast_home, "run.late_output")] == [
        "a call of the tool 'message'"
    ]


def test_work_that_has_sent_something_is_not_done_once_more_by_itself(fast_home) -> None:
    provider = Provider()

    async def agent(request: TurnRequest) -> str:
        await request.call_tool("message", HELLO)
        raise RunnerError("overloaded", "too busy")

    asked = agent_job(to="page:room1", bestEffort=True)
    played(fast_home, agent, asked, page(provider), seconds=3600)

    run = the_run(fast_home)
    assert run["status"] == "error"
    assert run["warnings"] == [
        "its agent had sent something already, so the work is not done once more by itself"
    ]
    assert [text for _, text in told(provider)] == ["hello"]


def test_work_whose_only_message_was_refused_is_tried_again(fast_home) -> None:
    provider = Provider()
    provider.script.append(Rejected("bad_format"))
    tries: list[str] = []

    async def agent(request: TurnRequest) -> str:
        tries.append(request.run_id)
        if len(tries) > 1:
            return "done"
        await request.call_tool("message", HELLO)
        raise RunnerError("overloaded", "too busy")

    asked = agent_job(to="page:room1", bestEffort=True)
    played(fast_home, agent, asked, page(provider), seconds=3600)

    assert len(tries) == 2
    assert "done" in [text for _, text in told(provider)]


def test_a_call_that_is_given_up_while_its_message_is_written_down_counts_all_the_same(fast_home) -> None:
    asked: list[str] = []

    async def hasty(request: TurnRequest) -> str:
        async with asyncio.TaskGroup() as tasks:
            calling = tasks.create_task(request.call_tool("message", HELLO))
            await pass_time(0.5)
            calling.cancel()
        asked.append(request.message)
        return "On it"

    async def story(operations: Operations) -> None:
        executor = operations.app.executor
        messenger = executor.work.messenger
        store: Any = SlowDisk(messenger.store)
        executor.work = replace(executor.work, messenger=replace(messenger, store=store))
        await operations.add_job(agent_job(to="page:room1"))

    provider = Provider()
    Simulation(fast_home, [page(provider)], [TalkingRunner(hasty)]).live(story, seconds=60)
    assert told(provider) == [("page:room1", "hello")]
    assert len(asked) == 1, "who has sent something is not asked for a result as well"
