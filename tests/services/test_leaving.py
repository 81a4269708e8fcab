"""Who is asked to leave does not wait for what never ends."""

from pathlib import Path

from stentor.adapters.registry import Registry
from stentor.adapters.sqlite.store import SqliteStore
from stentor.agents.echo import EchoRunner
from stentor.app.assembly import App
from stentor.app.seams import Seams
from stentor.contract.payloads import Part
from stentor.contract.receipts import Receipt
from stentor.domain.alerts import News
from stentor.ports import Points
from stentor.testing.scripted import Provider, scripted_channel
from stentor.testing.simulation import Simulation, nothing
from tests.bench.backlog import fill

WAITING = 6_000
FAR_TOO_OFTEN = 10


def test_a_daemon_that_is_not_to_wait_leaves_most_of_a_backlog_to_the_next(tmp_path: Path) -> None:
    home, provider = tmp_path / "home", Provider()
    simulation = Simulation(home, [scripted_channel("page", provider)])
    fill(home, WAITING, simulation.now_ms)

    def accepted(part: Part) -> Receipt:
        simulation.ask_to_stop()
        return provider.accept(part)

    provider.script.append(accepted)
    simulation.live(nothing, seconds=60)

    assert 0 < len(provider.accepted) < WAITING / 4


class NeverQuiet(SqliteStore):
    """Something happens in it whenever one has looked."""

    looks = 0

    async def incident_news(self, now_ms: int, most: int) -> News:
        self.looks += 1
        assert self.looks <= FAR_TOO_OFTEN
        news = await super().incident_news(now_ms, most)
        await self.note("something", {}, now_ms)
        return news


async def test_a_look_at_what_happened_ends_while_more_and_more_happens(tmp_path: Path) -> None:
    def open_store(path: Path, points: Points) -> NeverQuiet:
        return NeverQuiet.open(path, points)

    registry = Registry.of(channels=[], runners=[EchoRunner()])
    app = App.open(tmp_path / "home", role="test", seams=Seams(open_store=open_store), registry=registry)
    await app.alerts.look()
    await app.alerts.look()
    await app.close()
