"""Channels that declare and read targets as they should, but for one rule."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from pager import PagerChannel, pager

from stentor import Account, ChannelContext, Connection, Example, InvalidTarget, Target, TargetHints


class OtherExample(PagerChannel):
    examples = (*PagerChannel.examples, Example("pager:4711-2", "pager:47-112"))


class Unguarded(PagerChannel):
    async def open(self, account: Account, ctx: ChannelContext) -> Connection:
        import httpx2  # noqa: PLC0415 - declaring must not load it

        return self.connected(httpx2.AsyncClient())


class ForgetfulOfItself(PagerChannel):
    """Refuses a thread that is said twice, though both say the same."""

    def parse_target(self, text: str, hints: TargetHints) -> Target:
        if ":topic:" in text and hints.thread is not None:
            raise InvalidTarget("the topic is named twice")
        return super().parse_target(text, hints)


class ParticularAboutPrefixes(PagerChannel):
    def body(self, text: str) -> str:
        return text.removeprefix("pager:").removeprefix("pg:")


class Catcher(PagerChannel):
    """Takes any prefix off."""

    def body(self, text: str) -> str:
        return re.sub(r"^[a-z-]+:(?=\d+$)", "", super().body(text))


class Careless(PagerChannel):
    def parse_target(self, text: str, hints: TargetHints) -> Target:
        number = self.body(text)
        return super().parse_target(str(int(number)) if number.isdigit() else text, hints)


class Lenient(PagerChannel):
    def parse_target(self, text: str, hints: TargetHints) -> Target:
        number, _, topic = self.body(text).partition(":topic:")
        if number.isdecimal() and topic == "x" and hints.thread is None:
            return pager(str(int(number)), topic)
        return super().parse_target(text, hints)


class DeafToHints(PagerChannel):
    def parse_target(self, text: str, hints: TargetHints) -> Target:
        return super().parse_target(text, replace(hints, thread=None))


class Fickle(PagerChannel):
    """Remembers what it has read, and reads it otherwise then."""

    def __init__(self) -> None:
        self.known: set[str] = set()

    def parse_target(self, text: str, hints: TargetHints) -> Target:
        target = super().parse_target(text, hints)
        if text.startswith("pg:47"):
            self.known ^= {text}
            return target if text in self.known else pager("4712", None)
        return target


class Impressionable(PagerChannel):
    """Reads one spelling otherwise since it has met another."""

    met = False

    def parse_target(self, text: str, hints: TargetHints) -> Target:
        self.met = self.met or text == "pager:@ann"
        return pager("4712", None) if self.met and text == "pg:47-11" else super().parse_target(text, hints)


# The bad channels of each rule.
BAD: Mapping[str, Sequence[type[PagerChannel]]] = {
    "declaration": [OtherExample],
    "missing-sdk": [Unguarded],
    "fixed-point": [ForgetfulOfItself],
    "own-prefixes": [ParticularAboutPrefixes],
    "foreign-prefixes": [Catcher],
    "only-invalid-target": [Careless],
    "refused-targets": [Lenient],
    "hints": [DeafToHints],
    "pure-parsing": [Fickle, Impressionable],
}
