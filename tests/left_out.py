"""Channels can be left out of a checkout: what is about one of them is then not tried, and everything else is."""

from importlib.util import find_spec

import pytest

CHATS = ("telegram", "discord", "slack")


def is_here(channel: str) -> bool:
    return find_spec(f"stentor_{channel}") is not None


def needs(channel: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(
        not is_here(channel), reason=f"the channel {channel} was left out of this checkout"
    )
