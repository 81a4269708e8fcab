"""What stands inside a line of Markdown, as runs: emphasis, code, links."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stentor.contract.dialects import BARE, Dialect, Marks
from stentor.contract.traits import Limits
from stentor.domain.mentions import Mentions
from stentor.domain.styled import NO_MARKUP, Mark, Markup, Run

if TYPE_CHECKING:
    from markdown_it.token import Token

# Other schemes are not links everywhere, and some of them call people.
_LINKS_TO = re.compile(r"(?:https?|mailto|tel):", re.IGNORECASE)
_ADDRESS = re.compile(r"https?://[^\s<>\"`|]+", re.IGNORECASE)
_BEHIND_ADDRESS = ".,;:!?'*_~"


@dataclass(frozen=True, slots=True)
class Inlines:
    """Turns the insides of lines into runs of one dialect."""

    dialect: Dialect
    mentions: Mentions
    limits: Limits
    clean: Callable[[str], str]

    def runs(self, children: "Sequence[Token]", outer: tuple[Mark, ...], indent: str = "") -> Iterator[Run]:
        """Lines that follow the first begin with `indent`. No mark reaches over the end of a line."""
        return _Line(self, outer, indent).read(children)

    def pushed(self, marks: tuple[Mark, ...], pair: Marks) -> tuple[Mark, ...]:
        """`marks` and one more, unless that changes nothing: no dialect writes bold inside bold."""
        if pair == BARE or any(mark.markup.open == pair[0] for mark in marks):
            return marks
        return (*marks, Mark(Markup(*pair)))

    def literal(self, text: str, marks: tuple[Mark, ...]) -> Iterator[Run]:
        """Text in which nothing but addresses means anything."""
        end = 0
        for found in _ADDRESS.finditer(text):
            address = _without_tail(found[0])
            yield Run(text[end : found.start()], marks)
            yield self.address(address, address, marks)
            end = found.start() + len(address)
        yield Run(text[end:], marks)

    def address(self, said: str, url: str, marks: tuple[Mark, ...]) -> Run:
        """An address that stands for itself, written so that it is neither cut nor escaped without need."""
        said, url = self._harmless(said), self._harmless(url)
        markup = self._with_url(self.dialect.address, url) if _LINKS_TO.match(url) else None
        return Run(said, (*marks, Mark(markup or NO_MARKUP, whole=True)), "code")

    def says_all(self, said: str, url: str) -> bool:
        """Whether nothing is left to say of an e-mail address behind it."""
        return self.dialect.link is None and url == f"mailto:{said}"

    def link(self, url: str) -> Mark | None:
        """The mark of a link; None where the dialect has none, or none for such an address."""
        if self.dialect.link is None or not _LINKS_TO.match(url):
            return None
        url = self._harmless(url)
        markup = self._with_url(self.dialect.link, url)
        return markup and Mark(markup, Markup("", f" ({url})"), whole=True)

    def code(self, text: str, marks: tuple[Mark, ...]) -> Run:
        pair = self.dialect.code
        if pair[1] and pair[1] in "".join(self.dialect.verbatim.get(char, char) for char in text):
            return Run(text, marks)  # It would end its own markup.
        return Run(text, (*marks, Mark(Markup(*pair), whole=True)), "code")

    def _harmless(self, url: str) -> str:
        """An address that calls nobody and tells no secret."""
        return self.mentions.silenced_address(self.clean(url))

    def _with_url(self, pair: Marks, url: str) -> Markup | None:
        """None if the address is so long that there would be little room for anything else."""
        if pair[1].endswith(")"):
            url = url.replace("(", "%28").replace(")", "%29")
        written = "".join(self.dialect.verbatim.get(char, char) for char in url)
        markup = Markup(pair[0].replace("{url}", written), pair[1].replace("{url}", written))
        too_long = self.limits.counted == "sent" and len(markup.open + markup.close) > self.limits.text // 8
        return None if too_long else markup


@dataclass(frozen=True, slots=True)
class _Opened:
    marks: tuple[Mark, ...]
    tail: tuple[Run, ...] = ()


class _Line:
    """One inside of a block, read from left to right."""

    def __init__(self, inlines: Inlines, outer: tuple[Mark, ...], indent: str) -> None:
        self._inlines = inlines
        self._outer = outer
        self._marks = outer
        self._indent = indent
        self._opened: list[_Opened] = []
        self._linked = 0

    def read(self, children: "Sequence[Token]") -> Iterator[Run]:
        pairs = {
            "strong_open": self._inlines.dialect.bold,
            "em_open": self._inlines.dialect.italic,
            "s_open": self._inlines.dialect.strike,
        }
        skip = 0
        for place, child in enumerate(children):
            if place < skip:
                continue
            if child.type in pairs:
                self._open(self._inlines.pushed(self._marks, pairs[child.type]))
            elif child.type == "link_open":
                said, end = _said_until_close(children, place)
                href = str(child.attrs["href"])
                if said in ("", href) or self._inlines.says_all(said, href):
                    yield self._inlines.address(said or href, href, self._marks)
                    skip = end + 1
                else:
                    self._open_link(href)
            elif child.type.endswith("_close"):
                yield from self._close(child.type)
            else:
                yield from self._leaf(child)

    def _open(self, marks: tuple[Mark, ...], *tail: Run) -> None:
        self._opened.append(_Opened(self._marks, tail))
        self._marks = marks

    def _open_link(self, href: str) -> None:
        self._linked += 1
        mark = self._inlines.link(href)
        if mark is not None:
            self._open((*self._marks, mark))
        else:
            address = self._inlines.address(href, href, self._marks)
            self._open(self._marks, Run(" (", self._marks), address, Run(")", self._marks))

    def _close(self, kind: str) -> Iterator[Run]:
        self._linked -= kind == "link_close"
        opened = self._opened.pop()
        self._marks = opened.marks
        yield from opened.tail

    def _leaf(self, child: "Token") -> Iterator[Run]:
        match child.type:
            case "softbreak" | "hardbreak":
                yield Run("\n", self._outer)
                yield Run(self._indent, self._outer, "layout")
            case "code_inline":
                yield self._inlines.code(child.content, self._marks)
            case "image":
                yield from self._image(child.content, str(child.attrs["src"]))
            case _ if self._linked:
                yield Run(child.content, self._marks)
            case _:
                yield from self._inlines.literal(child.content, self._marks)

    def _image(self, alt: str, src: str) -> Iterator[Run]:
        if self._linked:
            yield Run(alt, self._marks)
        elif not alt:
            yield self._inlines.address(src, src, self._marks)
        else:
            self._open_link(src)
            yield Run(alt, self._marks)
            yield from self._close("link_close")


def _said_until_close(children: "Sequence[Token]", place: int) -> tuple[str, int]:
    end = next(at for at in range(place, len(children)) if children[at].type == "link_close")
    return "".join(child.content for child in children[place:end]), end


def _without_tail(address: str) -> str:
    """An address without the punctuation of the sentence it stands in, and brackets that open before it."""
    unopened = {closing: address.count(closing) - address.count(opening) for opening, closing in ("()", "[]")}
    end = len(address)
    while end and (address[end - 1] in _BEHIND_ADDRESS or unopened.get(address[end - 1], 0) > 0):
        end -= 1
        if address[end] in unopened:
            unopened[address[end]] -= 1
    return address[:end]
