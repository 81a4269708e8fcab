"""A stranger's runner with a bug: its turn blocks the loop of the whole daemon."""

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


@hookimpl
def stentor_runners() -> Iterable[AgentRunner]:
    yield StuckRunner()
