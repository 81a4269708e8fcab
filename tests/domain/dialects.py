"""The dialects of the channels people know, as plugins would declare them."""

from dataclasses import dataclass

from stentor.contract.dialects import PLAIN, Dialect, ListMarks, TableMarks
from stentor.contract.traits import Limits

HTML_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}

TELEGRAM = Dialect(
    format="html",
    bold=("<b>", "</b>"),
    italic=("<i>", "</i>"),
    strike=("<s>", "</s>"),
    code=("<code>", "</code>"),
    block=("<pre>", "</pre>"),
    block_in=('<pre><code class="language-{language}">', "</code></pre>"),
    link=('<a href="{url}">', "</a>"),
    headings=(("<b>", "</b>"),),
    quote=("<blockquote>", "</blockquote>"),
    tables="grid",
    escapes=HTML_ESCAPES,
    verbatim={**HTML_ESCAPES, '"': "&quot;"},
    mentions=(r"@(?=all\b)",),
)
DISCORD = Dialect(
    format="markdown",
    bold=("**", "**"),
    italic=("*", "*"),
    strike=("~~", "~~"),
    code=("`", "`"),
    block=("```\n", "\n```"),
    block_in=("```{language}\n", "\n```"),
    link=("[", "]({url})"),
    headings=(("# ", ""), ("## ", ""), ("### ", "")),
    quote_line="> ",
    bullet="- ",
    tables="grid",
    escapes={char: f"\\{char}" for char in "\\*_~`|[]<"},
    line_starts={char: f"\\{char}" for char in "#>-+"},
    mentions=(r"@everyone", r"@here", r"<[@#][!&]?\d+>", r"@[!&]?\d{17,20}"),
)
SLACK = Dialect(
    format="mrkdwn",
    bold=("*", "*"),
    italic=("_", "_"),
    strike=("~", "~"),
    code=("`", "`"),
    block=("```\n", "\n```"),
    link=("<{url}|", ">"),
    address=("<", ">"),
    headings=(("*", "*"),),
    quote_line="> ",
    tables="grid",
    escapes=HTML_ESCAPES,
    verbatim=HTML_ESCAPES,
    mentions=(r"<[!@#]", r"@(?:channel|here|everyone)\b"),
)
WHATSAPP = Dialect(
    format="whatsapp",
    bold=("*", "*"),
    italic=("_", "_"),
    strike=("~", "~"),
    code=("```", "```"),
    block=("```\n", "\n```"),
    headings=(("*", "*"),),
    quote_line="> ",
    mentions=(r"@\d", r"@all\b"),
)
MAIL = Dialect(
    format="html",
    bold=("<strong>", "</strong>"),
    italic=("<em>", "</em>"),
    strike=("<del>", "</del>"),
    code=("<code>", "</code>"),
    block=("<pre><code>", "</code></pre>"),
    block_in=('<pre><code class="language-{language}">', "</code></pre>"),
    link=('<a href="{url}">', "</a>"),
    address=('<a href="{url}">', "</a>"),
    headings=tuple((f"<h{level}>", f"</h{level}>") for level in range(1, 7)),
    paragraph=("<p>", "</p>"),
    quote=("<blockquote>", "</blockquote>"),
    lists=ListMarks(
        ("<ul>", "</ul>"), ("<ol>", "</ol>"), ("<li>", "</li>"), ('<li value="{number}">', "</li>")
    ),
    tables=TableMarks(("<table>", "</table>"), ("<tr>", "</tr>"), ("<th>", "</th>"), ("<td>", "</td>")),
    line_break="<br>\n",
    escapes=HTML_ESCAPES,
    verbatim={**HTML_ESCAPES, '"': "&quot;"},
    mentions=(r"@room\b",),
)


@dataclass(frozen=True)
class Place:
    """A dialect with the limits it comes with, the text aside."""

    dialect: Dialect
    limits: Limits


PLACES = {
    "plain": Place(PLAIN, Limits(400)),
    "telegram": Place(TELEGRAM, Limits(4096, "utf16", caption=1024, counted="shown", stretches=100)),
    "discord": Place(DISCORD, Limits(2000)),
    "slack": Place(SLACK, Limits(4000)),
    "whatsapp": Place(WHATSAPP, Limits(4096)),
    "mail": Place(MAIL, Limits(65_536, "bytes")),
}
HTML_PLACES = ("telegram", "mail")
