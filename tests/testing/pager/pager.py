"""A channel that claims all that a channel can claim, and keeps it."""

import ssl
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any, ClassVar, cast

from stentor import (
    Account,
    AccountSettings,
    Ambiguous,
    Channel,
    ChannelContext,
    Connection,
    CredentialsRejected,
    Example,
    InvalidTarget,
    Limits,
    Moved,
    NotSent,
    Part,
    Receipt,
    Rejected,
    SecretRef,
    Target,
    TargetHints,
    Throttled,
    Traits,
    Unavailable,
)
from stentor.contract.dialects import Dialect
from stentor.contract.errors import DeliveryError
from stentor.contract.inbox import Inbox, Incoming

REASONS = {"no_pager": "not_found", "barred": "blocked", "bad_markup": "bad_format", "too_long": "too_large"}


class PagerSettings(AccountSettings):
    gateway: str
    token: SecretRef
    listens: bool = False


class PagerChannel(Channel):
    name = "pager"
    prefixes: ClassVar[tuple[str, ...]] = ("pager", "pg")
    extra = "pager"
    limits = Limits(text=160, unit="utf16", attachment_bytes=1000, album=2)
    dialect = Dialect(format="stars", bold=("*", "*"), escapes={"*": "\\*"})
    settings: ClassVar[type[AccountSettings]] = PagerSettings
    traits = Traits(
        idempotency="key",
        reconcile="lookup",
        manners=("silent", "bare_links", "broadcast", "reply_to"),
        receives=True,
        send_timeout=10,
    )
    examples: ClassVar[tuple[Example, ...]] = (
        Example("pager:4711", "pager:4711"),
        Example("pg:47-11", "pager:4711", "dashes are dropped"),
        Example("pager:4711:topic:7", "pager:4711:topic:7"),
        Example("pager:@ann", "pager:@ann"),
    )

    def parse_target(self, text: str, hints: TargetHints) -> Target:
        number, _, topic = self.body(text).partition(":topic:")
        if (
            number[:1] == "@"
            and number[1:].isascii()
            and number[1:].isalpha()
            and not (topic or hints.thread)
        ):
            return Target(self.name, "pager", number, number, is_name=True)
        number = number.replace("-", "")
        if not (number.isascii() and number.isdigit()):
            raise InvalidTarget(f"{text!r} is not a pager", hint="write pager:4711")
        return pager(number, _topic(topic or None, hints.thread))

    def receives(self, settings: AccountSettings) -> bool:
        return cast("PagerSettings", settings).listens

    async def open(self, account: Account, ctx: ChannelContext) -> Connection:
        try:
            import httpx2  # noqa: PLC0415 - declaring must not load it
        except ImportError:
            raise Unavailable("the pager's SDK is not installed", extra="pager") from None
        settings = cast("PagerSettings", account.settings)
        headers = {"authorization": f"Bearer {ctx.reveal(settings.token)}"}
        client = httpx2.AsyncClient(base_url=settings.gateway, headers=headers, timeout=5, verify=_tls())
        return self.connected(client)

    def connected(self, client: Any) -> Connection:
        return PagerConnection(client)


@cache
def _tls() -> ssl.SSLContext:
    """Reading the certificates takes longer than a whole test."""
    return ssl.create_default_context()


def pager(number: str, topic: str | None) -> Target:
    address = number if topic is None else f"{number}:topic:{topic}"
    return Target("pager", "pager", number, address, topic)


def _topic(written: str | None, hinted: str | None) -> str | None:
    topic = written or hinted
    if topic is not None and not (topic.isascii() and topic.isdigit()):
        raise InvalidTarget("a topic is a number", hint="write pager:4711:topic:7")
    if written and hinted and written != hinted:
        raise InvalidTarget(f"the target names the topic {written}, and the hint {hinted}")
    return topic


class PagerConnection(Connection):
    def __init__(self, client: Any) -> None:
        self.client = client

    async def send(self, part: Part) -> Receipt:
        answer = await self.ask("POST", "/pages", json=self.page(part))
        return self.receipt(self.said(answer), part)

    def page(self, part: Part) -> Mapping[str, object]:
        manner = part.manner
        return {
            "to": part.target.id,
            "topic": part.target.thread,
            "text": part.text,
            "markup": part.format,
            "key": part.id,
            "files": [file.name for file in part.files],
            "silent": manner.silent,
            "bare_links": manner.bare_links,
            "broadcast": manner.broadcast,
            "reply_to": manner.reply_to,
        }

    def receipt(self, page: Mapping[str, Any], part: Part) -> Receipt:
        if "id" not in page:
            raise Ambiguous("the gateway names no id")
        return Receipt(pager(page["to"], page["topic"]), page["id"])

    def said(self, answer: Any) -> Mapping[str, Any]:
        """The answer's document, if it is a success."""
        status = answer.status_code
        if status >= 500:
            raise Ambiguous(f"the gateway answered {status}")
        try:
            document: Mapping[str, Any] = answer.json()
        except ValueError:
            raise Ambiguous("nobody can read what the gateway answered") from None
        if status != 200:
            raise self.refusal(status, document, answer.headers)
        return document

    def refusal(self, status: int, document: Mapping[str, Any], headers: Mapping[str, str]) -> DeliveryError:
        if status == 401:
            return CredentialsRejected("the gateway does not know the token")
        if status == 429:
            return Throttled(float(headers["retry-after"]), scope="account")
        if status == 301:
            return Moved(pager(document["to"], None))
        return Rejected(REASONS.get(document["error"], "refused"), f"the gateway answered {status}")

    async def ask(self, method: str, path: str, **more: Any) -> Any:
        import httpx2  # noqa: PLC0415 - declaring must not load it

        try:
            return await self.client.request(method, path, **more)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout):
            raise NotSent("the gateway takes no connection") from None
        except httpx2.HTTPError:
            raise Ambiguous("no answer from the gateway") from None

    async def probe(self) -> str:
        me = self.said(await self.ask("GET", "/me"))
        return f"{me['name']} at the gateway"

    async def resolve(self, target: Target) -> Target:
        if not target.is_name:
            return target
        answer = await self.ask("GET", f"/names/{target.id[1:]}")
        if answer.status_code == 404:
            raise InvalidTarget(f"{target.id} is the name of nobody")
        return pager(self.said(answer)["to"], None).on(target.account or "")

    async def reconcile(self, part: Part) -> Receipt | None:
        pages = self.said(await self.ask("GET", f"/pages/{part.id}"))["pages"]
        return self.receipt(pages[0], part) if pages else None

    async def receive(self, inbox: Inbox) -> None:
        after = 0
        while True:
            heard = self.said(await self.ask("GET", f"/inbox/{after}", timeout=None))
            for message in heard["messages"]:
                after = message["number"]
                await self.take(inbox, message)

    async def take(self, inbox: Inbox, message: Mapping[str, Any]) -> None:
        if message["sender"] != "us":
            await inbox.put(self.incoming(message))
        await self.ask("PUT", f"/inbox/{message['number']}")

    def incoming(self, message: Mapping[str, Any]) -> Incoming:
        at = datetime(2027, 3, 14, tzinfo=UTC)
        return Incoming(
            pager("4711", None), str(message["number"]), message["sender"], message["text"], at, direct=True
        )

    async def close(self) -> None:
        await self.client.aclose()


def only(connection: type[PagerConnection], **traits: Any) -> type[PagerChannel]:
    """A channel that has this connection, and claims otherwise so much."""

    class Channel(PagerChannel):
        def connected(self, client: Any) -> Connection:
            return connection(client)

    Channel.traits = replace(PagerChannel.traits, **traits)
    Channel.__name__ = connection.__name__
    return Channel
