"""Three providers that take everything at once, in a process of their own: `python -m tests.chat_provider [LOG]`.

It prints its port, and ends when its standard input does. Each message that it takes is a line of the log.
"""

import asyncio
import json
import sys
from itertools import count
from pathlib import Path
from urllib.parse import parse_qs

_NUMBERS = count(1)
_BOT = {"id": "1", "username": "b", "discriminator": "0", "avatar": None, "bot": True}
_APPLICATION = {
    "name": "b",
    "icon": None,
    "description": "",
    "rpc_origins": [],
    "bot_public": True,
    "bot_require_code_grant": False,
    "verify_key": "x",
    "flags": 0,
    "owner": {"id": "2", "username": "o", "discriminator": "0", "avatar": None},
    "team": None,
    "hook": True,
    "summary": "",
}


def telegram(path: str, body: bytes) -> object:
    if path.endswith("/getMe"):
        return {"ok": True, "result": {"id": 1, "is_bot": True, "first_name": "b", "username": "b_bot"}}
    asked = {key: value[0] for key, value in parse_qs(body.decode()).items()}
    chat = {"id": int(asked.get("chat_id", "1")), "type": "supergroup", "title": "x"}
    message = {"message_id": next(_NUMBERS), "date": 1_790_000_000, "chat": chat, "text": "x"}
    if "message_thread_id" in asked:
        message |= {"message_thread_id": int(asked["message_thread_id"]), "is_topic_message": True}
    return {"ok": True, "result": message}


def discord(path: str, body: bytes) -> object:
    if not body:
        return {**_BOT, **_APPLICATION}
    return {
        "id": str(next(_NUMBERS)),
        "channel_id": path.split("/")[4],
        "author": _BOT,
        "content": "x",
        "timestamp": "2026-01-01T00:00:00+00:00",
        "edited_timestamp": None,
        "tts": False,
        "mention_everyone": False,
        "mentions": [],
        "mention_roles": [],
        "attachments": [],
        "embeds": [],
        "pinned": False,
        "type": 0,
        "flags": 0,
        "components": [],
        "nonce": json.loads(body).get("nonce"),
    }


def slack(path: str, body: bytes) -> object:
    form = {key: value[0] for key, value in parse_qs(body.decode()).items()}
    asked = json.loads(body) if body.startswith(b"{") else form
    if path.endswith("conversations.list"):
        return {"ok": True, "channels": [{"id": "C0GENERAL1", "name": "general"}]}
    if path.endswith("auth.test"):
        return {"ok": True, "user": "b", "team": "t", "user_id": "U1"}
    if not path.endswith("chat.postMessage"):
        return {"ok": True}
    ts = f"1790000000.{next(_NUMBERS):06}"
    message = {"ts": ts, "text": "x"}
    if "thread_ts" in asked:
        message["thread_ts"] = asked["thread_ts"]
    return {"ok": True, "channel": asked["channel"], "ts": ts, "message": message}


_ANSWERS = {"/bot": telegram, "/api/v10/": discord, "/api/": slack}


def note(path: str, body: bytes) -> None:
    with Path(sys.argv[1]).open("a") as log:
        log.write(json.dumps({"path": path, "body": body.decode()}) + "\n")


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            lines = head.split("\r\n")
            length = next((int(line[15:]) for line in lines if line.lower().startswith("content-length:")), 0)
            body = await reader.readexactly(length)
            path = lines[0].split(" ")[1]
            if len(sys.argv) > 1:
                note(path, body)
            answer = next(answer for start, answer in _ANSWERS.items() if path.startswith(start))
            said = json.dumps(answer(path, body)).encode()
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                % (len(said), said)
            )
    except (asyncio.CancelledError, asyncio.IncompleteReadError, ConnectionError):
        writer.transport.abort()


async def main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
