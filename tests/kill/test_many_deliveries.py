"""A daemon is killed amid three hundred deliveries: the next one goes on where it was, at once."""

import time
from collections import Counter
from collections.abc import Callable

import pytest

from stentor.adapters.sqlite.reader import Reader
from tests.kill.house import House
from tests.kill.provider import CountingProvider
from tests.kill.waiting import eventually

DELIVERIES = 300
ROOMS = 20
KILLED_AFTER = 60
TIMES_A_BARE_START = 5.0
TRIES = 3

Record = Callable[[str, object], None]


@pytest.mark.parametrize("channel", ["plain", "webhook"])
def test_a_kill_amid_many_deliveries_loses_none_and_doubles_none_silently(
    house: House, channel: str, record_property: Record
) -> None:
    house.provider.latency = lambda: 0.05
    bare = seconds_of_a_bare_start(house)
    daemon = house.serve()
    resumed: list[float] = []
    for attempt in range(TRIES):
        already = len(house.provider.seen)
        send(house, channel, attempt)
        more_than(already + KILLED_AFTER, house.provider)
        daemon.kill()
        already, begin = len(house.provider.seen), time.perf_counter()
        daemon = house.launch_serve()
        more_than(already, house.provider)
        resumed.append(time.perf_counter() - begin)
        eventually(lambda: at_rest(house), "the end of all that was open", 60)
    daemon.stop()

    states = Counter(house.parts(channel))
    requests = house.provider.counts(channel)
    again = requests.total() - len(requests)
    record_property("channel", channel)
    record_property("requests", f"{requests.total()}, {again} again")
    record_property("parts", ", ".join(f"{n} {state}" for state, n in states.items()))
    record_property("resumed", f"{min(resumed) / bare:.1f} x a bare start")
    house.check()
    assert states.total() == DELIVERIES * TRIES
    if channel == "plain":
        assert set(states) <= {"accepted", "unknown"}
        assert max(requests.values()) == 1
        assert len(requests) >= states["accepted"] >= (DELIVERIES - ROOMS) * TRIES
    else:
        assert set(states) == {"accepted"}
        assert len(requests) == DELIVERIES * TRIES
    assert min(resumed) <= TIMES_A_BARE_START * bare, (resumed, bare)


def send(house: House, channel: str, attempt: int) -> None:
    for number in range(DELIVERIES):
        room = number % ROOMS
        address = f"http://127.0.0.1:{house.provider.port}/webhook/in{room}"
        to = f"plain:room{room}" if channel == "plain" else f"webhook:{address}"
        house.request("POST", "send", {"to": to, "text": f"message {attempt}-{number}"})


def seconds_of_a_bare_start(house: House) -> float:
    """What a start takes that finds nothing to do, at best."""
    best = float("inf")
    for _ in range(TRIES):
        begin = time.perf_counter()
        daemon = house.serve()
        best = min(best, time.perf_counter() - begin)
        daemon.stop()
    return best


def more_than(requests: int, provider: CountingProvider) -> None:
    eventually(lambda: len(provider.seen) > requests, f"more than {requests} requests")


def at_rest(house: House) -> bool:
    with Reader.open(house.home / "stentor.db") as reader:
        return not reader.counts()["pending"]
