"""The server and the loop that the kit for channels stands on."""

import asyncio
import json

import httpx2
import pytest

from stentor.testing.hurried_loop import HurriedLoop
from stentor.testing.loopback import Hang, Later, LoopbackServer, Reply, Reset, Seen, Told, json_reply


class Slow(LoopbackServer):
    """Answers when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.ready = asyncio.Event(), asyncio.Event()

    def answer(self, seen: Seen) -> Told | Later:
        return self._in_time(seen)

    async def _in_time(self, seen: Seen) -> Told:
        self.asked.set()
        await self.ready.wait()
        return Reply(200, seen.path.encode())


async def test_a_body_in_pieces_arrives_as_one() -> None:
    async def pieces() -> object:
        for piece in (b"Guten ", b"Morgen"):
            yield piece

    async with LoopbackServer() as server, httpx2.AsyncClient() as client:
        await client.post(server.url(), content=pieces())

        assert server.seen[0].body == b"Guten Morgen"
        assert "content-length" not in server.seen[0].headers


async def test_a_reset_is_counted_before_its_body_has_come() -> None:
    async with LoopbackServer() as server, httpx2.AsyncClient() as client:
        server.plan.append(Reset())
        with pytest.raises(httpx2.TransportError):
            await client.post(server.url(), content=b"x" * 10_000_000)

        assert [seen.body for seen in server.seen] == [b""]
        assert (await client.post(server.url(), content=b"again")).status_code == 200


async def test_a_later_answer_is_waited_for() -> None:
    async with Slow() as server, httpx2.AsyncClient() as client, asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(client.get(server.url("/poll")))
        await server.asked.wait()
        assert not asking.done()
        server.ready.set()

        assert (await asking).content == b"/poll"


async def test_nobody_waits_for_the_answer_to_a_client_that_has_gone() -> None:
    async with Slow() as server, httpx2.AsyncClient() as client, asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(client.get(server.url("/poll")))
        await server.asked.wait()
        asking.cancel()

        await server.deserted()


async def test_a_server_that_refuses_can_be_reached_again_where_it_was() -> None:
    async with LoopbackServer() as server, httpx2.AsyncClient() as client:
        address = server.url()
        await server.refuse()
        with pytest.raises(httpx2.ConnectError):
            await client.get(address)

        await server.listen()
        assert (await client.get(address)).status_code == 200


def test_an_answer_in_json_names_its_headers_as_they_are_written() -> None:
    reply = json_reply({"a": 1}, 429, Retry_After="7")

    assert (reply.status, json.loads(reply.body)) == (429, {"a": 1})
    assert reply.headers == {"Content-Type": "application/json", "Retry-After": "7"}


def test_a_hurried_loop_skips_what_it_would_wait_for() -> None:
    async def story() -> float:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, HurriedLoop)
        began = loop.time()
        async with LoopbackServer(Hang()) as server, httpx2.AsyncClient(timeout=3600) as client:
            with loop.hurry(), pytest.raises(httpx2.ReadTimeout):
                await client.get(server.url())
            assert len(server.seen) == 1
        return loop.time() - began

    with asyncio.Runner(loop_factory=HurriedLoop) as runner:
        assert 3600 <= runner.run(story()) < 3700
