"""The one redactor: whatever goes to a log, the run log, an alert or an answer passes through it."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import quote, quote_plus

MASK = "[redacted]"
# By this the tokens are known that let programs use the tools of a turn: there are too many to learn each.
MCP_MARK = "stmcp_"

_SHORTEST = 6  # blacking out less would hit ordinary words
_TELLING_SEGMENT = 20  # the last part of a URL's path that is this long is a key, not a name
_ESCAPE = re.compile("%[0-9A-F]{2}")

# What may stand inside a secret and is not seen there: control characters, characters without width, marks of Markdown.
_BETWEEN = re.compile(
    r"[\\*~`\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff]+"
)

# What has the shape of a token; the group is the secret. A text without the marker is not searched. The patterns are
# bounded, so that no text makes them slow.
_SHAPES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("://", re.compile(r"://([^\s/?#\"<>]+)@")),
    ("earer", re.compile(r"\b[Bb]earer\s{1,8}([A-Za-z0-9._~+/=-]{6,})")),
    ("whsec_", re.compile(r"(whsec_[A-Za-z0-9+/=_-]{6,})")),
    ("xox", re.compile(r"(xox[abeprs]-[A-Za-z0-9.-]{6,})")),
    (MCP_MARK, re.compile(rf"({MCP_MARK}[0-9a-z]{{20,}})")),
    ("xapp-", re.compile(r"(xapp-[A-Za-z0-9-]{6,})")),
    (":", re.compile(r"(?<!\d)(\d{6,20}:[A-Za-z0-9_-]{30,})")),
    ("%3", re.compile(r"(?<!\d)(\d{6,20}%3[Aa][A-Za-z0-9_-]{30,})")),
)

# Where something begins and ends in a text.
Span = tuple[int, int]


class Redactor:
    """Replaces the secrets it has learned, and what has the shape of a token, by `[redacted]`."""

    def __init__(self) -> None:
        self._forms: tuple[str, ...] = ()

    def learn(self, secret: str) -> None:
        """Black `secret` out from now on, also as URLs and quoted strings spell it."""
        forms = {form for form in _spellings(secret.strip()) if len(form) >= _SHORTEST}
        # Replaced as a whole, because other threads may be cleaning; longest first, because one may hold another.
        self._forms = tuple(sorted(forms.union(self._forms), key=len, reverse=True))

    def clean(self, text: str) -> str:
        """`text` without secrets."""
        pieces: list[str] = []
        resume = 0
        for start, end in self.spans(text):
            pieces += [text[resume:start], MASK]
            resume = end
        return "".join([*pieces, text[resume:]]) if pieces else text

    def spans(self, text: str) -> Sequence[Span]:
        """Where secrets stand in `text`, also such as have something inside that nobody sees."""
        found = [*self._known_in(text), *self._hidden_in(text)]
        for marker, shape in _SHAPES:
            if marker in text:
                found += [match.span(1) for match in shape.finditer(text)]
        return _apart(found) if found else ()

    def _known_in(self, text: str) -> Iterator[Span]:
        for form in self._forms:
            start = text.find(form)
            while start >= 0:
                yield start, start + len(form)
                start = text.find(form, start + len(form))

    def _hidden_in(self, text: str) -> Sequence[Span]:
        if not self._forms or _BETWEEN.search(text) is None:
            return ()
        bare = _BETWEEN.sub("", text)
        found = list(self._known_in(bare))
        if not found:
            return ()
        places = [place for place, char in enumerate(text) if _BETWEEN.match(char) is None]
        return [(places[start], places[end - 1] + 1) for start, end in found]


def _apart(spans: Iterable[Span]) -> list[Span]:
    """In order; those that overlap as one."""
    apart: list[Span] = []
    for start, end in sorted(spans):
        if apart and start < apart[-1][1]:
            apart[-1] = apart[-1][0], max(end, apart[-1][1])
        else:
            apart.append((start, end))
    return apart


def _spellings(secret: str) -> set[str]:
    if len(secret) < _SHORTEST:
        return set()
    parts = {secret, _key_of_url(secret)}
    quoted = {spell(part) for part in parts for spell in (_quote_all, quote, quote_plus)}
    lowered = {_ESCAPE.sub(lambda escape: escape[0].lower(), text) for text in quoted}
    escaped = {
        json.dumps(part, ensure_ascii=ascii_only)[1:-1] for part in parts for ascii_only in (True, False)
    }
    return parts | quoted | lowered | escaped


def _quote_all(text: str) -> str:
    return quote(text, safe="")


def _key_of_url(secret: str) -> str:
    """The last part of a URL that is a secret by itself; libraries log such URLs under other spellings of the rest."""
    path = secret.partition("://")[2].partition("?")[0].partition("#")[0]
    segment = path.rstrip("/").rpartition("/")[2]
    return segment if len(segment) >= _TELLING_SEGMENT else ""
