"""The one way these tests wait for what another process does."""

import time
from collections.abc import Callable
from threading import Event
from typing import TypeVar

T = TypeVar("T")
_LOOK_EVERY_SECONDS = 0.01


def eventually(condition: Callable[[], T], what: str, seconds: float = 15.0) -> T:
    """What `condition` returns as soon as that is true; after `seconds`, a failure that says what did not happen."""
    never = Event()
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds:g} s")
        never.wait(_LOOK_EVERY_SECONDS)
    return found
