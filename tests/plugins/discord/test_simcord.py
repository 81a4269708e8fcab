"""A Discord that nobody here has written: simcord, which answers as Discord does, behind a port of 127.0.0.1.

It knows nothing of lines that fail, of throttling and of nonces; that is for the other tests.
"""

import io
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import discord
import pytest
import simcord
from simcord.http import dispatch
from tests.loopback import LoopbackServer, Reply, Seen
from tests.plugins.discord.conftest import Connect
from tests.plugins.discord.provider import API, read, said
from tests.plugins.discord.samples import CHANNEL, attachment, part

from stentor import Connection, Part, Rejected, TargetHints
from stentor.contract.payloads import Manner
from stentor_discord.targets import parse_hook_url


class SimcordServer(LoopbackServer):
    """Puts what comes over the line to simcord, and sends back what that says."""

    def __init__(self, env: simcord.Env) -> None:
        super().__init__()
        self._env = env

    def answer(self, seen: Seen) -> Reply:
        sent = read(seen)
        try:
            body = dispatch(
                self._env.backend,
                seen.method,
                sent.path.removeprefix(API),
                json=sent.message,
                params=dict(parse_qsl(urlsplit(seen.path).query)),
                files=[discord.File(io.BytesIO(content), name) for name, content in sent.files.items()],
            )
        except simcord.BackendError as error:
            return said(error.to_json(), error.status)
        return said(json.loads(json.dumps(body, default=str)))


@dataclass
class World:
    env: simcord.Env
    guild: simcord.GuildHandle
    general: simcord.ChannelHandle
    server: SimcordServer
    connected: Callable[..., AbstractAsyncContextManager[Connection]]

    def shown(self, channel: simcord.ChannelHandle | None = None) -> discord.Message:
        """What people see last."""
        message = (channel or self.general).last_message
        assert message is not None
        return message


Simulated = Callable[[], AbstractAsyncContextManager[World]]


@pytest.fixture
def simulated(connected: Connect) -> Simulated:
    # No fixture with a yield: simcord wants to end in the context that it began in.
    @asynccontextmanager
    async def running() -> AsyncGenerator[World]:
        bot = discord.Client(intents=discord.Intents.default())
        async with simcord.run(bot) as env, SimcordServer(env) as server:
            guild = env.create_guild()

            def joined(**other: object) -> AbstractAsyncContextManager[Connection]:
                return connected(**{"base_url": server.url(API), "webhooks": {}, **other})

            yield World(env, guild, guild.create_text_channel("general"), server, joined)

    return running


async def test_a_message_is_shown_as_it_was_sent(simulated: Simulated) -> None:
    async with simulated() as world, world.connected() as connection:
        receipt = await connection.send(part(f"channel:{world.general.id}"))
        assert await connection.probe()

    message = world.shown()
    assert (message.content, str(message.id)) == ("Good **morning**", receipt.message_id)
    assert receipt.target.canonical == f"discord:channel:{world.general.id}"


async def test_the_manner_is_what_people_meet(simulated: Simulated) -> None:
    async with simulated() as world, world.connected() as connection:
        first = await connection.send(part(f"channel:{world.general.id}", "one"))
        manner = Manner(silent=True, bare_links=True, reply_to=first.message_id)
        await connection.send(part(f"channel:{world.general.id}", "@everyone", manner=manner))

    message = world.shown()
    assert (message.flags.suppress_notifications, message.flags.suppress_embeds) == (True, True)
    assert message.reference is not None
    assert str(message.reference.message_id) == first.message_id
    assert not message.mention_everyone


async def test_a_person_gets_it_directly(simulated: Simulated) -> None:
    async with simulated() as world, world.connected() as connection:
        ann = world.env.create_user("ann")
        world.guild.add_member(ann)
        receipt = await connection.send(part(f"user:{ann.id}"))

    assert receipt.target.canonical == f"discord:user:{ann.id}"
    assert receipt.detail["channelId"] != str(ann.id)


async def test_files_arrive_whole(simulated: Simulated, tmp_path: Path) -> None:
    files = (
        attachment(tmp_path, "a.txt", b"one"),
        attachment(tmp_path, "grüße.bin", bytes(range(256)) * 4096),
    )
    async with simulated() as world, world.connected() as connection:
        await connection.send(part(f"channel:{world.general.id}", files=files))

    assert [(file.filename, file.size) for file in world.shown().attachments] == [
        ("a.txt", 3),
        ("grüße.bin", 2**20),
    ]


async def test_a_forum_gets_a_post_and_the_rest_goes_into_it(simulated: Simulated) -> None:
    async with simulated() as world, world.connected() as connection:
        forum = world.guild.create_forum_channel("ideas")
        receipt = await connection.send(part(f"forum:{forum.id}", "# Idea\nfirst"))
        assert receipt.opened is not None
        await connection.send(part(receipt.opened.canonical, "second"))

    (thread,) = forum.threads
    assert (thread.name, str(thread.id)) == ("Idea", receipt.opened.id)
    assert [message.content for message in thread.history()] == ["# Idea\nfirst", "second"]


async def test_a_webhook_speaks_under_its_own_name(simulated: Simulated) -> None:
    async with simulated() as world:
        hook = await world.env.bot.fetch_webhook(world.guild.create_webhook(world.general, "Alerts").id)
        url = parse_hook_url(world.server.url(f"{API}/webhooks/{hook.id}/{hook.token}"))
        async with world.connected(token=None, webhooks={"alerts": url}) as connection:
            receipt = await connection.send(part("webhook:alerts"))
            assert str(world.general.id) in await connection.probe()

    assert world.shown().webhook_id == hook.id
    assert receipt.detail == {"channelId": str(world.general.id)}


async def test_a_name_is_found(simulated: Simulated) -> None:
    async with simulated() as world, world.connected() as connection:
        found = await connection.resolve(CHANNEL.parse_target("#general", TargetHints()))

    assert found.id == str(world.general.id)


async def refusal(connection: Connection, sent: Part) -> Rejected:
    with pytest.raises(Rejected) as caught:
        await connection.send(sent)
    return caught.value


async def test_it_refuses_as_discord_does(simulated: Simulated) -> None:
    async with simulated() as world, world.connected() as connection:
        here = f"channel:{world.general.id}"
        unknown = await refusal(connection, part("channel:424242424242424242"))
        too_long = await refusal(connection, part(here, "x" * 2001))
        # It counts as Discord does: by code points.
        await connection.send(part(here, "\N{GRINNING FACE}" * 2000))

    assert (unknown.reason, "404/10003" in str(unknown)) == ("bad_target", True)
    assert (too_long.reason, "400/50035" in str(too_long)) == ("too_large", True)


async def test_a_channel_that_the_bot_may_not_write_to_names_what_it_needs(simulated: Simulated) -> None:
    async with simulated() as world, world.connected() as connection:
        world.env.inject_error("POST", "/channels/*/messages", status=403, code=50013)
        refused = await refusal(connection, part(f"channel:{world.general.id}"))

    assert refused.reason == "no_permission"
    assert "Send Messages" in str(refused)
