"""A channel that cannot read a target or write a text spoils nobody else's message, and people hear of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stentor.adapters.registry import Registry
from stentor.agents.echo import EchoRunner
from stentor.app.operations import Operations
from stentor.app.outbox_operations import OutboxOperations
from stentor.contract.errors import InvalidTarget, Rejected
from stentor.contract.payloads import Attachment, Draft, Payload
from stentor.contract.targets import Target, TargetHints
from stentor.domain.routing import RouteError
from stentor.testing.invariants import Witness, check
from stentor.testing.scripted import Provider, ScriptedChannel, scripted_channel
from stentor.testing.simulation import Simulation, nothing
from stentor.testing.virtual_time import START_MS
from tests.services.odd_channels import odd_channel
from tests.services.stories import adding, alerts, deliveries, job, runs, sending

HALF = "a\ud800b"
OddDraft: Any = Draft
OddAttachment: Any = Attachment
EACH_MINUTE = {"kind": "every", "everyMs": 60_000, "anchorMs": START_MS}


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def other() -> Provider:
    return Provider()


def rendering(provider: Provider, drafts: Any) -> ScriptedChannel:
    """A channel that renders every text to the same, or raises it."""

    def render(channel: object, payload: Payload, target: Target) -> Any:
        if isinstance(drafts, BaseException):
            raise drafts
        return drafts() if callable(drafts) else drafts

    return odd_channel("page", provider, render=render)


def endless() -> Iterator[Draft]:
    while True:
        yield Draft("more")


ODD_RENDERINGS = [
    pytest.param(RuntimeError("a bug"), id="bug"),
    pytest.param(SystemExit(3), id="end of the process"),
    pytest.param(RuntimeError(HALF), id="bug that speaks in halves"),
    pytest.param("hello", id="text"),
    pytest.param(5, id="number"),
    pytest.param(["hello"], id="texts"),
    pytest.param([OddDraft(5)], id="number as text"),
    pytest.param([OddDraft("hello", format=None)], id="no format"),
    pytest.param([OddDraft("hello", plain=None)], id="no plain text"),
    pytest.param([OddDraft("hello", attachment="chart.png")], id="name as attachment"),
    pytest.param([Draft("", attachment=OddAttachment("a", "/a", None, 5))], id="no media type"),
    pytest.param([Draft("x" * 2_000_000)], id="endless text"),
    pytest.param(endless, id="endless parts"),
]


@pytest.mark.parametrize("drafts", ODD_RENDERINGS)
def test_a_text_that_one_channel_cannot_render_arrives_by_all_others(
    fast_home: Path, provider: Provider, other: Provider, caplog: pytest.LogCaptureFixture, drafts: Any
) -> None:
    world = Simulation(fast_home, [rendering(provider, drafts), scripted_channel("other", other)])
    world.live(adding(job(delivery={"to": ["page:room1", "other:room2"]})), seconds=10)
    failed, arrived = deliveries(fast_home)
    assert (failed["state"], failed["parts"][0]["reason"]) == ("failed", "plugin_error")
    assert failed["parts"][0]["attempts"] == 0
    assert arrived["state"] == "accepted"
    assert [run["status"] for run in runs(fast_home)] == ["ok"]
    assert alerts(fast_home) == ["failed"]
    assert provider.requests == []
    assert "the plugin of channel page, account default, is at fault in render" in caplog.text
    check(fast_home, Witness({"page": provider, "other": other}))


def test_half_characters_of_a_rendering_are_marked(fast_home: Path, provider: Provider) -> None:
    world = Simulation(fast_home, [rendering(provider, [Draft(HALF)])])
    world.live(sending("page:room1"), seconds=5)
    assert [part.text for part in provider.accepted] == ["a\N{REPLACEMENT CHARACTER}b"]


@pytest.mark.parametrize("drafts", ODD_RENDERINGS)
def test_a_message_by_hand_that_cannot_be_rendered_is_refused(
    fast_home: Path, provider: Provider, drafts: Any
) -> None:
    refused: list[RouteError] = []

    async def story(operations: Operations) -> None:
        with pytest.raises(RouteError) as caught:
            await operations.send({"to": "page:room1", "text": "hello"})
        refused.append(caught.value)

    Simulation(fast_home, [rendering(provider, drafts)]).live(story, seconds=5)
    assert refused[0].code == "plugin_error"
    assert refused[0].message.startswith("channel page cannot render the text: ")
    assert "stentor plugins" in refused[0].hint
    assert deliveries(fast_home) == []


def test_what_was_kept_of_a_text_can_be_sent_elsewhere_by_hand(
    fast_home: Path, provider: Provider, other: Provider
) -> None:
    world = Simulation(
        fast_home, [rendering(provider, RuntimeError("a bug")), scripted_channel("other", other)]
    )
    world.live(adding(job()), seconds=10)

    async def story(operations: Operations) -> None:
        (failed,) = deliveries(fast_home)
        await OutboxOperations.of(operations).resend(failed["id"], {"to": "other:room2"})

    world.live(story, seconds=10)
    assert [part.text for part in other.accepted] == ["hello"]


@pytest.mark.parametrize("by", ["a job", "hand"])
def test_where_nothing_is_left_to_send_that_is_over_at_once(
    fast_home: Path, provider: Provider, by: str
) -> None:
    story = adding(job()) if by == "a job" else sending("page:room1")
    Simulation(fast_home, [rendering(provider, [])]).live(story, seconds=5)
    assert [(one["state"], one["reason"], one["parts"]) for one in deliveries(fast_home)] == [
        ("suppressed", "empty", [])
    ]


def test_what_another_channel_has_no_words_for_is_not_sent_there_again_for_ever(
    fast_home: Path, provider: Provider, other: Provider
) -> None:
    other.script.append(Rejected("too_large"))
    world = Simulation(fast_home, [rendering(provider, []), scripted_channel("other", other)])

    async def story(operations: Operations) -> None:
        await sending("other:room2")(operations)
        await operations.app.ground.seams.clock.sleep(5)
        await OutboxOperations.of(operations).resend(deliveries(fast_home)[0]["id"], {"to": "page:room1"})

    world.live(story, seconds=5)
    assert [one["state"] for one in deliveries(fast_home)] == ["failed", "suppressed"]


@pytest.mark.parametrize("drafts", [*ODD_RENDERINGS, pytest.param([], id="nothing")])
def test_an_alert_goes_another_way_than_one_that_has_no_words_for_it(
    fast_home: Path, provider: Provider, other: Provider, drafts: Any
) -> None:
    (fast_home / "stentor.toml").write_text('[cron]\nfailure_destination = { to = "box:room1" }\n')
    box = Provider()
    channels = [
        rendering(provider, drafts),
        scripted_channel("other", other),
        scripted_channel("box", box),
    ]
    other.script.append(Rejected("too_large"))
    delivery = {"to": "other:room2", "failureDestination": {"to": "page:room3"}}
    Simulation(fast_home, channels).live(adding(job(delivery=delivery)), seconds=60)
    assert len(box.accepted) == 1
    assert provider.requests == []
    assert [one["state"] for one in deliveries(fast_home)] == ["failed", "accepted"]


class Moody:
    """A channel whose `parse_target` does as it should until it does as it is told."""

    def __init__(self, provider: Provider) -> None:
        self.what: Any = None
        moody = self

        def parse(channel: ScriptedChannel, text: str, hints: TargetHints) -> Any:
            if moody.what is None:
                return ScriptedChannel.parse_target(channel, text, hints)
            if isinstance(moody.what, BaseException):
                raise moody.what
            return moody.what

        self.channel = odd_channel("page", provider, parse_target=parse)


class Unreadable(InvalidTarget):
    def __init__(self) -> None:
        """Has neither a message nor a hint."""

    def __str__(self) -> str:
        raise ValueError


ODD_TARGETS = [
    pytest.param(RuntimeError("a bug"), id="bug"),
    pytest.param(SystemExit(3), id="end of the process"),
    pytest.param(Unreadable(), id="refusal without words"),
    pytest.param(None, id="nothing"),
    pytest.param("page:room1", id="text"),
    pytest.param(Target("other", "room", "room1", "room1"), id="another channel's"),
    pytest.param(Target("page", "room", HALF, HALF), id="half a character"),
]


class Lasting(Simulation):
    """The plugins are loaded once: what becomes of them later, no start finds out."""

    def _registry(self) -> Registry:
        if not hasattr(self, "loaded"):
            self.loaded = Registry.of(channels=self.channels, runners=(EchoRunner(),))
        return self.loaded


@pytest.mark.parametrize("what", ODD_TARGETS)
def test_a_channel_that_reads_no_targets_any_more_lets_the_others_start(
    fast_home: Path, provider: Provider, other: Provider, what: Any
) -> None:
    moody = Moody(provider)
    world = Lasting(fast_home, [moody.channel, scripted_channel("other", other)])
    mine = job(schedule=EACH_MINUTE)
    theirs = job(id="theirs", name="Theirs", schedule=EACH_MINUTE, delivery={"to": "other:room2"})
    world.live(adding(mine, theirs), seconds=10)
    moody.what = "" if what is None else what
    world.live(nothing, seconds=130)
    assert len(other.accepted) == 2
    assert provider.requests == []


@pytest.mark.parametrize("what", ODD_TARGETS)
def test_a_target_that_its_channel_does_not_read_is_refused(
    fast_home: Path, provider: Provider, what: Any
) -> None:
    moody = Moody(provider)
    refused: list[str] = []

    async def story(operations: Operations) -> None:
        moody.what = "" if what is None else what
        with pytest.raises(Exception) as caught:
            await operations.send({"to": "page:room1", "text": "hello"})
        refused.append(type(caught.value).__name__)

    Lasting(fast_home, [moody.channel]).live(story, seconds=5)
    assert refused == ["Refused"]


@pytest.mark.parametrize("what", ODD_TARGETS)
def test_an_alert_leaves_out_a_way_whose_channel_reads_no_targets(
    fast_home: Path, provider: Provider, other: Provider, what: Any
) -> None:
    (fast_home / "stentor.toml").write_text('[cron]\nfailure_destination = { to = "page:room1" }\n')
    moody = Moody(provider)

    def refuse(part: object) -> Any:
        moody.what = "" if what is None else what
        raise Rejected("too_large")

    other.script.append(refuse)
    world = Lasting(fast_home, [moody.channel, scripted_channel("other", other)])
    world.live(adding(job(delivery={"to": "other:room2"})), seconds=60)
    assert alerts(fast_home) == ["failed"]
    assert provider.requests == []
