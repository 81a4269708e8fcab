"""`targets explain`: one reading per spelling, and the reading read again is itself."""

import json
from pathlib import Path

import pytest
from tests import shapes
from tests.outside import JsonObject, Stentor

READ: dict[str, tuple[JsonObject, str]] = {
    "a box": ({"text": "local:inbox"}, "local:inbox"),
    "no name": ({"text": "local:"}, "local:inbox"),
    "the channel's own name": ({"text": "local", "channel": "local"}, "local:inbox"),
    "a shouted prefix": ({"text": "LOCAL:Ops.Team"}, "local:Ops.Team"),
    "digits": ({"text": "local:2873"}, "local:2873"),
    "a prefix said twice": ({"text": "local:local:ops"}, "local:ops"),
    "a channel beside it": ({"text": "ops", "channel": "local"}, "local:ops"),
    "a channel and its prefix": ({"text": "local:ops", "channel": "LOCAL"}, "local:ops"),
    "an account": ({"text": "local:ops", "account": "default"}, "local:ops"),
    "blanks around it": ({"text": "  local:ops "}, "local:ops"),
    "a URL": ({"text": "webhook:HTTPS://Hooks.Example.COM:443"}, "webhook:https://hooks.example.com/"),
    "a URL beside its channel": (
        {"text": "http://hooks.example.com:80/In?Key=A%2fb", "channel": "webhook"},
        "webhook:http://hooks.example.com/In?Key=A%2fb",
    ),
}
REFUSED: dict[str, tuple[JsonObject, str, str]] = {
    "nothing": ({"text": ""}, "no_channel", "name a target, for instance local:inbox"),
    "a bare word": ({"text": "ops"}, "no_channel", "'ops' names no channel"),
    "a kind is no channel": ({"text": "user:42"}, "no_channel", "'user:42' names no channel"),
    "a prefix of no plugin": ({"text": "pager:1"}, "unknown_prefix", "loaded prefixes: "),
    "a web address": (
        {"text": "https://hooks.example.com/in"},
        "no_channel",
        "write webhook: in front of it",
    ),
    "another channel": (
        {"text": "webhook:https://x.example", "channel": "local"},
        "channel_mismatch",
        "belongs to webhook",
    ),
    "an unknown channel": (
        {"text": "1", "channel": "pigeon"},
        "unknown_channel",
        "loaded channels: ",
    ),
    "the last conversation": ({"text": "x", "channel": "last"}, "bad_target", "stands for a conversation"),
    "an unknown account": ({"text": "local:a", "account": "b"}, "unknown_account", "configured: default"),
    "a thread": ({"text": "local:a", "thread": "7"}, "bad_target", "leave the thread out"),
    "a control character": ({"text": "local:a\x07"}, "bad_target", "control or invisible characters"),
    "an invisible character": ({"text": "local:a\u200b"}, "bad_target", "type the target by hand"),
    "credentials in a URL": (
        {"text": "webhook:https://me:secret@x.example"},
        "bad_target",
        "set bearer_token",
    ),
    "a disguised address": (
        {"text": "webhook:http://0x7f.1/"},
        "bad_target",
        "write it as four decimal numbers",
    ),
}
FLAGS = {"channel": "--channel", "account": "--account", "thread": "--thread"}


def explain(asked: JsonObject) -> list[str]:
    flags = [word for key, value in asked.items() if key != "text" for word in (FLAGS[key], str(value))]
    return ["targets", "explain", *flags, "--", asked["text"]]


@pytest.mark.parametrize(("asked", "canonical"), READ.values(), ids=READ.keys())
def test_a_target_is_read_as_its_canonical_text(stentor: Stentor, asked: JsonObject, canonical: str) -> None:
    answer = stentor.ask(*explain(asked))

    assert answer.keys() >= shapes.TARGET
    assert (answer["input"], answer["canonical"]) == (asked["text"], canonical)
    assert (answer["channel"], answer["account"]) == (canonical.partition(":")[0], "default")
    assert f"{answer['channel']}:{answer['id']}" == canonical
    assert (answer["thread"], answer["warnings"]) == (None, [])


@pytest.mark.parametrize(("asked", "code", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_a_text_that_is_no_target_is_refused(
    stentor: Stentor, asked: JsonObject, code: str, said: str
) -> None:
    error = stentor.refusal(*explain(asked))

    assert error["code"] == code
    assert said in f"{error['message']}; {error['hint']}"


def test_a_batch_answers_each_line_and_a_bad_line_stops_nobody(stentor: Stentor) -> None:
    good = [asked for asked, _ in READ.values()]
    bad = [asked for asked, _, _ in REFUSED.values()]
    odd = [
        "[1]",
        '"x"',
        "{bad",
        '{"channel": "local"}',
        '{"text": null}',
        '{"text": 5}',
        '{"text": "a", "channel": 5}',
        '{"text": "a", "who": 1}',
    ]
    lines = [*map(json.dumps, good + bad), *odd]

    answer = stentor.run("targets", "explain", "--batch", stdin="\n\n".join(lines))

    assert answer.code == 0
    assert len(answer.lines) == len(lines)
    assert [line["canonical"] for line in answer.lines[: len(good)]] == [
        canonical for _, canonical in READ.values()
    ]
    codes = [line["error"]["code"] for line in answer.lines[len(good) :]]
    assert codes[: len(bad)] == [code for _, code, _ in REFUSED.values()]
    assert set(codes[len(bad) :]) == {"bad_json", "bad_request"}


def test_the_canonical_text_explained_again_is_itself(stentor: Stentor) -> None:
    lines = [json.dumps({"text": canonical}) for _, canonical in READ.values()]

    answers = stentor.run("targets", "explain", "--batch", stdin="\n".join(lines)).lines

    assert [answer["canonical"] for answer in answers] == [canonical for _, canonical in READ.values()]


def test_a_check_asks_the_address_guard_and_sends_nothing(stentor: Stentor, home: Path) -> None:
    url = "webhook:http://127.0.0.1:9/in"

    error = stentor.refusal("targets", "explain", "--check", "--", url)
    assert 'to allow it write allow_networks = ["127.0.0.1/32"]' in error["message"]

    home.mkdir()
    (home / "stentor.toml").write_text(
        '[channels.webhook.accounts.default]\nallow_networks = ["127.0.0.1/32"]\n'
    )
    assert stentor.ask("targets", "explain", "--check", "--", url)["canonical"] == url


def test_what_is_explained_is_what_is_stored_and_sent(stentor: Stentor) -> None:
    """One resolver: it cannot say one thing and do another."""
    spelling = "LOCAL: Ops "

    explained = stentor.ask("targets", "explain", "--", spelling)["canonical"]
    added = stentor.ask("cron", "add", "--every", "1h", "--text", "x", "--to", spelling)
    sent = stentor.ask("send", "--to", spelling, "--text", "x", "--dry-run")

    assert added["delivery"]["to"] == added["preview"]["targets"] == [explained]
    assert sent["target"] == explained
