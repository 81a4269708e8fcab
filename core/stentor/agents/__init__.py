"""The built-in runners, declared the way any plugin declares its own."""

from collections.abc import Iterable

from stentor.agents.command import CommandRunner
from stentor.agents.echo import EchoRunner
from stentor.agents.model.runner import ModelRunner
from stentor.contract.hookspecs import hookimpl
from stentor.contract.runners import AgentRunner


@hookimpl
def stentor_runners() -> Iterable[AgentRunner]:
    yield CommandRunner()
    yield EchoRunner()
    yield ModelRunner()
