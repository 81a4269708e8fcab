"""Jobs that deliver to WhatsApp, from the command line, through the real library in its process, to a phone that reads."""

import asyncio
import os
import signal
import sqlite3
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

import pytest
from tests.left_out import is_here
from tests.outside import JsonObject, Stentor, serving, until

if not is_here("whatsapp"):
    pytest.skip("the channel whatsapp was left out of this checkout", allow_module_level=True)

from tests.plugins.whatsapp.peer import Authority, WhatsApp
from tests.plugins.whatsapp.peer.fixtures import authority

__all__ = ["authority"]

T = TypeVar("T")
ANN = "6281234567890"
SPELLINGS = (f"whatsapp:+{ANN}", f"whatsapp:{ANN}", f"whatsapp:{ANN}@s.whatsapp.net")
SETTINGS = """
[channels.whatsapp.accounts.default]
base_url = "{proxy}"
seconds_between = 0.01
"""


@dataclass(frozen=True)
class Phone:
    """The test peer on a loop of its own, so that a test may wait for a command meanwhile."""

    server: WhatsApp
    loop: asyncio.AbstractEventLoop

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        doing: Future[T] = asyncio.run_coroutine_threadsafe(work, self.loop)
        return doing.result(60)

    @property
    def texts(self) -> list[tuple[str, str]]:
        """What has arrived, each with whom it was for."""
        return [(message.to, message.text) for message in self.server.messages]


@contextmanager
def ringing(authority: Authority) -> Iterator[Phone]:
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)
    thread.start()
    phone = Phone(WhatsApp(authority), loop)
    try:
        phone.do(phone.server.__aenter__())
        try:
            yield phone
        finally:
            phone.do(phone.server.__aexit__(None, None, None))
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture
def phone(authority: Authority) -> Iterator[Phone]:
    with ringing(authority) as ringer:
        yield ringer


@pytest.fixture
def paired(phone: Phone, home: Path) -> Iterator[Stentor]:
    """A daemon with a paired account."""
    home.mkdir()
    (home / "stentor.toml").write_text(SETTINGS.format(proxy=phone.server.proxy_url))
    phone.do(phone.server.paired_session(home / "channels" / "whatsapp" / "default" / "session.db"))
    stentor = Stentor(home, phone.server.environment)
    with serving(stentor):
        yield stentor


def job_to(stentor: Stentor, *targets: str, text: str = "The **backup** is done.") -> str:
    job = stentor.add(
        {
            "schedule": {"kind": "every", "everyMs": 3_600_000},
            "payload": {"kind": "text", "text": text},
            "delivery": {"to": list(targets)},
        }
    )
    return str(job["id"])


def delivery_of(stentor: Stentor, job: str, target: str = "whatsapp:") -> JsonObject:
    (run,) = stentor.runs(job)
    return next(delivery for delivery in run["deliveries"] if delivery["target"].startswith(target))


def delivered(stentor: Stentor, job: str, state: str, target: str = "whatsapp:") -> JsonObject:
    """The delivery of a job's only run, once it has come so far."""

    def look() -> JsonObject | None:
        delivery = delivery_of(stentor, job, target)
        return delivery if delivery["state"] == state else None

    try:
        return until(look, f"a delivery that is {state}")
    except AssertionError as error:
        raise AssertionError(f"{error}: {delivery_of(stentor, job, target)}") from None


def reason_of(stentor: Stentor, state: str) -> str | None:
    """Why the account is in this state, once it is."""
    rows = stentor.ask("channels", "list")["channels"]
    reasons = (row["reason"] for row in rows if (row["channel"], row["state"]) == ("whatsapp", state))
    return next(reasons, None)


def heard(ledger: Path) -> str:
    """How far the only message has come, as the child knows it."""
    with closing(sqlite3.connect(f"{ledger.as_uri()}?mode=ro", uri=True)) as database:
        ((level,),) = database.execute("SELECT level FROM sent")
    return str(level)


def child_of(stentor: Stentor) -> int:
    """The process that has the account."""
    session = str(stentor.home / "channels").encode()
    (child,) = (
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdecimal() and _is_child(entry, session)
    )
    return child


def _is_child(entry: Path, folder: bytes) -> bool:
    try:
        opened = [os.fsencode(link.readlink()) for link in (entry / "fd").iterdir()]
        return b"stentor_whatsapp.child" in (entry / "cmdline").read_bytes() and any(
            path.startswith(folder) for path in opened
        )
    except OSError:
        return False


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_of_a_number_reaches_the_same_person_and_ends_as_read(
    paired: Stentor, phone: Phone, spelling: str
) -> None:
    job = job_to(paired, spelling)
    paired.ask("cron", "run", job, "--wait")

    delivery = delivered(paired, job, "read")
    (part,) = delivery["parts"]
    assert delivery["target"] == f"whatsapp:+{ANN}"
    assert (part["state"], part["attempts"], part["error"]) == ("read", 1, None)
    assert part["messageId"] == phone.server.messages[0].id
    assert phone.texts == [(phone.server.lid(ANN), "The *backup* is done.")]


def test_a_child_that_is_killed_before_whatsapp_has_confirmed_sends_no_second_message(
    paired: Stentor, phone: Phone
) -> None:
    first = job_to(paired, SPELLINGS[0], text="First")
    paired.ask("cron", "run", first, "--wait")
    delivered(paired, first, "read")

    phone.server.mode = "silent"
    job = job_to(paired, SPELLINGS[0], text="Once")
    paired.ask("cron", "run", job)
    message = phone.do(phone.server.message(2))
    os.kill(child_of(paired), signal.SIGKILL)
    phone.do(phone.server.login(2))
    phone.server.mode = "ack+delivered+read"

    delivered(paired, job, "unknown")
    # WhatsApp goes on: what comes after is not held up, and what was in doubt is settled when it was read.
    after = job_to(paired, SPELLINGS[0], text="After")
    paired.ask("cron", "run", after, "--wait")
    delivered(paired, after, "read")
    phone.do(phone.server.read(message.id))
    delivery = delivered(paired, job, "read")

    assert delivery["parts"][0]["messageId"] == message.id
    assert [text for _, text in phone.texts] == ["First", "Once", "After"]
    assert phone.server.frames == 3


def test_a_panic_of_the_library_costs_one_restart_and_no_other_delivery(
    paired: Stentor, phone: Phone
) -> None:
    phone.do(phone.server.login(1))
    before = child_of(paired)
    phone.do(phone.server.panic())
    job = job_to(paired, "local:ops", SPELLINGS[0])
    paired.ask("cron", "run", job)

    delivered(paired, job, "accepted", "local:")
    delivered(paired, job, "read")
    assert paired.inbox("local:ops") == ["The **backup** is done."]
    assert len(phone.texts) == 1
    assert (phone.server.logins, child_of(paired) != before) == (2, True)


def test_a_ban_that_ends_is_told_of_and_what_waited_goes_when_it_is_over(
    paired: Stentor, phone: Phone
) -> None:
    phone.do(phone.server.login(1))
    phone.do(phone.server.fail_login(402, expire=3))
    # Nothing had to be sent for it.
    reason = until(lambda: reason_of(paired, "down"), "an account that is down")
    assert "banned the account for a while" in reason
    job = job_to(paired, SPELLINGS[0])
    paired.ask("cron", "run", job)
    delivered(paired, job, "pending")

    phone.do(phone.server.fail_login(None))
    delivered(paired, job, "read")
    assert len(phone.texts) == 1
    (alert,) = paired.ask("status")["alerts"]
    assert alert["message"] == f"whatsapp:default is down: {reason}"


def test_receipts_that_came_while_the_daemon_was_away_are_in_the_run_log(phone: Phone, home: Path) -> None:
    home.mkdir()
    (home / "stentor.toml").write_text(SETTINGS.format(proxy=phone.server.proxy_url))
    phone.do(phone.server.paired_session(home / "channels" / "whatsapp" / "default" / "session.db"))
    stentor = Stentor(home, phone.server.environment)
    phone.server.mode = "ack"
    with serving(stentor):
        job = job_to(stentor, SPELLINGS[0])
        stentor.ask("cron", "run", job, "--wait")
        delivered(stentor, job, "accepted")
    phone.do(phone.server.gone())
    phone.do(phone.server.read(phone.server.messages[0].id))
    with serving(stentor):
        # Nothing is sent: the account is opened to hear of it.
        delivered(stentor, job, "read")


def test_receipts_that_a_daemon_that_was_killed_had_not_written_down_are_in_the_run_log(
    phone: Phone, home: Path
) -> None:
    home.mkdir()
    (home / "stentor.toml").write_text(SETTINGS.format(proxy=phone.server.proxy_url))
    folder = home / "channels" / "whatsapp" / "default"
    phone.do(phone.server.paired_session(folder / "session.db"))
    stentor = Stentor(home, phone.server.environment)
    phone.server.mode = "ack"
    with serving(stentor, end=signal.SIGKILL) as daemon:
        job = job_to(stentor, SPELLINGS[0])
        stentor.ask("cron", "run", job, "--wait")
        delivered(stentor, job, "accepted")
        os.kill(daemon["pid"], signal.SIGSTOP)
        phone.do(phone.server.read(phone.server.messages[0].id))
        # WhatsApp tells it once: to the child, which is there for a moment longer.
        until(lambda: heard(folder / "ledger.db") == "read", "that the child hears of it")
    phone.do(phone.server.gone())
    with serving(stentor):
        delivered(stentor, job, "read")


def test_an_account_that_is_not_paired_says_so_and_keeps_what_is_to_be_sent(phone: Phone, home: Path) -> None:
    home.mkdir()
    (home / "stentor.toml").write_text(SETTINGS.format(proxy=phone.server.proxy_url))
    stentor = Stentor(home, phone.server.environment)
    with serving(stentor):
        job = job_to(stentor, SPELLINGS[0])
        stentor.ask("cron", "run", job)
        delivered(stentor, job, "pending")
        reason = until(lambda: reason_of(stentor, "down"), "an account that is down")
        assert "stentor channels login whatsapp" in reason
        (down,) = [found for found in stentor.ask("doctor")["findings"] if found["code"] == "account_down"]
        assert down["fix"] == "pair it: stentor channels login whatsapp:default"
    assert not phone.texts
