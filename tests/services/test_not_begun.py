"""What was taken out of the outbox and not offered to anybody has not been sent, neither by count nor by clock."""

from pathlib import Path

from stentor.contract.errors import Ambiguous, Unavailable
from stentor.contract.traits import Traits
from stentor.testing.invariants import Witness, check
from stentor.testing.scripted import Provider, scripted_channel
from stentor.testing.simulation import Simulation
from tests.services.stories import alerts, deliveries, sending

WINDOW_SECONDS = 120


def test_the_window_of_a_nonce_opens_when_a_part_is_first_offered(fast_home: Path) -> None:
    provider = Provider(deduplicates=True)
    traits = Traits(idempotency="nonce", nonce_window=WINDOW_SECONDS)
    away = [Unavailable("not connected")] * (2 * WINDOW_SECONDS // 5)
    provider.script.extend([*away, provider.accepted_then(Ambiguous("cut"))])

    Simulation(fast_home, [scripted_channel("page", provider, traits)]).live(
        sending("page:room1"), seconds=3 * WINDOW_SECONDS
    )

    (part,) = deliveries(fast_home)[0]["parts"]
    assert (part["state"], part["attempts"]) == ("accepted", 2)
    assert (len(provider.requests), len(provider.accepted)) == (len(away) + 2, 1)
    assert alerts(fast_home) == []
    check(fast_home, Witness({"page": provider}))
