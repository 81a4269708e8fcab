"""The kit over a pager, and over those that break one rule."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from gateway import Gateway
from pager import PagerChannel

from stentor import Channel
from stentor.testing.conformance import ChannelCase, FakeProvider


class Pager(ChannelCase):
    refused = ("pager:ann1", "pager:", "pager:4711:topic:x")
    sdk = ("httpx2",)
    kind: ClassVar[type[PagerChannel]] = PagerChannel

    def channel(self) -> Channel:
        return self.kind()

    def provider(self) -> FakeProvider:
        return Gateway()


def cases(*rules: type, bad: Mapping[str, Sequence[type[PagerChannel]]]) -> Mapping[str, type[Pager]]:
    """A test class for each bad channel, named by the rule that it breaks."""
    return {
        f"Test:{rule}:{kind.__name__}": type(f"Test:{rule}:{kind.__name__}", (Pager, *rules), {"kind": kind})
        for rule, kinds in bad.items()
        for kind in kinds
    }
