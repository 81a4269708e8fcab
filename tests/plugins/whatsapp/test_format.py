"""Markdown becomes WhatsApp's own markup, calls nobody, and stays what it says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stentor import Payload, TargetHints
from stentor.domain.rendering import drafts
from stentor.testing.rendering import rendered
from stentor_whatsapp import WhatsAppChannel
from stentor_whatsapp.format import DIALECT, called
from stentor_whatsapp.limits import LIMITS

CHANNEL = WhatsAppChannel()
PLACE = CHANNEL.parse_target("+6281234567890", TargetHints())
UNSEEN = "\N{ZERO WIDTH SPACE}"


def written(markdown: str) -> str:
    (draft,) = rendered(CHANNEL, markdown, PLACE)
    assert draft.format in ("whatsapp", "plain")
    return draft.text


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        pytest.param("**b** *i* _i_ ~~s~~", "*b* _i_ _i_ ~s~", id="styles"),
        pytest.param("***bi***", "_*bi*_", id="styles in styles"),
        pytest.param("a `code` b", "a `code` b", id="code in a line"),
        pytest.param("# Title", "*Title*", id="a title"),
        pytest.param("## A **title**", "*A title*", id="a title with bold words"),
        pytest.param("- a\n  - c\n- b", "• a\n  • c\n• b", id="a list"),
        pytest.param("1. x\n2. y", "1. x\n2. y", id="a numbered list"),
        pytest.param("- [ ] todo", "• [ ] todo", id="something to do"),
        pytest.param("[t](https://e.org/?b=1&c=2)", "t (https://e.org/?b=1&c=2)", id="a link"),
        pytest.param("https://e.org/a_b_c", "https://e.org/a_b_c", id="an address"),
        pytest.param("<b>raw</b> & < >", "<b>raw</b> & < >", id="what is markup elsewhere"),
        pytest.param("```py\nx = 1\n```", "```\nx = 1\n```", id="code in a language"),
        pytest.param("> one\n> two", "> one\n> two", id="a quotation of two lines"),
        pytest.param("---", "───", id="a rule"),
        pytest.param("![chart](https://e.org/c.png)", "chart (https://e.org/c.png)", id="a picture"),
        pytest.param("| a | b |\n|---|---|\n| 1 | 2 |", "*a: 1*\n• b: 2", id="a table"),
        pytest.param("\\*esc\\*", "*esc*", id="signs that are meant"),
        pytest.param("snake_case, 2 * 3, ~5 min", "snake_case, 2 * 3, ~5 min", id="signs that mean nothing"),
    ],
)
def test_markdown_is_written_as_whatsapp_reads_it(markdown: str, text: str) -> None:
    assert written(markdown) == text


@pytest.mark.parametrize(
    "text", ["@6281234567890", "hi @6281234567890!", "@all", "@everyone now", "**@all** and _@everyone_"]
)
def test_a_text_calls_nobody(text: str) -> None:
    assert f"@{UNSEEN}" in written(text)
    assert called(written(text)) == ()


@pytest.mark.parametrize("text", ["a@example.com", "@bob", "@allie", "@everyones"])
def test_what_calls_nobody_is_left_alone(text: str) -> None:
    assert written(text) == text


def test_a_text_that_may_call_people_calls_those_it_names() -> None:
    payload = Payload("@6281234567890 and **@4915112345678**, `@15551234567`, @6281234567890")
    (draft,) = drafts(payload, LIMITS, DIALECT, mentions=True)

    assert called(draft.text) == ("6281234567890@s.whatsapp.net", "4915112345678@s.whatsapp.net")


@pytest.mark.parametrize(
    "text",
    [
        "@123",
        "@1234567890123456",
        "mail@6281234567890",
        "https://e.org/@6281234567890",
        "```\n@6281234567890\n```",
    ],
)
def test_what_is_no_name_of_somebody_calls_nobody(text: str) -> None:
    assert called(text) == ()


def test_a_long_text_comes_in_parts_that_are_whole() -> None:
    parts = rendered(CHANNEL, f"**{'word ' * 2000}end**", PLACE)

    assert len(parts) == 3
    assert all(part.text.startswith("*") and part.text.endswith("*") for part in parts)
    assert all(len(part.text.encode("utf-16-le")) <= 2 * 4096 for part in parts)


def test_emoji_count_as_the_two_units_that_they_may_be() -> None:
    assert len(rendered(CHANNEL, "\N{GRINNING FACE}" * 2048, PLACE)) == 1
    assert len(rendered(CHANNEL, "\N{GRINNING FACE}" * 2049, PLACE)) == 2


_PIECES = st.sampled_from(
    ("**", "*", "_", "~~", "`", "```\n", "\n", "> ", "- ", "# ", "@628123456789", "@all", " ", "a")
)


@given(st.lists(_PIECES, max_size=15).map("".join) | st.text(max_size=60))
def test_whatever_the_markdown_nobody_is_called(markdown: str) -> None:
    for draft in rendered(CHANNEL, markdown, PLACE):
        assert called(draft.text) == called(draft.plain) == ()
