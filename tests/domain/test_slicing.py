"""Text in any dialect, cut into parts: each part is within its limit and whole in itself, and nothing is lost."""

import re
import time
import unicodedata
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from tests.domain.dialects import DISCORD, HTML_PLACES, PLACES, TELEGRAM, Place

from stentor.contract.payloads import Payload
from stentor.domain.inlines import Inlines
from stentor.domain.layout import laid_out
from stentor.domain.markdown import printable
from stentor.domain.mentions import Mentions
from stentor.domain.redaction import Redactor
from stentor.domain.rendering import drafts
from stentor.domain.slicing import cut, smallest_limit
from stentor.domain.styled import Pen, Run, shown
from stentor.domain.units import length

FAMILY = "\N{MAN}\u200d\N{WOMAN}\u200d\N{GIRL}"
FLAG = "\N{REGIONAL INDICATOR SYMBOL LETTER D}\N{REGIONAL INDICATOR SYMBOL LETTER E}"
WORDS = (
    "word", "a", "Zwei", "snake_case", "2 * 3", "<b>", "&", "&amp;", "a < b > c", "@here", "<@123>", "<!channel>", "\\*esc\\*",
    "**bold**", "*it*", "_it_", "***both***", "~~gone~~", "`co de`", "`a<b`", "``b`t``", "**bo *ld* it**", "**over\nlines**",
    "[text](https://example.com/a?b=1&c=2)", "[**bold** link](http://x.y)", "https://bare.example/p_a_t_h?q=1", "![alt](http://i.mg)",
    "[x](!here)", "<http://auto.link>", "e\u0301", "\N{GRINNING FACE}", FAMILY, FLAG, "\u05e9\u05dc\u05d5\u05dd", "\u0645\u0631\u062d", "字。", "\x00", "\u202e", "|", "#", "- ", "1. ", "`", "**", "[", "](",
)  # fmt: skip
LINES = (
    "\n",
    "\n\n",
    "\n- ",
    "\n  - ",
    "\n1. ",
    "\n> ",
    "\n> > ",
    "\n# ",
    "\n### ",
    "\n---\n",
    "  \n",
    "\n    ",
)
BLOCKS = (
    "\n```py\nprint(1 < 2)\nx = 'y'\n\nz = `3`\n```\n",
    "\n~~~\nraw & ```\n~~~\n",
    "\n\n| a | b |\n|---|--:|\n| 1 | **2** |\n| 3 | [l](http://u) |\n\n",
    "\n\n| long head | another one | third |\n|---|---|---|\n| first cell | second cell | third cell of this row |\n\n",
    "\n- a\n  - b\n    - c\n\n      more of c\n\n  ```sh\n  ls\n  ```\n",
    "\n> quoted\n> - item\n>\n> ```\n> code\n> ```\n",
)
documents = st.lists(
    st.one_of(st.sampled_from(WORDS).map(lambda word: f" {word}"), st.sampled_from(WORDS), st.sampled_from(LINES), st.sampled_from(BLOCKS)),
    max_size=60,
).map("".join)  # fmt: skip
anything = documents | st.text(max_size=200)
places = st.sampled_from(sorted(PLACES))


class Reading(HTMLParser):
    """Strict: what is opened is closed, in order, and nothing is left over."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        assert "<" not in data
        assert "&" not in data
        self.seen.append(data)

    def handle_entityref(self, name: str) -> None:
        self.seen.append({"amp": "&", "lt": "<", "gt": ">", "quot": '"'}[name])

    def handle_charref(self, name: str) -> None:
        raise AssertionError(name)


def seen_in_html(text: str) -> str:
    reading = Reading()
    reading.feed(text)
    reading.close()
    assert not reading.open
    return "".join(reading.seen)


def seen_in_markdown(text: str) -> str:
    """What a reader of Markdown sees, code and all."""
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": 200}).enable("strikethrough")
    found = parser.disable(["lheading", "code", "reference"]).parse(text)
    return "".join(leaf.content for token in found for leaf in token.children or [token])


def letters(text: str) -> str:
    return "".join(char for char in text if char.isalpha())


def without_blanks(text: str) -> str:
    return re.sub(r"\s", "", text)


def silencing(place: Place) -> Mentions:
    return Mentions(place.dialect.mentions)


def runs_of(text: str, place: Place) -> list[Run]:
    inlines = Inlines(place.dialect, silencing(place), place.limits, Redactor().clean)
    return list(silencing(place).silenced(laid_out(printable(text), inlines)))


def narrow(place: Place, limit: int) -> Place:
    least = smallest_limit(Pen.of(place.dialect), place.limits)
    return replace(place, limits=replace(place.limits, text=max(limit, least)))


def sliced(text: str, place: Place) -> list[list[Run]]:
    return cut(runs_of(text, place), Pen.of(place.dialect), place.limits, silencing(place))


@given(anything, places, st.integers(4, 300), st.booleans())
def test_every_part_is_within_its_limit(text: str, name: str, limit: int, numbered: bool) -> None:
    place = narrow(PLACES[name], limit)
    limits = place.limits
    for draft in drafts(Payload(text), limits, place.dialect, numbered=numbered):
        seen = seen_in_html(draft.text) if limits.counted == "shown" else draft.text
        assert length(seen, limits.unit) <= limits.text
        assert length(draft.plain, limits.unit) <= limits.text
        assert draft.text.strip()


@given(anything, places, st.integers(4, 300))
def test_nothing_that_is_seen_is_lost_or_doubled(text: str, name: str, limit: int) -> None:
    place = narrow(PLACES[name], limit)
    parts = sliced(text, place)
    assert without_blanks("".join(map(shown, parts))) == without_blanks(shown(runs_of(text, place)))


@given(anything, st.sampled_from(HTML_PLACES), st.integers(4, 300))
def test_each_part_is_whole_html_that_shows_what_it_is_to_show(text: str, name: str, limit: int) -> None:
    place = narrow(PLACES[name], limit)
    for part in sliced(text, place):
        written = Pen.of(place.dialect).write(part)
        assert without_blanks(seen_in_html(written)) == without_blanks(shown(part))


@given(documents, st.integers(60, 300))
def test_each_part_is_markdown_that_shows_what_it_is_to_show(text: str, limit: int) -> None:
    place = narrow(PLACES["discord"], limit)
    for part in sliced(text, place):
        assert letters(seen_in_markdown(Pen.of(DISCORD).write(part))) == letters(shown(part))


@given(documents, places, st.integers(60, 300))
def test_no_part_begins_inside_what_looks_like_one_character(text: str, name: str, limit: int) -> None:
    place = narrow(PLACES[name], limit)
    for part in sliced(text, place):
        said = shown(part)
        said.encode()
        assert said[0] != "\u200d"
        assert said[-1] != "\u200d"
        assert unicodedata.category(said[0]) != "Mn"
        assert sum("\U0001f1e6" <= char <= "\U0001f1ff" for char in said) % 2 == 0


@given(documents, st.integers(1, 6))
def test_no_part_has_more_marked_stretches_than_are_shown(text: str, most: int) -> None:
    place = replace(PLACES["telegram"], limits=replace(PLACES["telegram"].limits, stretches=5 + most))
    for part in sliced(text, place):
        assert Pen.of(TELEGRAM).write(part).count("</") - len(re.findall(r"</code></pre>", Pen.of(TELEGRAM).write(part))) <= 5 + most  # fmt: skip


HOSTILE = {
    "backticks": "`" * 100_000,
    "pairs of backticks": "`` ` " * 5_000,
    "nested lists": "".join(f"{'  ' * depth}- item\n" for depth in range(300)),
    "nested quotes": ">" * 5_000 + "deep",
    "one word": "x" * 100_000,
    "one emoji": FAMILY * 5_000,
    "flags": FLAG * 10_000,
    "marks": "e" + "\u0301" * 30_000,
    "right to left": "\u202e\u05e9\u05dc\u05d5\u05dd " * 5_000,
    "nulls": "\x00a\x01\x7f" * 25_000,
    "stars": "*a" * 10_000,
    "brackets": "[" * 20_000,
    "images in images": "![a" * 80_000,
    "words in bold": "@all**x**" * 5_000,
    "links": "[a](http://b.c/d) " * 2_000,
    "broken links": "[a](b" * 5_000,
    "addresses": "http://a.b/c?d=e&f " * 2_000,
    "table": "|a" * 90 + "|\n" + "|-" * 90 + "|\n" + ("|" + "b|" * 90 + "\n") * 60,
    "code": "```py\n" + "line of code\n" * 3_000 + "```",
    "one line of code": "```\n" + "x<" * 50_000 + "\n```",
    "bold": "**" + "word " * 8_000 + "**",
    "blanks": " " * 100_000 + "a",
    "brackets behind an address": "http://a.b" + ")" * 50_000,
    "mentions": "@everyone @here <@1>" * 1_000,
}


@pytest.mark.parametrize("name", sorted(PLACES))
@pytest.mark.parametrize("hostile", list(HOSTILE))
def test_hostile_text_ends_in_parts_soon(hostile: str, name: str) -> None:
    place = PLACES[name]
    begun = time.process_time()
    parts = drafts(Payload(HOSTILE[hostile]), place.limits, place.dialect)
    assert time.process_time() - begun < 20
    assert parts
    assert all(length(part.text, place.limits.unit) <= place.limits.text for part in parts if place.limits.counted == "sent")  # fmt: skip
