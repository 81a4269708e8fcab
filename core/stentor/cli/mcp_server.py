"""`stentor mcp`: the tools that agents have, for any program that speaks MCP."""

import asyncio
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import click
from click.core import ParameterSource

from stentor.agents.environment import MCP_TOKEN, MCP_URL, RUN_ID
from stentor.app.missing import NotFound
from stentor.app.owner_tools import OwnerTools
from stentor.cli.daemon import operate
from stentor.cli.output import at_home, described
from stentor.contract.runners import ToolResult
from stentor.domain.json_types import JsonObject
from stentor.domain.plugin_words import shown
from stentor.domain.refusals import Refused
from stentor.http.mcp.host import NEEDS_EXTRA

# A name is a part of a path on its way to the daemon: what could be another path is no name of a tool.
_NAME = re.compile(r"[A-Za-z0-9_-]+")
_NO_DAEMON = "no-daemon: nothing is sent and nothing runs until `stentor serve` runs"


@click.command()
@at_home
@click.pass_context
def mcp(context: click.Context, home: Path) -> None:
    """Offer messages, jobs and sessions to an MCP client, which starts this command and speaks to it.

    Started by an agent at work whose configuration says `mcp = true`, it offers the tools of that very turn.

    \b
    claude mcp add stentor -- stentor mcp
    """
    try:
        from stentor.http.mcp import stdio
    except ImportError as error:
        raise Refused("needs_extra", f"{NEEDS_EXTRA} ({error})") from error
    turn = _turn_around(is_elsewhere=context.get_parameter_source("home") is ParameterSource.COMMANDLINE)
    asyncio.run(stdio.offer_to_client(_ToolsOfHome(home)) if turn is None else stdio.pass_on(*turn))


def _turn_around(*, is_elsewhere: bool) -> tuple[str, str] | None:
    """Where the tools of the turn are that this was started in, and its token."""
    url, token = os.environ.get(MCP_URL), os.environ.get(MCP_TOKEN)
    if url and token:
        if is_elsewhere:
            hint = f"leave --home out, or unset {MCP_URL}"
            raise Refused("bad_request", "the tools of a turn are those of its own home", hint=hint)
        _check(url, token)
        return url, token
    if url or token:
        one, other = (MCP_URL, MCP_TOKEN) if url else (MCP_TOKEN, MCP_URL)
        raise Refused("bad_request", f"{one} is set and {other} is not", hint="pass both on")
    if os.environ.get(RUN_ID):
        # Whoever is at work for a job must not have the owner's hands by mistake.
        message = "this is a turn, and its tools are not offered over MCP"
        raise Refused("no_turn", message, hint="set mcp = true for the agent")
    return None


def _check(url: str, token: str) -> None:
    """Neither was made up here, and no request can hold everything. Nobody is shown a token."""
    hint = "pass it on as the program of the turn has it"
    if not re.fullmatch(r"[!-~]+", token):
        raise Refused("bad_request", f"{MCP_TOKEN} is no token", hint=hint)
    try:
        place = urlsplit(url)
        is_one = place.scheme in ("http", "https") and bool(place.hostname) and place.port != 0
    except ValueError:
        is_one = False
    if not (is_one and re.fullmatch(r"[!-~]+", url)):
        raise Refused("bad_request", f"{MCP_URL} is no address of the web: {url!a}", hint=hint)


@dataclass(frozen=True)
class _Described:
    name: str
    description: str
    schema: Mapping[str, object]


@dataclass(frozen=True)
class _ToolsOfHome:
    """Those for its owner: through the daemon where one runs."""

    home: Path

    async def tools(self) -> Sequence[_Described]:
        work = partial(operate, self.home, ("GET", "tools", None), lambda ops: OwnerTools(ops).described())
        try:
            document, _ = await asyncio.to_thread(work)
        except Exception as error:
            raise _refusal(error) from error
        return [_Described(**tool) for tool in document["tools"]]

    async def call(self, name: str, arguments: JsonObject) -> ToolResult:
        try:
            if not _NAME.fullmatch(name):
                known = ", ".join(sorted(tool.name for tool in await self.tools()))
                raise NotFound(f"there is no tool {shown(name)}; available: {known}")
            result = await asyncio.to_thread(self._call, name, arguments)
        except Exception as error:  # noqa: BLE001 - the client is told, and may do better
            refusal = _refusal(error)
            return ToolResult(ok=False, result="; ".join(filter(None, (refusal.message, refusal.hint))))
        return ToolResult(ok=True, result=result)

    def _call(self, name: str, arguments: JsonObject) -> JsonObject:
        request = ("POST", f"tools/{name}", arguments)
        result, daemon = operate(
            self.home, request, lambda ops: OwnerTools(ops, served=False).call(name, arguments)
        )
        return result if daemon else {**result, "note": _NO_DAEMON}


def _refusal(error: Exception) -> Refused:
    """The same words as any other command has for it."""
    if isinstance(error, Refused):
        return error
    _, document = described(error)
    why = document["error"]
    return Refused(why["code"], why["message"], hint=why["hint"])
