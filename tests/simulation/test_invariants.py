"""Each of the nine invariants is asserted: a store, or a witness, that breaks one of them is found out by its name."""

from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import apsw
import pytest
from tests.services.stories import adding, job

from stentor.contract.payloads import Part
from stentor.contract.targets import Target
from stentor.testing.invariants import InvariantBroken, Witness, check
from stentor.testing.scripted import Provider, scripted_channel
from stentor.testing.simulation import Simulation
from stentor.testing.virtual_time import START_MS

EVERY_MINUTE = {"kind": "every", "everyMs": 60_000, "anchorMs": START_MS}
SECRET = "s3cret-of-the-channel"


@dataclass
class Aftermath:
    """What a few good minutes left: a job that announces, one that keeps to itself, and what people saw."""

    home: Path
    provider: Provider = field(default_factory=Provider)

    def live(self) -> "Aftermath":
        loud = job(schedule=EVERY_MINUTE)
        quiet = job(id="quiet", name="Quiet", schedule=EVERY_MINUTE, delivery={"mode": "none"})
        world = Simulation(self.home, [scripted_channel("page", self.provider)])
        world.live(adding(loud, quiet), seconds=150)
        return self

    def change(self, *statements: str) -> None:
        with closing(apsw.Connection(str(self.home / "stentor.db"))) as connection:
            for statement in statements:
                connection.execute(statement)
                assert connection.changes() > 0, statement

    def check(self) -> None:
        check(self.home, Witness({"page": self.provider}, [SECRET]))


@pytest.fixture
def aftermath(fast_home: Path) -> Aftermath:
    found = Aftermath(fast_home).live()
    found.check()
    return found


def part(name: str) -> Part:
    return Part(name, "", Target("page", "room", "room1", "room1"), 1, 1, "", 1)


def test_a_store_that_nobody_touched_breaks_no_rule(aftermath: Aftermath) -> None:
    aftermath.check()


_FIRST_PART = "WHERE seq = (SELECT min(seq) FROM parts)"
_ITS_RECEIPT = "WHERE part_id = (SELECT id FROM parts ORDER BY seq LIMIT 1)"


@pytest.mark.parametrize(
    ("rule", "statements"),
    [
        pytest.param("I1", ["DELETE FROM occurrences WHERE job_id = 'brief'"], id="I1 an instant without a row"),
        pytest.param("I2", ["UPDATE runs SET ended_at = NULL, status = 'running', boot = 'gone'"], id="I2 nobody's run"),
        pytest.param("I3", [f"UPDATE parts SET message_id = '' {_FIRST_PART}"], id="I3 accepted without an id"),
        pytest.param("I3", [f"DELETE FROM receipts {_ITS_RECEIPT}"], id="I3 accepted without a receipt"),
        pytest.param("I3", [f"UPDATE receipts SET target = 'page:x' {_ITS_RECEIPT}"], id="I3 accepted somewhere else"),
        pytest.param("I3", [f"UPDATE parts SET state = 'rejected' {_FIRST_PART}"], id="I3 an id without acceptance"),
        pytest.param("I5", ["UPDATE runs SET status = 'error' WHERE job_id = 'brief'"], id="I5 a bad run announced"),
        pytest.param("I6", ["UPDATE runs SET status = 'timeout' WHERE job_id = 'quiet'"], id="I6 a bad run in silence"),
        pytest.param(
            "I6",
            [f"UPDATE parts SET state = 'unknown', message_id = NULL {_FIRST_PART}"],
            id="I6 a message in doubt in silence",
        ),
        pytest.param("I6", ["UPDATE occurrences SET outcome = 'missed'"], id="I6 an instant missed in silence"),
        pytest.param(
            "I9",
            [f"UPDATE parts SET state = 'pending', message_id = NULL {_FIRST_PART}"],
            id="I9 a message that is said to wait",
        ),
    ],
)  # fmt: skip
def test_a_store_that_breaks_a_rule_is_found_out(
    aftermath: Aftermath, rule: str, statements: list[str]
) -> None:
    aftermath.change(*statements)
    with pytest.raises(InvariantBroken, match=rf"\A{rule} "):
        aftermath.check()


def test_i4_a_part_that_people_saw_twice(aftermath: Aftermath) -> None:
    aftermath.provider.accepted.append(aftermath.provider.accepted[0])
    with pytest.raises(InvariantBroken, match=r"\AI4 "):
        aftermath.check()


def test_i7_a_secret_in_any_file_of_the_home(aftermath: Aftermath) -> None:
    (aftermath.home / "log").mkdir()
    (aftermath.home / "log" / "today").write_text(f"sent with {SECRET}")
    with pytest.raises(InvariantBroken, match=r"\AI7 "):
        aftermath.check()


def test_i7_the_configuration_is_where_a_secret_may_stand(aftermath: Aftermath) -> None:
    (aftermath.home / "stentor.toml").write_text(f"# {SECRET}")
    aftermath.check()


def test_i9_a_message_nobody_wrote_down(aftermath: Aftermath) -> None:
    aftermath.provider.accept(part("d-of-nobody.1"))
    with pytest.raises(InvariantBroken, match=r"\AI9 "):
        aftermath.check()


def test_i9_a_message_nobody_saw(aftermath: Aftermath) -> None:
    aftermath.provider.accepted.pop()
    with pytest.raises(InvariantBroken, match=r"\AI9 "):
        aftermath.check()
