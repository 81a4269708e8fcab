"""A program that stands in for the child: it answers as it was told to, and misbehaves on demand.

`python stand_in.py SCRIPT FD`, where SCRIPT is JSON:

    answers  what it says to a deed: the facts of `ok`, or {"error": {…}}; a list holds one answer for each life
    acts     what it does about a deed instead: one of the names below, or a list with one for each life
    after    events that follow the answer to a deed, for a list of lives or for all
    folder   where it notes its lives and what it was asked, and listens for lines to write: `control`
"""

import json
import os
import select
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

USUAL: dict[str, dict[str, Any]] = {
    "open": {"version": "0.0.0", "paired": True, "me": "6281234500001"},
    "send": {
        "message_id": "3EB0AA",
        "at": 1_795_225_318_000,
        "chat": "86281234567890@lid",
        "sender": "6281234500001@s.whatsapp.net",
    },
    "who": {"me": "6281234500001", "lid": "900000000000001@lid", "name": "Ops"},
    "recall": {
        "state": "never",
        "message_id": "",
        "at": 0,
        "chat": "",
        "level": "",
        "certain": True,
    },
    "look_up": {
        "found": [
            {
                "number": "+6281234567890",
                "on": True,
                "jid": "6281234567890@s.whatsapp.net",
                "lid": "86281234567890@lid",
            }
        ]
    },
    "count": {"count": 0, "oldest_ms": 0},
}


class StandIn:
    def __init__(self, script: dict[str, Any], line: socket.socket) -> None:
        self.script = script
        self.line = line
        self.folder = Path(script["folder"])
        lives = self.folder / "lives"
        with lives.open("a") as noted:
            noted.write(f"{os.getpid()}\n")
        self.life = len(lives.read_text().split()) - 1
        self.control = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        (self.folder / "control").unlink(missing_ok=True)
        self.control.bind(str(self.folder / "control"))
        self.control.setblocking(False)

    def serve(self) -> None:
        heard = b""
        while True:
            ready, _, _ = select.select([self.line, self.control], [], [])
            # What was ordered first comes first.
            self.obey_all()
            if self.line in ready:
                data = self.line.recv(65536)
                if not data:
                    return
                *lines, heard = (heard + data).split(b"\n")
                for line in lines:
                    self.take(json.loads(line))

    def obey_all(self) -> None:
        with suppress(BlockingIOError):
            while True:
                self.obey(self.control.recv(65536))

    def obey(self, order: bytes) -> None:
        if order.startswith(b"{"):
            self.line.sendall(order + b"\n")
        else:
            self.act(order.decode(), {"id": 0, "do": ""})

    def take(self, asked: dict[str, Any]) -> None:
        with (self.folder / "asked").open("a") as noted:
            noted.write(json.dumps({**asked, "life": self.life}) + "\n")
        act = self.of_this_life("acts", asked["do"]) or "answer"
        self.act(act, asked)
        for event in self.of_this_life("after", asked["do"]) or ():
            self.say(event)
        if asked["do"] == "close":
            sys.exit()

    def of_this_life(self, what: str, do: str) -> Any:
        given = self.script.get(what, {}).get(do)
        if isinstance(given, list) and what != "after":
            return given[min(self.life, len(given) - 1)]
        if isinstance(given, list) and given and (given[0] is None or isinstance(given[0], list)):
            return given[min(self.life, len(given) - 1)]
        return given

    def act(self, act: str, asked: dict[str, Any]) -> None:
        getattr(self, f"do_{act}")(asked)

    def do_answer(self, asked: dict[str, Any]) -> None:
        given = self.of_this_life("answers", asked["do"])
        said = USUAL.get(asked["do"], {}) if given is None else given
        answer = said if "error" in said else {"ok": said}
        self.say({"id": asked["id"], **answer})

    def do_hang(self, asked: dict[str, Any]) -> None:
        """No answer."""

    def do_freeze(self, asked: dict[str, Any]) -> None:
        """Not even to a signal that asks it to leave."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            signal.pause()

    def do_leave_somebody_behind(self, asked: dict[str, Any]) -> None:
        """A program that it has started holds its output open and outlives it."""
        if os.fork() == 0:
            self.line.close()
            self.do_freeze(asked)
        os._exit(0)

    def do_die(self, asked: dict[str, Any]) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def do_panic(self, asked: dict[str, Any]) -> None:
        print(
            "panic: runtime error: index out of range [3] with length 3\n\ngoroutine 7 [running]:", flush=True
        )
        os._exit(2)

    def do_half_answer(self, asked: dict[str, Any]) -> None:
        self.line.sendall(b'{"id":')
        os._exit(0)

    def do_nonsense(self, asked: dict[str, Any]) -> None:
        self.line.sendall(b"SendMessage: Error\n")

    def do_list(self, asked: dict[str, Any]) -> None:
        self.say(["id", asked["id"]])

    def do_say_neither(self, asked: dict[str, Any]) -> None:
        self.say({"id": asked["id"]})

    def do_giant(self, asked: dict[str, Any]) -> None:
        try:
            while True:
                self.line.sendall(b"x" * 65536)
        except OSError:
            os._exit(0)

    def do_stranger(self, asked: dict[str, Any]) -> None:
        self.say({"id": asked["id"] + 1000, "ok": {}})

    def do_twice(self, asked: dict[str, Any]) -> None:
        self.do_answer(asked)
        self.do_answer(asked)

    def do_print(self, asked: dict[str, Any]) -> None:
        for number in range(40_000):
            print(f"line {number:06} of what a library has to say about itself in its log", flush=False)
        sys.stdout.flush()
        self.do_answer(asked)

    def say(self, message: Any) -> None:
        self.line.sendall(json.dumps(message).encode() + b"\n")


if __name__ == "__main__":
    StandIn(json.loads(sys.argv[1]), socket.socket(fileno=int(sys.argv[2]))).serve()
