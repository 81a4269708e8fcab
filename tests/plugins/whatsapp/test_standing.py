"""How an account stands is said once, with what to do about it, and decides what messages come to."""

from typing import Any

import pytest
from tests.plugins.whatsapp.backstage import CONNECTED, Backstage, Opens, WaitingContext, part
from tests.plugins.whatsapp.peer import WhatsApp

from stentor import CredentialsRejected, Throttled, Unavailable
from stentor.contract.errors import DeliveryError


def state(name: str, reason: str = "", **more: object) -> dict[str, object]:
    return {"event": "state", "state": name, "reason": reason, **more}


async def _becomes(ctx: WaitingContext, *expected: str) -> str:
    """Wait until the account has been in these states, and no others; the last reason."""
    await ctx.until(lambda: len(ctx.states) >= len(expected))
    assert [health for health, _ in ctx.states] == list(expected)
    return ctx.states[-1][1]


async def test_an_account_starts_and_is_ready_when_it_is_connected(
    standing_in: Opens, backstage: Backstage, ctx: WaitingContext
) -> None:
    async with standing_in(after={}):
        await _becomes(ctx, "starting")
        backstage.tell(state("connecting"))
        backstage.tell(CONNECTED)
        assert await _becomes(ctx, "starting", "ready") == ""


async def test_a_connection_that_comes_and_goes_is_told_once_each_time(
    standing_in: Opens, backstage: Backstage, ctx: WaitingContext
) -> None:
    async with standing_in():
        await _becomes(ctx, "starting", "ready")
        for told in (state("disconnected", "lost"), state("disconnected", "lost"), state("connecting")):
            backstage.tell(told)
        assert await _becomes(ctx, "starting", "ready", "degraded") == "lost"
        backstage.tell(CONNECTED)
        backstage.tell(CONNECTED)
        await _becomes(ctx, "starting", "ready", "degraded", "ready")


@pytest.mark.parametrize(
    ("told", "health", "error", "mend"),
    [
        pytest.param(
            state("logged_out"),
            "down",
            CredentialsRejected,
            "stentor channels login whatsapp",
            id="logged out",
        ),
        pytest.param(
            state("logged_out", "the phone says so: do this"),
            "down",
            CredentialsRejected,
            "do this",
            id="the child knows why",
        ),
        pytest.param(state("banned"), "down", Unavailable, "on the phone", id="banned"),
        pytest.param(
            state("banned", "too many people", seconds=3600),
            "down",
            Throttled,
            " UTC: send less",
            id="banned for a while",
        ),
        pytest.param(
            state("outdated"), "down", Unavailable, "pip install -U 'stentor[whatsapp]'", id="outdated"
        ),
        pytest.param(state("replaced"), "down", Unavailable, "restart Stentor", id="replaced"),
        pytest.param(state("refused", "reason 418"), "degraded", Unavailable, "418", id="refused"),
    ],
)
async def test_who_is_not_let_in_says_what_to_do(
    standing_in: Opens,
    backstage: Backstage,
    ctx: WaitingContext,
    told: dict[str, object],
    health: str,
    error: type[DeliveryError],
    mend: str,
) -> None:
    ctx.held = True
    async with standing_in() as connection:
        await _becomes(ctx, "starting", "ready")
        backstage.tell(told)
        assert mend in await _becomes(ctx, "starting", "ready", health)
        for number in range(3):
            with pytest.raises(error) as raised:
                await connection.send(part(ident=f"p{number}.1"))
            assert mend in str(raised.value)
    assert not backstage.asked("send")
    assert len(ctx.states) == 3


async def test_a_ban_for_a_while_holds_the_account_for_as_long_and_then_it_connects_again(
    standing_in: Opens, backstage: Backstage, ctx: WaitingContext
) -> None:
    ctx.held = True
    async with standing_in() as connection:
        await _becomes(ctx, "starting", "ready")
        backstage.tell(state("banned", "too many people", seconds=3600))
        await ctx.until(lambda: ctx.slept)
        with pytest.raises(Throttled) as throttled:
            await connection.send(part())
        assert (throttled.value.retry_after, throttled.value.scope) == (3600, "account")
        ctx.held = False
        ctx.door.set()
        await _becomes(ctx, "starting", "ready", "down", "ready")
        assert ctx.slept == [3600]
        await connection.send(part())


async def test_what_is_amiss_outlives_the_connection_until_a_message_is_taken(
    standing_in: Opens, backstage: Backstage, ctx: WaitingContext
) -> None:
    error = {"error": {"kind": "library_error", "text": "server returned error 463", "announced": True}}
    async with standing_in(answers={"send": [error, {"message_id": "3EB0AA", "chat": ""}]}) as connection:
        with pytest.raises(Throttled):
            await connection.send(part())
        held = ctx.states[-1]
        backstage.tell(CONNECTED)
        backstage.tell("die")
        await ctx.until(lambda: ctx.states.count(("ready", "")) == 2)
        # The core hears that there is a connection, for what waited for that, and then of the rest.
        assert (ctx.states[-1], ctx.states[2]) == (held, held)
        assert [health for health, _ in ctx.states[2:]] == ["degraded", "degraded", "ready", "degraded"]
        assert "463" in held[1]
        await connection.send(part(ident="p2.1"))
        assert ctx.states[-1] == ("ready", "")


@pytest.mark.parametrize(
    "told",
    [
        pytest.param(state("banned", seconds=60), id="banned for a while"),
        pytest.param(state("refused", "reason 409"), id="refused"),
    ],
)
async def test_the_child_after_one_that_was_kept_out_may_try_and_is_judged_by_what_it_meets(
    standing_in: Opens, backstage: Backstage, ctx: WaitingContext, told: dict[str, object]
) -> None:
    began = state("connecting")
    lives = [[began, CONNECTED], [began, told, state("disconnected")], [began, CONNECTED]]
    async with standing_in(after={"connect": lives}) as connection:
        await _becomes(ctx, "starting", "ready")
        backstage.tell(told)
        await ctx.until(lambda: [health for health, _ in ctx.states].count("ready") == 2)
        await connection.send(part())
        assert len(backstage.lives) == 3


@pytest.mark.parametrize("name", ["logged_out", "outdated", "replaced", "banned"])
async def test_whoever_is_shut_out_for_good_has_no_child_that_keeps_the_session(
    standing_in: Opens, backstage: Backstage, ctx: WaitingContext, name: str
) -> None:
    async with standing_in():
        await _becomes(ctx, "starting", "ready")
        backstage.tell(state(name))
        await _becomes(ctx, "starting", "ready", "down")
        assert await backstage.nobody_is_left()
    assert len(backstage.lives) == 1


async def test_a_death_is_no_news_of_an_account_that_is_shut_out(
    standing_in: Opens, backstage: Backstage, ctx: WaitingContext
) -> None:
    ctx.held = True
    async with standing_in():
        await _becomes(ctx, "starting", "ready")
        backstage.tell(state("refused", "reason 418"))
        await ctx.until(lambda: ctx.slept)
        assert await _becomes(ctx, "starting", "ready", "degraded") == "reason 418"


async def test_a_session_that_was_put_back_is_told_of(standing_in: Opens, ctx: WaitingContext) -> None:
    async with standing_in(answers={"open": {"paired": True, "restored": True}}):
        await ctx.until(lambda: ("ready", "") in ctx.states)
    assert [health for health, _ in ctx.states] == ["starting", "degraded", "ready"]
    assert "copy" in ctx.states[1][1]


async def test_a_session_that_is_gone_after_a_restart_shuts_the_account(
    standing_in: Opens, backstage: Backstage, ctx: WaitingContext
) -> None:
    opened = [{"paired": True}, {"paired": False}]
    async with standing_in(answers={"open": opened}) as connection:
        await _becomes(ctx, "starting", "ready")
        backstage.tell("die")
        await ctx.until(lambda: ctx.states[-1][0] == "down")
        with pytest.raises(CredentialsRejected, match="stentor channels login whatsapp"):
            await connection.send(part())
        assert await backstage.nobody_is_left()


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("library", "libmagic is missing: apt install libmagic1"),
        ("locked", "another process has this session"),
        ("session", "the session is damaged, and there is no copy"),
    ],
)
async def test_an_account_that_cannot_be_opened_says_why(standing_in: Opens, kind: str, said: str) -> None:
    with pytest.raises(Unavailable, match=said):
        async with standing_in(answers={"open": {"error": {"kind": kind, "text": said}}}):
            pass


async def test_a_child_that_cannot_be_started_is_no_fault_of_the_credentials(standing_in: Opens) -> None:
    with pytest.raises(Unavailable, match="it ended"):
        async with standing_in(acts={"open": "die"}):
            pass


async def test_probing_says_who_we_are(standing_in: Opens) -> None:
    async with standing_in() as connection:
        assert await connection.probe() == "Ops (+6281234500001)"


async def test_probing_without_a_connection_says_so(standing_in: Opens) -> None:
    async with standing_in(after={}) as connection:
        with pytest.raises(Unavailable, match="being built up"):
            await connection.probe()


# And what WhatsApp does, as the real library tells of it.


@pytest.mark.parametrize(
    ("code", "health", "error"),
    [
        pytest.param(401, "down", CredentialsRejected, id="unlinked"),
        pytest.param(403, "down", CredentialsRejected, id="locked"),
        pytest.param(406, "down", CredentialsRejected, id="banned"),
        pytest.param(402, "down", Throttled, id="banned for a while"),
        pytest.param(405, "down", Unavailable, id="outdated"),
    ],
)
async def test_a_login_that_fails_is_told_with_its_mend(
    on_whatsapp: Opens,
    whatsapp: WhatsApp,
    ctx: WaitingContext,
    code: Any,
    health: str,
    error: type[DeliveryError],
) -> None:
    ctx.held = True
    await whatsapp.fail_login(code)
    async with on_whatsapp() as connection:
        await ctx.until(lambda: ctx.states[-1][0] == health)
        for number in range(2):
            with pytest.raises(error):
                await connection.send(part(ident=f"p{number}.1"))
    assert [said for said, _ in ctx.states] == ["starting", health]
    assert ctx.states[-1][1]


@pytest.mark.parametrize("code", [500, 503])
async def test_a_server_that_is_down_is_tried_again(
    on_whatsapp: Opens, whatsapp: WhatsApp, ctx: WaitingContext, code: Any
) -> None:
    await whatsapp.fail_login(code)
    async with on_whatsapp():
        await whatsapp.refusal()
        await whatsapp.fail_login(None)
        await ctx.until(lambda: ctx.states[-1] == ("ready", ""))


async def test_a_session_that_another_program_has_taken_over_is_left_to_it(
    on_whatsapp: Opens, whatsapp: WhatsApp, ctx: WaitingContext
) -> None:
    async with on_whatsapp() as connection:
        await ctx.until(lambda: ctx.states[-1] == ("ready", ""))
        await whatsapp.replaced()
        await ctx.until(lambda: ctx.states[-1][0] == "down")
        with pytest.raises(Unavailable):
            await connection.send(part())
        await whatsapp.gone()
    assert whatsapp.logins == 1


async def test_a_phone_that_throws_the_account_out_shuts_it(
    on_whatsapp: Opens, whatsapp: WhatsApp, ctx: WaitingContext
) -> None:
    async with on_whatsapp() as connection:
        await ctx.until(lambda: ctx.states[-1] == ("ready", ""))
        await whatsapp.unlink()
        await ctx.until(lambda: ctx.states[-1][0] == "down")
        with pytest.raises(CredentialsRejected):
            await connection.send(part())
        await whatsapp.gone()


async def test_a_connection_that_breaks_is_built_up_again(
    on_whatsapp: Opens, whatsapp: WhatsApp, ctx: WaitingContext
) -> None:
    async with on_whatsapp() as connection:
        await ctx.until(lambda: ctx.states[-1] == ("ready", ""))
        await whatsapp.disconnect()
        await ctx.until(
            lambda: [health for health, _ in ctx.states] == ["starting", "ready", "degraded", "ready"]
        )
        await connection.send(part())
    assert len(whatsapp.messages) == 1
