"""`python -m stentor.testing.bare MODULE CHANNEL SDK,…`: what declaring a channel and parsing its targets load and open.

Followed by `open`, its account and a folder: what opening that account comes to where the SDK is not installed.
"""

import json
import sys
import threading
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import cast

from stentor.contract.channel import Account, Channel
from stentor.contract.targets import TargetHints

_NETWORK = ("socket.__new__", "socket.getaddrinfo", "socket.connect")


def cost(module: str, name: str, sdk: Sequence[str]) -> dict[str, object]:
    """What is there afterwards that should not be; empty where nothing is."""
    asked: list[str] = []
    sys.addaudithook(lambda event, _: asked.append(event) if event in _NETWORK else None)
    channel = _channel(module, name)
    for example in channel.examples:
        channel.parse_target(example.text, TargetHints())
    return {
        "modules that were loaded": [name for name in sdk if name in sys.modules],
        "what was asked of the network": asked,
        "threads that were started": [thread.name for thread in threading.enumerate()[1:]],
    }


def opened_without(module: str, name: str, sdk: Sequence[str], given: str, folder: str) -> dict[str, str]:
    """The error that opening raises where none of `sdk` can be imported."""
    import asyncio  # noqa: PLC0415 - declaring is to be seen without it

    from stentor.testing.fake_context import FakeContext  # noqa: PLC0415 - the same

    # This is how an import of them fails.
    sys.modules.update(dict.fromkeys(sdk, cast("ModuleType", None)))
    channel, account = _channel(module, name), json.loads(given)
    settings = channel.settings.model_validate(account["settings"])
    context = FakeContext(Path(folder), account["secrets"])
    try:
        asyncio.run(channel.open(Account(channel.name, "kit", settings), context))
    except Exception as error:  # noqa: BLE001 - it is told, whatever it is
        return {"error": type(error).__name__, "text": str(error)}
    return {"error": "", "text": "it opened"}


def _channel(module: str, name: str) -> Channel:
    declared: type[Channel] = getattr(import_module(module), name)
    return declared()


if __name__ == "__main__":
    _, _module, _name, _sdk, *_more = sys.argv
    _modules = _sdk.split(",") if _sdk else []
    if _more:
        print(json.dumps(opened_without(_module, _name, _modules, *_more[1:])))  # noqa: T201 - the answer
    else:
        print(json.dumps(cost(_module, _name, _modules)))  # noqa: T201 - the answer
