"""An agent that answers with what it was asked: for first steps, demos and tests of the way out."""

from collections.abc import AsyncGenerator

from stentor.contract.runners import AgentRunner, Final, Phase, RunnerEvent, TurnRequest


class EchoRunner(AgentRunner):
    name = "echo"
    models = "none"

    async def turn(self, request: TurnRequest) -> AsyncGenerator[RunnerEvent]:
        yield Phase("model-call-started")
        yield Final(request.question or request.message)
