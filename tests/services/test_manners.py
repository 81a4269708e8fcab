"""How a message is shown is asked only of those who can."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from stentor.app.operations import Operations
from stentor.app.outbox_operations import OutboxOperations
from stentor.contract.payloads import Manner
from stentor.contract.receipts import Receipt
from stentor.contract.targets import Target
from stentor.contract.traits import Traits
from stentor.domain.refusals import Refused
from stentor.testing.scripted import Provider, ScriptedChannel, scripted_channel
from stentor.testing.simulation import Simulation
from tests.services.stories import adding, deliveries, job

ALL = Traits(manners=("silent", "bare_links", "broadcast", "reply_to"))
THREAD = "page:room1:t7"
SHOWN: Mapping[str, object] = {"silent": True, "linkPreviews": False, "broadcast": True, "mentions": True}


def page(traits: Traits = ALL) -> ScriptedChannel:
    return scripted_channel("page", Provider(), traits)


def test_a_job_says_how_its_messages_are_shown(fast_home: Path) -> None:
    channel = page()
    Simulation(fast_home, [channel]).live(adding(job(delivery={"to": THREAD, **SHOWN})), seconds=10)

    (part,) = channel.provider.accepted
    assert part.manner == Manner(silent=True, bare_links=True, broadcast=True, mentions=True)
    assert deliveries(fast_home)[0]["manner"] == SHOWN


def test_so_does_whoever_sends_by_hand_and_sending_again_keeps_it(fast_home: Path) -> None:
    channel = page()

    async def story(operations: Operations) -> None:
        sent = await operations.send({"to": THREAD, "text": "hello", **SHOWN, "replyTo": "42"})
        await operations.app.ground.seams.clock.sleep(5)
        await OutboxOperations.of(operations).resend(sent["id"], {})

    Simulation(fast_home, [channel]).live(story, seconds=20)

    manner = Manner(silent=True, bare_links=True, broadcast=True, mentions=True, reply_to="42")
    assert [part.manner for part in channel.provider.accepted] == [manner, manner]
    assert deliveries(fast_home)[0]["manner"] == {**SHOWN, "replyTo": "42"}


def test_what_nobody_says_is_as_usual(fast_home: Path) -> None:
    channel = page(Traits())
    Simulation(fast_home, [channel]).live(adding(job()), seconds=10)

    assert [part.manner for part in channel.provider.accepted] == [Manner()]
    assert deliveries(fast_home)[0]["manner"] == {}


@pytest.mark.parametrize(
    ("said", "target", "traits", "why"),
    [
        ({"silent": True}, "page:room1", Traits(), "silent: channel page cannot send without a sound"),
        (
            {"linkPreviews": False},
            "page:room1",
            Traits(),
            "linkPreviews: channel page cannot leave out the previews of links",
        ),
        ({"broadcast": True}, THREAD, Traits(), "broadcast: channel page cannot show a thread's messages"),
        ({"broadcast": True}, "page:room1", ALL, "broadcast: page:room1 is no thread"),
    ],
    ids=["sound", "previews", "broadcast", "no thread"],
)
def test_what_would_say_nothing_is_refused(
    fast_home: Path, said: dict[str, Any], target: str, traits: Traits, why: str
) -> None:
    async def story(operations: Operations) -> None:
        for refused in (
            operations.add_job(job(delivery={"to": ["page:room1", target], **said})),
            operations.send({"to": target, "text": "hello", **said}),
        ):
            with pytest.raises(Refused) as caught:
                await refused
            details = [f"{detail.path}: {detail.message}" for detail in caught.value.details]
            assert any(why in detail for detail in details), details

    Simulation(fast_home, [page(traits)]).live(story, seconds=5)

    assert deliveries(fast_home) == []


def test_what_follows_the_first_part_goes_where_that_has_led(fast_home: Path) -> None:
    thread = Target("page", "room", "room1", "room1:new", "new")
    channel = scripted_channel("page", Provider())
    channel.provider.script.append(lambda part: Receipt(part.target, f"m-{part.id}", opened=thread))
    words = " ".join(["word"] * 1500)

    Simulation(fast_home, [channel]).live(adding(job(payload={"kind": "text", "text": words})), seconds=20)

    targets = [part.target.canonical for part in channel.provider.requests]
    assert targets == ["page:room1", "page:room1:new"]
    (found,) = deliveries(fast_home)
    assert (found["state"], found["target"], found["continuedIn"]) == (
        "accepted",
        "page:room1",
        "page:room1:new",
    )
