"""Where the tools of turns are offered, to each program those of its own."""

import socket

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

from stentor.http.mcp.gate import TURN, Gate
from stentor.http.mcp.speaking import Context, server_of
from stentor.http.server import serve_on
from stentor.services.mcp_access import McpTurns, OpenTurn


async def serve_turns(listener: socket.socket, turns: McpTurns, url: str) -> None:
    """Until cancelled. No request depends on one before it: each says by its token where it belongs."""
    manager = StreamableHTTPSessionManager(server_of(_turn_of), stateless=True)
    gate = Gate(manager.asgi_app, turns, url)
    async with manager.run():
        await serve_on(listener, gate)


def _turn_of(context: Context) -> OpenTurn:
    if context.request is None:
        raise LookupError("this did not come by HTTP")
    turn: OpenTurn = context.request.scope[TURN]
    return turn
