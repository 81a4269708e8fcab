"""Markdown becomes text and entities: offsets in UTF-16 units, nothing lost, nothing out of bounds."""

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telegramify_markdown import convert
from tests.plugins.telegram.samples import CHANNEL, CHAT, target

from stentor import Draft, Payload
from stentor.domain.rendering import drafts
from stentor.testing.rendering import rendered
from stentor_telegram.format import DIALECT, Entity, Formatted, entities_of
from stentor_telegram.limits import LIMITS

PLACE = target(CHAT)
GRIN = "\N{GRINNING FACE}"
FAMILY = "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL}"


def units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def marked(said: Formatted, entity: Entity) -> str:
    """The stretch that an entity is about, as Telegram reads its offsets."""
    whole = said.text.encode("utf-16-le", "surrogatepass")
    return whole[2 * entity.offset : 2 * (entity.offset + entity.length)].decode("utf-16-le")


def read(markdown: str) -> Formatted:
    (draft,) = rendered(CHANNEL, markdown, PLACE)
    return entities_of(draft.text)


def stretches(said: Formatted) -> list[tuple[str, str, str]]:
    return [(entity.type, marked(said, entity), entity.value) for entity in said.entities]


@pytest.mark.parametrize(
    ("markdown", "text", "found"),
    [
        pytest.param('a & b < c > d &amp; "e"', 'a & b < c > d & "e"', [], id="nothing special"),
        pytest.param(
            f"{GRIN} **{FAMILY} b** {GRIN}`c`",
            f"{GRIN} {FAMILY} b {GRIN}c",
            [("bold", f"{FAMILY} b", ""), ("code", "c", "")],
            id="emoji count as two and more",
        ),
        pytest.param(
            "**a _b ~~c~~_**",
            "a b c",
            [("bold", "a b c", ""), ("italic", "b c", ""), ("strikethrough", "c", "")],
            id="marks inside marks",
        ),
        pytest.param("# A **title**", "A title", [("bold", "A title", "")], id="a title"),
        pytest.param(
            '```python\nif a < b & c:\n    print("x")\n```',
            'if a < b & c:\n    print("x")',
            [("pre", 'if a < b & c:\n    print("x")', "python")],
            id="code in a language",
        ),
        pytest.param("```\n<b>\n```", "<b>", [("pre", "<b>", "")], id="code in none"),
        pytest.param("```c++\nx\n```", "x", [("pre", "x", "c++")], id="a language with signs"),
        pytest.param(
            '[t](https://e.org/?b=1&c="2"&d=<3>)',
            "t",
            [("text_link", "t", "https://e.org/?b=1&c=%222%22&d=%3C3%3E")],
            id="a link with signs",
        ),
        pytest.param(
            "> one\n> **two**",
            "one\ntwo",
            [("blockquote", "one\ntwo", ""), ("bold", "two", "")],
            id="a quotation",
        ),
        pytest.param(
            "> ```sh\n> ls\n> ```",
            "ls",
            [("blockquote", "ls", ""), ("pre", "ls", "sh")],
            id="code in a quotation",
        ),
        pytest.param(
            "**a `x` b**",
            "a x b",
            [("bold", "a", ""), ("code", "x", ""), ("bold", "b", "")],
            id="code is no part of bold text",
        ),
        pytest.param("**`x`**", "x", [("code", "x", "")], id="code alone is not bold"),
        pytest.param(
            "[`x`](https://e.org/)", "x", [("text_link", "x", "https://e.org/")], id="a link goes before code"
        ),
        pytest.param(
            "https://e.org/a_b_c", "https://e.org/a_b_c", [], id="an address that stands for itself"
        ),
        pytest.param(
            "| a | b |\n|---|---|\n| 1 | 2 |",
            "a  b\n-  -\n1  2",
            [("pre", "a  b\n-  -\n1  2", "")],
            id="a table",
        ),
    ],
)
def test_markdown_becomes_text_and_entities(
    markdown: str, text: str, found: list[tuple[str, str, str]]
) -> None:
    said = read(markdown)
    assert said.text == text
    assert stretches(said) == found


@pytest.mark.parametrize(
    ("markup", "found"),
    [
        ("<b>bold </b>plain", [("bold", "bold", "")]),
        ("<b> bold</b>", [("bold", "bold", "")]),
        ("<b>  </b>x", []),
        ("<b></b>x", []),
        ("<pre>code\n</pre>x", [("pre", "code", "")]),
        ("<blockquote>\nq\n\n</blockquote>", [("blockquote", "q", "")]),
    ],
)
def test_blanks_at_the_ends_are_not_marked(markup: str, found: list[tuple[str, str, str]]) -> None:
    assert stretches(entities_of(markup)) == found


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("</b>x", "x"),
        ("<b>x", "x"),
        ("<b><i>x</b></i>", "x"),
        ("<u>x</u>", "<u>x</u>"),
        ("a < b && c", "a < b && c"),
        ("&nbsp;&copy;&#64;", "&nbsp;&copy;&#64;"),
        ("<b", "<b"),
    ],
)
def test_what_the_core_does_not_write_breaks_nothing(markup: str, text: str) -> None:
    assert entities_of(markup).text == text


def test_people_are_called_only_on_demand() -> None:
    payload = Payload("Hello @ann_lee, and @team")
    (silent,) = drafts(payload, LIMITS, DIALECT)
    (loud,) = drafts(payload, LIMITS, DIALECT, mentions=True)
    assert entities_of(silent.text).text == "Hello @\u200bann_lee, and @\u200bteam"
    assert entities_of(loud.text).text == "Hello @ann_lee, and @team"


@pytest.mark.parametrize("text", ["bob@example.org", "a @ b", "@ab", "1@2.3"])
def test_what_calls_nobody_stays_as_it_is(text: str) -> None:
    assert read(text).text == text


@pytest.mark.parametrize(
    "markdown", ["`npm i @scope/pkg`", "```\n@dataclass\nclass A: ...\n```", "    @pytest.fixture"]
)
def test_code_calls_nobody_and_can_be_copied(markdown: str) -> None:
    said = read(markdown)
    assert "@" in said.text
    assert "\u200b" not in said.text


AGREED = [
    "**b** *i* _i_ ~~s~~ `c`",
    "***bi***",
    "~~*x*~~",
    "*a* **b**\n\n`c`",
    "**bold [link](https://e.org) more**",
    "[t](https://e.org/?b=1&c=2)",
    "```py\nprint(1)\n```",
    "```\nx\n```\n\nafter",
    "> q\n> r",
    "> **q** `c`",
    "> ```\n> code\n> ```",
    'a & b < c > "d"',
    f"{GRIN} **x{GRIN}y** z {FAMILY} `c{GRIN}` *{FAMILY}*",
    "https://e.org/x",
    "snake_case 2 * 3",
    "one **two** three\n\nfour _five_ six\n\nseven ~~eight~~",
]


def known(entities: list[tuple[str, int, int, str]]) -> list[tuple[str, int, int, str]]:
    return sorted(entities)


@pytest.mark.parametrize("markdown", AGREED)
def test_another_converter_finds_the_same(markdown: str) -> None:
    text, entities = convert(markdown)
    said = read(markdown)
    assert said.text == text.rstrip("\n")
    assert known(
        [(entity.type, entity.offset, entity.length, entity.value) for entity in said.entities]
    ) == known(
        [
            (entity.type, entity.offset, entity.length, entity.url or entity.language or "")
            for entity in entities
        ]
    )


@pytest.mark.parametrize(
    ("markdown", "theirs", "ours"),
    [
        pytest.param("# Title", "\N{PUSHPIN} Title", "Title", id="icons before titles"),
        pytest.param("- a", "\N{Z NOTATION SPOT} a\n", "\N{BULLET} a", id="another bullet, and a blank line"),
        pytest.param("---", "\N{EM DASH}" * 8, "\N{BOX DRAWINGS LIGHT HORIZONTAL}" * 3, id="another rule"),
        pytest.param(
            "- [x] done", "\N{WHITE HEAVY CHECK MARK} done\n", "\N{BULLET} [x] done", id="boxes as icons"
        ),
        pytest.param(
            "![alt](https://e.org/i.png)", "\N{FRAME WITH PICTURE}alt", "alt", id="icons before pictures"
        ),
        pytest.param("a <b>c</b>", "a c", "a <b>c</b>", id="tags are dropped"),
    ],
)
def test_where_the_other_converter_has_ways_of_its_own(markdown: str, theirs: str, ours: str) -> None:
    """Should this fail, the two have come closer: the sample may go to those they agree on."""
    assert convert(markdown)[0] == theirs
    assert read(markdown).text == ours


TAGS = {
    "bold": ("<b>", "</b>"),
    "italic": ("<i>", "</i>"),
    "strikethrough": ("<s>", "</s>"),
    "code": ("<code>", "</code>"),
    "pre": ('<pre class="py">', "</pre>"),
    "text_link": ('<a href="https://e.org/?a=1&amp;b=2">', "</a>"),
    "blockquote": ("<blockquote>", "</blockquote>"),
}
TEXTS = st.lists(
    st.sampled_from(["a", "\N{LATIN SMALL LETTER A WITH DIAERESIS}", GRIN, FAMILY, " ", "\n", *'<>&"@']),
    max_size=8,
).map("".join)


def wrapped(kind: str, parts: list[tuple[str, str]]) -> tuple[str, str]:
    opening, closing = TAGS[kind]
    return opening + "".join(markup for markup, _ in parts) + closing, "".join(text for _, text in parts)


PLAIN = TEXTS.map(lambda text: (html.escape(text, quote=False), text))
CODE = st.builds(wrapped, st.sampled_from(["code", "pre"]), st.lists(PLAIN, max_size=1))
AROUND = st.sampled_from([kind for kind in TAGS if kind not in ("code", "pre")])
MARKUP = st.recursive(
    PLAIN | CODE, lambda parts: st.builds(wrapped, AROUND, st.lists(parts, max_size=4)), max_leaves=12
)


@given(st.lists(MARKUP, max_size=5))
def test_no_text_is_lost_and_no_entity_is_out_of_bounds(parts: list[tuple[str, str]]) -> None:
    said = entities_of("".join(markup for markup, _ in parts))
    assert said.text == "".join(text for _, text in parts)
    for entity in said.entities:
        assert 0 <= entity.offset < entity.offset + entity.length <= units(said.text)
        stretch = marked(said, entity)
        assert stretch == stretch.strip() != ""


@given(st.lists(MARKUP, max_size=5))
def test_code_is_part_of_nothing_but_a_quotation(parts: list[tuple[str, str]]) -> None:
    said = entities_of("".join(markup for markup, _ in parts))
    code = [entity for entity in said.entities if entity.type in ("code", "pre")]
    others = [
        entity for entity in said.entities if entity.type in ("bold", "italic", "strikethrough", "text_link")
    ]
    for one in code:
        for other in others:
            assert one.offset + one.length <= other.offset or other.offset + other.length <= one.offset


@given(
    st.lists(
        st.sampled_from(["**a**", "_b_", "`c`", "[d](https://e.org)", GRIN, "~~e~~", "\n\n", "@fff", "- "]),
        max_size=400,
    )
)
def test_whatever_the_core_writes_is_within_telegram_s_limits(pieces: list[str]) -> None:
    for draft in rendered(CHANNEL, " ".join(["x", *pieces]), PLACE):
        said = entities_of(draft.text)
        assert units(said.text) <= 4096
        assert len(said.entities) <= 100


def test_a_long_text_comes_in_parts_that_can_all_be_read() -> None:
    markdown = "\n\n".join(f"**{n}** {GRIN * 200} [x](https://e.org/{n}) `{n}`" for n in range(60))
    found: list[Draft] = list(rendered(CHANNEL, markdown, PLACE))
    assert len(found) > 3
    for draft in found:
        assert draft.format == "entities"
        said = entities_of(draft.text)
        assert "<" not in said.text
        assert units(said.text) <= 4096
