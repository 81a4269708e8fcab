"""What runs in the process of its own that each account has: `python -m stentor_whatsapp.child FD`.

It answers what the daemon asks over the socket FD, tells what happens, and leaves when the socket is closed. The
library is loaded here and nowhere else: a mistake in it ends this process, and costs the daemon a restart of it.
The daemon's clock is the only one: what needs a time is asked for with one.
"""

import asyncio
import importlib
import os
import signal
import socket
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import NoReturn

from stentor_whatsapp import library
from stentor_whatsapp.account import CRASHED, Account, Refused
from stentor_whatsapp.asked import LibraryError
from stentor_whatsapp.ledger import Unwritable
from stentor_whatsapp.session import Locked, Unusable
from stentor_whatsapp.wire import LONGEST_LINE, Facts, News, Request, answer, event, read_request, refusal

# Each client of the library parks a thread for good, and whatever blocks in it takes another one.
_THREADS = 32
_STOP_SECONDS = 2
_DONE: Facts = {}


class Child:
    """The daemon's requests, and what they come to."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._account: Account | None = None

    async def heed(self, line: bytes) -> None:
        """Answer one line, once. What comes after the answer comes after it."""
        asked = read_request(line)
        try:
            self._writer.write(answer(asked.id, await self._facts(asked)))
        except Refused as error:
            self._writer.write(refusal(asked.id, error.kind, str(error), **error.facts))
        except LibraryError as error:
            self._writer.write(refusal(asked.id, "library_error", str(error)))
        else:
            if asked.do == "connect":
                await self._there().connected()
                await self.leave()
            elif asked.do == "close":
                await self.leave()

    async def leave(self) -> NoReturn:
        """End the connection, say what is left to be said, and go. The threads of the library never end."""
        with suppress(TimeoutError, LibraryError):
            async with asyncio.timeout(_STOP_SECONDS):
                if self._account is not None:
                    await self._account.stop()
        with suppress(TimeoutError, OSError):
            async with asyncio.timeout(_STOP_SECONDS):
                self._writer.close()
                await self._writer.wait_closed()
        os._exit(0)

    async def _facts(self, asked: Request) -> Facts:
        match asked.do:
            case "open":
                return self._open(asked.facts)
            case "connect":
                self._there().connect()
            case "send":
                return await self._there().send(asked.facts)
            case "look_up":
                return await self._there().look_up(asked.facts)
            case "pair_code":
                return await self._there().pair_code(asked.facts)
            case "logout":
                await self._there().logout()
            case _:
                return self._known(asked)
        return _DONE

    def _known(self, asked: Request) -> Facts:
        """What WhatsApp need not be asked for."""
        match asked.do:
            case "recall":
                return self._there().recall(asked.facts)
            case "count":
                return self._there().count(asked.facts)
            case "who":
                return self._there().who()
            case "kept":
                self._there().tell_kept()
            case "taken":
                self._there().taken(asked.facts)
            case "close":
                pass
            case _:
                raise Refused("bad_request", f"nobody here can {asked.do}")
        return _DONE

    def _open(self, facts: Facts) -> Facts:
        if self._account is not None:
            raise Refused("bad_request", "it is opened once")
        ailment = library.ailment()
        if ailment is not None:
            raise Refused("library", f"{ailment.what}: {ailment.mend}")
        try:
            # Loads the library, which may do anything.
            importlib.import_module("stentor_whatsapp.client")
        except Exception as error:
            raise Refused(
                "library", f"neonize cannot be imported: {type(error).__name__}: {error}"
            ) from error
        try:
            self._account = Account(facts, self._tell)
        except Locked as error:
            raise Refused("locked", str(error)) from error
        except (Unusable, Unwritable) as error:
            raise Refused("session", str(error)) from error
        return self._account.opened()

    def _there(self) -> Account:
        if self._account is None:
            raise Refused("not_open", "open comes first")
        return self._account

    def _tell(self, name: News, facts: Facts) -> None:
        self._writer.write(event(name, **facts))


async def serve(descriptor: int) -> NoReturn:
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(_THREADS))
    reader, writer = await asyncio.open_connection(sock=socket.socket(fileno=descriptor), limit=LONGEST_LINE)
    child = Child(writer)
    async with asyncio.TaskGroup() as tasks:
        loop.add_signal_handler(signal.SIGTERM, lambda: tasks.create_task(child.leave()))
        while line := await _line(reader):
            tasks.create_task(child.heed(line))
        # Nobody listens any more, and what is under way is written down.
        os._exit(0)


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        line = await reader.readline()
    except ConnectionError:
        return b""
    return line if line.endswith(b"\n") else b""


def main() -> NoReturn:
    # Whoever stops Stentor with Ctrl-C stops the daemon, which then takes its time to end this.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.umask(0o077)
    try:
        asyncio.new_event_loop().run_until_complete(serve(int(sys.argv[1])))
    except BaseException:  # noqa: BLE001 - the library's threads would keep the interpreter from ending
        traceback.print_exc()
    os._exit(CRASHED)


if __name__ == "__main__":
    main()
