"""What a reader sees holds no secret, however it was written: with markup inside it, with entities, in an address."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.domain.dialects import PLACES, TELEGRAM

from stentor.contract.dialects import Dialect
from stentor.contract.payloads import Attachment, Draft, Payload
from stentor.contract.traits import Limits
from stentor.domain.redaction import Redactor
from stentor.domain.rendering import drafts

SECRET = "bear.tok_FILE-77aa88"
DIALECTS: dict[str, Dialect | None] = {name: place.dialect for name, place in PLACES.items()}
DIALECTS["as written"] = None
ROOMY = Limits(100_000)


def written(text: str, dialect: Dialect | None, limits: Limits = ROOMY, *files: str) -> tuple[Draft, ...]:
    redactor = Redactor()
    redactor.learn(SECRET)
    return drafts(Payload(text, missing=files), limits, dialect, redactor=redactor)


def told(found: tuple[Draft, ...]) -> str:
    """Everything that is stored of a text, without what a dialect escapes."""
    return (
        "\n".join(f"{draft.text}\n{draft.plain}" for draft in found).replace("\\", "").replace("\u200b", "")
    )


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("bear.tok_FILE-77aa88", id="as it is"),
        pytest.param("bear.tok\\_FILE\\-77aa88", id="escaped"),
        pytest.param("bear.tok_**FILE-77aa88**", id="with emphasis inside"),
        pytest.param("**bear.**~~tok_~~*FILE*-77aa88", id="with all kinds of emphasis"),
        pytest.param("`bear.tok_`FILE-77aa88", id="half of it code"),
        pytest.param("bear.tok_\x00FILE\x1b-77\x7faa88", id="with control characters"),
        pytest.param("bear.tok_\u200bFILE\u2060-77\ufeffaa88", id="with characters nobody sees"),
        pytest.param("![bear.tok\\_FILE-77aa88](http://i.j)", id="as the name of an image"),
        pytest.param("```bear.tok_FILE-77aa88\nx\n```", id="as a language"),
        pytest.param("- bear.tok\\_FILE-77aa88\n- b", id="in a list"),
    ],
)
def test_a_secret_is_seen_in_no_dialect(text: str, name: str) -> None:
    found = written(text, DIALECTS[name])
    assert SECRET not in told(found).translate(dict.fromkeys(map(ord, "*~`\x00\x1b\x7f\u2060\ufeff")))
    assert "[redacted]" in told(found)


@pytest.mark.parametrize("name", sorted(PLACES))
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("bear.tok&#95;FILE-77aa88", id="with an entity inside"),
        pytest.param("[go](http://a.b/?key=bear.tok\\_FILE-77aa88)", id="escaped in a link"),
        pytest.param("[go](http://a.b/?key=bear.tok&#95;FILE-77aa88)", id="in a link, with an entity"),
        pytest.param("| a | b |\n|---|---|\n| 1 | bear.tok&#95;FILE-77aa88 |", id="in a table"),
    ],
)
def test_a_secret_that_only_markup_makes_is_seen_in_no_dialect(text: str, name: str) -> None:
    found = written(text, PLACES[name].dialect)
    assert SECRET not in told(found)
    assert "[redacted]" in told(found) or "%5Bredacted%5D" in told(found)


def test_what_is_blacked_out_of_several_stretches_leaves_their_marks() -> None:
    (draft,) = written("so: bear.tok&#95;**FILE-77aa88 and more**", TELEGRAM)
    assert draft.text == "so: [redacted]<b> and more</b>"


@pytest.mark.parametrize("name", ["telegram", "discord", "slack", "mail"])
def test_a_secret_of_which_a_part_is_a_link_is_not_seen(name: str) -> None:
    found = written("bear.[tok_](http://a.b)FILE-77aa88", PLACES[name].dialect)
    assert [draft.plain or draft.text for draft in found] == ["[redacted]"]
    assert "FILE" not in told(found)


def test_a_file_that_is_named_like_a_secret_is_not_named() -> None:
    (draft,) = written("", None, ROOMY, f"{SECRET}.txt")
    assert draft.text == "File not sent: [redacted].txt"


def test_a_file_too_large_is_not_named_like_a_secret_either(tmp_path: Path) -> None:
    redactor = Redactor()
    redactor.learn(SECRET)
    file = Attachment(SECRET, tmp_path / "1", "text/plain", 100)
    (draft,) = drafts(Payload("", (file,)), Limits(1000, attachment_bytes=10), TELEGRAM, redactor=redactor)
    assert draft.text == "File not sent: [redacted] (100 bytes; at most 10 can be sent here)"


@given(
    st.sampled_from([SECRET, "bear.tok&#95;FILE-77aa88", "bear.tok\\_FILE-77aa88"]),
    st.integers(0, 60),
    st.integers(16, 60),
    st.sampled_from(sorted(PLACES)),
)
def test_no_cut_leaves_a_half_of_a_secret(secret: str, before: int, limit: int, name: str) -> None:
    place = PLACES[name]
    found = written(f"{'x' * before}{secret}{'y' * 50}", place.dialect, Limits(max(limit, 64)))
    assert not any(half in told(found) for half in (SECRET[:4], SECRET[-4:], "tok"))


@given(
    st.lists(st.sampled_from(["bear.tok_", "FILE-77aa88", "x", "**", "\\", "`", "\u200b", " "])).map("".join)
)
def test_a_text_that_was_cleaned_is_clean(text: str) -> None:
    redactor = Redactor()
    redactor.learn(SECRET)
    cleaned = redactor.clean(text)
    assert SECRET not in cleaned
    assert redactor.clean(cleaned) == cleaned
