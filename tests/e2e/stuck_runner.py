"""A stranger's runners: the turn of one blocks the loop of the whole daemon, the other says how long threads wait for each other."""

import sys
import threading
from collections.abc import AsyncGenerator, Iterable

from stentor import hookimpl
from stentor.contract.runners import AgentRunner, Final, RunnerEvent, TurnRequest

_FOR_EVER = 600


class StuckRunner(AgentRunner):
    name = "stuck"

    async def turn(self, request: TurnRequest) -> AsyncGenerator[RunnerEvent]:
        threading.Event().wait(_FOR_EVER)
        yield Final(f"{request.question}, ten minutes late")


class AskedRunner(AgentRunner):
    name = "asked"

    async def turn(self, request: TurnRequest) -> AsyncGenerator[RunnerEvent]:
        yield Final(f"{sys.getswitchinterval():.6f}")


@hookimpl
def stentor_runners() -> Iterable[AgentRunner]:
    yield StuckRunner()
    yield AskedRunner()
