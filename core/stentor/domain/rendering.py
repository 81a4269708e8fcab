"""From a payload to drafts: fill placeholders, write text in a dialect, cut it, put attachments behind it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from stentor.contract.dialects import Dialect
from stentor.contract.payloads import Attachment, Draft, Payload
from stentor.contract.traits import Limits
from stentor.domain.blackout import blacked_out
from stentor.domain.chunking import chunk
from stentor.domain.inlines import Inlines
from stentor.domain.layout import laid_out
from stentor.domain.markdown import printable
from stentor.domain.mentions import Mentions
from stentor.domain.redaction import Redactor
from stentor.domain.slicing import cut, smallest_limit
from stentor.domain.styled import BARE_PEN, PLAIN_PEN, Pen, Run
from stentor.domain.units import length

PLACEHOLDERS = ("jobName", "runId", "scheduledFor", "scheduledForLocal")

_PLACEHOLDER = re.compile(r"\{\{\s*+([^{}\s][^{}]*)\}\}")


def fill(text: str, values: Mapping[str, str]) -> str:
    """Put values in place of `{{name}}`. What has no value stays; what a value says is never filled again."""
    return _PLACEHOLDER.sub(lambda found: values.get(found[1].rstrip(), found[0]), text)


def unknown_placeholders(text: str) -> list[str]:
    """The names in `{{…}}` that mean nothing here, each once, in the order of the text."""
    names = dict.fromkeys(found[1].rstrip() for found in _PLACEHOLDER.finditer(text))
    return [name for name in names if name not in PLACEHOLDERS]


def drafts(
    payload: Payload,
    limits: Limits,
    dialect: Dialect | None = None,
    *,
    numbered: bool = False,
    mentions: bool = False,
    redactor: Redactor | None = None,
) -> tuple[Draft, ...]:
    """The rendering of channels that have none of their own: text in parts, then the files, one by one or in albums.

    `numbered` ends each of several parts with its number, `mentions` leaves the text the power to call people.
    Without a dialect the Markdown is sent as it was written, mentions and all. What `redactor` knows is in none of it.
    """
    redactor = redactor or Redactor()
    files, notes = _sendable(payload, limits)
    page: _Page = (
        _MarkdownPage(redactor.clean("\n\n".join([payload.text, *notes])))
        if dialect is None
        else _DialectPage.of(
            payload.text, notes, _inlines(dialect, limits, redactor, mentions=mentions), redactor
        )
    )
    if files and limits.caption is not None:
        captions = page.parts(replace(limits, text=min(limits.caption, limits.text)))
        if len(captions) == 1:
            first, *rest = _albums(files, limits)
            return (replace(captions[0], attachment=first[0], album=first[1:]), *_alone(rest))
    texts = _numbered(page, limits) if numbered else page.parts(limits)
    return (*texts, *_alone(_albums(files, limits)))


def _sendable(payload: Payload, limits: Limits) -> tuple[Sequence[Attachment], list[str]]:
    """The files that can go, and a note for each one that cannot."""
    notes = list(payload.missing)
    files: list[Attachment] = []
    for file in payload.attachments:
        if limits.attachment_bytes is None or file.size <= limits.attachment_bytes:
            files.append(file)
        else:
            most = limits.attachment_bytes
            notes.append(f"{file.name} ({file.size} bytes; at most {most} can be sent here)")
    return files, [f"File not sent: {printable(note)}" for note in notes]


def _albums(files: Sequence[Attachment], limits: Limits) -> list[tuple[Attachment, ...]]:
    """Files that follow one another and go together."""
    albums: list[tuple[Attachment, ...]] = []
    for file in files:
        if albums and _fits(file, albums[-1], limits):
            albums[-1] = (*albums[-1], file)
        else:
            albums.append((file,))
    return albums


def _fits(file: Attachment, album: tuple[Attachment, ...], limits: Limits) -> bool:
    """Of one kind, not too many, and all of them no larger than one file may be: they are one request."""
    most = limits.attachment_bytes
    size = file.size + sum(other.size for other in album)
    return (
        len(album) < limits.album
        and _is_picture(album[0]) == _is_picture(file)
        and (most is None or size <= most)
    )


def _is_picture(file: Attachment) -> bool:
    return file.media_type.startswith(("image/", "video/"))


def _alone(albums: Sequence[tuple[Attachment, ...]]) -> Iterator[Draft]:
    return (Draft("", attachment=first, album=tuple(rest)) for first, *rest in albums)


def _inlines(dialect: Dialect, limits: Limits, redactor: Redactor, *, mentions: bool) -> Inlines:
    return Inlines(dialect, Mentions(() if mentions else dialect.mentions), limits, redactor.clean)


class _Page(Protocol):
    """A text that can be cut in several ways."""

    def parts(self, limits: Limits, digits: int = 0) -> list[Draft]:
        """The parts within `limits`; each ends with its number if that has `digits`."""
        ...


def _numbered(page: _Page, limits: Limits) -> list[Draft]:
    """Several parts with their numbers. Room is kept for them, and it takes a cut to know how much.

    Where parts are so short that numbers would fill them, there are none.
    """
    bare = texts = page.parts(limits)
    digits = 0
    while len(texts) > 1 and len(str(len(texts))) > digits:
        digits = len(str(len(texts)))
        if _room(digits) > limits.text // 4:
            return bare
        texts = page.parts(limits, digits)
    return texts


def _room(digits: int) -> int:
    """What a number takes at most; it is ASCII, so every unit counts it alike."""
    return len("\n(/)") + 2 * digits if digits else 0


@dataclass(frozen=True, slots=True)
class _MarkdownPage:
    """Text that is sent as it was written."""

    text: str

    def parts(self, limits: Limits, digits: int = 0) -> list[Draft]:
        texts = chunk(self.text, limits.text - _room(digits), limits.unit)
        if digits:
            texts = [f"{text}\n({n}/{len(texts)})" for n, text in enumerate(texts, start=1)]
        return [Draft(text) for text in texts]


@dataclass(frozen=True, slots=True)
class _DialectPage:
    """Text that is written in a dialect."""

    runs: Sequence[Run]
    pen: Pen
    format: str
    mentions: Mentions

    @classmethod
    def of(cls, text: str, notes: Sequence[str], inlines: Inlines, redactor: Redactor) -> "_DialectPage":
        """Secrets and mentions are looked for in what will be seen: markup may stand inside them before."""
        pen, limits = Pen.of(inlines.dialect), inlines.limits
        smallest = smallest_limit(pen, limits)
        if limits.text < smallest:
            raise ValueError(f"a limit of {limits.text} leaves no room for markup; give {smallest} or more")
        runs = blacked_out(laid_out(printable(redactor.clean(text)), inlines, notes), redactor)
        return cls(inlines.mentions.silenced(runs), pen, inlines.dialect.format, inlines.mentions)

    def parts(self, limits: Limits, digits: int = 0) -> list[Draft]:
        room = 0
        if digits:
            number = self.pen.write(_number(10**digits - 1, 10**digits - 1))
            room = _room(digits) if limits.counted == "shown" else length(number, limits.unit)
        texts = cut(self.runs, self.pen, replace(limits, text=limits.text - room), self.mentions)
        if digits:
            texts = [[*text, *_number(n, len(texts))] for n, text in enumerate(texts, start=1)]
        return [self._draft(text, limits) for text in texts]

    def _draft(self, runs: Sequence[Run], limits: Limits) -> Draft:
        written = self.pen.write(runs)
        plain = PLAIN_PEN.write(runs)
        if length(plain, limits.unit) > limits.text:
            plain = BARE_PEN.write(runs)
        return Draft(written, self.format, plain="" if plain == written else plain)


def _number(n: int, of: int) -> list[Run]:
    return [Run("\n"), Run(f"({n}/{of})")]
