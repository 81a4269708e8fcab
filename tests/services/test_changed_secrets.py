"""Accounts that were refused, whose secrets change while something is under way with the old ones."""

import asyncio
from pathlib import Path
from typing import Any

from stentor.adapters.sqlite.reader import Reader
from stentor.app.operations import Operations
from stentor.contract.channel import Account, ChannelContext, Connection
from stentor.contract.errors import Ambiguous, CredentialsRejected
from stentor.contract.payloads import Part
from stentor.contract.receipts import Receipt
from stentor.contract.settings import AccountSettings, SecretRef
from stentor.contract.traits import Traits
from stentor.testing.scripted import Provider
from stentor.testing.simulation import Living, Simulation
from stentor.testing.virtual_time import pass_time
from tests.services.odd_channels import Line, odd_channel
from tests.services.stories import alerts, deliveries, sending

LONG = 30.0


class TokenSettings(AccountSettings):
    token: SecretRef


class Guarded(Provider):
    """Lets one token in. What it is asked for slowly, it answers late."""

    def __init__(self, good: str) -> None:
        super().__init__()
        self.good = good
        self.slow: set[str] = set()
        self.opened: list[str] = []

    async def let_in(self, token: str, part: Part) -> None:
        if part.target.id in self.slow and token != self.good:
            await pass_time(LONG)
        if token != self.good:
            raise CredentialsRejected("401")


class TokenLine(Line):
    provider: Guarded
    token: str

    async def send(self, part: Part) -> Receipt:
        await self.provider.let_in(self.token, part)
        return self.provider.receive(part)

    async def close(self) -> None:
        if self.provider.slow == {"closing"}:
            await asyncio.get_running_loop().create_future()


class LooseLine(TokenLine):
    """Sends whatever the token is, and asks only with the good one."""

    async def send(self, part: Part) -> Receipt:
        return self.provider.receive(part)

    async def reconcile(self, part: Part) -> Receipt | None:
        await self.provider.let_in(self.token, part)
        return self.provider.look_up(part)


def furnished(home: Path, provider: Guarded, kind: type[TokenLine], traits: Traits | None = None) -> Living:
    async def open_line(channel: object, account: Account, ctx: ChannelContext) -> Connection:
        assert isinstance(account.settings, TokenSettings)
        line = kind(provider)
        line.token = ctx.reveal(account.settings.token)
        provider.opened.append(line.token)
        return line

    write(home, "old token")
    (home / "stentor.toml").write_text('[channels.page.accounts.default]\ntoken = { file = "token" }\n')
    facts: dict[str, Any] = {"open": open_line, "settings": TokenSettings, "needs_account": True}
    return Simulation(home, [odd_channel("page", provider, traits, **facts)]).begin()


def write(home: Path, token: str) -> None:
    (home / "token").write_text(token)
    (home / "token").chmod(0o600)


def state(home: Path) -> list[str]:
    with Reader.open(home / "stentor.db") as reader:
        return [account["state"] for account in reader.accounts()]


def test_an_account_that_is_refused_when_it_asks_is_opened_with_other_secrets(fast_home: Path) -> None:
    provider = Guarded("new token")
    provider.script.append(Ambiguous("cut"))
    life = furnished(fast_home, provider, LooseLine, Traits(reconcile="lookup"))
    life.tell(sending("page:room1"))
    life.pass_time(60)
    assert alerts(fast_home) == ["account_down"]
    write(fast_home, "new token")
    life.pass_time(60)
    assert provider.opened == ["old token", "new token"]
    assert [one["state"] for one in deliveries(fast_home)] == ["accepted"]
    life.stop()


def test_a_refusal_of_old_secrets_that_comes_late_shuts_nothing(fast_home: Path) -> None:
    provider = Guarded("old token")
    provider.slow.add("slow")
    life = furnished(fast_home, provider, TokenLine)
    life.tell(sending("page:room0"))
    life.pass_time(2)
    provider.good = "new token"
    life.tell(sending("page:slow", "page:room1"))
    life.pass_time(2)
    assert state(fast_home) == ["down"]
    write(fast_home, "new token")
    life.pass_time(15)
    assert [part.target.id for part in provider.accepted] == ["room0", "room1"]
    life.pass_time(LONG)
    life.tell(sending("page:room2"))
    life.pass_time(10)
    assert provider.opened == ["old token", "new token"]
    assert [one["state"] for one in deliveries(fast_home)] == ["accepted"] * 4
    assert alerts(fast_home) == ["account_down"]
    life.stop()


def test_a_connection_that_does_not_close_is_replaced_all_the_same(fast_home: Path) -> None:
    provider = Guarded("new token")
    provider.slow.add("closing")
    life = furnished(fast_home, provider, TokenLine)
    life.tell(sending("page:room1"))
    life.pass_time(5)
    write(fast_home, "new token")
    life.pass_time(20)
    assert [one["state"] for one in deliveries(fast_home)] == ["accepted"]
    life.stop()


def test_secrets_that_change_twice_are_both_noticed(fast_home: Path) -> None:
    provider = Guarded("third token")
    life = furnished(fast_home, provider, TokenLine)
    life.tell(sending("page:room1"))
    for token in ("second token", "third token"):
        life.pass_time(30)
        write(fast_home, token)
    life.pass_time(30)
    assert provider.opened == ["old token", "second token", "third token"]
    assert [one["state"] for one in deliveries(fast_home)] == ["accepted"]
    life.stop()


def test_a_refusal_that_is_written_down_after_its_secrets_changed_is_got_over(fast_home: Path) -> None:
    provider = Guarded("old token")
    life = furnished(fast_home, provider, TokenLine)
    life.tell(sending("page:room0"))
    life.pass_time(2)

    async def shut(operations: Operations) -> None:
        """What the store does last, although it was asked first."""
        app, lent = operations.app, operations.app.connections.lent("page", "default")
        assert lent is not None
        app.connections.refused("page", "default", lent)
        provider.good = "new token"
        write(fast_home, "new token")
        await app.ground.seams.clock.sleep(11)
        await sending("page:room1")(operations)
        await app.ground.seams.clock.sleep(2)
        app.connections.refused("page", "default", lent)

    life.tell(shut)
    life.pass_time(12)
    assert provider.opened == ["old token", "new token"]
    assert [one["state"] for one in deliveries(fast_home)] == ["accepted", "accepted"]
    life.stop()
