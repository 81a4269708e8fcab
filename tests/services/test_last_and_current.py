"""Words that stand for a conversation: `current` is read once, when a job is made, and `last` before each run."""

from pathlib import Path
from typing import Any

import pytest

from stentor.adapters.sqlite.reader import Reader
from stentor.app.operations import Operations
from stentor.contract.errors import Ambiguous
from stentor.contract.runners import TurnRequest
from stentor.domain.refusals import Refused
from stentor.domain.routing import Address, resolve
from stentor.services.job_rules import Origin
from stentor.testing.scripted import Provider, scripted_channel
from stentor.testing.simulation import Simulation, nothing
from tests.services.stories import JsonObject, TalkingRunner, adding, job, runs, sending, stored_job

HOURLY = {"kind": "every", "everyMs": 3_600_000}
ASKED: JsonObject = {"payload": {"kind": "agentTurn", "message": "brief"}}


def told(provider: Provider, text: str = "hello") -> list[str]:
    return [part.target.canonical for part in provider.accepted if part.text == text]


async def made_in_a_chat(operations: Operations, **changes: Any) -> None:
    """Somebody asks for a job in the chat page:roomA."""
    route = resolve(Address("page:roomA"), operations.app.ground.directory)
    await operations.app.book.add(job(**changes), by="agent:main", origin=Origin("chat-a", route))


def intended(home: Path) -> list[tuple[str, str | None]]:
    """What each run meant by its target, and where that led."""
    return [
        (run["delivery"]["intended"]["source"], run["delivery"]["resolved"]["target"]) for run in runs(home)
    ]


@pytest.mark.parametrize(
    "delivery", [{"to": "current"}, {"to": " Current "}, {}], ids=["named", "spelt otherwise", "inferred"]
)
def test_the_current_chat_is_stored_and_nothing_that_happens_later_changes_it(fast_home, delivery) -> None:
    page, horn = Provider(), Provider()
    world = Simulation(fast_home, [scripted_channel("page", page), scripted_channel("horn", horn)])

    async def story(operations: Operations) -> None:
        await made_in_a_chat(operations, delivery=delivery)
        await sending("page:roomB", "horn:roomC")(operations)

    world.live(story, seconds=60)

    assert (told(page), told(horn)) == (["page:roomA"], [])
    stored = stored_job(fast_home)["delivery"]
    assert (stored["to"], stored["targetSource"]) == (["page:roomA"], "current")
    assert intended(fast_home) == [("current", "page:roomA")]


def test_the_current_session_is_the_one_the_job_was_made_in(fast_home) -> None:
    page = Provider()
    world = Simulation(fast_home, [scripted_channel("page", page)])

    async def story(operations: Operations) -> None:
        await made_in_a_chat(operations, **ASKED, sessionTarget="current", delivery={"to": "current"})

    world.live(story, seconds=60)

    assert stored_job(fast_home)["sessionTarget"] == "session:chat-a"
    assert [run["sessionKey"] for run in runs(fast_home)] == ["agent:main:session:chat-a"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"delivery": {"to": "current"}}, "there is no current conversation"),
        ({**ASKED, "sessionTarget": "current"}, "there is no current session here"),
        ({"delivery": {"mode": "announce"}}, "no target is named and none can be inferred"),
    ],
    ids=["chat", "session", "nothing said"],
)
def test_where_nobody_is_in_a_conversation_there_is_no_current_one(fast_home, changes, said) -> None:
    channels = [scripted_channel(name, Provider()) for name in ("page", "horn")]
    refusals: list[Refused] = []

    async def story(operations: Operations) -> None:
        with pytest.raises(Refused) as refused:
            await operations.add_job(job(**changes))
        refusals.append(refused.value)

    Simulation(fast_home, channels).live(story, seconds=1)

    (refusal,) = refusals
    assert said in refusal.message
    assert refusal.details or "name a target, for instance horn:room1 or page:room1" in refusal.hint
    with Reader.open(fast_home / "stentor.db") as reader:
        assert reader.jobs_json(agent=None, everything=True) == ([], 0)


def test_a_current_chat_brings_its_account_and_thread(fast_home) -> None:
    async def story(operations: Operations) -> None:
        with pytest.raises(Refused, match="current brings its own account and thread"):
            await made_in_a_chat(operations, delivery={"to": "current", "threadId": "7"})

    Simulation(fast_home, [scripted_channel("page", Provider())]).live(story, seconds=1)


def test_without_a_last_conversation_the_run_fails_before_the_agent_is_paid(fast_home) -> None:
    page = Provider()

    async def talk(_: TurnRequest) -> str:
        return "hello"

    agent = TalkingRunner(talk)
    world = Simulation(fast_home, [scripted_channel("page", page)], [agent])
    world.live(adding(job(**ASKED, delivery={"channel": "last"}, failureAlert=False)), seconds=60)

    assert (agent.turns, page.accepted) == ([], [])
    (run,) = runs(fast_home)
    assert (run["status"], run["phase"], run["errorKind"]) == ("error", "route", "delivery_target")
    assert run["error"] == (
        "there is no last conversation to deliver to; name a target, for instance page:room1; "
        "or set default_to under [channels.NAME]"
    )
    assert run["delivery"]["intended"]["source"] == "last"


def test_the_last_conversation_is_looked_up_at_each_run(fast_home) -> None:
    page = Provider()
    world = Simulation(fast_home, [scripted_channel("page", page)])

    async def first(operations: Operations) -> None:
        await sending("page:room7")(operations)
        await operations.add_job(job(schedule=HOURLY, delivery={"channel": "last"}))

    world.live(first, seconds=4000)
    world.live(sending("page:room8"), seconds=3600)
    world.live(nothing, seconds=3600)

    assert told(page) == ["page:room7", "page:room8", "page:room8"]
    assert intended(fast_home) == [("last", "page:room7"), ("last", "page:room8"), ("last", "page:room8")]
    stored = stored_job(fast_home)
    assert (stored["delivery"]["channel"], stored["delivery"]["to"]) == ("last", None)


def test_what_nobody_has_confirmed_is_no_conversation(fast_home) -> None:
    page = Provider()
    world = Simulation(fast_home, [scripted_channel("page", page)])

    async def story(operations: Operations) -> None:
        await sending("page:room7")(operations)
        await operations.app.ground.seams.clock.sleep(1)
        page.script.append(Ambiguous("the answer was lost"))
        await sending("page:room8")(operations)
        await operations.add_job(job(schedule={"kind": "at", "at": "5s"}, delivery={"channel": "last"}))

    world.live(story, seconds=60)

    assert told(page) == ["page:room7"]


def test_a_session_of_its_own_has_a_last_conversation_of_its_own(fast_home) -> None:
    page = Provider()

    async def talk(_: TurnRequest) -> str:
        return "hello"

    world = Simulation(fast_home, [scripted_channel("page", page)], [TalkingRunner(talk)])
    shared = {**ASKED, "sessionTarget": "session:weekly"}

    async def story(operations: Operations) -> None:
        await operations.add_job(job(id="one", **shared, delivery={"to": "page:room3"}))
        await operations.app.ground.seams.clock.sleep(5)
        await sending("page:room9")(operations)
        later = {"kind": "at", "at": "5s"}
        await operations.add_job(job(id="two", schedule=later, **shared, delivery={"channel": "last"}))

    world.live(story, seconds=60)

    assert told(page) == ["page:room3", "page:room3"]


def test_the_main_session_of_another_agent_knows_nothing_of_what_was_sent_by_hand(fast_home) -> None:
    page = Provider()
    (fast_home / "stentor.toml").write_text('[agents.main]\nrunner = "echo"\n[agents.ops]\nrunner = "echo"\n')
    world = Simulation(fast_home, [scripted_channel("page", page)])

    async def story(operations: Operations) -> None:
        await sending("page:room7")(operations)
        await operations.add_job(job(agentId="ops", delivery={"channel": "last"}, failureAlert=False))

    world.live(story, seconds=60)

    assert [run["errorKind"] for run in runs(fast_home)] == ["delivery_target"]


def test_beside_a_target_that_names_its_channel_last_says_nothing(fast_home) -> None:
    page = Provider()
    world = Simulation(fast_home, [scripted_channel("page", page)])
    world.live(adding(job(delivery={"channel": "last", "to": "page:room2"})), seconds=60)

    assert told(page) == ["page:room2"]
    stored = stored_job(fast_home)["delivery"]
    assert (stored["channel"], stored["to"], stored["targetSource"]) == (None, ["page:room2"], "prefix")


@pytest.mark.parametrize(
    ("delivery", "source"),
    [({"to": "page:room2"}, "prefix"), ({"to": "room2", "channel": "page"}, "explicit"), ({}, "default")],
    ids=["prefix", "channel", "nothing"],
)
def test_each_run_says_what_its_target_was_read_from(fast_home, delivery, source) -> None:
    (fast_home / "stentor.toml").write_text('[channels.page]\ndefault_to = "page:room2"\n')
    world = Simulation(fast_home, [scripted_channel("page", Provider())])
    world.live(adding(job(delivery=delivery)), seconds=60)

    assert intended(fast_home) == [(source, "page:room2")]
    with Reader.open(fast_home / "stentor.db") as reader:
        assert [entry["source"] for entry in reader.deliveries()] == [source]


def test_an_edit_of_something_else_keeps_what_the_target_was_read_from(fast_home) -> None:
    (fast_home / "stentor.toml").write_text('[channels.page]\ndefault_to = "page:room2"\n')

    async def story(operations: Operations) -> None:
        await operations.add_job(job(**ASKED, delivery={"mode": "announce"}))
        await operations.edit_job("brief", {"delivery": {"allow": ["PAGE:room4"]}})
        assert stored_job(fast_home)["delivery"]["allow"] == ["page:room4"]
        assert stored_job(fast_home)["delivery"]["targetSource"] == "default"
        await operations.edit_job("brief", {"delivery": {"to": "page:room3"}})
        assert stored_job(fast_home)["delivery"]["targetSource"] == "prefix"
        with pytest.raises(Refused, match=r"delivery\.allow: no loaded plugin"):
            await operations.edit_job("brief", {"delivery": {"allow": ["pager:1"]}})

    Simulation(fast_home, [scripted_channel("page", Provider())]).live(story, seconds=0.5)
