"""The pager's gateway, which can play all that a provider can be asked to play."""

import asyncio
import json
from collections.abc import Mapping, Sequence

from stentor.contract.payloads import Manner
from stentor.domain.units import length
from stentor.testing.conformance import Behaviour, HttpProvider, Shown
from stentor.testing.loopback import Later, Reply, Seen, Told, json_reply

LONGEST = 160


class Gateway(HttpProvider):
    dedupes = True
    throttle_scope = "account"
    targets = ("pager:4711", "pager:4711:topic:7")
    names: Mapping[str, str] = {"pager:@ann": "pager:4711"}
    nobody = ("pager:@bob",)
    secrets: Mapping[str, str] = {"PAGER_TOKEN": "tok-d41d8cd98f00b204"}
    answers: Mapping[Behaviour, Reply | None] = {
        Behaviour.NO_SUCH_TARGET: json_reply({"error": "no_pager"}, 404),
        Behaviour.BLOCKED: json_reply({"error": "barred"}, 403),
        Behaviour.BAD_FORMAT: json_reply({"error": "bad_markup"}, 400),
        Behaviour.TOO_LARGE: json_reply({"error": "too_long"}, 400),
        Behaviour.NO_ID: json_reply({"to": "4711", "topic": None}),
        Behaviour.ELSEWHERE: json_reply({"to": "12", "topic": None, "id": "page-7"}),
        Behaviour.MOVED: json_reply({"to": "4712"}, 301),
    }

    def __init__(self) -> None:
        super().__init__()
        self._inbox: list[dict[str, object]] = []
        self._acknowledged: list[str] = []
        self._news = asyncio.Event()

    def settings(self) -> Mapping[str, object]:
        return {"gateway": self.url, "token": {"env": "PAGER_TOKEN"}}

    def settings_for_receiving(self) -> Mapping[str, object]:
        return {**self.settings(), "listens": True}

    def read(self, request: Seen) -> Shown:
        page = json.loads(request.body)
        manner = Manner(
            silent=page["silent"],
            bare_links=page["bare_links"],
            broadcast=page["broadcast"],
            reply_to=page["reply_to"],
        )
        return Shown(_address(page), page["text"], tuple(page["files"]), manner, page["key"])

    def accept(self, request: Seen, number: int) -> Reply:
        page = json.loads(request.body)
        if length(page["text"], "utf16") > LONGEST:
            return json_reply({"error": "too_long"}, 400)
        return json_reply({"id": f"page-{number}", "to": page["to"], "topic": page["topic"]})

    def other(self, request: Seen) -> Told | Later:
        match request.method, request.path.split("/")[1:]:
            case "GET", ["me"]:
                return json_reply({"name": "duty"})
            case "GET", ["names", "ann"]:
                return json_reply({"to": "4711"})
            case "GET", ["names", _]:
                return json_reply({"error": "nobody"}, 404)
            case "GET", ["pages", key]:
                return json_reply({"pages": self._found(key)})
            case "GET", ["inbox", after]:
                return self._heard(int(after))
            case "PUT", ["inbox", number]:
                self._acknowledged.append(str(self._inbox[int(number) - 1]["text"]))
                return json_reply({})
            case _:
                return Reply(404)

    async def inject(self, text: str, *, by_us: bool = False) -> None:
        number = len(self._inbox) + 1
        self._inbox.append({"number": number, "text": text, "sender": "us" if by_us else "ann"})
        news, self._news = self._news, asyncio.Event()
        news.set()

    @property
    def acknowledged(self) -> Sequence[str]:
        return self._acknowledged

    def _found(self, key: str) -> list[dict[str, object]]:
        return [
            {"id": f"page-{number}", "to": page.target.split(":")[1], "topic": None}
            for number, page in enumerate(self.shown, start=1)
            if page.key == key
        ]

    async def _heard(self, after: int) -> Told:
        while len(self._inbox) <= after:
            await self._news.wait()
        return json_reply({"messages": self._inbox[after:]})


def _address(page: Mapping[str, str | None]) -> str:
    return f"pager:{page['to']}" + (f":topic:{page['topic']}" if page["topic"] else "")
