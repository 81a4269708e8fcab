"""Every answer of a receiver, and every fault on the way, on the webhook channel over real sockets."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from tests.services.stories import adding, alerts, deliveries, job, runs, sending
from tests.simulation.receivers import Behaviour, Ending, Receiver, answer, witness
from tests.simulation.trouble import FAULTS, POINTS, Trouble, lived_through
from tests.simulation.webhook_answers import ANSWERS, TOKEN, Case
from tests.simulation.wired import WiredSimulation

from stentor.adapters.sqlite.reader import Reader
from stentor.app.operations import Operations
from stentor.testing.invariants import Witness, check
from stentor.testing.simulation import Story, nothing
from stentor_webhook import WebhookChannel

CONFIG = """
[channels.webhook.accounts.default]
allow_networks = ["127.0.0.0/8"]
bearer_token = { env = "RECEIVERS_TOKEN" }
"""
# Besides what the process notices itself: the line is there, the request was read, the answer is on its way back.
WIRE = {"line open": "wire.dialled", "request read": "wire.heard", "answer sent": "wire.answered"}


@pytest.fixture
def receiver() -> Iterator[Callable[..., Receiver]]:
    opened: list[Receiver] = []

    def open_receiver(*script: Behaviour, deaf_for: float = 0) -> Receiver:
        opened.append(Receiver(script, deaf_for=deaf_for))
        return opened[-1]

    yield open_receiver
    for one in opened:
        one.close()


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECEIVERS_TOKEN", TOKEN)


def town(home: Path, *posted: Receiver, trouble: Trouble | None = None) -> WiredSimulation:
    home.mkdir(exist_ok=True)
    (home / "stentor.toml").write_text(CONFIG)
    return WiredSimulation(home, [WebhookChannel()], receivers=posted, at_each_point=trouble)


def address(receiver: Receiver, scheme: str = "http") -> str:
    return f"webhook:{scheme}://{receiver.address}/in"


def posting(*to: str) -> Story:
    """A job for all of them, unless there is one."""

    async def story(operations: Operations) -> None:
        if await operations.app.ground.store.job("brief") is None:
            await adding(job(delivery={"to": list(to)}))(operations)

    return story


def reasons_to_wait(home: Path, delivery: str) -> tuple[str, ...]:
    with Reader.open(home / "stentor.db") as reader:
        found = [event for event in reader.events(0) if event["kind"] == "part.retry_wait"]
    return tuple(event["data"]["reason"] for event in found if event["deliveryId"] == delivery)


def assert_all_is_well(home: Path, *posted: Receiver) -> None:
    """The invariants; and nothing that arrived is called lost, or posted outside of an attempt, or again as another."""
    check(home, Witness({"webhook": witness(posted)}, [TOKEN]))
    parts = [part for delivery in deliveries(home) for part in delivery["parts"]]
    lost = {part["id"] for part in parts if part["state"] in ("rejected", "expired", "cancelled")}
    assert not lost & {part for receiver in posted for part in receiver.arrived}
    posts = Counter(seen.part for receiver in posted for seen in receiver.requests)
    assert posts <= Counter({part["id"]: part["attempts"] for part in parts})
    for receiver in posted:
        alike = {(seen.headers["idempotency-key"], seen.body) for seen in receiver.requests}
        assert len(alike) == len({seen.part for seen in receiver.requests})
        assert {seen.path for seen in receiver.requests} <= {"/in"}


def assert_pauses(case: Case, receiver: Receiver) -> None:
    """What the receiver asked for is kept to the point; our own schedule is spread by a tenth."""
    pauses = [later.at - earlier.at for earlier, later in pairwise(receiver.requests)]
    spread = 0.0 if case.exact else 0.1
    assert pauses == [pytest.approx(pause, rel=spread, abs=0.01) for pause in case.pauses]


@pytest.mark.parametrize("name", ANSWERS)
def test_each_answer_of_a_receiver_has_its_consequence_and_no_other(
    fast_home: Path, receiver: Callable[..., Receiver], name: str
) -> None:
    case = ANSWERS[name]
    odd, fine = receiver(*case.script, deaf_for=case.deaf_for), receiver()
    world = town(fast_home, odd, fine)
    world.live(posting(address(odd, case.scheme), address(fine)), seconds=case.seconds)
    world.live(nothing, seconds=30)

    assert_all_is_well(fast_home, odd, fine)
    assert [run["status"] for run in runs(fast_home)] == ["ok"]
    first, other = deliveries(fast_home)
    (part,) = first["parts"]
    assert (first["state"], part["state"], part["reason"]) == (case.state, case.part, case.reason)
    assert (len(odd.requests), part["attempts"]) == (case.requests, case.attempts)
    assert reasons_to_wait(fast_home, first["id"]) == case.waits
    assert set(odd.arrived) == ({part["id"]} if case.arrived else set())
    assert part["messageId"] == (part["id"] if case.part == "accepted" else None)
    assert alerts(fast_home) == ([] if case.part == "accepted" else [first["state"]])
    assert_pauses(case, odd)
    assert (other["state"], len(fine.requests)) == ("accepted", 1)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("point", [*POINTS, *WIRE])
def test_a_fault_on_the_way_of_a_webhook_loses_nothing_and_repeats_it_only_under_its_id(
    fast_home: Path, receiver: Callable[..., Receiver], point: str, fault: str
) -> None:
    one, two = receiver(), receiver()
    trouble = Trouble((POINTS | WIRE)[point], fault)
    world = town(fast_home, one, two, trouble=trouble)
    lived_through(world, trouble, posting(address(one), address(two)))

    assert_all_is_well(fast_home, one, two)
    assert [run["status"] for run in runs(fast_home)] == ["ok"]
    assert [delivery["state"] for delivery in deliveries(fast_home)] == ["accepted", "accepted"]
    # Only a process that dies with a request out has to repeat it.
    repeated = fault == "killed" and point in ("request read", "answer sent", "provider accepted")
    assert (len(one.requests), len(two.requests)) == (2 if repeated else 1, 1)


def test_a_process_that_ends_anywhere_on_the_way_of_a_webhook_is_made_good(
    fast_home: Path, receiver: Callable[..., Receiver]
) -> None:
    calm = receiver()
    names = town(fast_home / "calm", calm).live(posting(address(calm)), seconds=10).trail.names
    begins, ends = names.index("store.finish_runs.before"), _last(names, "store.settle.after")
    assert set(WIRE.values()) <= set(names[begins:ends])
    for point in range(begins, ends + 2):
        home, posted = fast_home / str(point), receiver()
        world = town(home, posted)
        life = world.live(posting(address(posted)), seconds=10, crash_at=point)
        assert life.crashed
        world.live(posting(address(posted)), seconds=30)
        where = f"crash at point {point} ({life.trail.names[-1]})"
        assert_all_is_well(home, posted)
        assert [delivery["state"] for delivery in deliveries(home)] == ["accepted"], where
        assert (len(posted.arrived), len(posted.requests) <= 2) == (1, True), where


@pytest.mark.parametrize("then", ["closes", "resets"])
def test_a_line_that_was_hung_up_between_two_messages_costs_neither(
    fast_home: Path, receiver: Callable[..., Receiver], then: Ending
) -> None:
    posted = receiver(Behaviour(((0, answer(200)),), then, arrives=True))
    world = town(fast_home, posted)
    world.live(sending(*[address(posted)] * 3), seconds=10)

    assert_all_is_well(fast_home, posted)
    assert [delivery["parts"][0]["attempts"] for delivery in deliveries(fast_home)] == [1, 1, 1]
    assert (len(posted.requests), len(posted.arrived), posted.dialled) == (3, 3, 2)


def test_a_receiver_in_trouble_delays_nobody_else_and_keeps_its_order(
    fast_home: Path, receiver: Callable[..., Receiver]
) -> None:
    odd, fine = receiver(Behaviour(((0, answer(429, Retry_After="40")),))), receiver()
    world = town(fast_home, odd, fine)
    world.live(sending(address(odd), address(odd), address(fine), address(fine)), seconds=60)

    assert_all_is_well(fast_home, odd, fine)
    assert [seen.part for seen in odd.requests] == [odd.requests[0].part, *odd.arrived]
    assert len(odd.arrived) == 2
    assert odd.requests[1].at == pytest.approx(odd.requests[0].at + 40, abs=0.01)
    assert max(seen.at for seen in fine.requests) < 1


def _last(names: Sequence[str], name: str) -> int:
    return len(names) - 1 - names[::-1].index(name)
