"""The hooks of a plugin: synchronous, typed, declarative. Group of entry points: `stentor`."""

from collections.abc import Iterable, Mapping

import pluggy

from stentor.contract.channel import Channel
from stentor.contract.commands import Commands
from stentor.contract.runners import AgentRunner
from stentor.contract.tools import Tool

hookspec = pluggy.HookspecMarker("stentor")
hookimpl = pluggy.HookimplMarker("stentor")


@hookspec
def stentor_channels() -> Iterable[Channel]:
    """Declare channels. Called once at start-up; imports no SDK and touches no network.

    @hookimpl
    def stentor_channels():
        yield PagerChannel()
    """
    return ()


@hookspec
def stentor_runners() -> Iterable[AgentRunner]:
    """Declare agent runners.

    @hookimpl
    def stentor_runners():
        yield MyRunner()
    """
    return ()


@hookspec
def stentor_tools() -> Iterable[Tool]:
    """Declare tools that agents may call.

    @hookimpl
    def stentor_tools():
        yield Tool("lookup", "Look a word up.", SCHEMA, lookup)
    """
    return ()


@hookspec
def stentor_commands(cli: Commands) -> None:
    """Add commands to the command line.

    @hookimpl
    def stentor_commands(cli):
        cli.add("pager test", run_test, help="Send a test page.")
    """


@hookspec
def stentor_receipt(receipt: Mapping[str, object], delivery: Mapping[str, object]) -> None:
    """Observe a receipt, as it stands in the run log. An error raised here is logged and felt by nobody.

    @hookimpl
    def stentor_receipt(receipt, delivery):
        print(delivery["target"], receipt["messageId"])
    """


@hookspec
def stentor_run_finished(run: Mapping[str, object]) -> None:
    """Observe a finished run, as it stands in the run log. An error raised here is logged and felt by nobody.

    @hookimpl
    def stentor_run_finished(run):
        print(run["jobName"], run["status"])
    """
