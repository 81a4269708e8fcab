"""Asks servers nearby whether they are up, before a turn is spent on them: once for all who want to know."""

import asyncio
import logging
from dataclasses import dataclass, field

from stentor.contract.runners import AgentRunner, TurnRequest
from stentor.domain.plugin_words import named
from stentor.ports import Clock

log = logging.getLogger(__name__)
# A server that did not answer counts as down for so long; one that did is asked again by the next turn.
_DOWN_SECONDS = 300.0
_LONGEST_PROBE_SECONDS = 10.0


@dataclass
class _Server:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    why: str = ""
    down_until: float = 0.0
    probes: int = 0


@dataclass(frozen=True)
class Preflight:
    clock: Clock
    _servers: dict[str, _Server] = field(default_factory=dict[str, _Server])

    async def obstacle(self, runner: AgentRunner, request: TurnRequest) -> str:
        """Why the turn cannot be taken, if its server is down."""
        endpoint = runner.endpoint(request)
        if endpoint is None:
            return ""
        server = self._servers.setdefault(endpoint, _Server())
        probes = server.probes
        async with server.lock:
            # Whoever waited while somebody else asked has the answer.
            if server.probes == probes and self.clock.monotonic() >= server.down_until:
                await self._look(server, endpoint, runner, request)
            return server.why

    async def _look(self, server: _Server, endpoint: str, runner: AgentRunner, request: TurnRequest) -> None:
        server.why = await self._ask(runner, request)
        server.probes += 1
        if server.why:
            server.down_until = self.clock.monotonic() + _DOWN_SECONDS
            log.warning("%s does not answer: %s", endpoint, server.why, extra={"event": "model_server_down"})

    async def _ask(self, runner: AgentRunner, request: TurnRequest) -> str:
        try:
            async with asyncio.timeout(_LONGEST_PROBE_SECONDS):
                return await runner.probe(request)
        except TimeoutError:
            return f"no answer within {_LONGEST_PROBE_SECONDS:g} s"
        except Exception as error:
            log.exception("the runner %s cannot probe", runner.name, extra={"event": "probe_failed"})
            return named(error)
