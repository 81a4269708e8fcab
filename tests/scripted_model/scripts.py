"""What each model answers: pieces of a stream, or a document, and how it ends."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Body = Mapping[str, Any]
End = Literal["done", "close", "cut", "hang"]
USAGE = {
    "prompt_tokens": 120,
    "completion_tokens": 7,
    "total_tokens": 127,
    "prompt_tokens_details": {"cached_tokens": 20},
}


@dataclass(frozen=True)
class Script:
    """Without a document the pieces are streamed, and then the stream is `done`, closed, cut, or left open."""

    pieces: Sequence[object] = ()
    document: object = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    end: End = "done"
    silent: bool = False


def piece(delta: Body, finish: str | None = None, **more: object) -> dict[str, object]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return _chunk(choices=[choice], **more)


def usage(numbers: Body = USAGE) -> dict[str, object]:
    return _chunk(choices=[], usage=numbers)


def text(*words: str, finish: str | None = "stop", used: Body | None = USAGE) -> Script:
    said = [piece({"role": "assistant", "content": word}) for word in words]
    return Script([*said, piece({}, finish), *([] if used is None else [usage(used)])])


def call(name: str, arguments: str, ident: str = "call_1") -> Script:
    function = {
        "index": 0,
        "id": ident,
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }
    return Script([piece({"role": "assistant", "tool_calls": [function]}), piece({}, "tool_calls"), usage()])


def beside(said: str, called: Script) -> Script:
    """Says something and calls a tool with it."""
    return Script([piece({"role": "assistant", "content": said}), *called.pieces])


def refusal(status: int, code: str | None = None, **headers: str) -> Script:
    """What providers answer when they do not want to; the text stands for all that they may quote."""
    error = {"message": "QUOTED", "type": code, "code": code}
    return Script(
        document={"error": error},
        status=status,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


def _chunk(**more: object) -> dict[str, object]:
    return {
        "id": "c-1",
        "object": "chat.completion.chunk",
        "created": 1_800_000_000,
        "model": "scripted",
        **more,
    }


def _with_tools(body: Body) -> Script:
    """Calls the first tool it is offered, and then tells what that said."""
    last = body["messages"][-1]
    if last["role"] == "tool":
        return text("The tool said: ", last["content"])
    return call(body["tools"][0]["function"]["name"], json.dumps({"text": "hello"}))


def _sends(body: Body) -> Script:
    """Sends a message to whom it is to tell, and says so."""
    last = body["messages"][-1]
    if last["role"] == "tool":
        return text("I have told them.")
    target = re.search(r"[Tt]ell (\w+:\w+)", str(last["content"]))
    assert target, "a message that says «tell TARGET»"
    return call("message", json.dumps({"to": target[1], "text": "The backup failed"}))


def _echo(body: Body) -> Script:
    return text(str(body["messages"][-1]["content"]))


_THOUGHT = piece({"role": "assistant", "reasoning_content": "Hm."})
_BEGUN = piece({"role": "assistant", "content": "It is"})
MODELS: dict[str, Callable[[Body], Script]] = {
    "text": lambda _: text("It is", " done."),
    "echo": _echo,
    "no-reply": lambda _: text("NO_REPLY"),
    "split-character": lambda _: text("\ud83d", "\udc4b"),
    "sends": _sends,
    "tools": _with_tools,
    "tools-for-ever": lambda body: call(body["tools"][0]["function"]["name"], "{}"),
    "bad-arguments": lambda body: (
        text("Oh.") if body["messages"][-1]["role"] == "tool" else call("translate", '{"text": ')
    ),
    "speechless-after-tools": lambda body: (
        text("")
        if body["messages"][-1]["role"] == "tool"
        else call(body["tools"][0]["function"]["name"], "{}")
    ),
    "speechless-after-a-remark": lambda body: (
        text("")
        if body["messages"][-1]["role"] == "tool"
        else beside("Three items.", call(body["tools"][0]["function"]["name"], "{}"))
    ),
    "half-beside-a-call": lambda body: (
        text("Done.")
        if body["messages"][-1]["role"] == "tool"
        else beside("Hi \ud83d", call("translate", '{"text": "\ud83d"}'))
    ),
    "empty": lambda _: text(""),
    "zero-width": lambda _: text("\u200b", " \ufeff\n"),
    "reasoning-only": lambda _: Script([_THOUGHT, piece({}, "stop"), usage()]),
    "reasoning": lambda _: Script([_THOUGHT, *text("Done.").pieces]),
    "filtered": lambda _: text("It", finish="content_filter"),
    "length": lambda _: text("It is do", finish="length"),
    "length-in-thought": lambda _: Script([_THOUGHT, piece({}, "length"), usage()]),
    "no-usage": lambda _: text("Done.", used=None),
    "zero-usage": lambda _: text(
        "Done.", used={"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    ),
    "hang-before": lambda _: Script(silent=True),
    "hang-at-first": lambda _: Script(end="hang"),
    "hang-amid": lambda _: Script([_BEGUN], end="hang"),
    "cut": lambda _: Script([_BEGUN], end="cut"),
    "cut-before": lambda _: Script(silent=True, end="cut"),
    "unfinished": lambda _: Script([_BEGUN], end="close"),
    "garbage": lambda _: Script(document="<html>hello</html>"),
    "garbage-amid": lambda _: Script([_BEGUN, "{oh no"]),
    "error-amid": lambda _: Script([_BEGUN, {"error": {"message": "QUOTED", "type": "server_error"}}]),
    "rate-limited": lambda _: refusal(429, "rate_limit_exceeded", Retry_After="7"),
    "quota": lambda _: refusal(429, "insufficient_quota"),
    "too-long": lambda _: refusal(400, "context_length_exceeded"),
    "flagged-request": lambda _: refusal(400, "sk_QUOTED-key-1"),
}


def script_of(body: Body) -> Script:
    """`status-503` and its like answer just that."""
    model = str(body["model"])
    if model.startswith("status-"):
        return refusal(int(model.removeprefix("status-")))
    known = MODELS.get(model)
    return known(body) if known else refusal(404, "model_not_found")
