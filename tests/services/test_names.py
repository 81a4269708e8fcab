"""A name is asked for where a job or a message is made, and never stored or sent to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from stentor.app.operations import Operations
from stentor.contract.channel import Account, ChannelContext, Connection, Example
from stentor.contract.errors import CredentialsRejected, InvalidTarget, NotSent
from stentor.contract.targets import Target, TargetHints
from stentor.domain.refusals import Refused
from stentor.testing.scripted import Provider, ScriptedChannel
from stentor.testing.simulation import Simulation
from tests.services.odd_channels import Line
from tests.services.stories import TalkingRunner, adding, deliveries, job, stored_job
from tests.services.tool_stories import Caller

UNKNOWN = InvalidTarget("there is no room #ops", hint="`#all` is one")


@dataclass
class Rooms:
    """What a provider says of names, and what it was asked."""

    ids: Mapping[str, Any]
    asked: list[str] = field(default_factory=list[str])

    def of(self, name: Target) -> Any:
        self.asked.append(name.id)
        found = self.ids[name.id]
        if isinstance(found, BaseException):
            raise found
        return Target("page", "room", found, found) if isinstance(found, str) else found


class NamingLine(Line):
    rooms: Rooms

    async def resolve(self, target: Target) -> Target:
        found: Target = self.rooms.of(target)
        return found


class Page(ScriptedChannel):
    """Rooms that have names."""

    name = "page"
    prefixes = ("page",)
    examples = (Example("page:room1", "page:room1"),)
    rooms: Rooms

    def parse_target(self, text: str, hints: TargetHints) -> Target:
        body = self.body(text)
        if body.startswith("#"):
            return Target("page", "room", body, body, is_name=True)
        return super().parse_target(text, hints)

    async def open(self, account: Account, ctx: ChannelContext) -> Connection:
        line = NamingLine(self.provider)
        line.rooms = self.rooms
        return line


def page(**ids: Any) -> tuple[Page, Rooms]:
    channel = Page()
    channel.provider = Provider()
    channel.rooms = Rooms({f"#{name}": found for name, found in ids.items()})
    return channel, channel.rooms


def told(home: Path, channel: ScriptedChannel, **raw: Any) -> None:
    async def story(operations: Operations) -> None:
        await operations.add_job(job(**raw))

    Simulation(home, [channel]).live(story, seconds=10)


def test_a_job_is_stored_with_the_id_and_delivers_there(fast_home: Path) -> None:
    channel, rooms = page(ops="room7")
    told(fast_home, channel, delivery={"to": "page:#ops"})

    assert stored_job(fast_home)["delivery"]["to"] == ["page:room7"]
    assert [(found["target"], found["state"]) for found in deliveries(fast_home)] == [
        ("page:room7", "accepted")
    ]
    assert rooms.asked == ["#ops"]


def test_every_place_of_a_job_is_asked_for_once(fast_home: Path) -> None:
    channel, rooms = page(ops="room7", all="room8", help="room9")
    told(
        fast_home,
        channel,
        payload={"kind": "agentTurn", "message": "x"},
        delivery={
            "to": ["page:#ops", "page:#all", "page:#ops"],
            "allow": ["page:#help"],
            "failureDestination": {"to": "page:#all"},
        },
    )

    stored = stored_job(fast_home)["delivery"]
    assert stored["to"] == ["page:room7", "page:room8"]
    assert stored["allow"] == ["page:room9"]
    assert stored["failureDestination"]["to"] == "page:room8"
    assert sorted(rooms.asked) == ["#all", "#help", "#ops"]


def test_the_next_one_asks_anew_because_names_change_hands(fast_home: Path) -> None:
    channel, rooms = page(ops="room7")

    async def story(operations: Operations) -> None:
        await operations.send({"to": "page:#ops", "text": "one"})
        rooms.ids = {"#ops": "room8"}
        await operations.send({"to": "page:#ops", "text": "two"})

    Simulation(fast_home, [channel]).live(story, seconds=10)

    assert [found["target"] for found in deliveries(fast_home)] == ["page:room7", "page:room8"]


@pytest.mark.parametrize(
    ("found", "code", "said"),
    [
        (UNKNOWN, "bad_target", "there is no room #ops"),
        (NotSent("no connection"), "name_unknown", "page:#ops could not be looked up: no connection"),
        (CredentialsRejected("401"), "name_unknown", "could not be looked up: 401"),
        (RuntimeError("a bug"), "bad_target", "page:#ops: RuntimeError: a bug"),
        (Target("page", "room", "#ops", "#ops", is_name=True), "bad_target", "which is no id of 'page'"),
        (Target("horn", "room", "a", "a"), "bad_target", "which is no id of 'page'"),
        (None, "bad_target", "must be a Target, not None"),
    ],
    ids=["unknown", "no connection", "not let in", "bug", "still a name", "of another channel", "nothing"],
)
def test_a_name_that_leads_nowhere_is_refused_with_the_reason(
    fast_home: Path, found: Any, code: str, said: str
) -> None:
    channel, _ = page(ops=found)

    async def story(operations: Operations) -> None:
        for refused in (
            operations.add_job(job(delivery={"to": "page:#ops"})),
            operations.send({"to": "page:#ops", "text": "hello"}),
        ):
            with pytest.raises(Refused) as caught:
                await refused
            assert (caught.value.code, said in caught.value.message) == (code, True)

    Simulation(fast_home, [channel]).live(story, seconds=10)

    assert deliveries(fast_home) == []


def test_an_agent_may_use_names_of_what_it_is_allowed(fast_home: Path) -> None:
    channel, _ = page(ops="room1", all="room8")
    caller = Caller({"to": "page:#ops", "text": "now"}, {"to": "page:#all", "text": "now"})
    wanted = job(payload={"kind": "agentTurn", "message": "x"})

    Simulation(fast_home, [channel], [TalkingRunner(caller)]).live(adding(wanted), seconds=30)

    assert [result.ok for result in caller.results] == [True, False]
    assert {found["target"] for found in deliveries(fast_home) if found["purpose"] == "tool"} == {
        "page:room1"
    }


def test_a_file_of_jobs_is_applied_with_ids_and_is_the_same_the_next_time(fast_home: Path) -> None:
    channel, rooms = page(ops="room7", all="room8")
    answers: list[Any] = []

    async def story(operations: Operations) -> None:
        schedule = {"kind": "every", "everyMs": 3_600_000, "anchorMs": 0}
        names = ("ops", "all")
        jobs = [job(id=name, schedule=schedule, delivery={"to": f"page:#{name}"}) for name in names]
        answers.extend([await operations.apply_jobs({"jobs": jobs}) for _ in range(2)])

    Simulation(fast_home, [channel]).live(story, seconds=10)

    assert [answer["added"] for answer in answers] == [["ops", "all"], []]
    assert answers[1]["unchanged"] == ["ops", "all"]
    assert stored_job(fast_home, "all")["delivery"]["to"] == ["page:room8"]
    assert rooms.asked == ["#ops", "#all", "#ops", "#all"]
