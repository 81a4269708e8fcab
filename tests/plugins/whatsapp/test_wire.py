"""One line, one meaning: what is none of ours is told apart at once."""

import json

import pytest

from stentor_whatsapp import wire
from stentor_whatsapp.wire import Answer, Event, Garbled, Refusal, Request


def test_a_request_arrives_as_it_was_written() -> None:
    line = wire.request(7, "send", {"text": "Grüße \N{GRINNING FACE}\n\u2028", "files": []})
    assert line.count(b"\n") == 1
    assert line.isascii()
    asked = wire.read_request(line)
    assert asked == Request(7, "send", asked.facts)
    assert asked.facts["text"] == "Grüße \N{GRINNING FACE}\n\u2028"


def test_a_text_that_is_no_unicode_arrives_all_the_same() -> None:
    assert wire.read_request(wire.request(1, "send", {"text": "\ud800"})).facts["text"] == "\ud800"


@pytest.mark.parametrize(
    ("line", "news"),
    [
        (wire.answer(1, {"me": "62"}), Answer(1, {"me": "62"})),
        (
            wire.refusal(2, "library_error", "no LID", announced=True),
            Refusal(
                2, "library_error", "no LID", {"announced": True, "kind": "library_error", "text": "no LID"}
            ),
        ),
        (
            wire.event("state", state="connected"),
            Event("state", {"state": "connected", "event": "state"}),
        ),
    ],
    ids=["an answer", "an error", "an event"],
)
def test_what_the_child_writes_arrives_as_it_was_written(line: bytes, news: object) -> None:
    assert wire.read_news(line) == news


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"SendMessage: Error",
        b"\xff{}",
        b"[]",
        b"7",
        b"{}",
        b'{"id":1}',
        b'{"id":"1","ok":{}}',
        b'{"id":true,"ok":{}}',
        b'{"id":1,"ok":[]}',
        b'{"id":1,"error":"no"}',
        b'{"id":1,"error":{}}',
        b"[" * 100_000,
    ],
    ids=lambda line: line[:24].decode("latin-1") or "nothing",
)
def test_a_line_that_is_no_news_is_garbled(line: bytes) -> None:
    with pytest.raises(Garbled):
        wire.read_news(line)


@pytest.mark.parametrize("line", [b"{}", b'{"id":1}', b'{"do":"send"}', b'{"id":1,"do":5}'], ids=bytes.decode)
def test_a_line_that_asks_nothing_is_garbled(line: bytes) -> None:
    with pytest.raises(Garbled):
        wire.read_request(line)


def test_a_line_that_is_too_long_is_not_written() -> None:
    with pytest.raises(ValueError, match="at most"):
        wire.request(1, "send", {"text": "x" * wire.LONGEST_LINE})


def test_what_is_of_another_kind_counts_as_nothing() -> None:
    facts = json.loads('{"text": 5, "whole": true, "mapping": [], "texts": ["a", 1, null], "items": {}}')
    assert (wire.text(facts["text"]), wire.whole(facts["whole"]), wire.mapping(facts["mapping"])) == (
        "",
        0,
        {},
    )
    assert (wire.texts(facts["texts"]), wire.mappings(facts["texts"]), wire.items(facts["items"])) == (
        ["a"],
        [],
        [],
    )
