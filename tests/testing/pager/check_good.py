from kit import Pager

from stentor.testing import ChannelConformance


class TestGood(Pager, ChannelConformance):
    """A channel that claims everything, and keeps it."""
