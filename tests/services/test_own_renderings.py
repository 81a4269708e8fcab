"""A channel that puts its messages into words itself is given nothing to repeat that nobody may see."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from stentor.app.operations import Operations
from stentor.contract.channel import Example
from stentor.contract.payloads import Draft, Payload
from stentor.contract.targets import Target
from stentor.testing.invariants import Witness, check
from stentor.testing.scripted import Provider, ScriptedChannel
from stentor.testing.simulation import Simulation
from tests.services.stories import deliveries

SECRET = "s3cret-of-somebody"


class Crier(ScriptedChannel):
    """Renders what it sends itself."""

    name = "crier"
    prefixes = ("crier",)
    examples: ClassVar[tuple[Example, ...]] = (Example("crier:room1", "crier:room1"),)

    def render(self, payload: Payload, target: Target) -> Sequence[Draft]:
        return [Draft(f"Hear, hear: {payload.text}")]


def test_a_message_by_hand_is_cleaned_before_its_channel_renders_it(fast_home: Path) -> None:
    crier = Crier()
    crier.provider = Provider()

    async def story(operations: Operations) -> None:
        operations.app.ground.redactor.learn(SECRET)
        await operations.send({"to": "crier:room1", "text": f"the word is {SECRET}"})

    Simulation(fast_home, [crier]).live(story, seconds=10)

    assert [part.text for part in crier.provider.accepted] == ["Hear, hear: the word is [redacted]"]
    assert [found["state"] for found in deliveries(fast_home)] == ["accepted"]
    check(fast_home, Witness({"crier": crier.provider}, [SECRET]))
