"""Every fault at every point on the way of a delivery, and every answer of a provider, on channels of every kind."""

from pathlib import Path

import pytest
from tests.services.stories import adding, deliveries, job, runs
from tests.simulation.faults import ANSWERS, KINDS, Kind, hanging
from tests.simulation.trouble import FAULTS, POINTS, Trouble, lived_through

from stentor.contract.dialects import Dialect
from stentor.testing.invariants import Witness, check
from stentor.testing.scripted import Provider, scripted_channel
from stentor.testing.simulation import Simulation, nothing

MARKED = Dialect(format="html", bold=("<b>", "</b>"))


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("point", POINTS)
def test_a_fault_on_the_way_loses_nothing_and_doubles_nothing(
    fast_home: Path, point: str, fault: str, kind: Kind
) -> None:
    provider = Provider(deduplicates=kind.deduplicates)
    trouble = Trouble(POINTS[point], fault)
    world = Simulation(fast_home, [scripted_channel("page", provider, kind.traits)], at_each_point=trouble)
    lived_through(world, trouble, adding(job(delivery={"to": ["page:room1", "page:room2"]})))

    check(fast_home, Witness({"page": provider}))
    assert [run["status"] for run in runs(fast_home)] == ["ok"]
    assert len(deliveries(fast_home)) == 2
    in_doubt = (
        kind.stays_in_doubt and fault == "killed" and point in ("sending committed", "provider accepted")
    )
    allowed = {"accepted", "unknown"} if in_doubt else {"accepted"}
    assert {delivery["state"] for delivery in deliveries(fast_home)} <= allowed
    assert max(provider.counts.values()) == 1


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
@pytest.mark.parametrize("answer", ANSWERS)
def test_each_answer_of_a_provider_has_its_consequence_and_no_other(
    fast_home: Path, answer: str, kind: Kind
) -> None:
    provider = Provider(deduplicates=kind.deduplicates)
    case = ANSWERS[answer]
    provider.script.append(case.make(provider))
    channel = scripted_channel("page", provider, kind.traits, MARKED)
    world = Simulation(fast_home, [hanging(channel) if answer == "hangs" else channel])
    said = {"kind": "text", "text": "**the** brief"}

    world.live(adding(job(payload=said, delivery={"to": ["page:room1:42", "page:room2"]})), seconds=3000)
    world.live(nothing, seconds=60)

    check(fast_home, Witness({"page": provider}))
    assert [run["status"] for run in runs(fast_home)] == ["ok"]
    first, other = deliveries(fast_home)
    assert other["state"] == "accepted"
    assert (first["state"], len(provider.requests) - 1) in case.consequences(kind)
    assert max(provider.counts.values()) == 1
