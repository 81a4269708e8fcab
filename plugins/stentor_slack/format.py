"""Slack's own markup, mrkdwn. It knows no escapes but three, so what calls people is told apart by them."""

import re

from stentor.contract.dialects import Dialect

_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
DIALECT = Dialect(
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
    escapes=_ESCAPES,
    verbatim=_ESCAPES,
    mentions=(r"<[!@#]", r"@(?:channel|here|everyone)\b"),
)
# Code and links are left alone: Slack would call people from inside them too.
_LEFT_ALONE = re.compile(r"(```.*?```|`[^`\n]*`|<[^<>]*>)", re.DOTALL)
_CALLS = re.compile(
    r"&lt;(?P<written>@[UW][A-Z0-9]+|#[CG][A-Z0-9]+|!(?:channel|here|everyone|subteam\^S[A-Z0-9]+))"
    r"(?:\|[^<>&|]*)?&gt;|(?<![\w@.])@(?P<all>channel|here|everyone)\b"
)


def escaped(text: str) -> str:
    """Text without markup as Slack wants it: even then it reads what stands in angle brackets."""
    return "".join(_ESCAPES.get(char, char) for char in text)


def unescaped(text: str) -> str:
    """The text that people see, of what Slack hands over."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def calling(text: str) -> str:
    """`text`, escaped already, with the power to call those it names: `<@U…>`, `<!here>`, `@channel`."""
    pieces = _LEFT_ALONE.split(text)
    pieces[::2] = [_CALLS.sub(_call, piece) for piece in pieces[::2]]
    return "".join(pieces)


def _call(found: re.Match[str]) -> str:
    return f"<{found['written'] or '!' + found['all']}>"
