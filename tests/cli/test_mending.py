"""`doctor --fix`: a chat that has moved is followed by the jobs that name it, and nothing else is decided."""

import json
from pathlib import Path

import apsw
import pytest
from tests.outside import JsonObject, Stentor, dump, now_ms

FIXED = ["job tea goes to local:new instead of local:old", "local:old on default is forgotten"]


def has_moved(home: Path, to: str) -> None:
    """What the store writes down when a provider says that `local:old` is another box by now."""
    moved_to = json.dumps({"channel": "local", "kind": "box", "id": to, "address": to, "thread": None})
    connection = apsw.Connection(str(home / "stentor.db"))
    row = ("local", "default", "local:old", "moved", "moved", moved_to, now_ms())
    names = "channel, account, target, state, reason, moved_to, since"
    connection.execute(f"INSERT OR REPLACE INTO targets ({names}) VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    connection.close()


def codes(health: JsonObject) -> list[str]:
    return [finding["code"] for finding in health["findings"] if finding["code"] != "daemon_stopped"]


@pytest.fixture
def old(stentor: Stentor) -> Stentor:
    """A home with a job that goes to a chat that has moved, and one that does not."""
    stentor.ask(
        "cron", "add", "--id", "tea", "--every", "1h", "--text", "x", "--to", "local:old", "--to", "local:b"
    )
    stentor.ask("cron", "add", "--id", "milk", "--every", "1h", "--text", "x", "--to", "local:b")
    has_moved(stentor.home, "new")
    return stentor


def test_jobs_follow_a_chat_that_has_moved(old: Stentor) -> None:
    assert codes(old.ask("doctor")) == ["target_moved"]

    health = old.ask("doctor", "--fix")

    assert [deed["message"] for deed in health["fixed"]] == FIXED
    assert {deed["code"] for deed in health["fixed"]} == {"target_moved"}
    assert codes(health) == []
    assert old.job("tea")["delivery"]["to"] == ["local:new", "local:b"]
    assert (old.job("milk")["revision"], old.job("tea")["revision"]) == (1, 2)
    assert old.ask("targets", "list") == {"targets": []}
    assert old.ask("doctor", "--fix")["fixed"] == []


def test_an_address_that_is_still_waited_for_is_not_forgotten(old: Stentor) -> None:
    old.ask("targets", "clear", "local:old")
    old.ask("send", "--to", "local:old", "--text", "x")
    has_moved(old.home, "new")

    health = old.ask("doctor", "--fix")

    assert [deed["message"] for deed in health["fixed"]] == FIXED[:1]
    assert codes(health) == ["target_moved"]


def test_a_job_that_cannot_be_changed_keeps_its_address_and_the_finding(old: Stentor) -> None:
    has_moved(old.home, "no such box")

    health = old.ask("doctor", "--fix")

    assert (health["fixed"], codes(health)) == ([], ["target_moved"])
    assert old.job("tea")["delivery"]["to"] == ["local:old", "local:b"]


def test_without_the_flag_nothing_is_mended(old: Stentor) -> None:
    before = dump(old.home)

    assert old.ask("doctor")["fixed"] == []
    assert dump(old.home) == before
    assert "fixed: job tea goes to local:new" in old.run("doctor", "--fix").out
