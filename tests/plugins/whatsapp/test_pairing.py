"""A phone takes the account in, by picture or by code, and throws it out again; nothing is left running."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from tests.plugins.whatsapp.backstage import ME, SHORT, Backstage, Opens, WaitingContext, part
from tests.plugins.whatsapp.peer import WhatsApp

from stentor import Account, CredentialsRejected, Unavailable
from stentor.contract.errors import DeliveryError
from stentor.contract.pairing import PairingCode
from stentor_whatsapp import WhatsAppChannel
from stentor_whatsapp.channel import WhatsAppSettings
from stentor_whatsapp.pairing import Patience, pair, unpair
from stentor_whatsapp.session import paired

BRIEF = Patience(open=5, code=5, phone=0.3, synced=0.3, answer=0.3, grace=SHORT.grace)
OPENED = {"version": "0.0.0", "paired": False, "me": ""}
QR = {"event": "qr", "text": "2@first", "seconds": 60}
PAIRED = {"event": "paired", "me": ME, "lid": "900000000000001@lid"}


class Desk:
    """The owner of an account."""

    def __init__(self, phone: str = "") -> None:
        self.phone = phone
        self.said: list[str] = []
        self.codes: asyncio.Queue[PairingCode] = asyncio.Queue()

    def show(self, code: PairingCode) -> None:
        self.codes.put_nowait(code)

    def say(self, line: str) -> None:
        self.said.append(line)

    async def code(self) -> PairingCode:
        return await asyncio.wait_for(self.codes.get(), 20)


Calls = Callable[..., Awaitable[Any]]


@pytest.fixture
def pairing(backstage: Backstage, ctx: WaitingContext) -> Calls:
    """Pairs with a child that stands in."""

    async def called(desk: Desk, patience: Patience = BRIEF, **script: Any) -> str:
        given = WhatsAppSettings()
        argv = backstage.argv(**{"answers": {"open": OPENED}, **script})
        try:
            return await pair(
                given, Account("whatsapp", "default", given), ctx, desk, argv=argv, patience=patience
            )
        finally:
            assert await backstage.nobody_is_left()

    return called


@pytest.fixture
def unpairing(backstage: Backstage, ctx: WaitingContext) -> Calls:
    async def called(**script: Any) -> None:
        given = WhatsAppSettings()
        argv = backstage.argv(**script)
        try:
            await unpair(given, Account("whatsapp", "default", given), ctx, argv=argv, patience=BRIEF)
        finally:
            assert await backstage.nobody_is_left()

    return called


@pytest.fixture
def account(whatsapp: WhatsApp, monkeypatch: pytest.MonkeyPatch) -> Account:
    for name, value in whatsapp.environment.items():
        monkeypatch.setenv(name, value)
    return Account("whatsapp", "default", WhatsAppSettings(base_url=whatsapp.proxy_url))


async def test_a_phone_scans_the_picture(
    whatsapp: WhatsApp, account: Account, ctx: WaitingContext, on_whatsapp: Opens
) -> None:
    desk = Desk()
    async with asyncio.TaskGroup() as group:
        pairs = group.create_task(WhatsAppChannel().pair(account, ctx, desk))
        code = await desk.code()
        assert (code.kind, code.seconds) == ("qr", 60)
        await whatsapp.scan(code.text)
    assert pairs.result() == f"+{whatsapp.phone.number}"
    assert "Linked devices" in desk.said[0]
    await whatsapp.gone()
    # From then on it sends, also after a restart.
    async with on_whatsapp() as connection:
        await connection.send(part())
    assert len(whatsapp.messages) == 1


async def test_a_code_is_typed_on_the_phone(
    whatsapp: WhatsApp, account: Account, ctx: WaitingContext
) -> None:
    desk = Desk(phone=f"+{whatsapp.phone.number}")
    async with asyncio.TaskGroup() as group:
        pairs = group.create_task(WhatsAppChannel().pair(account, ctx, desk))
        code = await desk.code()
        assert code.kind == "code"
        await whatsapp.enter(code.text)
    assert pairs.result() == f"+{whatsapp.phone.number}"
    assert desk.codes.empty()
    assert "Link with phone number" in desk.said[0]


async def test_pairing_twice_is_refused_with_what_to_do_first(
    whatsapp: WhatsApp, account: Account, ctx: WaitingContext
) -> None:
    await whatsapp.paired_session(ctx.data_dir / "session.db")
    async with asyncio.timeout(20):
        with pytest.raises(Unavailable, match="stentor channels logout whatsapp"):
            await WhatsAppChannel().pair(account, ctx, Desk())
    assert paired(ctx.data_dir / "session.db") is not None


async def test_a_session_that_is_in_use_is_not_paired(
    whatsapp: WhatsApp, account: Account, ctx: WaitingContext, on_whatsapp: Opens
) -> None:
    async with on_whatsapp():
        with pytest.raises(Unavailable, match="another process has the session"):
            await WhatsAppChannel().pair(account, ctx, Desk())


async def test_ending_the_pairing_ends_it_there_and_here(
    whatsapp: WhatsApp, account: Account, ctx: WaitingContext, on_whatsapp: Opens
) -> None:
    async with on_whatsapp() as connection:
        await connection.send(part())
    kept = shutil.copyfile(ctx.data_dir / "session.db", ctx.data_dir / "kept")
    await WhatsAppChannel().unpair(account, ctx)
    left = {path.name for path in ctx.data_dir.iterdir() if path.name.startswith("session")}
    assert left <= {"session.db.lock"}
    assert (ctx.data_dir / "ledger.db").exists()
    with pytest.raises(CredentialsRejected, match="stentor channels login whatsapp"):
        await WhatsAppChannel().open(account, ctx)
    # And once more, for whoever is not sure.
    await WhatsAppChannel().unpair(account, ctx)
    # WhatsApp does not know the device any more.
    kept.rename(ctx.data_dir / "session.db")
    async with on_whatsapp():
        await ctx.until(lambda: ctx.states[-1][0] == "down")


async def test_a_pairing_that_the_phone_has_ended_can_be_ended_here(
    whatsapp: WhatsApp, account: Account, ctx: WaitingContext
) -> None:
    await whatsapp.paired_session(ctx.data_dir / "session.db")
    await whatsapp.fail_login(401)
    await WhatsAppChannel().unpair(account, ctx)
    assert not (ctx.data_dir / "session.db").exists()


async def test_whoever_is_paired_anew_can_send_anew(
    whatsapp: WhatsApp, account: Account, ctx: WaitingContext, on_whatsapp: Opens
) -> None:
    for _ in range(2):
        await WhatsAppChannel().unpair(account, ctx)
        desk = Desk()
        async with asyncio.TaskGroup() as group:
            group.create_task(WhatsAppChannel().pair(account, ctx, desk))
            await whatsapp.scan((await desk.code()).text)
    async with on_whatsapp() as connection:
        await connection.send(part())
    assert len(whatsapp.messages) == 1


# From here on children stand in.


async def test_pictures_are_shown_as_they_replace_each_other(pairing: Calls) -> None:
    desk = Desk()
    second = {**QR, "text": "2@second", "seconds": 20}
    said = await pairing(desk, after={"connect": [QR, second, PAIRED]})
    assert said == f"+{ME}"
    assert [await desk.code(), await desk.code()] == [
        PairingCode("qr", "2@first", 60),
        PairingCode("qr", "2@second", 20),
    ]
    assert desk.codes.empty()


async def test_whoever_types_a_code_is_shown_no_pictures(pairing: Calls, backstage: Backstage) -> None:
    desk = Desk(phone="+62 812-3450-0001")
    code = {"code": "ABCD-EFGH"}
    await pairing(
        desk, answers={"open": OPENED, "pair_code": code}, after={"connect": [QR], "pair_code": [PAIRED]}
    )
    assert (await desk.code()).text == "ABCD-EFGH"
    assert desk.codes.empty()
    assert backstage.asked("pair_code")[0]["phone"] == ME


async def test_a_phone_that_is_no_number_is_refused_before_anything_happens(
    pairing: Calls, backstage: Backstage
) -> None:
    with pytest.raises(Unavailable, match="no phone number"):
        await pairing(Desk(phone="my phone"))
    assert not backstage.lives


@pytest.mark.parametrize(
    ("state", "error"),
    [
        ("refused", CredentialsRejected),
        ("banned", CredentialsRejected),
        ("logged_out", CredentialsRejected),
        ("outdated", Unavailable),
        ("disconnected", Unavailable),
    ],
)
async def test_a_pairing_that_comes_to_nothing_says_why(
    pairing: Calls, state: str, error: type[DeliveryError]
) -> None:
    why = {"event": "state", "state": state, "reason": "nobody scanned the code in time"}
    with pytest.raises(error, match="nobody scanned"):
        await pairing(Desk(), after={"connect": [QR, why]})


async def test_a_phone_that_never_answers_is_not_waited_for_for_ever(pairing: Calls) -> None:
    with pytest.raises(CredentialsRejected, match="nobody answered on the phone"):
        await pairing(Desk(), after={"connect": [QR]})


@pytest.mark.parametrize("act", ["die", "panic", "nonsense"])
@pytest.mark.parametrize("deed", ["open", "connect"])
async def test_a_child_that_fails_ends_the_pairing(pairing: Calls, deed: str, act: str) -> None:
    with pytest.raises(Unavailable):
        await pairing(Desk(), acts={deed: act})


async def test_a_child_that_fails_while_the_phone_is_waited_for_ends_the_pairing(
    pairing: Calls, backstage: Backstage
) -> None:
    desk = Desk()
    patient = Patience(phone=60, grace=SHORT.grace)
    async with asyncio.TaskGroup() as group:
        group.create_task(_fails(pairing(desk, patient, after={"connect": [QR]}), "panic: runtime error"))
        await desk.code()
        backstage.tell("panic")


async def test_a_pairing_that_is_called_off_leaves_nobody(pairing: Calls, backstage: Backstage) -> None:
    desk = Desk()
    patient = Patience(phone=60, grace=SHORT.grace)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(pairing(desk, patient, after={"connect": [QR]}))
        await desk.code()
        task.cancel()
    assert task.cancelled()
    assert len(backstage.lives) == 1


async def test_a_phone_that_does_not_finish_is_paired_all_the_same(pairing: Calls) -> None:
    desk = Desk()
    assert await pairing(desk, after={"connect": [PAIRED]}) == f"+{ME}"
    assert ME in desk.said[-1]


async def test_an_account_that_is_thrown_out_at_once_is_not_paired(pairing: Calls) -> None:
    out = {"event": "state", "state": "logged_out", "reason": "unlinked on the phone"}
    with pytest.raises(CredentialsRejected, match="unlinked"):
        await pairing(Desk(), after={"connect": [PAIRED, out]})


async def test_a_pairing_that_cannot_be_ended_there_is_not_ended_here(
    unpairing: Calls, backstage: Backstage
) -> None:
    backstage.pair()
    with pytest.raises(Unavailable, match="unlink it on the phone"):
        await unpairing()
    assert (backstage.folder / "session.db").exists()


async def test_what_is_left_of_a_session_is_removed(unpairing: Calls, backstage: Backstage) -> None:
    names = ["session.db", "session.db.bak", "session.db-journal", "session.db.damaged"]
    for name in (*names, "session.db.lock", "ledger.db", "numbers.json"):
        (backstage.folder / name).touch()
    await unpairing()
    left = {path.name for path in backstage.folder.iterdir()}
    assert left == {"session.db.lock", "ledger.db", "numbers.json"}


async def _fails(pairing: Awaitable[str], why: str) -> None:
    with pytest.raises(Unavailable, match=why):
        await pairing
