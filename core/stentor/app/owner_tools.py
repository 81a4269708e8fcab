"""The tools of agents in the hands of whoever owns the home: no run stands behind them, and no job bounds them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from stentor.adapters.sqlite.reader import Reader
from stentor.app.ground import database
from stentor.app.missing import NotFound
from stentor.app.operations import Operations
from stentor.contract.tools import MESSAGE, Tool, ToolCall, ToolRefused
from stentor.domain.json_types import JsonObject, as_object
from stentor.domain.refusals import Refused
from stentor.domain.states import DeliveryState
from stentor.services.messenger import SCHEMA_WITHOUT_FILES, as_by_hand
from stentor.services.standing import standing

_SENDING = "Sends a message at once, to any target."


@dataclass(frozen=True)
class _NoRun:
    """Who calls, where nobody is at work."""

    run_id: str = ""
    job_id: str | None = None
    session_key: str = ""
    over: bool = False


@dataclass(frozen=True)
class OwnerTools:
    """Takes and gives JSON; raises `Refused` and `NotFound`. Where nothing is `served`, nothing is waited for."""

    operations: Operations
    served: bool = True

    async def described(self) -> JsonObject:
        """The tools, as those are told who may call them."""
        told = [
            {"name": tool.name, "description": tool.description, "schema": dict(tool.schema)}
            for tool in self._tools().values()
        ]
        return {"tools": told}

    async def call(self, name: str, arguments: JsonObject) -> JsonObject:
        tools = self._tools()
        if name not in tools:
            raise NotFound(f"there is no tool {name!r}; available: {', '.join(sorted(tools))}")
        try:
            result = await tools[name].handler(_NoRun(), arguments)
        except ToolRefused as refusal:
            raise Refused("tool_refused", str(refusal)) from refusal
        return as_object(result) or {}

    def _tools(self) -> Mapping[str, Tool]:
        message = Tool(MESSAGE, _SENDING, SCHEMA_WITHOUT_FILES, self._send)
        return {MESSAGE: message, **self.operations.app.toolbox.of_owner(self.operations.by)}

    async def _send(self, call: ToolCall, arguments: Mapping[str, object]) -> JsonObject:
        """As by hand, and what has become of it by then."""
        sent = await self.operations.send(as_by_hand(arguments))
        if "dryRun" in sent or not self.served:
            return sent
        look = partial(self._state, sent["id"])
        await standing(look, self.operations.app.ground.seams.clock, lambda: call.over)
        return self._delivery(sent["id"])

    async def _state(self, delivery: str) -> DeliveryState:
        return DeliveryState(self._delivery(delivery)["state"])

    def _delivery(self, delivery: str) -> JsonObject:
        with Reader.open(database(self.operations.app.ground.home)) as reader:
            return reader.deliveries(delivery=delivery)[0]
