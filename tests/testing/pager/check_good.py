from kit import Pager
from pager import PagerConnection, only

from stentor import NotSent, Part, Receipt, Unavailable
from stentor.testing import ChannelConformance
from stentor.testing.conformance.failing import FailureRules


class TestGood(Pager, ChannelConformance):
    """A channel that claims everything, and keeps it."""


class Wired(PagerConnection):
    """Knows that it has no connection."""

    async def send(self, part: Part) -> Receipt:
        try:
            return await super().send(part)
        except NotSent as error:
            raise Unavailable(str(error)) from None


class TestWired(Pager, FailureRules):
    """Unavailable proves as well as NotSent that nothing was sent."""

    kind = only(Wired)
