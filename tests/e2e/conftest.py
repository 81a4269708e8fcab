"""Every test here watches a real daemon do a whole job."""

import asyncio
from collections.abc import Iterator
from threading import Thread

import pytest
from tests.loopback import LoopbackServer
from tests.outside_fixtures import daemon, home, served, stentor, the_nine_invariants_hold

__all__ = ["daemon", "home", "receiver", "served", "stentor", "the_nine_invariants_hold"]


@pytest.fixture
def receiver() -> Iterator[LoopbackServer]:
    """A receiver of webhooks with a thread of its own, so that a test may wait for a command meanwhile."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)
    thread.start()
    server = LoopbackServer()
    asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result()
    yield server
    asyncio.run_coroutine_threadsafe(server.__aexit__(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
