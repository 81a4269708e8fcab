"""What people write to the bot, as it comes in through the gateway. What touches the SDK is in `client`."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from stentor import CredentialsRejected, Unavailable
from stentor.contract.errors import DeliveryError
from stentor.contract.inbox import Inbox, Incoming
from stentor_discord import targets

# A message and an answer; all other types tell of what happened in the channel.
_WRITTEN = frozenset({0, 19})


@dataclass(frozen=True, slots=True)
class Heard:
    """A message as the gateway tells of it. `by_machine`: by a bot, such as ourselves, or through a webhook."""

    channel_id: str
    message_id: str
    type: int
    author_id: str
    author_name: str
    by_machine: bool
    direct: bool
    addressed: bool
    text: str
    at: datetime
    reply_to: str
    files: tuple[str, ...]


class Closed(Exception):
    """The gateway has hung up for good."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the gateway closed with {code}")
        self.code = code


Hear = Callable[[Heard], None]


async def relay(listen: Callable[[Hear], Awaitable[None]], inbox: Inbox) -> None:
    """Hand in what `listen` hears, in order, until cancelled or until one of both fails."""
    heard: asyncio.Queue[Heard] = asyncio.Queue()

    async def hand_in() -> None:
        while True:
            message = incoming(await heard.get())
            if message is not None:
                await inbox.put(message)
            heard.task_done()

    try:
        async with asyncio.TaskGroup() as group:
            handing = group.create_task(hand_in())
            problem = await _end_of(listen(heard.put_nowait))
            # Discord tells of each message once: what was heard before the end is not to be lost with it.
            await heard.join()
            handing.cancel()
    except ExceptionGroup as group:
        raise group.exceptions[0] from None
    if problem is not None:
        raise problem


async def _end_of(listening: Awaitable[None]) -> Exception | None:
    """Listen until that ends, and say why, if it failed."""
    try:
        await listening
    except Exception as problem:  # noqa: BLE001 - it is raised as it is, only later
        return problem
    return None


def incoming(heard: Heard) -> Incoming | None:
    """What people wrote, or None for what they did not."""
    if heard.by_machine or heard.type not in _WRITTEN:
        return None
    target = targets.user(heard.author_id) if heard.direct else targets.channel(heard.channel_id)
    return Incoming(
        target=target,
        message_id=heard.message_id,
        sender=heard.author_id,
        sender_name=heard.author_name,
        text=heard.text,
        at=heard.at,
        direct=heard.direct,
        addressed=heard.addressed,
        reply_to=heard.reply_to,
        files=heard.files,
    )


def deaf(closed: Closed) -> DeliveryError:
    """Why the gateway cannot be listened to."""
    match closed.code:
        case 4004:
            return CredentialsRejected("Discord's gateway does not accept the bot's token: copy it again")
        case 4014:
            return Unavailable(
                "Discord does not let the bot read messages: turn on Message Content Intent in the developer portal "
                '(Bot, Privileged Gateway Intents), or write receive = "off"'
            )
        case 4010 | 4011:
            return Unavailable(
                "the bot is in more servers than one connection may serve: receive with another bot"
            )
        case code:
            return Unavailable(f"Discord's gateway hung up with {code}")
