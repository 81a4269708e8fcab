"""Text and entities: Telegram is told which stretches are bold, it is not sent markup.

The core writes Markdown in `DIALECT`, a small markup that never leaves this process, and `entities_of` reads it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from stentor.contract.dialects import Dialect

_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_CHARACTERS = {"amp": "&", "lt": "<", "gt": ">", "quot": '"'}

DIALECT = Dialect(
    format="entities",
    bold=("<b>", "</b>"),
    italic=("<i>", "</i>"),
    strike=("<s>", "</s>"),
    code=("<code>", "</code>"),
    block=("<pre>", "</pre>"),
    block_in=('<pre class="{language}">', "</pre>"),
    link=('<a href="{url}">', "</a>"),
    headings=(("<b>", "</b>"),),
    quote=("<blockquote>", "</blockquote>"),
    tables="grid",
    escapes=_ESCAPES,
    verbatim={**_ESCAPES, '"': "&quot;"},
    mentions=(r"(?<!\w)@(?=[A-Za-z0-9_]{3})",),
)

_TYPES = {
    "b": "bold",
    "i": "italic",
    "s": "strikethrough",
    "code": "code",
    "pre": "pre",
    "a": "text_link",
    "blockquote": "blockquote",
}
_TOKEN = re.compile(
    r"<(?P<tag>b|i|s|code|pre|a|blockquote)(?: (?:href|class)=\"(?P<value>[^\"]*)\")?>"
    r"|</(?P<end>b|i|s|code|pre|a|blockquote)>"
    r"|&(?P<character>amp|lt|gt|quot);"
)
_STYLES = frozenset({"bold", "italic", "strikethrough"})
_CODE = frozenset({"code", "pre"})
# The core takes the power to call people from a name with an invisible character. In code it calls nobody.
_SILENCED, _AT = "@\N{ZERO WIDTH SPACE}", "@"


@dataclass(frozen=True, slots=True)
class Entity:
    """A stretch of text; `offset` and `length` count UTF-16 units. `value` is an address or a language."""

    type: str
    offset: int
    length: int
    value: str = ""


@dataclass(frozen=True, slots=True)
class Formatted:
    """Text as it will be seen, and what is special about stretches of it."""

    text: str
    entities: tuple[Entity, ...] = ()


@dataclass(frozen=True, slots=True)
class _Span:
    """A stretch by its first character and the one behind its last."""

    type: str
    value: str
    start: int
    end: int = -1

    def holds(self, other: "_Span") -> bool:
        return self.start <= other.start and other.end <= self.end

    def trimmed(self, text: str) -> "_Span":
        """Without the blanks around it, which Telegram takes off."""
        marked = text[self.start : self.end]
        end = self.start + len(marked.rstrip())
        return replace(self, start=end - len(marked.strip()), end=end)


def entities_of(markup: str) -> Formatted:
    """Read what the core wrote in `DIALECT`."""
    reader = _Reader()
    end = 0
    for token in _TOKEN.finditer(markup):
        reader.say(markup[end : token.start()])
        reader.heed(token)
        end = token.end()
    reader.say(markup[end:])
    return reader.read()


class _Reader:
    """Markup from left to right. Spans are kept in the order in which they open: what is around others comes first."""

    def __init__(self) -> None:
        self._said: list[str] = []
        self._length = 0
        self._spans: list[_Span] = []
        # The places of those that have not ended yet.
        self._open: list[int] = []

    def say(self, text: str) -> None:
        if any(self._spans[place].type in _CODE for place in self._open):
            text = text.replace(_SILENCED, _AT)
        self._said.append(text)
        self._length += len(text)

    def heed(self, token: re.Match[str]) -> None:
        if token["character"]:
            self.say(_CHARACTERS[token["character"]])
        elif token["tag"]:
            self._open.append(len(self._spans))
            self._spans.append(_Span(_TYPES[token["tag"]], _unescaped(token["value"] or ""), self._length))
        else:
            self._close(_TYPES[token["end"]])

    def read(self) -> Formatted:
        self._end_from(0)
        text = "".join(self._said)
        units = _Units(text)
        spans = (span.trimmed(text) for span in _apart(self._spans))
        found = [units.entity(span) for span in spans if span.start < span.end]
        return Formatted(text, tuple(sorted(found, key=lambda entity: (entity.offset, -entity.length))))

    def _close(self, kind: str) -> None:
        places = [depth for depth, place in enumerate(self._open) if self._spans[place].type == kind]
        if places:
            self._end_from(places[-1])

    def _end_from(self, depth: int) -> None:
        for place in self._open[depth:]:
            self._spans[place] = replace(self._spans[place], end=self._length)
        del self._open[depth:]


def _unescaped(value: str) -> str:
    return re.sub(r"&(amp|lt|gt|quot);", lambda found: _CHARACTERS[found[1]], value)


def _apart(spans: list[_Span]) -> Iterator[_Span]:
    """Code can be part of nothing but a quotation: a style has a gap there, a link goes before."""
    links = [span for span in spans if span.type == "text_link"]
    code = [span for span in spans if span.type in _CODE and not any(link.holds(span) for link in links)]
    for span in spans:
        if span.type in _STYLES:
            yield from _around(span, code)
        elif span.type not in _CODE or span in code:
            yield span


def _around(span: _Span, gaps: list[_Span]) -> Iterator[_Span]:
    inside = sorted((gap for gap in gaps if span.holds(gap)), key=lambda gap: gap.start)
    edges = [span.start, *(edge for gap in inside for edge in (gap.start, gap.end)), span.end]
    for start, end in list(pairwise(edges))[::2]:
        yield replace(span, start=start, end=end)


class _Units:
    """Where characters stand when UTF-16 units are counted."""

    def __init__(self, text: str) -> None:
        self._before = [0]
        for char in text:
            self._before.append(self._before[-1] + (2 if ord(char) > 0xFFFF else 1))

    def entity(self, span: _Span) -> Entity:
        offset = self._before[span.start]
        return Entity(span.type, offset, self._before[span.end] - offset, span.value)
