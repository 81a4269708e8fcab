"""Messages through the real library to the peer, and what they come to when a child fails on the way."""

import asyncio
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.plugins.whatsapp.backstage import (
    ANN,
    CONNECTED,
    SHORT,
    Backstage,
    Opens,
    WaitingContext,
    found,
    part,
)
from tests.plugins.whatsapp.peer import WhatsApp

from stentor import (
    Ambiguous,
    CredentialsRejected,
    InvalidTarget,
    NotSent,
    Rejected,
    TargetHints,
    Throttled,
    Unavailable,
)
from stentor.contract.errors import DeliveryError
from stentor.contract.payloads import Attachment, Manner
from stentor_whatsapp import WhatsAppChannel

ANN_JID, ANN_LID = f"{ANN}@s.whatsapp.net", f"8{ANN}@lid"
GROUP = "120363401234567890@g.us"


def refusal(kind: str, text: str, **facts: object) -> dict[str, Any]:
    return {"error": {"kind": kind, "text": text, **facts}}


@pytest.mark.parametrize("text", [f"+{ANN}", ANN, f"{ANN}@s.whatsapp.net"])
async def test_every_spelling_of_a_number_reaches_the_same_person(
    on_whatsapp: Opens, whatsapp: WhatsApp, text: str
) -> None:
    target = WhatsAppChannel().parse_target(text, TargetHints())
    async with on_whatsapp() as connection:
        receipt = await connection.send(part(target))
    (message,) = whatsapp.messages
    assert (message.to, message.text) == (ANN_LID, "Good morning")
    assert (receipt.target, receipt.message_id) == (target, message.id)
    assert receipt.detail == {"chat": ANN_LID}


async def test_receipts_come_later_with_the_part_they_belong_to(
    on_whatsapp: Opens, ctx: WaitingContext
) -> None:
    async with on_whatsapp() as connection:
        receipt = await connection.send(part())
        await ctx.until(lambda: len(ctx.reports) == 3)
    assert [(report.message_id, report.level, report.part_id) for report in ctx.reports] == [
        (receipt.message_id, level, "p1.1") for level in ("accepted", "delivered", "read")
    ]


async def test_receipts_that_come_before_the_send_returns_belong_to_the_part_all_the_same(
    on_whatsapp: Opens, whatsapp: WhatsApp, ctx: WaitingContext
) -> None:
    whatsapp.mode = "receipts_first"
    async with on_whatsapp() as connection:
        receipt = await connection.send(part())
        await ctx.until(lambda: len(ctx.reports) == 3)
    assert {(report.message_id, report.part_id) for report in ctx.reports} == {(receipt.message_id, "p1.1")}


async def test_receipts_that_come_while_nobody_is_there_are_told_at_the_next_start(
    on_whatsapp: Opens, whatsapp: WhatsApp, ctx: WaitingContext
) -> None:
    whatsapp.mode = "ack"
    async with on_whatsapp() as connection:
        receipt = await connection.send(part())
    ctx.reports.clear()
    await whatsapp.gone()
    await whatsapp.read(receipt.message_id)
    async with on_whatsapp():
        await ctx.until(lambda: ctx.reports)
    assert [(report.message_id, report.level, report.part_id) for report in ctx.reports] == [
        (receipt.message_id, "read", "p1.1")
    ]


async def test_groups_and_hidden_numbers_are_written_to_as_they_are(
    on_whatsapp: Opens, whatsapp: WhatsApp
) -> None:
    whatsapp.group(GROUP, ANN)
    async with on_whatsapp() as connection:
        for number, jid in enumerate((GROUP, ANN_LID)):
            sent = part(jid, f"p{number}.1")
            assert (await connection.send(sent)).target == sent.target
    assert [message.to for message in whatsapp.messages] == [GROUP, ANN_LID]


async def test_a_number_that_whatsapp_spells_otherwise_is_written_to_as_whatsapp_spells_it(
    on_whatsapp: Opens, whatsapp: WhatsApp
) -> None:
    """Many numbers of Brazil have a 9 that WhatsApp does not know of."""
    whatsapp.canonical["5531991234567"] = "553191234567"
    target = part("5531991234567@s.whatsapp.net").target
    async with on_whatsapp() as connection:
        resolved = await connection.resolve(target)
        receipt = await connection.send(part(target))
    assert resolved.canonical == "whatsapp:+553191234567"
    assert resolved.display.startswith("+5531991234567 → 553191234567@s.whatsapp.net")
    assert whatsapp.messages[0].to == whatsapp.lid("553191234567")
    assert receipt.target == target


async def test_a_number_is_shown_with_what_whatsapp_knows_it_by(on_whatsapp: Opens) -> None:
    async with on_whatsapp() as connection:
        resolved = await connection.resolve(part().target)
        group = part(GROUP).target
        assert await connection.resolve(group) is group
    assert resolved == part().target
    assert resolved.display == f"+{ANN} → {ANN_JID} (LID {ANN_LID})"


async def test_a_number_that_is_not_on_whatsapp_is_refused_and_not_written_to(
    on_whatsapp: Opens, whatsapp: WhatsApp
) -> None:
    whatsapp.unknown_numbers.add(ANN)
    async with on_whatsapp() as connection:
        with pytest.raises(InvalidTarget, match="not on WhatsApp"):
            await connection.resolve(part().target)
        with pytest.raises(Rejected, match="not on WhatsApp") as rejected:
            await connection.send(part())
        assert rejected.value.reason == "not_found"
    assert not whatsapp.messages


async def test_a_file_goes_with_its_text(on_whatsapp: Opens, whatsapp: WhatsApp, tmp_path: Path) -> None:
    path = tmp_path / "minutes.txt"
    path.write_bytes(b"Minutes of the meeting\n")
    file = Attachment("minutes.txt", path, "text/plain", path.stat().st_size)
    async with on_whatsapp() as connection:
        await connection.send(part(attachment=file))
    (message,) = whatsapp.messages
    assert (message.kind, message.text) == ("document", "Good morning")
    assert message.file is not None
    assert (message.file.name, message.file.data) == ("minutes.txt", b"Minutes of the meeting\n")


@pytest.mark.parametrize("wanted", [True, False])
async def test_people_are_called_where_the_job_wants_that(
    on_whatsapp: Opens, whatsapp: WhatsApp, wanted: bool
) -> None:
    async with on_whatsapp() as connection:
        await connection.send(part(text=f"Look @{ANN}", manner=Manner(mentions=wanted)))
    assert whatsapp.messages[0].mentions == ((ANN_JID,) if wanted else ())


@pytest.mark.parametrize(
    ("code", "kind"), [(479, Rejected), (463, Throttled), (503, NotSent)], ids=["479", "463", "503"]
)
async def test_a_message_that_whatsapp_refuses_is_not_sent(
    on_whatsapp: Opens, whatsapp: WhatsApp, ctx: WaitingContext, code: int, kind: type[DeliveryError]
) -> None:
    async with on_whatsapp() as connection:
        await connection.send(part())
        whatsapp.mode = ("error", code)
        with pytest.raises(kind):
            await connection.send(part(ident="p2.1"))
        assert await connection.reconcile(part(ident="p2.1", first_tried=ctx.now())) is None


async def test_an_account_that_may_not_write_to_strangers_is_degraded_until_it_may(
    on_whatsapp: Opens, whatsapp: WhatsApp, ctx: WaitingContext
) -> None:
    async with on_whatsapp() as connection:
        whatsapp.mode = ("error", 463)
        for number in range(3):
            with pytest.raises(Throttled):
                await connection.send(part(ident=f"p{number}.1"))
        said = [reason for state, reason in ctx.states if state == "degraded"]
        assert len(said) == 1
        assert "463" in said[0]
        whatsapp.mode = "ack"
        await connection.send(part(ident="p9.1"))
    assert ctx.states[-1] == ("ready", "")


async def test_a_dropped_connection_is_no_second_message(on_whatsapp: Opens, whatsapp: WhatsApp) -> None:
    """The library itself sends the same frame again, under the same id."""
    whatsapp.mode = "drop"
    async with on_whatsapp() as connection:
        receipt = await connection.send(part())
    assert [message.id for message in whatsapp.messages] == [receipt.message_id]


async def test_a_child_that_is_killed_under_a_message_leaves_it_in_doubt_and_the_next_one_recalls_it(
    on_whatsapp: Opens, whatsapp: WhatsApp, ctx: WaitingContext, tmp_path: Path
) -> None:
    async with on_whatsapp() as connection:
        await connection.send(part(ident="p0.1"))
        whatsapp.mode = "silent"
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(_in_doubt(connection.send(part())))
            message = await whatsapp.message(2)
            os.kill(_child_of_ours(), signal.SIGKILL)
            await sending
        await ctx.until(lambda: [state for state, _ in ctx.states].count("ready") == 2)
        with pytest.raises(Rejected) as rejected:
            await connection.reconcile(part())
        assert rejected.value.reason == "not_told"
        await whatsapp.read(message.id)
        await ctx.until(lambda: any(report.part_id == "p1.1" for report in ctx.reports))
        recalled = await connection.reconcile(part())
    assert recalled is not None
    assert (recalled.message_id, recalled.target) == (message.id, part().target)
    assert len(whatsapp.messages) == 2


async def test_a_panic_costs_a_restart(on_whatsapp: Opens, whatsapp: WhatsApp, ctx: WaitingContext) -> None:
    async with on_whatsapp() as connection:
        await connection.send(part())
        await whatsapp.panic()
        await ctx.until(lambda: [state for state, _ in ctx.states].count("ready") == 2)
        await connection.send(part(ident="p2.1"))
    assert [state for state, _ in ctx.states] == ["starting", "ready", "degraded", "ready"]
    assert "panic: " in ctx.states[2][1]
    assert len(whatsapp.messages) == 2


async def test_an_account_that_is_not_paired_is_told_how_to_be(on_whatsapp: Opens, tmp_path: Path) -> None:
    (tmp_path / "session.db").touch()
    with pytest.raises(CredentialsRejected, match="stentor channels login whatsapp"):
        async with on_whatsapp():
            pass


# From here on children stand in.


@pytest.mark.parametrize("act", ["die", "panic", "nonsense"])
async def test_a_message_under_way_in_a_child_that_fails_may_have_arrived(
    standing_in: Opens, act: str
) -> None:
    async with standing_in(acts={"send": act}) as connection:
        with pytest.raises(Ambiguous):
            await connection.send(part())


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        pytest.param(refusal("not_connected", "no connection"), Unavailable, id="not connected"),
        pytest.param(
            refusal("library_error", "words of next year", announced=False), NotSent, id="never announced"
        ),
        pytest.param(
            refusal("library_error", "words of next year", announced=True), Ambiguous, id="announced"
        ),
        pytest.param(refusal("library_error", "words of next year"), Ambiguous, id="nobody says"),
        pytest.param(refusal("bad_request", "what?"), NotSent, id="not understood"),
    ],
)
async def test_what_the_child_answers_decides(
    standing_in: Opens, answer: dict[str, Any], kind: type[DeliveryError]
) -> None:
    async with standing_in(answers={"send": answer}) as connection:
        with pytest.raises(kind):
            await connection.send(part())


async def test_nothing_is_handed_over_before_there_is_a_connection(
    standing_in: Opens, backstage: Backstage
) -> None:
    async with standing_in(after={}) as connection:
        with pytest.raises(Unavailable):
            await connection.send(part())
    assert not backstage.asked("send")


async def test_a_message_waits_a_moment_for_the_connection(standing_in: Opens, backstage: Backstage) -> None:
    async with standing_in(replace(SHORT, connected=10), after={}) as connection:
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(connection.send(part()))
            await asyncio.sleep(0)
            backstage.tell(CONNECTED)
        assert sending.result().message_id == "3EB0AA"


async def test_messages_go_one_after_the_other(standing_in: Opens, backstage: Backstage) -> None:
    async with standing_in(acts={"send": "hang"}) as connection, asyncio.TaskGroup() as group:
        first = group.create_task(connection.send(part(ident="p1.1")))
        while not backstage.asked("send"):
            await asyncio.sleep(0)
        with pytest.raises(Unavailable, match="before this one"):
            await connection.send(part(ident="p2.1"))
        with pytest.raises(Ambiguous, match="under way"):
            await connection.reconcile(part(ident="p1.1"))
        assert await connection.reconcile(part(ident="p2.1")) is None
        (asked,) = backstage.asked("send")
        backstage.tell({"id": asked["id"], "ok": {"message_id": "3EB0BB", "chat": ANN_LID}})
        assert (await first).message_id == "3EB0BB"


async def test_a_message_that_nobody_waits_for_any_more_still_has_its_turn(
    standing_in: Opens, backstage: Backstage
) -> None:
    async with standing_in(acts={"send": "hang"}) as connection:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await connection.send(part(ident="p1.1"))
        with pytest.raises(Unavailable, match="before this one"):
            await connection.send(part(ident="p2.1"))
        with pytest.raises(Ambiguous, match="under way"):
            await connection.reconcile(part(ident="p1.1"))
    assert len(backstage.asked("send")) == 1


async def test_a_child_that_never_says_what_became_of_a_message_is_replaced(
    standing_in: Opens, backstage: Backstage, ctx: WaitingContext
) -> None:
    async with standing_in(replace(SHORT, send=0.2), acts={"send": ["freeze", "answer"]}) as connection:
        async with asyncio.timeout(3):
            with pytest.raises(Ambiguous):
                await connection.send(part())
        await ctx.until(lambda: [state for state, _ in ctx.states].count("ready") == 2)
        await connection.send(part(ident="p2.1"))
    assert len(backstage.lives) == 2


@pytest.mark.parametrize(
    ("answer", "message_id"),
    [
        ({"state": "accepted", "message_id": "3EB0AA", "chat": ANN_LID, "certain": True}, "3EB0AA"),
        ({"state": "never", "certain": True}, None),
    ],
    ids=["accepted", "never"],
)
async def test_what_is_recalled_of_a_part_settles_it(
    standing_in: Opens, answer: dict[str, Any], message_id: str | None
) -> None:
    async with standing_in(answers={"recall": answer}) as connection:
        recalled = await connection.reconcile(part(ANN_LID))
        assert (None if recalled is None else recalled.message_id) == message_id


@pytest.mark.parametrize(
    "answer",
    [
        {"state": "never", "certain": False},
        {"state": "handed_over", "message_id": "3EB0AA", "chat": ANN_LID, "certain": True},
        {"state": "accepted", "message_id": "", "certain": True},
        {},
    ],
    ids=["never, as far as is known", "handed over", "accepted without an id", "nonsense"],
)
async def test_a_part_that_may_have_arrived_stays_in_doubt(
    standing_in: Opens, answer: dict[str, Any]
) -> None:
    async with standing_in(answers={"recall": answer}) as connection:
        with pytest.raises(Rejected) as rejected:
            await connection.reconcile(part(ANN_LID))
        assert rejected.value.reason == "not_told"


async def test_what_the_child_hears_of_a_message_is_told_and_what_makes_no_sense_is_not(
    standing_in: Opens, backstage: Backstage, ctx: WaitingContext
) -> None:
    told = {"event": "receipt", "message_id": "3EB0AA", "level": "read", "at": 1_795_225_318_000}
    async with standing_in():
        await ctx.until(lambda: ctx.states[-1] == ("ready", ""))
        for event in ({**told, "level": "liked"}, {**told, "message_id": ""}, {**told, "part": "p1.1"}):
            backstage.tell(event)
        backstage.tell({"event": "state", "state": "disconnected", "reason": "what comes last"})
        await ctx.until(lambda: ctx.states[-1] == ("degraded", "what comes last"))
    (report,) = ctx.reports
    assert (report.message_id, report.level, report.part_id) == ("3EB0AA", "read", "p1.1")
    assert report.at.timestamp() == 1_795_225_318


async def test_a_part_cannot_be_recalled_while_there_is_no_child(
    standing_in: Opens, backstage: Backstage, ctx: WaitingContext
) -> None:
    async with standing_in() as connection:
        ctx.held = True
        backstage.tell("die")
        await ctx.until(lambda: ctx.slept)
        with pytest.raises(Unavailable):
            await connection.reconcile(part())


@pytest.mark.parametrize(
    ("chat", "lid", "landed"),
    [
        (ANN_LID, ANN_LID, f"whatsapp:+{ANN}"),
        (ANN_JID, ANN_LID, f"whatsapp:+{ANN}"),
        (ANN_LID, "", f"whatsapp:+{ANN}"),
        ("", ANN_LID, f"whatsapp:+{ANN}"),
        ("999@lid", ANN_LID, "whatsapp:lid:999@lid"),
        ("6289999999999@s.whatsapp.net", "", "whatsapp:+6289999999999"),
    ],
    ids=["hidden", "number", "hidden, first heard", "not said", "another hidden one", "another number"],
)
async def test_the_receipt_names_the_chat_that_whatsapp_named(
    standing_in: Opens, chat: str, lid: str, landed: str
) -> None:
    answers = {"send": {"message_id": "3EB0AA", "chat": chat}, "look_up": found(lid=lid)}
    async with standing_in(answers=answers) as connection:
        assert (await connection.send(part())).target.canonical == landed


async def _in_doubt(sending: Any) -> None:
    with pytest.raises(Ambiguous):
        await sending


def _child_of_ours() -> int:
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    (child,) = (
        int(pid) for pid in children if b"stentor_whatsapp.child" in Path(f"/proc/{pid}/cmdline").read_bytes()
    )
    return child
