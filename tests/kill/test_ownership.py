"""One daemon to a store; what a killed one leaves lying about keeps nobody out and fools nobody."""

import json

from stentor.adapters.socket_path import socket_path
from tests.kill.house import House
from tests.kill.waiting import eventually


def test_a_second_daemon_is_turned_away_and_told_by_whom(house: House) -> None:
    first = house.serve()
    owner = json.loads((house.home / "stentor.lock").read_text())

    second = house.launch_serve()

    assert second.exit_code() == 3
    assert owner["pid"] == first.process.pid
    assert second.said(f"pid {owner['pid']}, started {owner['startedAt']}")
    assert house.request("GET", "status")["boot"] == owner["boot"]


def test_a_killed_daemon_leaves_its_store_to_the_next_though_its_agent_lives_on(house: House) -> None:
    first = house.serve()
    house.add("plain")
    eventually(lambda: house.executions == 1, "the start of the agent")
    first.kill()

    second = house.serve()

    owner = json.loads((house.home / "stentor.lock").read_text())
    assert owner["pid"] == second.process.pid


def test_status_tells_a_killed_daemon_from_a_running_one(house: House) -> None:
    assert house.status()["daemon"] == "stopped"
    first = house.serve()
    house.request("GET", "status")
    assert house.status()["daemon"] == "running"

    first.kill()

    assert socket_path(house.home).exists()
    assert house.status()["daemon"] == "stopped"
    house.serve()
    house.request("GET", "status")
    assert house.status()["daemon"] == "running"
