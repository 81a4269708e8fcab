"""A daemon is killed at a named point of a delivery; the next one must make good of whatever it finds."""

import signal
from collections.abc import Callable

import pytest

from tests.kill.daemon import POINTS
from tests.kill.house import House
from tests.kill.waiting import eventually

# Requests the provider has read in the end, and the states of the delivery's parts.
FATES = {
    ("plain", "claimed"): (1, ["accepted"]),
    ("plain", "result stored"): (1, ["accepted"]),
    ("plain", "sending committed"): (0, ["unknown"]),
    ("plain", "provider accepted"): (1, ["unknown"]),
    ("plain", "receipt committed"): (1, ["accepted"]),
    ("webhook", "claimed"): (1, ["accepted"]),
    ("webhook", "result stored"): (1, ["accepted"]),
    ("webhook", "sending committed"): (1, ["accepted"]),
    ("webhook", "provider accepted"): (2, ["accepted"]),
    ("webhook", "receipt committed"): (1, ["accepted"]),
}
THREE_PARTS = "\n\n".join(letter * 80 for letter in "abc")

Record = Callable[[str, object], None]


def restart_for_a_moment(house: House) -> None:
    """A life in which there is nothing to do."""
    daemon = house.serve()
    house.request("GET", "status")
    daemon.stop()


def test_every_point_is_tried_on_every_kind_of_channel() -> None:
    assert set(FATES) == {(channel, point) for channel in ("plain", "webhook") for point in POINTS}


@pytest.mark.parametrize(("channel", "point"), FATES, ids=str)
def test_what_a_killed_daemon_left_is_made_good_and_stays_so(
    house: House, channel: str, point: str, record_property: Record
) -> None:
    house.gate.open()
    doomed = house.serve_until(point)
    house.add(channel)
    assert doomed.exit_code() == -signal.SIGKILL

    heir = house.serve()
    eventually(house.is_done, "the end of all that was open")
    heir.stop()

    requests = house.provider.counts(channel)
    record_property("channel", channel)
    record_property("killed at", point)
    record_property("requests", requests.total())
    record_property("executions", house.executions)
    record_property("parts", ", ".join(house.parts(channel)))
    assert house.runs == ["ok"]
    assert house.executions == 1
    assert (requests.total(), house.parts(channel)) == FATES[channel, point]
    house.check()

    contents = house.contents()
    for _ in range(3):
        restart_for_a_moment(house)
    assert house.contents() == contents
    assert house.provider.counts(channel) == requests
    assert house.executions == 1
    house.check()


def test_a_repeated_request_carries_the_key_of_the_first(house: House) -> None:
    house.gate.open()
    doomed = house.serve_until("provider accepted")
    house.add("webhook")
    doomed.exit_code()
    house.serve()
    eventually(house.is_done, "the end of all that was open")

    first, second = house.provider.seen
    assert first.key == second.key
    assert first.body == second.body


@pytest.mark.parametrize(
    ("point", "states", "requests"),
    [
        pytest.param("receipt committed", ["accepted"] * 3, 3, id="goes on with the second part"),
        pytest.param("provider accepted", ["unknown", "pending", "pending"], 1, id="holds the rest back"),
    ],
)
def test_a_message_of_several_parts_is_never_begun_again(
    house: House, point: str, states: list[str], requests: int
) -> None:
    doomed = house.serve_until(point)
    house.add("plain", payload={"kind": "text", "text": THREE_PARTS})
    assert doomed.exit_code() == -signal.SIGKILL

    heir = house.serve()
    eventually(house.is_done, "the end of all that was open")
    heir.stop()
    restart_for_a_moment(house)

    assert house.parts("plain") == states
    seen = [request.body["text"].strip("\n")[0] for request in house.provider.seen]
    assert "".join(seen) == "abc"[:requests]
    house.check()
