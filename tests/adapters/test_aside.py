"""What takes long is done beside the loop."""

import asyncio
import threading

import pytest

from stentor.adapters.aside import Threads


def test_the_loop_turns_while_something_is_done_beside_it() -> None:
    turned = threading.Event()

    async def story() -> bool:
        asyncio.get_running_loop().call_soon(turned.set)
        return await Threads().do(lambda: turned.wait(10))

    assert asyncio.run(story())


def test_what_goes_wrong_beside_the_loop_is_heard_of() -> None:
    def broken() -> None:
        raise ValueError("no room for markup")

    with pytest.raises(ValueError, match="no room for markup"):
        asyncio.run(Threads().do(broken))
