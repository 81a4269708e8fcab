"""What Markdown becomes in each dialect."""

import re
from dataclasses import replace

import pytest
from tests.domain.dialects import DISCORD, MAIL, PLACES, SLACK, TELEGRAM, WHATSAPP

from stentor.contract.dialects import PLAIN, Dialect
from stentor.contract.payloads import Draft, Payload
from stentor.contract.traits import Limits
from stentor.domain.rendering import drafts

ROOMY = Limits(100_000)
HOME = "http://a.b/?c=1&d=2"


def written(text: str, dialect: Dialect, *, mentions: bool = False) -> str:
    (draft,) = drafts(Payload(text), ROOMY, dialect, mentions=mentions)
    assert draft.format == dialect.format
    return draft.text


@pytest.mark.parametrize(
    ("text", "plain", "telegram", "discord", "slack", "whatsapp", "mail"),
    [
        pytest.param("**b** *i* _i_ ~~s~~ `c`", "b i i s c", "<b>b</b> <i>i</i> <i>i</i> <s>s</s> <code>c</code>", "**b** *i* *i* ~~s~~ `c`", "*b* _i_ _i_ ~s~ `c`", "*b* _i_ _i_ ~s~ ```c```", "<p><strong>b</strong> <em>i</em> <em>i</em> <del>s</del> <code>c</code></p>", id="emphasis"),
        pytest.param("***bi***", "bi", "<i><b>bi</b></i>", "***bi***", "_*bi*_", "_*bi*_", "<p><em><strong>bi</strong></em></p>", id="both at once"),
        pytest.param("# T **b**\nx", "T b\nx", "<b>T b</b>\nx", "# T **b**\nx", "*T b*\nx", "*T b*\nx", "<h1>T <strong>b</strong></h1>\n<p>x</p>", id="heading"),
        pytest.param("##### T", "T", "<b>T</b>", "### T", "*T*", "*T*", "<h5>T</h5>", id="deep heading"),
        pytest.param("- a\n  - b\n- [ ] c", "• a\n  • b\n• [ ] c", "• a\n  • b\n• [ ] c", "- a\n  - b\n- \\[ \\] c", "• a\n  • b\n• [ ] c", "• a\n  • b\n• [ ] c", "<ul><li>a\n<ul><li>b</li></ul></li>\n<li>[ ] c</li></ul>", id="nested list"),
        pytest.param("3. x\n4. y", "3. x\n4. y", "3. x\n4. y", "3. x\n4. y", "3. x\n4. y", "3. x\n4. y", '<ol><li value="3">x</li>\n<li value="4">y</li></ol>', id="numbers"),
        pytest.param("> a\n> b", "> a\n> b", "<blockquote>a\nb</blockquote>", "> a\n> b", "> a\n> b", "> a\n> b", "<blockquote><p>a<br>\nb</p></blockquote>", id="quotation"),
        pytest.param("> a\n>\n> b\n\nc", "> a\n>\n> b\n\nc", "<blockquote>a\n\nb</blockquote>\n\nc", "> a\n>\n> b\n\nc", "> a\n>\n> b\n\nc", "> a\n>\n> b\n\nc", "<blockquote><p>a</p>\n\n<p>b</p></blockquote>\n\n<p>c</p>", id="paragraphs of a quotation"),
        pytest.param("> a\n> > b", "> a\n> > b", "<blockquote>a\nb</blockquote>", "> a\n> > b", "> a\n> > b", "> a\n> > b", "<blockquote><p>a</p>\n<p>b</p></blockquote>", id="quotation in a quotation"),
        pytest.param("```py\nx < 1\n```", "x < 1", '<pre><code class="language-py">x &lt; 1</code></pre>', "```py\nx < 1\n```", "```\nx &lt; 1\n```", "```\nx < 1\n```", '<pre><code class="language-py">x &lt; 1</code></pre>', id="code block"),
        pytest.param("```\nx\n```", "x", "<pre>x</pre>", "```\nx\n```", "```\nx\n```", "```\nx\n```", "<pre><code>x</code></pre>", id="code block without language"),
        pytest.param(f"[t]({HOME})", f"t ({HOME})", '<a href="http://a.b/?c=1&amp;d=2">t</a>', f"[t]({HOME})", "<http://a.b/?c=1&amp;d=2|t>", f"t ({HOME})", '<p><a href="http://a.b/?c=1&amp;d=2">t</a></p>', id="link"),
        pytest.param("see http://a.b/x_y_z.", "see http://a.b/x_y_z.", "see http://a.b/x_y_z.", "see http://a.b/x_y_z.", "see <http://a.b/x_y_z>.", "see http://a.b/x_y_z.", '<p>see <a href="http://a.b/x_y_z">http://a.b/x_y_z</a>.</p>', id="address"),
        pytest.param("![alt](http://i.j/k)", "alt (http://i.j/k)", '<a href="http://i.j/k">alt</a>', "[alt](http://i.j/k)", "<http://i.j/k|alt>", "alt (http://i.j/k)", '<p><a href="http://i.j/k">alt</a></p>', id="image"),
        pytest.param("<b>raw</b> & < >", "<b>raw</b> & < >", "&lt;b&gt;raw&lt;/b&gt; &amp; &lt; &gt;", "\\<b>raw\\</b> & \\< >", "&lt;b&gt;raw&lt;/b&gt; &amp; &lt; &gt;", "<b>raw</b> & < >", "<p>&lt;b&gt;raw&lt;/b&gt; &amp; &lt; &gt;</p>", id="markup of others"),
        pytest.param("light.bedroom_lamp! <CoT> a_b*c", "light.bedroom_lamp! <CoT> a_b*c", "light.bedroom_lamp! &lt;CoT&gt; a_b*c", "light.bedroom\\_lamp! \\<CoT> a\\_b\\*c", "light.bedroom_lamp! &lt;CoT&gt; a_b*c", "light.bedroom_lamp! <CoT> a_b*c", "<p>light.bedroom_lamp! &lt;CoT&gt; a_b*c</p>", id="marks inside words"),
        pytest.param("a\n\n---\nb", "a\n\n───\nb", "a\n\n───\nb", "a\n\n───\nb", "a\n\n───\nb", "a\n\n───\nb", "<p>a</p>\n\n───\n<p>b</p>", id="rule"),
        pytest.param("**a\nb**", "a\nb", "<b>a</b>\n<b>b</b>", "**a**\n**b**", "*a*\n*b*", "*a*\n*b*", "<p><strong>a</strong><br>\n<strong>b</strong></p>", id="emphasis over lines"),
        pytest.param("&lt;i&gt; &#64;", "<i> @", "&lt;i&gt; @", "\\<i> @", "&lt;i&gt; @", "<i> @", "<p>&lt;i&gt; @</p>", id="entities"),
    ],
)  # fmt: skip
def test_each_construct_is_written_in_the_words_of_the_dialect(
    text, plain, telegram, discord, slack, whatsapp, mail
) -> None:
    assert [written(text, dialect) for dialect in (PLAIN, TELEGRAM, DISCORD, SLACK, WHATSAPP, MAIL)] == [plain, telegram, discord, slack, whatsapp, mail]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "dialect", "expected"),
    [
        pytest.param("\\# no heading\n\\> no quote\n1 - 2", DISCORD, "\\# no heading\n\\> no quote\n1 - 2", id="what would begin a block is escaped only there"),
        pytest.param("`a` - b", DISCORD, "`a` - b", id="not behind code"),
        pytest.param("> \\- no item", DISCORD, "> \\- no item", id="also in a quotation"),
        pytest.param("- \\# no heading", DISCORD, "- \\# no heading", id="also behind a bullet"),
        pytest.param("\\*no emphasis\\*", DISCORD, "\\*no emphasis\\*", id="escapes are escaped again"),
        pytest.param("``a`b``", DISCORD, "a\\`b", id="inline code that would end itself is text"),
        pytest.param("~~~\na\n```\nb\n~~~", DISCORD, "```\na\n`\u200b``\nb\n```", id="a block that would end itself does not"),
        pytest.param("``a`b``", TELEGRAM, "<code>a`b</code>", id="inline code of another dialect"),
        pytest.param("[w](http://a.b/c_(d))", DISCORD, "[w](http://a.b/c_%28d%29)", id="brackets in an address"),
        pytest.param('[w](http://a.b/"c")', TELEGRAM, '<a href="http://a.b/%22c%22">w</a>', id="quotes in an address"),
        pytest.param("[http://a.b](http://a.b)", SLACK, "<http://a.b>", id="a link that says its address"),
        pytest.param("[me@a.b](mailto:me@a.b)", SLACK, "<mailto:me@a.b|me@a.b>", id="a link to an e-mail address"),
        pytest.param("<me@a.b>", WHATSAPP, "me@a.b", id="an e-mail address alone"),
        pytest.param("(http://a.b/c_(d)).", SLACK, "(<http://a.b/c_(d)>).", id="brackets around an address and in it"),
        pytest.param("http://a.b|c", SLACK, "<http://a.b>|c", id="an address that would carry a name of its own"),
        pytest.param("[](http://a.b)", TELEGRAM, "http://a.b", id="a link that says nothing"),
        pytest.param("[file](./x.md)", TELEGRAM, "file (./x.md)", id="a link to a file is none"),
        pytest.param("[you](tg://user?id=1)", TELEGRAM, "you (tg://user?id=1)", id="nor is one to a person"),
        pytest.param("[![alt](http://i.j)](http://a.b)", SLACK, "<http://a.b|alt>", id="an image in a link"),
        pytest.param("[x]: http://a.b", TELEGRAM, "[x]: http://a.b", id="a definition does not vanish"),
        pytest.param("Title\n---", TELEGRAM, "Title\n───", id="a rule right under a line"),
        pytest.param("a  \nb", MAIL, "<p>a<br>\nb</p>", id="a hard break"),
        pytest.param("```c++ title=x\ny\n```", DISCORD, "```\nc++ title=x\ny\n```", id="a language with more behind it is part of the text"),
        pytest.param('```"><b>\ny\n```', TELEGRAM, "<pre>&quot;&gt;&lt;b&gt;\ny</pre>", id="what is no language is part of the text"),
        pytest.param("> ```py\n> x\n> ```", DISCORD, "> ```py\n> x\n> ```", id="code in a quotation"),
        pytest.param("- a\n  ```py\n  x\n  ```\n  b", DISCORD, "- a\n```py\nx\n```\n  b", id="code in a list"),
        pytest.param("- a\n\n  b\n  c", TELEGRAM, "• a\n\n  b\n  c", id="paragraphs of an item stand below it"),
        pytest.param("a\x00b\x1b[1mc\x7f\ufeff", TELEGRAM, "a\ufffdb[1mc".replace("\ufffd", ""), id="control characters"),
        pytest.param("a\ud800b", TELEGRAM, "a\ufffdb", id="half a character"),
        pytest.param("```\n\n```", TELEGRAM, "```\n\n```", id="markup around nothing is shown as typed"),
        pytest.param("a\n\n" + "> " * 99 + "b", DISCORD, "a\n\n\\> " + "> " * 98 + "b", id="nesting without end"),
        pytest.param("**b** " + "![a" * 8, TELEGRAM, "<b>b</b> " + "![a" * 8, id="a few brackets that are open"),
        pytest.param("**b** http://a.b\n" + "![a" * 9 + "\n\n**c**", SLACK, "**b** <http://a.b>\n" + "![a" * 9 + "\n\n*c*", id="more of them than anybody means"),
        pytest.param("[a] " * 20 + "**b**", TELEGRAM, "[a] " * 20 + "<b>b</b>", id="brackets that are closed"),
        pytest.param(">" * 200 + "a", TELEGRAM, "&gt;" * 200 + "a", id="so is what nobody could have meant"),
    ],
)  # fmt: skip
def test_what_could_be_misread_is_not(text: str, dialect: Dialect, expected: str) -> None:
    assert written(text, dialect) == expected


SMALL = "| a | b |\n|---|---|\n| 1 | **字** |\n| long | |"
WIDE = f"| name | {'x' * 40} | y |\n|---|---|---|\n| one | {'z' * 20} | [l](http://u) |\n| two | | q |"


@pytest.mark.parametrize(
    ("text", "dialect", "expected"),
    [
        pytest.param(SMALL, TELEGRAM, "<pre>a     b\n----  --\n1     字\nlong</pre>", id="a small one is a grid"),
        pytest.param(SMALL, PLAIN, "a: 1\n• b: 字\na: long", id="without monospaced text it is a list"),
        pytest.param(WIDE, SLACK, f"*name: one*\n• {'x' * 40}: {'z' * 20}\n• y: <http://u|l>\n*name: two*\n• y: q", id="so is a wide one"),
        pytest.param("| a | b |\n|---|---|\n| [l](http://u) | c |", SLACK, "*a: *<http://u|l>\n• b: c".replace("*a: *<http://u|l>", "*a: <http://u|l>*"), id="and one with links, which a grid would lose"),
        pytest.param("| a | b |\n|---|---|", PLAIN, "a b", id="a head alone"),
        pytest.param(SMALL, MAIL, "<table><tr><th>a</th>\t<th>b</th></tr>\n<tr><td>1</td>\t<td><strong>字</strong></td></tr>\n<tr><td>long</td></tr></table>", id="a table of its own"),
        pytest.param("| a | b |\n|---|---|\n| | 2 |", MAIL, "<table><tr><th>a</th>\t<th>b</th></tr>\n<tr><td>\u00a0</td>\t<td>2</td></tr></table>", id="an empty cell keeps its place"),
    ],
)  # fmt: skip
def test_tables_become_text_that_can_be_read(text: str, dialect: Dialect, expected: str) -> None:
    assert written(text, dialect) == expected


@pytest.mark.parametrize(
    ("dialect", "text", "calls"),
    [
        pytest.param(DISCORD, "@everyone", "@everyone", id="everyone"),
        pytest.param(DISCORD, "`@here`", "@here", id="in code"),
        pytest.param(DISCORD, "<@!123> <@&123>", "<@", id="by number"),
        pytest.param(DISCORD, "@&#101;veryone", "@everyone", id="with an entity inside"),
        pytest.param(DISCORD, "@\x00everyone", "@everyone", id="with a control character inside"),
        pytest.param(DISCORD, "@**every**one", "@everyone", id="with emphasis inside"),
        pytest.param(DISCORD, "[t](http://a.b/@everyone)", "@everyone", id="in a link"),
        pytest.param(DISCORD, "http://a.b/@everyone", "@everyone", id="in an address"),
        pytest.param(SLACK, "<!channel> <!here>", "<!", id="in angle brackets"),
        pytest.param(SLACK, "[x](!channel)", "<!channel", id="as a link"),
        pytest.param(SLACK, "@channel", "@channel", id="the whole channel"),
        pytest.param(WHATSAPP, "@4917012345", "@4", id="by phone number"),
        pytest.param(TELEGRAM, "@all", "@all", id="all"),
        pytest.param(WHATSAPP, "@all**now**", "@all", id="in front of bold text"),
        pytest.param(SLACK, "@here**x**", "@here", id="in front of bold text elsewhere"),
        pytest.param(SLACK, "@channel[a](http://b.c)", "@channel", id="in front of a link"),
        pytest.param(SLACK, "@**chan**nel*s*", "@*chan*nel", id="put together in front of emphasis"),
        pytest.param(SLACK, "a<!**x**", "<!", id="behind a word"),
    ],
)
def test_what_an_agent_writes_calls_nobody(dialect: Dialect, text: str, calls: str) -> None:
    (draft,) = drafts(Payload(text), ROOMY, dialect)
    assert calls not in draft.text
    assert calls not in draft.plain


LONELY = replace(WHATSAPP, mentions=(r"\b@all\b", r"(?<!\w)@room\b"))


@pytest.mark.parametrize("text", ["x**@all**", "x**@all**y", "`x`@room", "_x_**@room**y"], ids=repr)
def test_where_markup_stands_a_mention_may_begin(text: str) -> None:
    assert not any(re.search(pattern, written(text, LONELY)) for pattern in LONELY.mentions)


@pytest.mark.parametrize("text", ["@all", "@allow", "@alles @allow", "x@allow", "@roomy"], ids=repr)
@pytest.mark.parametrize("blanks", [False, True])
@pytest.mark.parametrize("dialect", [WHATSAPP, LONELY], ids=["written", "lonely"])
@pytest.mark.parametrize("name", ["written", "bold"])
def test_no_cut_makes_a_mention_of_a_word(text: str, blanks: bool, dialect: Dialect, name: str) -> None:
    """Wherever the cut falls."""
    for before in range(16):
        said = f"{'y' * before}{' ' if blanks else ''}{text}{'x' * 30}"
        found = drafts(Payload(f"**{said}**" if name == "bold" else said), Limits(12), dialect)
        texts = [draft.text.strip("*") for draft in found]
        assert not any(re.search(pattern, part) for part in texts for pattern in dialect.mentions)
        assert "".join(texts).translate({0x20: None, 0x200B: None}) == said.replace(" ", "")


def test_an_address_with_a_name_in_it_still_leads_there() -> None:
    assert written("[t](http://a.b/@here)", DISCORD) == "[t](http://a.b/%40here)"
    assert written("see http://a.b/@here", DISCORD) == "see http://a.b/%40here"


def test_the_rest_of_the_text_is_not_touched() -> None:
    assert (
        written("mail me@example.com, @Override, 5 @ 3", DISCORD) == "mail me@example.com, @Override, 5 @ 3"
    )


def test_a_job_that_wants_mentions_has_them() -> None:
    assert written("@everyone <http://a.b/@here>", DISCORD, mentions=True) == "@everyone http://a.b/@here"


def test_a_file_name_calls_nobody_either() -> None:
    (draft,) = drafts(Payload("", missing=("@everyone.png",)), ROOMY, DISCORD)
    assert draft.text == "File not sent: @\u200beveryone.png"


def test_each_draft_can_also_be_sent_without_markup() -> None:
    (draft,) = drafts(Payload(f"**Hi** [there]({HOME})\n> `x`"), ROOMY, TELEGRAM)
    assert draft.plain == f"Hi there ({HOME})\n> x"


def test_the_addresses_are_left_out_where_there_is_no_room_for_them() -> None:
    (draft,) = drafts(Payload(f"**Hi** [there]({HOME})"), Limits(10, counted="shown"), TELEGRAM)
    assert draft.plain == "Hi there"


def test_a_text_without_markup_needs_no_second_form() -> None:
    assert drafts(Payload("Hi there"), ROOMY, TELEGRAM) == (Draft("Hi there", "html"),)


@pytest.mark.parametrize("name", sorted(PLACES))
def test_a_limit_that_leaves_no_room_is_refused(name: str) -> None:
    place = PLACES[name]
    with pytest.raises(ValueError, match="leaves no room"):
        drafts(Payload("text"), Limits(3), place.dialect)
