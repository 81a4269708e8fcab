"""A daemon is asked to stop while an agent is at work."""

import signal

import pytest

from tests.kill.house import House
from tests.kill.processes import Daemon
from tests.kill.waiting import eventually


def daemon_with_a_run_under_way(house: House) -> Daemon:
    """The agent stands at the gate."""
    daemon = house.serve()
    house.add("plain")
    eventually(lambda: house.executions == 1, "the start of the agent")
    return daemon


def ask_to_stop(daemon: Daemon) -> None:
    daemon.signal(signal.SIGTERM)
    daemon.heard("stopping")


def restart_and_finish(house: House) -> None:
    house.gate.open()
    daemon = house.serve()
    eventually(house.is_done, "the end of the run that was begun again")
    daemon.stop()


def test_a_run_in_progress_is_finished_and_delivered(house: House) -> None:
    daemon = daemon_with_a_run_under_way(house)

    ask_to_stop(daemon)
    house.gate.open()

    assert daemon.exit_code() == 0
    assert (house.runs, house.parts("plain")) == (["ok"], ["accepted"])
    assert house.executions == len(house.provider.seen) == 1
    house.check()


def test_a_run_that_outlasts_the_drain_is_interrupted_and_begun_again(house: House) -> None:
    house.configure(drain_seconds=1)
    daemon = daemon_with_a_run_under_way(house)

    ask_to_stop(daemon)

    assert daemon.exit_code() == 0
    assert daemon.said("runs are still under way after 1 s")
    assert house.runs[0] == "interrupted"
    assert house.parts("plain") == []
    house.check()
    restart_and_finish(house)
    assert house.runs == ["interrupted", "ok"]
    assert house.executions == 2
    assert (len(house.provider.seen), house.parts("plain")) == (1, ["accepted"])
    house.check()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_the_daemon_at_once(house: House, number: signal.Signals) -> None:
    daemon = daemon_with_a_run_under_way(house)

    ask_to_stop(daemon)
    daemon.signal(number)

    assert daemon.exit_code() == 128 + number
    restart_and_finish(house)
    assert house.runs == ["interrupted", "ok"]
    assert house.executions == 2
    assert (len(house.provider.seen), house.parts("plain")) == (1, ["accepted"])
    house.check()
