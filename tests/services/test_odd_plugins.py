"""Whatever a plugin returns, raises or never comes to: the daemon lives, and its other channels go on."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest

from stentor.app.operations import Operations
from stentor.contract.channel import Account, ChannelContext
from stentor.contract.errors import Ambiguous, DeliveryError, Moved, NotSent, Rejected, Throttled
from stentor.contract.payloads import Part
from stentor.contract.receipts import LaterReceipt, Receipt, ReceiptLevel
from stentor.contract.targets import Target
from stentor.contract.traits import Traits
from stentor.testing.invariants import Witness, check
from stentor.testing.scripted import Provider, ScriptedChannel, scripted_channel
from stentor.testing.simulation import Simulation, Story, nothing
from stentor.testing.virtual_time import START_MS
from tests.services.odd_channels import odd_channel, odd_line
from tests.services.stories import adding, alerts, deliveries, job, sending

# Plugins are not obliged to have their types checked.
OddReceipt: Any = Receipt
OddTarget: Any = Target
OddThrottled: Any = Throttled
OddRejected: Any = Rejected
OddReport: Any = LaterReceipt
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
HALF = "a\ud800b"


class Mute(DeliveryError):
    def __str__(self) -> str:
        raise ValueError("nothing to say")


class Hollow(NotSent):
    def __str__(self) -> str:
        return cast("str", 5)


class Bare(Throttled):
    def __init__(self) -> None:
        """Forgets what a throttled answer has to say."""


class Ending(BaseException):
    pass


class Touchy(str):
    __slots__ = ()

    def __len__(self) -> int:
        raise RuntimeError("do not measure me")


def moved(new_target: Any) -> Moved:
    error = Moved(Target("page", "room", "room9", "room9"))
    error.new_target = new_target
    return error


def receipt(**fields: Any) -> Callable[[Part], Receipt]:
    return lambda part: OddReceipt(**({"target": part.target, "message_id": "m1"} | fields))


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def other() -> Provider:
    return Provider()


def world_of(home: Path, channel: ScriptedChannel, other: Provider) -> Simulation:
    return Simulation(home, [channel, scripted_channel("other", other)])


def parts(home: Path, target: str) -> list[tuple[str, str | None, int]]:
    found = [part for one in deliveries(home) if one["target"] == target for part in one["parts"]]
    return [(part["state"], part["reason"], part["attempts"]) for part in found]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(receipt(target=None), id="no target"),
        pytest.param(receipt(target="page:room1"), id="text as target"),
        pytest.param(receipt(target=OddTarget("page", "room", 5, "5")), id="number in the target"),
        pytest.param(receipt(message_id=5), id="number as id"),
        pytest.param(receipt(message_id=b"m1"), id="bytes as id"),
        pytest.param(receipt(message_id=HALF), id="half a character as id"),
        pytest.param(receipt(message_id="m\0"), id="zero byte as id"),
        pytest.param(receipt(message_id="m" * 100_000), id="endless id"),
        pytest.param(receipt(degraded=object()), id="thing as degraded"),
        pytest.param(receipt(detail=None), id="no detail"),
        pytest.param(receipt(detail={"a": object()}), id="thing in the detail"),
        pytest.param(receipt(detail=dict.fromkeys(range(5), "x")), id="numbers as keys"),
        pytest.param(receipt(detail={f"k{n}": "x" for n in range(1000)}), id="endless detail"),
        pytest.param(Throttled(float("nan")), id="waits for no number"),
        pytest.param(Throttled(float("inf")), id="waits for ever"),
        pytest.param(OddThrottled(Decimal(5), message="later"), id="waits for a decimal"),
        pytest.param(OddThrottled(1, scope="chat"), id="throttles what there is not"),
        pytest.param(Bare(), id="throttles without a word"),
        pytest.param(OddRejected(None, "no"), id="no reason"),
        pytest.param(OddRejected(object(), "no"), id="thing as reason"),
        pytest.param(moved(None), id="moved nowhere"),
        pytest.param(moved("page:room9"), id="moved to a text"),
        pytest.param(GeneratorExit(), id="generator's end"),
        pytest.param(KeyboardInterrupt(), id="interrupt"),
        pytest.param(Ending(), id="end of its own"),
        pytest.param(asyncio.CancelledError(), id="cancelled from within"),
        pytest.param(ExceptionGroup("all", [ValueError(HALF)]), id="group"),
        pytest.param(ValueError(HALF), id="bug that speaks in halves"),
    ],
)
def test_an_answer_without_sense_is_unknown_and_holds_nobody_up(
    fast_home: Path, provider: Provider, other: Provider, caplog: pytest.LogCaptureFixture, answer: Any
) -> None:
    provider.script.append(answer)
    world = world_of(fast_home, scripted_channel("page", provider), other)
    world.live(sending("page:room1", "page:room1", "other:room2"), seconds=30)
    assert parts(fast_home, "page:room1") == [("unknown", "plugin_error", 1), ("accepted", None, 1)]
    assert parts(fast_home, "other:room2") == [("accepted", None, 1)]
    assert alerts(fast_home) == ["unknown"]
    assert "the plugin of channel page, account default, is at fault in send" in caplog.text
    check(fast_home, Witness({"other": other}))


@pytest.mark.parametrize(
    ("answer", "state", "said"),
    [
        pytest.param(NotSent(HALF), "accepted", "a\N{REPLACEMENT CHARACTER}b", id="half a character"),
        pytest.param(NotSent("a\0b"), "accepted", "a\N{REPLACEMENT CHARACTER}b", id="zero byte"),
        pytest.param(NotSent("x" * 100_000), "accepted", "x" * 3999 + "…", id="endless"),
        pytest.param(Hollow("x"), "accepted", "Hollow", id="number for a text"),
        pytest.param(Throttled(-5), "accepted", "throttled for -5 s", id="wait that is over"),
        pytest.param(Rejected("too_large", HALF), "rejected", "a\N{REPLACEMENT CHARACTER}b", id="refusal"),
        pytest.param(Mute("x"), "unknown", "Mute", id="text that raises"),
    ],
)
def test_an_answer_that_makes_sense_counts_however_it_is_worded(
    fast_home: Path, provider: Provider, answer: BaseException, state: str, said: str
) -> None:
    provider.script.append(answer)
    Simulation(fast_home, [scripted_channel("page", provider)]).live(sending("page:room1"), seconds=60)
    (part,) = deliveries(fast_home)[0]["parts"]
    assert (part["state"], part["error"]) == (state, said)


def test_words_of_a_class_of_their_own_are_taken_for_words(fast_home: Path, provider: Provider) -> None:
    provider.script.append(receipt(message_id=Touchy("m1"), degraded=Touchy("less"), detail={"a": HALF}))
    Simulation(fast_home, [scripted_channel("page", provider)]).live(sending("page:room1"), seconds=5)
    (part,) = deliveries(fast_home)[0]["parts"]
    assert (part["state"], part["messageId"], part["degraded"]) == ("accepted", "m1", "less")


@pytest.mark.parametrize(
    "raised",
    [
        pytest.param(asyncio.CancelledError(), id="cancelled from within"),
        pytest.param(SystemExit(2), id="end of the process"),
        pytest.param(KeyboardInterrupt(), id="interrupt"),
        pytest.param(GeneratorExit(), id="generator's end"),
        pytest.param(Ending("x"), id="end of its own"),
        pytest.param(Mute("x"), id="text that raises"),
        pytest.param(ValueError(HALF), id="bug"),
        pytest.param(None, id="gives no connection"),
    ],
)
def test_an_account_that_cannot_be_opened_keeps_its_parts_until_it_can(
    fast_home: Path, provider: Provider, other: Provider, raised: BaseException | None
) -> None:
    tries: list[str] = []

    async def open_line(channel: ScriptedChannel, account: Account, ctx: ChannelContext) -> Any:
        tries.append(account.id)
        if len(tries) > 3:
            return await ScriptedChannel.open(channel, account, ctx)
        if raised is not None:
            raise raised
        return None

    world = world_of(fast_home, odd_channel("page", provider, open=open_line), other)
    world.live(sending("page:room1", "other:room2"), seconds=9)
    assert parts(fast_home, "page:room1") == [("pending", "unavailable", 0)]
    assert parts(fast_home, "other:room2") == [("accepted", None, 1)]
    world.live(nothing, seconds=120)
    assert parts(fast_home, "page:room1") == [("accepted", None, 1)]
    check(fast_home, Witness({"page": provider, "other": other}))


async def deaf() -> None:
    """Never ends, and hears only the tenth time that it is told to."""
    for _ in range(10):
        with suppress(asyncio.CancelledError):
            await asyncio.get_running_loop().create_future()


def test_an_opening_that_never_ends_is_begun_again(
    fast_home: Path, provider: Provider, other: Provider
) -> None:
    tries: list[str] = []

    async def open_line(channel: ScriptedChannel, account: Account, ctx: ChannelContext) -> Any:
        tries.append(account.id)
        if len(tries) == 1:
            await deaf()
        return await ScriptedChannel.open(channel, account, ctx)

    world = world_of(fast_home, odd_channel("page", provider, open=open_line), other)
    world.live(sending("page:room1", "other:room2"), seconds=100)
    assert parts(fast_home, "page:room1") == [("accepted", None, 1)]
    assert parts(fast_home, "other:room2") == [("accepted", None, 1)]


def test_a_send_that_never_ends_gives_its_lane_back(fast_home: Path, provider: Provider) -> None:
    async def send(line: Any, part: Part) -> Receipt:
        if not provider.requests:
            provider.requests.append(part)
            await deaf()
        return provider.receive(part)

    life = Simulation(fast_home, [odd_line("page", provider, send=send)]).begin()
    life.tell(sending("page:room1", "page:room1"))
    life.pass_time(400)
    assert parts(fast_home, "page:room1") == [("unknown", "no_answer", 1), ("accepted", None, 1)]
    life.kill()


@pytest.mark.parametrize("how", ["never ends", "raises", "is no answer"])
def test_a_provider_that_cannot_be_asked_settles_nothing_and_stops_nobody(
    fast_home: Path, provider: Provider, other: Provider, how: str
) -> None:
    async def reconcile(line: Any, part: Part) -> Any:
        if how == "never ends":
            await deaf()
        if how == "raises":
            raise SystemExit(3)
        return Receipt(part.target, HALF)

    provider.script.append(Ambiguous("cut"))
    traits = Traits(reconcile="lookup")
    world = world_of(fast_home, odd_line("page", provider, traits, reconcile=reconcile), other)
    world.live(sending("page:room1", "page:room1", "other:room2"), seconds=100)
    waits = ("retry_wait", "reconcile", 1)
    assert parts(fast_home, "page:room1")[0] == (
        waits if how == "never ends" else ("unknown", "plugin_error", 1)
    )
    assert parts(fast_home, "other:room2") == [("accepted", None, 1)]
    assert len(provider.accepted) == (0 if how == "never ends" else 1)


@pytest.mark.parametrize("how", ["never ends", "is deaf", "raises", "ends the process"])
def test_a_connection_that_does_not_close_keeps_no_process_alive(
    fast_home: Path, provider: Provider, other: Provider, how: str
) -> None:
    async def close(line: Any) -> None:
        match how:
            case "never ends":
                await asyncio.get_running_loop().create_future()
            case "is deaf":
                await deaf()
            case "raises":
                raise asyncio.CancelledError
            case _:
                raise SystemExit(3)

    world = world_of(fast_home, odd_line("page", provider, close=close), other)
    life = world.live(sending("page:room1", "other:room2"), seconds=10)
    assert life.ended_ms - START_MS <= 16_000
    assert [one["state"] for one in deliveries(fast_home)] == ["accepted", "accepted"]


@pytest.mark.parametrize(
    "report",
    [
        pytest.param("read", id="text"),
        pytest.param(OddReport("m1", "heard", NOON), id="unknown level"),
        pytest.param(OddReport("m1", ReceiptLevel.READ, None), id="no time"),
        pytest.param(
            LaterReceipt("m1", ReceiptLevel.READ, datetime.min.replace(tzinfo=UTC)), id="time before time"
        ),
        pytest.param(OddReport(object(), ReceiptLevel.READ, NOON), id="thing as id"),
        pytest.param(OddReport(None, ReceiptLevel.READ, NOON), id="no id"),
        pytest.param(OddReport("", ReceiptLevel.READ, NOON), id="empty id"),
        pytest.param(OddReport(HALF, ReceiptLevel.READ, NOON), id="half a character"),
    ],
)
def test_a_report_without_sense_is_dropped_and_the_next_one_counts(
    fast_home: Path, provider: Provider, caplog: pytest.LogCaptureFixture, report: Any
) -> None:
    def answer(part: Part) -> Receipt:
        found = provider.accept(part)
        provider.lines[-1].report(report)
        provider.lines[-1].report(LaterReceipt(found.message_id, ReceiptLevel.READ, NOON))
        return found

    provider.script.append(answer)
    Simulation(fast_home, [scripted_channel("page", provider)]).live(
        sending("page:room1", "page:room2"), seconds=20
    )
    assert [one["state"] for one in deliveries(fast_home)] == ["read", "accepted"]
    assert "channel page, account default, is at fault in report" in caplog.text


@pytest.mark.parametrize(
    "said", [("up", "fine"), ("down", None), (None, ""), ([], "x")], ids=["word", "reason", "none", "list"]
)
def test_a_state_of_health_without_sense_is_not_shown(
    fast_home: Path, provider: Provider, caplog: pytest.LogCaptureFixture, said: tuple[Any, Any]
) -> None:
    shown: list[Any] = []

    def answer(part: Part) -> Receipt:
        provider.lines[-1].health(*said)
        return provider.accept(part)

    async def story(operations: Operations) -> None:
        await sending("page:room1")(operations)
        await operations.app.ground.seams.clock.sleep(1)
        shown.extend(operations.health())

    provider.script.append(answer)
    Simulation(fast_home, [scripted_channel("page", provider)]).live(story, seconds=5)
    assert [health["state"] for health in shown] == ["ready"]
    assert [one["state"] for one in deliveries(fast_home)] == ["accepted"]
    assert "is at fault in health" in caplog.text


def with_parent() -> Story:
    return adding(job(delivery={"to": "page:room1:t1", "onThreadGone": "parent"}))


@pytest.mark.parametrize("how", ["text", "another channel", "nothing sound", "end of the process"])
def test_a_parent_without_sense_is_none(
    fast_home: Path, provider: Provider, other: Provider, how: str
) -> None:
    def parent(channel: object, target: Target) -> Any:
        match how:
            case "text":
                return "page:room1"
            case "another channel":
                return Target("other", "room", "room1", "room1")
            case "nothing sound":
                return Target("page", "room", HALF, HALF)
            case _:
                raise SystemExit(3)

    provider.script.append(Rejected("thread_gone"))
    world_of(fast_home, odd_channel("page", provider, parent=parent), other).live(with_parent(), seconds=60)
    assert parts(fast_home, "page:room1:t1") == [("rejected", "thread_gone", 1)]
    assert other.requests == []
