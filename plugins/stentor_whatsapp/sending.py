"""Messages on their way: one after the other, and each until the child has said what became of it."""

import asyncio
from collections.abc import Awaitable, Callable

from stentor import Part, Unavailable
from stentor_whatsapp.supervisor import Patience, Supervisor
from stentor_whatsapp.wire import Facts


class Sending:
    """The library sends one message at a time, and does not let go of one because nobody waits for it any more."""

    def __init__(self, supervisor: Supervisor, patience: Patience) -> None:
        self._supervisor = supervisor
        self._patience = patience
        self._turn = asyncio.Lock()
        self._parts: set[str] = set()

    def is_under_way(self, part_id: str) -> bool:
        """Whether it may still be sent, or is being sent."""
        return part_id in self._parts

    async def send(self, part: Part, pause: Callable[[], Awaitable[None]], **facts: object) -> Facts:
        """Hand a part over when it is its turn and after a pause. Raises what `Supervisor.request` raises."""
        self._parts.add(part.id)
        try:
            await self._wait_for_turn()
            try:
                await pause()
                answer = self._supervisor.ask("send", part=part.id, **facts)
            except BaseException:
                self._turn.release()
                raise
        except BaseException:
            self._parts.discard(part.id)
            raise
        hung = asyncio.get_running_loop().call_later(self._patience.send, self._give_up)

        def over(_: object) -> None:
            hung.cancel()
            self._parts.discard(part.id)
            self._turn.release()

        answer.add_done_callback(over)
        return await asyncio.shield(answer)

    async def _wait_for_turn(self) -> None:
        try:
            async with asyncio.timeout(self._patience.turn):
                await self._turn.acquire()
        except TimeoutError:
            raise Unavailable("WhatsApp has not answered the message before this one yet") from None

    def _give_up(self) -> None:
        self._supervisor.hang_up(f"it did not say what became of a message within {self._patience.send:g} s")
