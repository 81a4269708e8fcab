"""Connections that do as they should, but for one rule."""

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pager import PagerChannel, PagerConnection, only, pager

from stentor import (
    Ambiguous,
    NotSent,
    Part,
    Receipt,
    Throttled,
)
from stentor.contract.errors import DeliveryError


class Threadless(PagerConnection):
    def receipt(self, page: Mapping[str, Any], part: Part) -> Receipt:
        return replace(super().receipt(page, part), target=pager(page["to"], None))


class Numbering(PagerConnection):
    """Takes an id for a number, though receipts hold words."""

    def receipt(self, page: Mapping[str, Any], part: Part) -> Receipt:
        receipt = super().receipt(page, part)
        number: Any = int(receipt.message_id.removeprefix("page-"))
        return replace(receipt, message_id=number)


class Confident(PagerConnection):
    def receipt(self, page: Mapping[str, Any], part: Part) -> Receipt:
        return Receipt(part.target, page.get("id", part.id))


class Anglophone(PagerConnection):
    def page(self, part: Part) -> Mapping[str, object]:
        return {
            **super().page(part),
            "text": part.text.replace("\N{LATIN SMALL LETTER O WITH DIAERESIS}", "o"),
        }


class Miscounting(PagerChannel):
    limits = replace(PagerChannel.limits, unit="characters")


class Fileless(PagerConnection):
    def page(self, part: Part) -> Mapping[str, object]:
        return {**super().page(part), "files": []}


class Silent(PagerConnection):
    def page(self, part: Part) -> Mapping[str, object]:
        return {**super().page(part), "silent": True}


class Shouting(PagerConnection):
    def page(self, part: Part) -> Mapping[str, object]:
        text = part.text.upper() if part.format == "plain" else part.text
        return {**super().page(part), "text": text}


class Trusting(PagerConnection):
    def said(self, answer: Any) -> Mapping[str, Any]:
        if answer.status_code == 200:
            document: Mapping[str, Any] = answer.json()
            return document
        return super().said(answer)


class Impatient(PagerConnection):
    """Lets the deadline out as it is."""

    async def send(self, part: Part) -> Receipt:
        async with asyncio.timeout(1):
            return await super().send(part)


class Unsure(PagerConnection):
    async def send(self, part: Part) -> Receipt:
        try:
            return await super().send(part)
        except NotSent:
            raise Ambiguous("who knows") from None


class Restless(PagerConnection):
    async def send(self, part: Part) -> Receipt:
        try:
            return await super().send(part)
        except Throttled:
            raise Throttled(1, scope="account") from None


class Verbatim(PagerConnection):
    """Hands on the wait as the word that came in a header."""

    def refusal(self, status: int, document: Mapping[str, Any], headers: Mapping[str, str]) -> DeliveryError:
        wait: Any = headers.get("retry-after")
        return (
            Throttled(wait, message="quiet") if status == 429 else super().refusal(status, document, headers)
        )


class Narrow(PagerConnection):
    async def send(self, part: Part) -> Receipt:
        try:
            return await super().send(part)
        except Throttled as error:
            raise Throttled(error.retry_after, scope="target") from None


class Insistent(PagerConnection):
    async def send(self, part: Part) -> Receipt:
        try:
            return await super().send(part)
        except Ambiguous as error:
            if "answered" not in str(error):
                raise
            return await super().send(part)


class Persistent(PagerConnection):
    """Gives up, and tries again when nobody looks."""

    async def send(self, part: Part) -> Receipt:
        try:
            return await super().send(part)
        except NotSent:
            asyncio.get_running_loop().call_later(20, self.again, part)
            raise

    def again(self, part: Part) -> None:
        self.later = asyncio.ensure_future(super().send(part))


class Reminding(PagerConnection):
    """Says everything once more when it has been some time."""

    async def send(self, part: Part) -> Receipt:
        asyncio.get_running_loop().call_later(20, self.again, part)
        return await super().send(part)

    def again(self, part: Part) -> None:
        self.later = asyncio.ensure_future(super().send(part))


class Patient(PagerConnection):
    def __init__(self, client: Any) -> None:
        super().__init__(client)
        client.timeout = None


class Offended(PagerConnection):
    """Wants nothing to do any more with a gateway that has failed."""

    offended = False

    async def send(self, part: Part) -> Receipt:
        if self.offended:
            raise NotSent("the gateway has failed before")
        return await super().send(part)

    def said(self, answer: Any) -> Mapping[str, Any]:
        self.offended = answer.status_code == 500
        return super().said(answer)


class Forgetful(PagerConnection):
    def page(self, part: Part) -> Mapping[str, object]:
        return {**super().page(part), "key": uuid.uuid4().hex}


class Counting(PagerConnection):
    """Numbers the tries of a part, and with them its keys."""

    def page(self, part: Part) -> Mapping[str, object]:
        return {**super().page(part), "key": f"{part.id}.{part.attempt}"}


class Sworn(PagerConnection):
    """Knows its keys for as long as it is connected."""

    def __init__(self, client: Any) -> None:
        super().__init__(client)
        self.connected = uuid.uuid4().hex

    def page(self, part: Part) -> Mapping[str, object]:
        return {**super().page(part), "key": f"{self.connected}.{part.id}"}


class Monotonous(PagerConnection):
    def page(self, part: Part) -> Mapping[str, object]:
        short = {"Only once", "Something else"}
        return {**super().page(part), "key": "short" if part.text in short else part.id}


class Optimist(PagerConnection):
    async def reconcile(self, part: Part) -> Receipt | None:
        try:
            return await super().reconcile(part)
        except DeliveryError:
            return None


class Finder(PagerConnection):
    """Takes the newest page for the one that is looked for."""

    async def reconcile(self, part: Part) -> Receipt | None:
        return await super().reconcile(part) or Receipt(part.target, "page-1")


class Unstoppable(PagerConnection):
    async def send(self, part: Part) -> Receipt:
        try:
            return await super().send(part)
        except asyncio.CancelledError:
            raise Ambiguous("it was cancelled") from None


class SingleMinded(PagerConnection):
    busy = False

    async def send(self, part: Part) -> Receipt:
        if self.busy:
            raise NotSent("one at a time")
        self.busy = True
        try:
            return await super().send(part)
        finally:
            self.busy = False


# The bad channels of each rule.
BAD: Mapping[str, Sequence[type[PagerChannel]]] = {
    "receipt": [only(Threadless), only(Numbering)],
    "answer-decides": [only(Confident)],
    "text": [only(Anglophone)],
    "limits": [Miscounting],
    "files": [only(Fileless)],
    "manner": [only(Silent)],
    "plain-fallback": [only(Shouting)],
    "closed-set": [only(Trusting), only(Impatient), only(Verbatim)],
    "proved": [only(Unsure)],
    "quiet": [only(Restless), only(Narrow)],
    "once": [only(Insistent, idempotency="none"), only(Persistent), only(Reminding)],
    "in-time": [only(Patient)],
    "recovery": [only(Offended)],
    "idempotency": [
        only(Forgetful, reconcile="none"),
        only(Counting, reconcile="none"),
        only(Sworn, reconcile="none"),
        only(Monotonous, reconcile="none"),
    ],
    "reconcile": [only(Optimist), only(Finder)],
    "cancellation": [only(Unstoppable)],
    "at-once": [only(SingleMinded)],
}
