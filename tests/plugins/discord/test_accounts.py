"""Accounts: their settings, opening them, who they are, and the names they look up."""

import asyncio
import sys
from typing import Any, cast

import pytest
from pydantic import ValidationError
from tests.fake_context import FakeContext
from tests.loopback import Hang, Reply
from tests.plugins.discord.conftest import Connect
from tests.plugins.discord.provider import API, HOOK_TOKEN, TOKEN, DiscordServer, page, refused, said
from tests.plugins.discord.samples import CHANNEL, part

from stentor import (
    Account,
    Connection,
    CredentialsRejected,
    InvalidTarget,
    NotSent,
    TargetHints,
    Throttled,
    Unavailable,
)
from stentor.contract.errors import DeliveryError
from stentor_discord.channel import OFFICIAL, DiscordSettings

NO_HINTS = TargetHints()


def settings(**given: Any) -> DiscordSettings:
    return DiscordSettings.model_validate(given)


async def opened(ctx: FakeContext, server: DiscordServer, token: str = TOKEN, **given: Any) -> Connection:
    ctx.secrets = {"T": token, "H": server.hook_url, **given.pop("secrets", {})}
    chosen = settings(token={"env": "T"}, **{"base_url": server.base_url, **given})
    return await CHANNEL.open(Account("discord", "default", chosen), ctx)


def test_the_defaults_are_discord_s_own_address_and_no_reception() -> None:
    chosen = settings(token={"env": "T"})

    assert (chosen.base_url, chosen.receive, chosen.webhooks) == (OFFICIAL, "off", {})
    assert (chosen.dm_policy, chosen.allow_from) == ("pairing", ())


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "give the bot's token"),
        ({"token": "s3cret"}, "a secret is a reference"),
        ({"webhooks": {"alerts": "https://discord.com/api/webhooks/1/s3cret"}}, "a secret is a reference"),
        ({"webhooks": {"Alerts!": {"env": "H"}}}, "lower-case letters"),
        ({"webhooks": {"alerts": {"env": "H"}}, "receive": "gateway"}, "receiving needs a bot"),
        ({"token": {"env": "T"}, "receive": "polling"}, "'off' or 'gateway'"),
        ({"token": {"env": "T"}, "tokn": {"env": "T"}}, "Extra inputs are not permitted"),
        ({"token": {"env": "T"}, "base_url": "discord.com"}, "in full"),
        ({"token": {"env": "T"}, "base_url": "ws://h/"}, "in full"),
        ({"token": {"env": "T"}, "base_url": "https://u:s3cret@h/"}, "in full"),
        ({"token": {"env": "T"}, "base_url": "http://h:99999/s3cret"}, "Port out of range"),
        ({"token": {"env": "T"}, "base_url": "https://h/?s3cret"}, "alone"),
        ({"token": {"env": "T"}, "base_url": "https://discord.com/api/webhooks/1/s3cret"}, "alone"),
    ],
)
def test_settings_are_checked_with_a_mend_and_without_the_value(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says) as caught:
        settings(**given)

    assert "s3cret" not in str(caught.value)


def test_only_discord_itself_is_paced_as_discord() -> None:
    own = {
        url: CHANNEL.rates(settings(token={"env": "T"}, base_url=url)) for url in (OFFICIAL, "http://h/api")
    }

    assert own == {OFFICIAL: CHANNEL.traits.rates, "http://h/api": ()}


def test_an_account_receives_if_it_is_told_to() -> None:
    told = {word: CHANNEL.receives(settings(token={"env": "T"}, receive=word)) for word in ("off", "gateway")}

    assert told == {"off": False, "gateway": True}


async def test_opening_asks_discord_who_we_are_and_reveals_every_secret(
    ctx: FakeContext, server: DiscordServer
) -> None:
    connection = await opened(ctx, server, base_url=f"{server.base_url}/", webhooks={"alerts": {"env": "H"}})
    assert [(seen.method, seen.path) for seen in server.seen] == [("GET", f"{API}/users/@me")]
    assert ctx.revealed == {TOKEN, server.hook_url}

    assert (await connection.probe()) == "bot @stentor (900); webhook alerts into channel 5550"
    await connection.send(part("webhook:alerts"))
    await connection.close()


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (refused(401), CredentialsRejected, "copy it again"),
        (refused(403, 40002), Unavailable, "403"),
        (refused(500), Unavailable, "500"),
        (page(503), Unavailable, "check base_url"),
        (refused(429, retry_after=9), Throttled, "quiet"),
        (page(404), Unavailable, "check base_url"),
        (Reply(301, headers={"Location": "http://127.0.0.1:9/"}), Unavailable, "301"),
        (Reply(200, b"<html>"), Unavailable, "cannot be read"),
    ],
)
async def test_an_account_that_discord_does_not_let_in_is_closed_again(
    ctx: FakeContext, server: DiscordServer, answer: Reply, error: type[DeliveryError], says: str
) -> None:
    server.gets[f"{API}/users/@me"] = answer

    with pytest.raises(error, match=says) as caught:
        await opened(ctx, server)

    assert TOKEN not in str(caught.value)
    assert len(server.seen) == 1
    await server.deserted()


async def test_opening_waits_no_longer_than_a_send(server: DiscordServer, connected_briefly: Connect) -> None:
    server.gets[f"{API}/users/@me"] = Hang()

    with pytest.raises(Unavailable, match="no answer in time"):
        async with connected_briefly():
            raise AssertionError("connected to nobody")


@pytest.mark.parametrize("token", ["", "  ", "two words", "umläut", "line\nbreak"])
async def test_a_token_that_cannot_be_one_is_never_sent(
    ctx: FakeContext, server: DiscordServer, token: str
) -> None:
    with pytest.raises(CredentialsRejected, match="mend what the setting points to"):
        await opened(ctx, server, token)

    assert not server.seen


async def test_a_webhook_that_cannot_be_one_names_itself_and_not_its_url(
    ctx: FakeContext, server: DiscordServer
) -> None:
    secrets = {"H": "https://discord.com/api/webhooks/no-number/s3cret"}
    with pytest.raises(CredentialsRejected, match="webhook alerts: it is not the URL") as caught:
        await opened(ctx, server, webhooks={"alerts": {"env": "H"}}, secrets=secrets)

    assert "s3cret" not in str(caught.value)


async def test_without_the_sdk_the_extra_is_named(
    ctx: FakeContext, server: DiscordServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("discord", "stentor_discord.client", "stentor_discord.connection"):
        monkeypatch.setitem(sys.modules, module, cast("Any", None))

    with pytest.raises(Unavailable) as caught:
        await opened(ctx, server)

    assert caught.value.extra == "discord"


async def test_a_probe_says_what_is_wrong_with_a_webhook(server: DiscordServer, connected: Connect) -> None:
    server.gets[f"/api/webhooks/600/{HOOK_TOKEN}"] = refused(404, 10015)
    async with connected() as connection:
        with pytest.raises(DeliveryError, match="the webhook has been deleted"):
            await connection.probe()


async def test_a_probe_says_when_the_token_has_been_revoked(
    server: DiscordServer, connected: Connect
) -> None:
    async with connected() as connection:
        server.gets[f"{API}/users/@me"] = refused(401)
        with pytest.raises(CredentialsRejected):
            await connection.probe()


GUILDS: dict[str, list[dict[str, Any]]] = {
    "1": [
        {"id": "11", "type": 0, "name": "general"},
        {"id": "12", "type": 4, "name": "reports"},
        {"id": "13", "type": 0, "name": "reports"},
        {"id": "14", "type": 15, "name": "ideas"},
        {"id": "15", "type": 2, "name": "Lounge"},
    ],
    "2": [{"id": "21", "type": 5, "name": "general"}],
}


@pytest.mark.parametrize(
    ("name", "found"), [("#reports", "channel:13"), ("#ideas", "forum:14"), ("#LOUNGE", "channel:15")]
)
async def test_a_name_that_one_channel_has_becomes_its_id(
    server: DiscordServer, connected: Connect, name: str, found: str
) -> None:
    server.guilds = GUILDS
    async with connected() as connection:
        assert (await connection.resolve(CHANNEL.parse_target(name, NO_HINTS))).address == found


async def test_a_name_that_several_have_lists_them(server: DiscordServer, connected: Connect) -> None:
    server.guilds = GUILDS
    async with connected() as connection:
        with pytest.raises(InvalidTarget, match="the name of 2 channels") as caught:
            await connection.resolve(CHANNEL.parse_target("#general", NO_HINTS))

    assert caught.value.hint == "write one of: channel:11 in Server 1, channel:21 in Server 2"


async def test_a_name_that_nobody_has_says_what_to_do(server: DiscordServer, connected: Connect) -> None:
    server.guilds = GUILDS
    async with connected() as connection:
        with pytest.raises(InvalidTarget, match="sees no channel called #nowhere") as caught:
            await connection.resolve(CHANNEL.parse_target("#nowhere", NO_HINTS))

    assert "invite the bot" in caught.value.hint


async def test_all_pages_of_servers_are_read(server: DiscordServer, connected: Connect) -> None:
    server.guilds = {str(guild): [] for guild in range(1, 202)}
    server.guilds["201"] = [{"id": "9", "type": 0, "name": "late"}]
    async with connected() as connection:
        found = await connection.resolve(CHANNEL.parse_target("#late", NO_HINTS))

    assert found.address == "channel:9"
    assert [seen.path for seen in server.seen if "@me/guilds" in seen.path] == [
        f"{API}/users/@me/guilds?limit=200&with_counts=0",
        f"{API}/users/@me/guilds?limit=200&with_counts=0&after=200",
    ]


async def test_a_server_that_repeats_its_first_page_is_not_asked_for_ever(
    server: DiscordServer, connected: Connect
) -> None:
    server.guilds = {"1": [{"id": "9", "type": 0, "name": "late"}]}
    server.gets[f"{API}/users/@me/guilds"] = said([{"id": "1", "name": "Server"}] * 200)
    async with connected() as connection, asyncio.timeout(5):
        found = await connection.resolve(CHANNEL.parse_target("#late", NO_HINTS))

    assert found.address == "channel:9"


async def test_an_id_is_looked_up_nowhere(server: DiscordServer, connected: Connect) -> None:
    async with connected() as connection:
        assert await connection.resolve(part().target) == part().target

    assert len(server.seen) == 1


@pytest.mark.parametrize("answer", [refused(500), refused(429, retry_after=3), said({"id": 1})])
async def test_a_name_that_cannot_be_looked_up_now_is_no_verdict_on_it(
    server: DiscordServer, connected: Connect, answer: Reply
) -> None:
    server.gets[f"{API}/users/@me/guilds"] = answer
    async with connected() as connection:
        with pytest.raises((Unavailable, Throttled)) as caught:
            await connection.resolve(CHANNEL.parse_target("#general", NO_HINTS))

    assert "who it is" not in str(caught.value)


async def test_a_server_that_lets_the_bot_see_nothing_has_no_channels_for_it(
    server: DiscordServer, connected: Connect
) -> None:
    server.guilds = GUILDS
    server.gets[f"{API}/guilds/2/channels"] = refused(403, 50001)
    async with connected() as connection:
        found = await connection.resolve(CHANNEL.parse_target("#general", NO_HINTS))

    assert found.address == "channel:11"


async def test_a_channel_without_an_id_is_none(server: DiscordServer, connected: Connect) -> None:
    server.guilds = {"1": [{"type": 0, "name": "general"}]}
    async with connected() as connection:
        with pytest.raises(InvalidTarget, match="sees no channel"):
            await connection.resolve(CHANNEL.parse_target("#general", NO_HINTS))


async def test_without_a_bot_no_name_is_looked_up(connected: Connect) -> None:
    async with connected(token=None) as connection:
        with pytest.raises(InvalidTarget, match="no bot"):
            await connection.resolve(CHANNEL.parse_target("#general", NO_HINTS))


async def test_two_bots_of_one_process_keep_their_tokens_apart(
    ctx: FakeContext, server: DiscordServer
) -> None:
    one, other = await opened(ctx, server, "one"), await opened(ctx, server, "other")
    for connection in (one, other, one):
        await connection.send(part())
        await connection.close() if connection is other else None
    await one.close()

    assert [seen.headers["authorization"] for seen in server.posts] == ["Bot one", "Bot other", "Bot one"]


async def test_a_closed_port_while_a_conversation_is_opened_is_proof(
    server: DiscordServer, connected: Connect
) -> None:
    async with connected() as connection:
        await server.refuse()
        with pytest.raises(NotSent):
            await connection.send(part("user:66"))
