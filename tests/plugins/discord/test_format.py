"""Text as Discord shows it, and the names of posts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stentor import Payload
from stentor.domain.rendering import drafts
from stentor_discord import DiscordChannel
from stentor_discord.format import title

CHANNEL = DiscordChannel()

TITLES = {
    "Daily brief\nAll is well": "Daily brief",
    "\n\n# Daily **brief**\nmore": "Daily brief",
    "### `code` and ~~gone~~": "code and gone",
    "> quoted": "quoted",
    "- item": "item",
    r"\# no heading \*at all\*": "# no heading *at all*",
    "see [the report](https://example.com/a_b_c)": "see the report",
    "```py\nprint(1)\n```": "print(1)",
    "||spoiler||": "||spoiler||",
    "`foo_bar()` failed": "foo_bar() failed",
    "https://example.com/a_b__c": "https://example.com/a_b__c",
    "x" * 100: "x" * 100,
    "word " * 30: "word " * 18 + "word\N{HORIZONTAL ELLIPSIS}",
    "x" * 101: "x" * 99 + "\N{HORIZONTAL ELLIPSIS}",
    "": "otherwise",
    "**\n---\n": "---",
}


@pytest.mark.parametrize(("text", "name"), TITLES.items(), ids=range(len(TITLES)))
def test_a_post_is_named_by_the_first_line_that_says_something(text: str, name: str) -> None:
    assert title(text, "otherwise") == name


@given(st.text())
def test_a_name_is_never_empty_nor_too_long(text: str) -> None:
    assert 1 <= len(title(text, "otherwise")) <= 100


def rendered(text: str) -> list[str]:
    return [draft.text for draft in drafts(Payload(text), CHANNEL.limits, CHANNEL.dialect)]


def test_markdown_is_written_as_discord_reads_it() -> None:
    text = "# Title\n\n**bold** *it* ~~gone~~ `code` [link](https://example.com)\n\n- a\n- b\n\n```py\nx = 1\n```"

    assert rendered(text) == [
        "# Title\n\n**bold** *it* ~~gone~~ `code` [link](https://example.com)\n\n- a\n- b\n\n```py\nx = 1\n```"
    ]


def test_two_thousand_characters_are_one_message_whatever_they_are() -> None:
    assert [len(text) for text in rendered("\N{GRINNING FACE}" * 2000)] == [2000]
    assert all(len(text) <= 2000 for text in rendered("a_b " * 1500))


@pytest.mark.parametrize("mention", ["@everyone", "@here", "<@123>", "<@!123>", "<@&123>", "<#123>"])
def test_nobody_is_called_by_text(mention: str) -> None:
    (text,) = rendered(f"hello {mention} and `{mention}`")

    assert mention not in text
