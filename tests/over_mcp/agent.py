"""An agent that speaks MCP. It calls tools as `plan.json` in its folder says, and writes down what they said."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client


async def calls(client: Client, plan: list[Any]) -> dict[str, Any]:
    said = []
    for name, arguments in plan:
        result = await client.call_tool(name, arguments)
        said.append([result.is_error, result.structured_content or result.content[0].text])
    return {"tools": [tool.name for tool in (await client.list_tools()).tools], "said": said}


async def over_http(plan: list[Any], mode: str) -> dict[str, Any]:
    token = os.environ["STENTOR_MCP_TOKEN"]
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}) as http,
        Client(streamable_http_client(os.environ["STENTOR_MCP_URL"], http_client=http), mode=mode) as client,
    ):
        return await calls(client, plan)


async def over_stdio(plan: list[Any]) -> dict[str, Any]:
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "stentor.cli.main", "mcp"], env=dict(os.environ)
    )
    async with Client(server) as client:
        return await calls(client, plan)


def main() -> None:
    way, plan = sys.argv[1], json.loads(Path("plan.json").read_text())
    sys.stdin.readline()
    answer = asyncio.run(over_stdio(plan) if way == "stdio" else over_http(plan, way))
    Path("answer.json").write_text(json.dumps(answer))
    print(f"called {len(plan)} tools")


main()
