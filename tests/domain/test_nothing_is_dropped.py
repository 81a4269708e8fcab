"""Whatever the author of a text meant to be read is read, in every dialect, however the Markdown around it is written."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.domain.dialects import DISCORD, MAIL, PLACES, SLACK, TELEGRAM, WHATSAPP

from stentor.contract.dialects import PLAIN, Dialect
from stentor.contract.payloads import Payload
from stentor.contract.traits import Limits
from stentor.domain.inlines import Inlines
from stentor.domain.layout import laid_out
from stentor.domain.markdown import printable
from stentor.domain.mentions import Mentions
from stentor.domain.rendering import drafts
from stentor.domain.styled import shown

ROOMY = Limits(100_000)
# Each `W` is a word that is to be read.
AROUND = (
    "W", "**{}**", "*{}*", "_{}_", "~~{}~~", "`{}`", "``{}``", "***{}***", "[{}](http://x.y/q?a=1)", "[{}](http://x.y 'title')",
    "[{}](javascript:x)", "[{}](<http://x y>)", "[{}](mailto:a@b.c)", "![{}](http://i.m/g)", "![{}]", "[{}]", "[{}][]", "{}[^W]",
    "<http://W>", "<b>{}</b>", "<!-- {} -->", "&amp;{}", "\\{}", "{}  \n{}", "{}\\\n{}", "{} {}", "{}{}", "{}\n{}", "({}", "{}]", "[{}", "`{}", "**{}", "{}|{}", "{}```{}",
)  # fmt: skip
BLOCKS = (
    "{}", "# {}", "## {} ##", "####### {}", "- {}", "- {}\n- {}", "- {}\n\n  {}", "1. {}\n2. {}", "1) {}", "- [ ] {}", "- [x] {}", "> {}", "> {}\n{}", "{}\n===", "{}\n---", "    {}",
    "```\n{}\n```", "```py\n{}\n```", "~~~\n{}\n~~~", "```W W\n{}\n```", "```W\n```", "```W W", "```W\n{}", "```W: W\n{}```", "```\n{}", "~~~ W `W`\n{}\n~~~", "```py\n{}\n", "W\n```W {}```",
    "[W]: http://r.e/f", "[W]: <http://r.e/f> 'W'", "[^W]: {}", "<div>{}</div>", "<!-- {} -->", "<!-- W\n\nW -->", "***\n{}", "Term\n: {}",
    "| W | W |\n|---|---|\n| {} | {} |", "| W | W |\n|---|---|\n| {} | W | W |", "| W | W |\n|---|---|\n| W |", "| W |\n|---|\n| W | W | W | W |", "W | W\n--|--\nW | W | W", "| W | W |\n|---|---|",
    "| W | W |\n|---|---|\n| {} | |\n| W | |", "| W | |\n|---|---|\n| \\|W | W\\|W | W |", "| W | W |\n|---|---|\n| W | W |\nW", "| W | W |\n|---|\n| W |", "> | W | W |\n> |---|---|\n> | W | W | {} |",
)  # fmt: skip
insides = st.recursive(
    st.just("W"),
    lambda inner: st.builds(
        lambda around, one, two: around.replace("{}", one, 1).replace("{}", two, 1),
        st.sampled_from(AROUND),
        inner,
        inner,
    ),
    max_leaves=6,
)
blocks = st.builds(
    lambda block, one, two: block.replace("{}", one, 1).replace("{}", two, 1),
    st.sampled_from(BLOCKS),
    insides,
    insides,
)
nested = st.recursive(
    blocks,
    lambda inner: st.builds(
        lambda first, then, block: first + block.replace("\n", f"\n{then}"),
        st.sampled_from(("> ", "- ", "7. ")),
        st.sampled_from(("> ", "  ", "   ", "")),
        inner,
    ),
    max_leaves=2,
)
documents = st.lists(nested, min_size=1, max_size=6).map("\n\n".join) | st.lists(
    nested, min_size=1, max_size=6
).map("\n".join)


def numbered(text: str) -> str:
    """Every `W` as a word of its own."""
    pieces = text.split("W")
    return "".join(f"{piece}w{number}z" for number, piece in enumerate(pieces[:-1])) + pieces[-1]


def seen(text: str, name: str) -> str:
    place = PLACES[name]
    return shown(laid_out(printable(text), Inlines(place.dialect, Mentions(()), place.limits, str)))


@given(documents.map(numbered), st.sampled_from(sorted(PLACES)))
def test_every_word_is_read_in_every_dialect(text: str, name: str) -> None:
    said = seen(text, name)
    # Where a language is meant to stand, one word alone is taken for one.
    languages = re.findall(r"^[ >]*(?:- |7\. )*[ >]*```(\w+)$", text, re.MULTILINE)
    assert [word for word in re.findall(r"w\d+z", text) if word not in said and word not in languages] == []


@pytest.mark.parametrize("name", sorted(PLACES))
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("3. a\n4. b\n7. c", id="numbers that leave one out"),
        pytest.param("3. a\n2. b\n1. c", id="numbers that count down"),
        pytest.param("07. a\n08. b", id="numbers with a zero in front"),
    ],
)
def test_items_keep_the_numbers_they_were_typed_with(text: str, name: str) -> None:
    (draft,) = drafts(Payload(text), ROOMY, PLACES[name].dialect)
    written = re.findall(r'(\d+)(?:\. |">)', draft.text)
    assert written == re.findall(r"\d+", text)


def test_items_that_are_all_typed_with_one_number_are_counted() -> None:
    (draft,) = drafts(Payload("1. a\n1. b\n1. c"), ROOMY, PLAIN)
    assert draft.text == "1. a\n2. b\n3. c"


WIDE_ROW = "| cmd | what |\n|---|---|\n| ps aux | grep x | finds x |"


@pytest.mark.parametrize(
    ("text", "dialect", "expected"),
    [
        pytest.param("```Backup failed: disk full\nplease fix```", TELEGRAM, "<pre>Backup failed: disk full\nplease fix</pre>", id="text right behind the backticks"),
        pytest.param("Report:\n```Backup failed", DISCORD, "Report:\n```\nBackup failed\n```", id="a block that is never closed"),
        pytest.param("```Failed\nplease fix", DISCORD, "```\nFailed\nplease fix\n```", id="one word in front of it"),
        pytest.param("a\n```py\n```", DISCORD, "a\n```\npy\n```", id="a block of nothing but its first line"),
        pytest.param("~~~ warning: 3 disks\nsda\n~~~\nend", SLACK, "```\nwarning: 3 disks\nsda\n```\nend", id="several words where a language stands"),
        pytest.param("> ```py\n> x\n> ```", TELEGRAM, '<blockquote><pre><code class="language-py">x</code></pre></blockquote>', id="a language is none of the text"),
        pytest.param("```py\n\n\n```\na", PLAIN, "py\na", id="a block of blank lines"),
        pytest.param(WIDE_ROW, TELEGRAM, "<pre>cmd     what\n------  ----------------\nps aux  grep x | finds x</pre>", id="a row with more cells than its head"),
        pytest.param(WIDE_ROW, WHATSAPP, "*cmd: ps aux*\n• what: grep x | finds x", id="as a list"),
        pytest.param("| a | b |\n|---|---|\n| 1 | **2** | `3` |", MAIL, "<table><tr><th>a</th>\t<th>b</th></tr>\n<tr><td>1</td>\t<td><strong>2</strong> | <code>3</code></td></tr></table>", id="as a table"),
        pytest.param("| a |\n|---|\n| x \\| y |", PLAIN, "a: x | y", id="a bar that parts nothing"),
        pytest.param("| a | b |\n|---|---|\n| 1 | |\n| 2 | |", PLAIN, "a: 1\n• b: \na: 2", id="a column without a word"),
        pytest.param("| a | b |\n|---|---|\n| 1 | [](http://x.y) |", PLAIN, "a: 1\n• b: http://x.y", id="a cell that is an address"),
        pytest.param("| [a](http://x.y) | b |\n|---|---|", PLAIN, "a (http://x.y) b", id="an address in a head"),
    ],
)  # fmt: skip
def test_what_looks_like_markup_and_says_something_is_kept(
    text: str, dialect: Dialect, expected: str
) -> None:
    (draft,) = drafts(Payload(text), ROOMY, dialect)
    assert draft.text == expected
