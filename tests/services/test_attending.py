"""Accounts that stay open: opened at the start, opened again, told of when they are not let in, lent to who pairs them."""

from collections import deque
from pathlib import Path
from typing import Any

import pytest

from stentor.app.operations import Operations
from stentor.contract.channel import Account, ChannelContext, Connection
from stentor.contract.errors import CredentialsRejected, Unavailable
from stentor.contract.settings import AccountSettings, SecretRef
from stentor.testing.virtual_time import pass_time
from tests.services.attended import GLOBALLY, Gate, House
from tests.services.stories import alerts, deliveries, sending

DOWN = "⚠️ Account page:default is down: 401"
OPEN = "✅ Account page:default is open again"


def states(home: Path) -> list[str]:
    return [found["state"] for found in deliveries(home) if found["target"].startswith("page:")]


@pytest.mark.parametrize(
    ("stays_open", "asked_at"), [(True, [0.0]), (False, [])], ids=["stays open", "does not"]
)
def test_an_account_that_stays_open_is_opened_though_there_is_nothing_to_send(
    fast_home: Path, *, stays_open: bool, asked_at: list[float]
) -> None:
    house = House(fast_home, stays_open=stays_open).passes(3600)

    assert house.gate.asked_at == asked_at
    house.ends()


def test_what_is_sent_goes_by_the_connection_that_is_there(fast_home: Path) -> None:
    house = House(fast_home).do(sending("page:room1", "page:room2"))

    assert (len(house.gate.accepted), len(house.gate.lines)) == (2, 1)
    house.ends()


def test_an_account_that_cannot_be_opened_now_is_tried_again_after_ever_longer_pauses(
    fast_home: Path,
) -> None:
    gate = Gate(openings=deque(Unavailable("no network") for _ in range(6)))
    house = House(fast_home, gate).passes(2000)

    assert gate.asked_at == [0, 5, 30, 150, 750, 1350, 1950]
    assert house.standing == ("ready", None)
    house.ends()


@pytest.mark.parametrize(("tries", "told"), [(3, []), (4, ["account_down"]), (6, ["account_down"])])
def test_an_account_that_stays_away_is_told_of_once_and_what_waited_goes_when_it_is_back(
    fast_home: Path, tries: int, told: list[str]
) -> None:
    gate = Gate(openings=deque(Unavailable("no network") for _ in range(tries)))
    house = House(fast_home, gate).passes(160).do(sending("page:room1")).passes(2000)

    assert (house.standing, alerts(fast_home)) == (("ready", None), told)
    assert states(fast_home) == ["accepted"]
    house.ends()


def test_after_a_success_the_pauses_are_short_again(fast_home: Path) -> None:
    gate = Gate(openings=deque([*(Unavailable("no network") for _ in range(3))]))
    house = House(fast_home, gate).passes(200)
    gate.openings.append(Unavailable("no network"))
    house.renews().passes(10)

    assert [later - gate.asked_at[4] for later in gate.asked_at[4:]] == [0, 5]
    house.ends()


def test_a_plugin_that_fails_to_open_is_tried_again_too(fast_home: Path) -> None:
    gate = Gate(openings=deque([RuntimeError("a bug")]))
    house = House(fast_home, gate).passes(10)

    assert gate.asked_at == [0, 5]
    house.ends()


def test_an_account_that_is_not_let_in_is_told_of_once_though_nothing_was_sent(fast_home: Path) -> None:
    gate = Gate(openings=deque(CredentialsRejected("401") for _ in range(9)))
    house = House(fast_home, gate).passes(3600)

    assert gate.asked_at == [0]
    assert (house.standing, house.stored) == (("down", "401"), ("down", "401"))
    assert (alerts(fast_home), house.told) == (["account_down"], [DOWN])
    assert "Next: mend that; stentor channels test " in house.ops.accepted[0].text
    house.ends()


def test_what_waits_for_an_account_that_is_not_let_in_adds_nothing_to_tell(fast_home: Path) -> None:
    gate = Gate(openings=deque(CredentialsRejected("401") for _ in range(9)))
    house = House(fast_home, gate).do(sending(*(f"page:room{n}" for n in range(9))), seconds=3600)

    assert (alerts(fast_home), house.told) == (["account_down"], [DOWN])
    assert (gate.asked_at, states(fast_home)) == ([0], ["pending"] * 9)
    house.ends()


def test_what_waited_goes_when_an_account_that_was_not_let_in_is_renewed(fast_home: Path) -> None:
    gate = Gate(openings=deque([CredentialsRejected("401")]))
    house = House(fast_home, gate).do(sending("page:room1", "page:room2"), seconds=60)
    assert gate.requests == []

    house.renews()

    assert (len(gate.lines), states(fast_home)) == (1, ["accepted", "accepted"])
    house.passes(60)
    assert house.told == [DOWN, OPEN]
    house.ends()


class TokenSettings(AccountSettings):
    token: SecretRef


def write(home: Path, token: str) -> None:
    (home / "token").write_text(token)
    (home / "token").chmod(0o600)


def test_an_account_that_was_not_let_in_is_opened_anew_with_another_secret(fast_home: Path) -> None:
    gate = Gate()

    async def open_line(channel: object, account: Account, ctx: ChannelContext) -> Connection:
        assert isinstance(account.settings, TokenSettings)
        if ctx.reveal(account.settings.token) != "the new token":
            gate.openings.append(CredentialsRejected("401"))
        return gate.open(ctx)

    write(fast_home, "the old token")
    config = f'{GLOBALLY}[channels.page.accounts.default]\ntoken = {{ file = "token" }}\n'
    methods: dict[str, Any] = {"open": open_line, "settings": TokenSettings, "needs_account": True}
    house = House(fast_home, gate, methods=methods, config=config).do(sending("page:room1"), seconds=60)
    assert (len(gate.asked_at), states(fast_home)) == (1, ["pending"])

    write(fast_home, "the new token")
    house.passes(12)

    assert (len(gate.lines), states(fast_home)) == (1, ["accepted"])
    house.ends()


def test_an_account_that_is_given_away_is_closed_and_what_is_sent_waits(fast_home: Path) -> None:
    house = House(fast_home).gives_away().do(sending("page:room1"), seconds=120)

    assert (house.gate.closed, len(house.gate.lines), house.gate.requests) == (1, 1, [])
    assert house.standing == ("down", "it is being paired")
    assert (states(fast_home), alerts(fast_home)) == (["pending"], [])
    house.ends()


def test_an_account_that_is_given_back_is_opened_at_once_and_what_waited_goes(fast_home: Path) -> None:
    house = House(fast_home).gives_away().do(sending("page:room1"), seconds=120).renews()

    assert (len(house.gate.lines), house.standing) == (2, ("ready", None))
    assert (states(fast_home), house.told) == (["accepted"], [])
    house.ends()


def test_an_account_that_nobody_gives_back_is_opened_when_the_time_is_over(fast_home: Path) -> None:
    house = House(fast_home).gives_away(100).do(sending("page:room1"), seconds=90)
    assert len(house.gate.lines) == 1

    house.passes(60)

    assert (len(house.gate.lines), states(fast_home)) == (2, ["accepted"])
    house.ends()


def test_pairing_is_no_trouble_to_tell_however_long_it_takes_and_nothing_waits_beyond_it(
    fast_home: Path,
) -> None:
    house = House(fast_home).gives_away(600).passes(590)
    assert (house.standing, alerts(fast_home), house.told) == (("down", "it is being paired"), [], [])

    house.passes(20)

    assert [round(at) for at in house.gate.asked_at] == [0, 600]
    assert house.standing == ("ready", None)
    house.ends()


def test_what_failed_before_an_account_was_given_away_still_counts_afterwards(fast_home: Path) -> None:
    gate = Gate(openings=deque(Unavailable("no network") for _ in range(4)))
    house = House(fast_home, gate).passes(160).gives_away(60).passes(80)

    assert (alerts(fast_home), house.standing) == (["account_down"], ("ready", None))
    assert house.told == ["⚠️ Account page:default is down: no network", OPEN]
    house.ends()


def test_an_account_that_is_just_being_opened_is_given_away_all_the_same(fast_home: Path) -> None:
    gate = Gate()

    async def open_slowly(channel: object, account: Account, ctx: ChannelContext) -> Connection:
        await pass_time(10)
        return gate.open(ctx)

    house = House(fast_home, gate, methods={"open": open_slowly})
    house.gives_away()
    assert (len(gate.lines), gate.closed) == (1, 1)

    house.passes(300)

    assert (len(gate.lines), gate.closed) == (1, 1)
    house.ends()


@pytest.mark.parametrize("stays_open", [True, False], ids=["stays open", "does not"])
def test_what_a_connection_says_in_closing_does_not_shut_the_account(
    fast_home: Path, *, stays_open: bool
) -> None:
    gate = Gate(closing=lambda ctx: ctx.health("down", "closed"))
    house = House(fast_home, gate, stays_open=stays_open).do(sending("page:room1"))
    house.renews().gives_away().renews().do(sending("page:room2"))

    assert (states(fast_home), alerts(fast_home)) == (["accepted", "accepted"], [])
    assert house.standing == ("ready", None)
    house.ends()


def test_an_old_connection_says_nothing_of_the_account_any_more(fast_home: Path) -> None:
    house = House(fast_home).renews()
    old, new = house.gate.lines
    assert old is not new

    async def story(operations: Operations) -> None:
        del operations
        old.health("down", "I was replaced")

    house.do(story, seconds=30)

    assert (house.standing, house.stored[0], house.told) == (("ready", None), "open", [])
    house.ends()
