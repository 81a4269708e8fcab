"""What the library's words mean, where a server on loopback cannot bring them about."""

from types import SimpleNamespace
from typing import Any

import pytest

from stentor_whatsapp.asked import LibraryError
from stentor_whatsapp.news import (
    Acknowledgement,
    acknowledgement_of,
    announced_id,
    failure_of,
    is_last_word,
    news_of,
    stanza_of,
)

SENT = (
    '<message id="3EB0B27ACA4B966E48A162" peer_recipient_pn="6281234567890@s.whatsapp.net" to="86281234567890@lid"'
    ' type="text"><participants><to jid="86281234567890@lid"><enc type="pkmsg" v="2"><!-- 181 bytes --></enc></to>'
)


@pytest.mark.parametrize(
    ("line", "announced"),
    [
        pytest.param(SENT, "3EB0B27ACA4B966E48A162", id="a message"),
        pytest.param('<message id="A" to="1@g.us"/>', "A", id="without anything in it"),
        pytest.param('<message category="peer" id="A" to="1@s.whatsapp.net">', "", id="to our own devices"),
        pytest.param(
            '<message id="A" t="1795295141" to="1@lid">', "", id="sent again to who could not read it"
        ),
        pytest.param('<iq id="A" to="s.whatsapp.net" type="get">', "", id="a question"),
        pytest.param('<receipt id="A"><message id="B"/></receipt>', "", id="a message within something else"),
        pytest.param("Dialing wss://web.whatsapp.com/ws/chat", "", id="no stanza"),
        pytest.param('<message id="A', "", id="half a stanza"),
    ],
)
def test_a_message_is_announced_by_the_stanza_that_is_sent_first(line: str, announced: str) -> None:
    stanza = stanza_of(line)
    assert (announced_id(stanza) if stanza else "") == announced


@pytest.mark.parametrize(
    ("line", "meaning"),
    [
        pytest.param(
            '<ack class="message" from="8@lid" id="3EB0" t="1795295141"/>',
            Acknowledgement("3EB0", 1_795_295_141_000, refused=False),
            id="taken",
        ),
        pytest.param(
            '<ack class="message" error="479" from="8@lid" id="3EB0" t="1795295141"/>',
            Acknowledgement("3EB0", 1_795_295_141_000, refused=True),
            id="refused",
        ),
        pytest.param(
            '<ack class="message" id="3EB0" t="soon"/>',
            Acknowledgement("3EB0", 0, refused=False),
            id="an odd time",
        ),
        pytest.param('<ack class="receipt" id="3EB0" t="1795295141"/>', None, id="of something else"),
    ],
)
def test_an_acknowledgement_is_known_by_its_stanza(line: str, meaning: Acknowledgement | None) -> None:
    stanza = stanza_of(line)
    assert stanza is not None
    assert acknowledgement_of(stanza) == meaning


@pytest.mark.parametrize(
    ("line", "words"),
    [
        pytest.param('<failure location="frc" reason="418"/>', "reason 418", id="a number"),
        pytest.param('<failure message="go away" reason="400"/>', "go away", id="in words"),
        pytest.param('<failure location="frc" reason="401"/>', "", id="told by an event"),
        pytest.param('<success lid="8@lid"/>', "", id="no failure"),
    ],
)
def test_a_refusal_that_the_library_has_no_event_for_is_told(line: str, words: str) -> None:
    stanza = stanza_of(line)
    assert stanza is not None
    told = [str(facts["reason"]) for _, facts in failure_of(stanza)]
    assert bool(told) is bool(words)
    assert all(words in reason for reason in told)


@pytest.mark.parametrize(
    ("line", "last"),
    [
        pytest.param('<failure location="frc" reason="401"/>', True, id="a failure"),
        pytest.param('<failure location="frc" reason="503"/>', False, id="a failure that passes"),
        pytest.param(
            '<stream:error><conflict type="replaced"/></stream:error>', True, id="somebody else came"
        ),
        pytest.param(
            '<stream:error code="401"><conflict type="device_removed"/></stream:error>', True, id="thrown out"
        ),
        pytest.param('<stream:error code="515"/>', False, id="a new connection is wanted"),
        pytest.param(
            '<message from="1@lid"><failure reason="401"/></message>', False, id="what somebody wrote"
        ),
    ],
)
def test_the_last_word_of_whatsapp_is_known_as_such(line: str, last: bool) -> None:
    assert is_last_word(line) is last


@pytest.mark.parametrize(
    ("code", "event", "state"),
    [
        pytest.param(
            4, SimpleNamespace(ErrorCount=1, LastSuccess=0), "disconnected", id="no answers to pings"
        ),
        pytest.param(5, SimpleNamespace(), "connected", id="answers again"),
        pytest.param(
            2, SimpleNamespace(Error="it was the wrong code"), "refused", id="a pairing that failed"
        ),
    ],
)
def test_an_event_says_how_the_connection_is(code: int, event: Any, state: str) -> None:
    ((name, facts),) = news_of(code, event)
    assert (name, facts["state"]) == ("state", state)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param(
            'Post "https://mmg.whatsapp.net/mms/document/Zm9v?auth=AB%3D&token=CD": EOF',
            'Post "https://mmg.whatsapp.net/…": EOF',
            id="where a file goes",
        ),
        pytest.param(
            "cannot use socks5://ops:hunter2@proxy.example:1080: refused",
            "cannot use socks5://proxy.example:1080:/… refused",
            id="a proxy",
        ),
        pytest.param(
            "bad answer to auth=AB&token=CD", "bad answer to auth=…&token=…", id="a part of an address"
        ),
        pytest.param(
            "no LID found for 62811@s.whatsapp.net", "no LID found for 62811@s.whatsapp.net", id="no secret"
        ),
    ],
)
def test_errors_are_told_without_what_is_secret_in_them(words: str, told: str) -> None:
    assert str(LibraryError(words)) == told
