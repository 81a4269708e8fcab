"""A channel of the tests' own that is paired and stays open. What it does stands in files of its account's folder.

`happened` says what was done by which process; `wish` is how the device behaves, and `paired` whose it is.
"""

import asyncio
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, cast

from stentor import (
    Account,
    Channel,
    ChannelContext,
    Connection,
    CredentialsRejected,
    Example,
    InvalidTarget,
    Limits,
    Part,
    Receipt,
    Target,
    TargetHints,
    Traits,
    Unavailable,
    hookimpl,
)
from stentor.contract.channel import Ailment
from stentor.contract.pairing import PairingCode, PairingDesk

# Sets the title of a terminal, in both spellings of its beginning.
ORDER = "\x1b]0;mine\x07\x9d0;mine\x9c"
TEXT = "2@phone,of,ann=="


class PhoneLine(Connection):
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def send(self, part: Part) -> Receipt:
        return Receipt(part.target, f"m-{part.id}")

    async def probe(self) -> str:
        return f"{ORDER * (_wish(self._folder) == 'orders')}Ann, by {os.getpid()}"

    async def resolve(self, target: Target) -> Target:
        if target.id == "stranger":
            raise InvalidTarget("phone:stranger is nobody", hint="check the name")
        if target.id == "nobody_answers":
            await asyncio.get_running_loop().create_future()
        return replace(target, display=f"Ann, by {os.getpid()}", warnings=("her phone is off",))

    async def close(self) -> None:
        _note(self._folder, "closed")


class PhoneChannel(Channel):
    name = "phone"
    prefixes = ("phone",)
    limits = Limits(text=1000)
    traits: ClassVar[Traits] = Traits(stays_open=True, pairs=True)
    examples = (Example("phone:ann", "phone:ann"),)

    def parse_target(self, text: str, hints: TargetHints) -> Target:
        name = self.body(text)
        return Target(self.name, "person", name, name)

    async def open(self, account: Account, ctx: ChannelContext) -> Connection:
        if not (ctx.data_dir / "paired").exists():
            _note(ctx.data_dir, "refused")
            raise CredentialsRejected("it is not paired: stentor channels login phone")
        _note(ctx.data_dir, "opened")
        return PhoneLine(ctx.data_dir)

    async def pair(self, account: Account, ctx: ChannelContext, desk: PairingDesk) -> str:
        _note(ctx.data_dir, "pairing")
        wish = _wish(ctx.data_dir)
        order = ORDER if wish == "orders" else ""
        desk.say(f"{order}point its camera at it")
        if desk.phone or order:
            desk.show(PairingCode("code", f"{order}ABCD-{desk.phone[-4:]}", 60))
        else:
            desk.show(PairingCode("qr", TEXT, 20))
        await _as_wished(wish)
        (ctx.data_dir / "paired").touch()
        return cast("str", 5) if wish == "answers with a number" else f"{order}Ann"

    async def unpair(self, account: Account, ctx: ChannelContext) -> None:
        _note(ctx.data_dir, "unpairing")
        await _as_wished(_wish(ctx.data_dir))
        (ctx.data_dir / "paired").unlink()

    def diagnose(self) -> Sequence[Ailment]:
        lacks = os.environ.get("PHONE_LACKS")
        return [Ailment(f"{lacks}{ORDER}", f"install {lacks}")] if lacks else ()


async def _as_wished(wish: str) -> None:
    match wish:
        case "refuses" | "orders and refuses":
            raise CredentialsRejected(f"the device said no{ORDER * wish.startswith('orders')}")
        case "is away":
            raise Unavailable("there is no network")
        case "breaks":
            raise RuntimeError("a bug")
        case "waits":
            await asyncio.get_running_loop().create_future()
        case _:
            return


def _wish(folder: Path) -> str:
    wish = folder / "wish"
    return wish.read_text() if wish.exists() else ""


def _note(folder: Path, deed: str) -> None:
    with (folder / "happened").open("a") as happened:
        happened.write(f"{deed} {os.getpid()}\n")


@hookimpl
def stentor_channels() -> Iterable[Channel]:
    yield PhoneChannel()
