"""How the child tells what the connection is like, and what it does about a session that is not what it should be."""

import asyncio
from pathlib import Path

import pytest
from tests.plugins.whatsapp.children import Said, child
from tests.plugins.whatsapp.peer import WhatsApp

from stentor_whatsapp.session import paired


async def belongs_to_nobody(session: Path) -> None:
    """The library deletes a session that is over at about the time when it says so."""
    async with asyncio.timeout(10):
        while paired(session) is not None:
            await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("code", "state", "words", "stays"),
    [
        pytest.param(401, "logged_out", "unlinked on the phone", False, id="401 unlinked"),
        pytest.param(402, "banned", "too many people have blocked it", True, id="402 banned for a while"),
        pytest.param(403, "logged_out", "locked or banned", False, id="403 locked"),
        pytest.param(405, "outdated", "pip install", True, id="405 outdated"),
        pytest.param(406, "logged_out", "locked or banned", False, id="406 banned"),
        pytest.param(409, "refused", "409", True, id="409 refused"),
        pytest.param(418, "refused", "418", True, id="418 that the library does not know"),
        pytest.param(500, "disconnected", "is being made again", True, id="500 out of order"),
        pytest.param(503, "disconnected", "is being made again", True, id="503 too busy"),
    ],
)
async def test_a_login_that_fails_says_why(
    whatsapp: WhatsApp, tmp_path: Path, code: int, state: str, words: str, stays: bool
) -> None:
    await whatsapp.paired_session(tmp_path / "session.db")
    async with child(whatsapp, tmp_path) as kid:
        await kid.open()
        await whatsapp.fail_login(code, ban=102, expire=7200)
        await kid.ask("connect")
        told = await kid.state(state)
        assert words in told["reason"]
        if state == "banned":
            assert told["seconds"] == 7200
        assert not kid.all("state", state="connected")
        with pytest.raises(Said) as said:
            await kid.send()
        assert said.value.kind == "not_connected"
        told = [event["state"] for event in kid.all("state")]
        assert told[0] == "connecting"
        assert set(told[1:]) == {state}, "that the connection is gone says nothing more"
        if not stays:
            await belongs_to_nobody(tmp_path / "session.db")
    async with child(whatsapp, tmp_path) as next_life:
        assert (await next_life.open())["paired"] is stays


async def test_it_connects_again_by_itself_when_the_connection_breaks(
    whatsapp: WhatsApp, tmp_path: Path
) -> None:
    await whatsapp.paired_session(tmp_path / "session.db")
    async with child(whatsapp, tmp_path) as kid:
        await kid.log_in()
        await whatsapp.disconnect()
        await kid.state("disconnected")
        await kid.event("state", 2, state="connected")
        await kid.send()
        assert [event["state"] for event in kid.all("state")] == [
            "connecting",
            "connected",
            "disconnected",
            "connected",
        ]


async def test_another_program_that_takes_its_place_is_told_of(whatsapp: WhatsApp, tmp_path: Path) -> None:
    await whatsapp.paired_session(tmp_path / "session.db")
    async with child(whatsapp, tmp_path) as kid:
        await kid.log_in()
        await whatsapp.replaced()
        assert "another program" in (await kid.state("replaced"))["reason"]


async def test_being_thrown_out_is_told_at_once(whatsapp: WhatsApp, tmp_path: Path) -> None:
    await whatsapp.paired_session(tmp_path / "session.db")
    async with child(whatsapp, tmp_path) as kid:
        await kid.log_in()
        await whatsapp.unlink()
        await kid.state("logged_out")
        await belongs_to_nobody(tmp_path / "session.db")
    async with child(whatsapp, tmp_path) as next_life:
        assert (await next_life.open())["paired"] is False


async def test_an_unknown_error_of_the_stream_is_trouble(whatsapp: WhatsApp, tmp_path: Path) -> None:
    await whatsapp.paired_session(tmp_path / "session.db")
    async with child(whatsapp, tmp_path) as kid:
        await kid.log_in()
        await whatsapp.stream_error(code=599)
        assert "599" in (await kid.event("trouble"))["text"]


async def test_where_nobody_can_be_reached_it_says_so_and_leaves(whatsapp: WhatsApp, tmp_path: Path) -> None:
    await whatsapp.paired_session(tmp_path / "session.db")
    async with child(whatsapp, tmp_path) as kid:
        await kid.open(proxy="http://user:password@127.0.0.1:9")
        await kid.ask("connect")
        reason = (await kid.state("disconnected"))["reason"]
        assert "cannot be reached" in reason
        assert "password" not in reason
        assert await kid.gone() == 0


async def test_it_is_connected_once(whatsapp: WhatsApp, tmp_path: Path) -> None:
    await whatsapp.paired_session(tmp_path / "session.db")
    async with child(whatsapp, tmp_path) as kid:
        await kid.log_in()
        for do in ("open", "connect"):
            with pytest.raises(Said) as said:
                await kid.ask(do)
            assert said.value.kind == "bad_request"


async def test_a_folder_may_be_called_anything(whatsapp: WhatsApp, tmp_path: Path) -> None:
    folder = tmp_path / "50%20 off? #1 'ü'"
    folder.mkdir()
    await whatsapp.paired_session(folder / "session.db")
    async with child(whatsapp, folder) as kid:
        await kid.log_in()
        await kid.send()
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} >= {"session.db", "session.db.bak"}
    assert [path for path in tmp_path.iterdir() if path.is_file()] == []


async def test_a_damaged_session_is_put_right_from_its_copy(whatsapp: WhatsApp, tmp_path: Path) -> None:
    session = await whatsapp.paired_session(tmp_path / "session.db")
    async with child(whatsapp, tmp_path) as kid:
        await kid.log_in()
    damaged = b"no database any more" * 1000
    session.write_bytes(damaged)
    async with child(whatsapp, tmp_path) as next_life:
        assert (await next_life.open())["restored"] is True
        await next_life.ask("connect")
        await next_life.state("connected")
        await next_life.send()
    await whatsapp.message()
    assert (tmp_path / "session.db.damaged").read_bytes() == damaged


async def test_a_damaged_session_without_a_copy_is_an_error_that_says_what_to_do(
    whatsapp: WhatsApp, tmp_path: Path
) -> None:
    (tmp_path / "session.db").write_bytes(b"no database" * 1000)
    async with child(whatsapp, tmp_path) as kid:
        with pytest.raises(Said, match="stentor channels login whatsapp") as said:
            await kid.open()
        assert said.value.kind == "session"


async def test_a_folder_that_is_not_there_is_an_error(whatsapp: WhatsApp, tmp_path: Path) -> None:
    async with child(whatsapp, tmp_path) as kid:
        with pytest.raises(Said, match="nowhere") as said:
            await kid.open(session=str(tmp_path / "nowhere" / "session.db"))
        assert said.value.kind == "session"


async def test_a_damaged_ledger_costs_certainty_alone(whatsapp: WhatsApp, tmp_path: Path) -> None:
    await whatsapp.paired_session(tmp_path / "session.db")
    (tmp_path / "ledger.db").write_bytes(b"no database" * 1000)
    async with child(whatsapp, tmp_path) as kid:
        assert (await kid.open())["forgetful"] is True
        assert (await kid.recall())["certain"] is False
