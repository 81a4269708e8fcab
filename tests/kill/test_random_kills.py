"""Jobs fire every second, and their daemon is killed again and again, at moments nobody chose."""

from collections import Counter
from collections.abc import Callable
from random import Random

import pytest

from tests.kill.house import House
from tests.kill.waiting import eventually

KILLS = 30
CHANNELS = ("plain", "webhook")
# From owning the store to the kill: time for recovery, a late run and its delivery, or for some of that.
LONGEST_LIFE_SECONDS = 0.5
# A provider that thinks for a while is often caught between accepting and answering.
LONGEST_LATENCY_SECONDS = 0.2


@pytest.mark.parametrize("seed", [20260701])
def test_thirty_kills_lose_nothing_and_double_nothing(
    house: House, seed: int, record_property: Callable[[str, object], None]
) -> None:
    random = Random(seed)
    house.provider.latency = lambda: random.uniform(0, LONGEST_LATENCY_SECONDS)
    begin(house)
    for _ in range(KILLS):
        daemon = house.serve()
        daemon.lives_for(random.uniform(0, LONGEST_LIFE_SECONDS))
        daemon.kill()
    live_once_in_peace(house)
    house.check()
    come_to_rest(house)
    house.check()

    seen = {channel: house.provider.counts(channel) for channel in CHANNELS}
    states = {channel: Counter(house.parts(channel)) for channel in CHANNELS}
    record_property("kills", KILLS)
    for channel in CHANNELS:
        again = seen[channel].total() - len(seen[channel])
        record_property(f"{channel} requests", f"{seen[channel].total()}, {again} again")
        record_property(f"{channel} parts", ", ".join(f"{n} {state}" for state, n in states[channel].items()))
    assert_seen_at_most_once(seen["plain"], states["plain"])
    assert_seen_at_least_once(seen["webhook"], states["webhook"], house.provider.keys_by_run())


def assert_seen_at_most_once(seen: Counter[str], states: Counter[str]) -> None:
    assert set(states) <= {"accepted", "unknown"}
    assert set(seen.values()) == {1}
    assert states["accepted"] <= len(seen) <= states.total()


def assert_seen_at_least_once(seen: Counter[str], states: Counter[str], keys: dict[str, set[str]]) -> None:
    assert set(states) == {"accepted"}
    assert len(seen) == states.total()
    assert all(len(of_one_run) == 1 for of_one_run in keys.values())


def begin(house: House) -> None:
    daemon = house.serve()
    for channel in CHANNELS:
        every_second = {"kind": "every", "everyMs": 1000}
        house.add(channel, id=channel, schedule=every_second, payload={"kind": "text", "text": "tick"})
    daemon.stop()


def live_once_in_peace(house: House) -> None:
    """Until each channel has carried something new, and the daemon is asked to stop."""
    before = [len(house.provider.counts(channel)) for channel in CHANNELS]

    def is_news_on_each() -> bool:
        now = [len(house.provider.counts(channel)) for channel in CHANNELS]
        return all(there > was for there, was in zip(now, before, strict=True))

    daemon = house.serve()
    eventually(is_news_on_each, "something new on each channel")
    daemon.stop()


def come_to_rest(house: House) -> None:
    daemon = house.serve()
    for channel in CHANNELS:
        house.request("PATCH", f"jobs/{channel}", {"enabled": False})
    eventually(house.at_rest, "the end of all that was open")
    daemon.stop()
