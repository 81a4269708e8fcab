"""Cutting text: nothing is lost, nothing is torn apart, nothing is too long."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stentor.domain.chunking import chunk
from stentor.domain.units import SMALLEST_LIMIT, Unit, length

UNITS: tuple[Unit, ...] = ("utf16", "characters", "bytes")
FAMILY = "\N{MAN}\u200d\N{WOMAN}\u200d\N{GIRL}"
FLAG = "\N{REGIONAL INDICATOR SYMBOL LETTER D}\N{REGIONAL INDICATOR SYMBOL LETTER E}"
CLUSTERS = (
    "a",
    "Z",
    "9",
    ".",
    "!",
    " ",
    "\n",
    "\n\n",
    "e\u0301",
    "\N{GRINNING FACE}",
    FAMILY,
    FLAG,
    "\u2764\ufe0f",
    "字",
    "。",
)

units = st.sampled_from(UNITS)
prose = st.lists(
    st.sampled_from((*CLUSTERS, "word", "sentence. ", "[a link](u)", "`some code`")), max_size=120
).map("".join)
code = st.lists(st.text("ab \t#", max_size=30), min_size=1, max_size=20).map("\n".join)
fenced = st.builds(
    "{0}{1}\n{2}\n{0}".format,
    st.sampled_from(("```", "````", "~~~")),
    st.sampled_from(("", "py", "sh -x")),
    code,
)
documents = st.lists(prose | fenced, max_size=6).map("\n".join)


def visible(text: str) -> str:
    return re.sub(r"\s", "", text)


def without_fence_lines(text: str) -> str:
    return re.sub(r"(?m)^[ \t]*(`{3,}|~{3,})[^`\n]*$", "", text)


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        ("abc", "utf16", 3),
        ("abc", "bytes", 3),
        ("é字", "characters", 2),
        ("é字", "bytes", 5),
        ("\N{GRINNING FACE}", "utf16", 2),
        ("\N{GRINNING FACE}", "bytes", 4),
        ("\N{GRINNING FACE}", "characters", 1),
        ("", "bytes", 0),
    ],
)
def test_text_is_measured_in_the_providers_unit(text: str, unit: Unit, expected: int) -> None:
    assert length(text, unit) == expected


@given(st.text(), units)
def test_measuring_agrees_with_the_encoders(text: str, unit: Unit) -> None:
    encoded = {
        "utf16": len(text.encode("utf-16-le")) // 2,
        "characters": len(text),
        "bytes": len(text.encode()),
    }
    assert length(text, unit) == encoded[unit]


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        pytest.param("one\n\ntwo\nthree four", 18, ["one\n\ntwo", "three four"], id="a paragraph too early is passed over"),
        pytest.param("first\n\nsecond\nthird", 14, ["first", "second\nthird"], id="a paragraph beats a line"),
        pytest.param("aaaa\nbbbb cccc", 9, ["aaaa", "bbbb cccc"], id="a line beats a word"),
        pytest.param("one. two. three.", 12, ["one. two.", "three."], id="a sentence beats a word"),
        pytest.param("He said: “Go.” Then he left", 18, ["He said: “Go.”", "Then he left"], id="a quoted sentence ends behind its quote"),
        pytest.param("aaaa bbbb cccc", 9, ["aaaa bbbb", "cccc"], id="a word"),
        pytest.param("aaaaaaaaaaaa", 5, ["aaaaa", "aaaaa", "aa"], id="a hard cut when there is nothing else"),
        pytest.param("Title\n\nxxxxxxxxxxxxxxxxxxxxxx", 22, ["Title", "xxxxxxxxxxxxxxxxxxxxxx"], id="an early paragraph beats a hard cut"),
        pytest.param("see [the long docs](u) now ok", 23, ["see [the long docs](u)", "now ok"], id="a link stays whole"),
        pytest.param("aaaa `b c d e` f", 10, ["aaaa", "`b c d e`", "f"], id="inline code stays whole"),
        pytest.param("10\u00a0000 euros", 9, ["10\u00a0000", "euros"], id="a no-break space is no place to cut"),
        pytest.param("今日は晴れ。明日は雨。", 8, ["今日は晴れ。", "明日は雨。"], id="sentences without blanks"),
        pytest.param("- a\n  - b\n  - c", 10, ["- a\n  - b", "  - c"], id="the next line keeps its indentation"),
        pytest.param("  a  b\n1  2\n\n", 80, ["  a  b\n1  2"], id="so does the first"),
        pytest.param("\n\n a \n", 80, [" a"], id="blank lines around the text are dropped"),
        pytest.param("a" + " " * 50 + "b", 5, ["a", "b"], id="a long blank is dropped at the cut"),
        pytest.param("ab\r\ncd", 3, ["ab", "cd"], id="windows line ends"),
    ],
)  # fmt: skip
def test_the_cut_is_where_a_reader_would_make_it(text: str, limit: int, expected: list[str]) -> None:
    assert chunk(text, limit, "characters") == expected


@pytest.mark.parametrize("text", ["", " ", "\n\t \r\n", "\u00a0\u2003"], ids=repr)
def test_whitespace_alone_is_nothing_to_send(text: str) -> None:
    assert chunk(text, 10, "characters") == []


@pytest.mark.parametrize("unit", UNITS)
def test_a_limit_that_holds_no_character_is_refused(unit: Unit) -> None:
    with pytest.raises(ValueError, match="or more"):
        chunk("text", SMALLEST_LIMIT[unit] - 1, unit)


@pytest.mark.parametrize(
    ("cluster", "limit"),
    [
        pytest.param("\N{GRINNING FACE}", 3, id="surrogate pair"),
        pytest.param("e\u0301\u0323", 4, id="combining marks"),
        pytest.param("\u2764\ufe0f", 3, id="variation selector"),
        pytest.param("1\ufe0f\u20e3", 4, id="keycap"),
        pytest.param("\N{WAVING HAND SIGN}\N{EMOJI MODIFIER FITZPATRICK TYPE-4}", 5, id="skin tone"),
        pytest.param(FAMILY, 9, id="joined emoji"),
        pytest.param(FLAG, 7, id="flag"),
        pytest.param("\N{WAVING BLACK FLAG}\U000e0067\U000e0062\U000e007f", 10, id="flag with tags"),
        pytest.param("\u1112\u1161\u11ab", 4, id="decomposed Hangul"),
    ],
)
def test_what_looks_like_one_character_is_never_torn(cluster: str, limit: int) -> None:
    assert chunk(cluster * 5, limit, "utf16") == [cluster] * 5


def test_a_windows_line_end_is_never_torn() -> None:
    assert chunk("```\nab\r\ncd\r\nef\r\n```", 16, "characters") == ["```\nab\r\ncd\n```", "```\nef\r\n```"]


def test_a_closing_line_already_written_does_not_begin_the_next_part() -> None:
    assert chunk("```\r\naaaabbbb\r\n```\r\nafter", 17, "characters") == ["```\r\naaaabbbb\n```", "after"]


def test_a_cluster_longer_than_the_limit_is_cut_rather_than_lost() -> None:
    assert chunk("e" + "\u0301" * 7, 3, "characters") == [
        "e\u0301\u0301",
        "\u0301\u0301\u0301",
        "\u0301\u0301",
    ]


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        pytest.param(
            "```py\naaa\nbbb\nccc\nddd\n```\nafter",
            20,
            ["```py\naaa\nbbb\n```", "```py\nccc\nddd\n```", "after"],
            id="closed and opened again with its info string",
        ),
        pytest.param("````\n```\naaaa\nbbbb\n````", 20, ["````\n```\naaaa\n````", "````\nbbbb\n````"], id="a longer fence holds a shorter one"),
        pytest.param("~~~\naaa\nbbb\nccc\n~~~", 16, ["~~~\naaa\nbbb\n~~~", "~~~\nccc\n~~~"], id="tildes"),
        pytest.param("  ```\n  aaa\n  bbb\n  ccc\n  ```", 24, ["  ```\n  aaa\n  bbb\n  ```", "  ```\n  ccc\n  ```"], id="indented in a list"),
        pytest.param("```\n  a\n\n  bbbb\n  c", 16, ["```\n  a\n\n```", "```\n  bbbb\n  c"], id="blank lines and indentation survive; what was open stays open"),
        pytest.param("```\naaaabbbbcc\n```", 16, ["```\naaaabbbb\n```", "```\ncc\n```"], id="a long line of code"),
        pytest.param("intro text\n```\naaaa\n```", 20, ["intro text", "```\naaaa\n```"], id="a block that fits the next part stays whole"),
        pytest.param("```\naaa\n```  \nb", 11, ["```\naaa\n```", "b"], id="blanks behind the closing line"),
        pytest.param("```a b c d e f g h\nx\n```", 12, ["```a b c d e", "f g h\nx\n```"], id="a fence too long to repeat is cut like text"),
        pytest.param("```not a fence``` at all", 17, ["```not a fence```", "at all"], id="inline code at the start of a line"),
    ],
)  # fmt: skip
def test_a_code_block_cut_in_two_is_two_code_blocks(text: str, limit: int, expected: list[str]) -> None:
    assert chunk(text, limit, "characters") == expected


@given(documents, st.integers(24, 200), units)
def test_parts_are_never_empty_and_never_too_long(text: str, limit: int, unit: Unit) -> None:
    for part in chunk(text, limit, unit):
        assert visible(part)
        assert length(part, unit) <= limit


@given(st.text(), st.integers(4, 40), units)
def test_any_text_whatever_is_kept_within_any_limit(text: str, limit: int, unit: Unit) -> None:
    parts = chunk(text, limit, unit)
    assert all(visible(part) and length(part, unit) <= limit for part in parts)
    if "```" not in text and "~~~" not in text:
        assert visible("".join(parts)) == visible(text)


@given(prose, st.integers(4, 60), units)
def test_no_prose_is_lost(text: str, limit: int, unit: Unit) -> None:
    assert visible("".join(chunk(text, limit, unit))) == visible(text)


@given(documents, st.integers(60, 200), units)
def test_no_code_is_lost(text: str, limit: int, unit: Unit) -> None:
    parts = "\n".join(chunk(text, limit, unit))
    assert visible(without_fence_lines(parts)) == visible(without_fence_lines(text))


@given(st.lists(fenced, min_size=1, max_size=4).map("\n".join), st.integers(60, 200))
def test_every_part_closes_the_code_blocks_it_opens(text: str, limit: int) -> None:
    for part in chunk(text, limit, "characters"):
        opened = ""
        for marker, info in re.findall(r"(?m)^(`{3,}|~{3,})(.*)$", part):
            if not opened:
                opened = marker
            elif marker.startswith(opened) and not info:
                opened = ""
        assert not opened


@given(
    st.lists(fenced.map(lambda block: block.replace("\n", "\r\n")), max_size=4), st.integers(60, 200), units
)
def test_code_with_windows_line_ends_is_not_lost_either(blocks: list[str], limit: int, unit: Unit) -> None:
    text = "\r\n".join(blocks)
    parts = chunk(text, limit, unit)
    assert all(length(part, unit) <= limit for part in parts)
    assert visible(without_fence_lines("\n".join(parts))) == visible(without_fence_lines(text))


@given(st.lists(st.sampled_from(CLUSTERS), max_size=60).map("".join), st.integers(20, 60))
def test_no_part_begins_inside_a_cluster(text: str, limit: int) -> None:
    for part in chunk(text, limit, "bytes"):
        assert part[0] != "\u200d"
        assert part[-1] != "\u200d"
        assert unicodedata.category(part[0])[0] != "M"


@given(prose, st.integers(8, 80), units)
def test_a_part_cut_again_is_itself(text: str, limit: int, unit: Unit) -> None:
    for part in chunk(text, limit, unit):
        assert chunk(part, limit, unit) == [part]


@pytest.mark.parametrize(
    "text",
    ["x" * 200_000, "\n```" * 50_000, "[a](b" * 40_000, "*" * 200_000, FLAG * 50_000, "e" + "\u0301" * 200_000, " " * 200_000 + "a"],
    ids=["one word", "fences", "broken links", "stars", "flags", "marks", "blanks"],
)  # fmt: skip
def test_hostile_text_ends_in_parts_too(text: str) -> None:
    parts = chunk(text, 4096, "utf16")
    assert all(length(part, "utf16") <= 4096 for part in parts)
