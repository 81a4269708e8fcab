"""The accounts as people see them."""

from pathlib import Path

import pytest
from tests.outside import Stentor, serving

from stentor.adapters.extras import missing

SECRETIVE = """
[channels.webhook.accounts.default]
[channels.webhook.accounts.signed]
signing_secret = { env = "NOBODY_SET_THIS" }
"""


def test_a_channel_is_listed_with_what_it_can_do(alone: Stentor) -> None:
    listed = {row["channel"]: row for row in alone.ask("channels", "list")["channels"]}

    local, webhook = listed["local"], listed["webhook"]
    assert (local["accountId"], local["configured"], local["state"]) == ("default", True, "configured")
    assert webhook["limits"] == {
        "text": 262_144,
        "unit": "bytes",
        "caption": None,
        "attachmentBytes": None,
        "album": 1,
    }
    assert (webhook["prefixes"], webhook["extraMissing"], webhook["receives"]) == (["webhook"], False, False)


def test_a_running_daemon_says_how_its_accounts_are(tmp_path: Path) -> None:
    stentor = Stentor(tmp_path / "home")
    stentor.home.mkdir()
    (stentor.home / "stentor.toml").write_text(SECRETIVE)
    with serving(stentor):
        stentor.ask("send", "--to", "local:inbox", "--text", "x", "--wait")
        stentor.ask("send", "--to", "webhook:https://a.example/", "--account", "signed", "--text", "x")
        stentor.ask("send", "--to", "local:inbox", "--text", "x", "--wait")
        states = {
            (row["channel"], row["accountId"]): (row["state"], row["reason"])
            for row in stentor.ask("channels", "list")["channels"]
        }

    assert states["local", "default"] == ("ready", None)
    assert states["webhook", "default"] == ("configured", None)
    state, reason = states["webhook", "signed"]
    assert state == "down"
    assert "NOBODY_SET_THIS" in reason


def test_an_account_is_tried_without_sending_anything(alone: Stentor) -> None:
    answer = alone.ask("channels", "test", "local")

    assert answer == {"channel": "local", "accountId": "default", "ok": True, "said": "ready", "error": None}


def test_an_account_that_does_not_work_is_told_with_the_reason(tmp_path: Path) -> None:
    stentor = Stentor(tmp_path / "home")
    stentor.home.mkdir()
    (stentor.home / "stentor.toml").write_text(SECRETIVE)

    answer = stentor.ask("channels", "test", "webhook:signed", code=1)
    assert (answer["ok"], answer["said"]) == (False, None)
    assert "NOBODY_SET_THIS" in answer["error"]


@pytest.mark.parametrize(
    ("named", "code", "said"),
    [
        ("pager", "unknown_channel", "there is no channel 'pager'"),
        ("webhook", "unknown_account", "channel webhook has several accounts"),
        ("webhook:main", "unknown_account", "channel webhook has no account 'main'"),
    ],
)
def test_an_account_that_is_not_there_is_refused(tmp_path: Path, named: str, code: str, said: str) -> None:
    stentor = Stentor(tmp_path / "home")
    stentor.home.mkdir()
    (stentor.home / "stentor.toml").write_text(SECRETIVE)

    error = stentor.ask("channels", "test", named, code=2)["error"]
    assert error["code"] == code
    assert said in error["message"]
    assert error["hint"]


def test_what_people_wrote_is_listed(alone: Stentor) -> None:
    alone.ask("send", "--to", "local:inbox", "--text", "x")

    assert alone.ask("channels", "messages") == {"messages": []}


def test_the_packages_that_an_extra_lacks_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = tmp_path / "stentor-9.dist-info"
    record.mkdir()
    (record / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: stentor\nVersion: 9\n"
        'Requires-Dist: pluggy>=1\nRequires-Dist: pager-sdk<3,>=2; extra == "pager"\n'
        "Requires-Dist: pluggy; extra == 'pager'\nRequires-Dist: horn-sdk; extra == 'horn'\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))

    assert missing("pager") == ["pager-sdk"]
    assert missing("lamp") == []
