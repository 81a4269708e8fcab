"""Models on servers nearby, some of which are down."""

from collections import Counter

from stentor.contract.runners import Final, TurnRequest
from stentor.testing.virtual_time import pass_time
from tests.services.scenes import SpeakingRunner, Speech


class Servers(SpeakingRunner):
    """Models on servers nearby: `down` says which do not answer, and why."""

    def __init__(self, down: dict[str, str]) -> None:
        super().__init__(self._speak)
        self.down = down
        self.probes: Counter[str] = Counter()
        self.asked: list[str | None] = []

    async def _speak(self, request: TurnRequest) -> Speech:
        self.asked.append(request.model)
        yield Final(f"{request.model} says so")

    def endpoint(self, request: TurnRequest) -> str | None:
        name = (request.model or "").split(":")[0]
        return f"http://{name}.local/v1" if name else None

    async def probe(self, request: TurnRequest) -> str:
        endpoint = self.endpoint(request) or ""
        self.probes[endpoint] += 1
        await pass_time(2)
        why = self.down.get((request.model or "").split(":")[0], "")
        if why == "broken":
            raise ValueError("no such option")
        return why
