"""The one redactor: whatever goes to a log, the run log, an alert or an answer passes through it."""

import json
import re
from urllib.parse import quote, quote_plus

MASK = "[redacted]"

_SHORTEST = 6  # blacking out less would hit ordinary words
_TELLING_SEGMENT = 20  # the last part of a URL's path that is this long is a key, not a name
_ESCAPE = re.compile("%[0-9A-F]{2}")

# A text without the marker is not searched. The patterns are bounded, so that no text makes them slow.
_SHAPES: tuple[tuple[str, re.Pattern[str], str], ...] = (
    ("://", re.compile(r"://[^\s/?#\"<>]+@"), f"://{MASK}@"),
    ("earer", re.compile(r"\b([Bb]earer\s{1,8})[A-Za-z0-9._~+/=-]{6,}"), rf"\g<1>{MASK}"),
    ("whsec_", re.compile(r"whsec_[A-Za-z0-9+/=_-]{6,}"), MASK),
    ("xox", re.compile(r"xox[abeprs]-[A-Za-z0-9.-]{6,}"), MASK),
    ("xapp-", re.compile(r"xapp-[A-Za-z0-9-]{6,}"), MASK),
    (":", re.compile(r"(?<!\d)\d{6,20}:[A-Za-z0-9_-]{30,}"), MASK),
    ("%3", re.compile(r"(?<!\d)\d{6,20}%3[Aa][A-Za-z0-9_-]{30,}"), MASK),
)


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
        for form in self._forms:
            if form in text:
                text = text.replace(form, MASK)
        for marker, shape, replacement in _SHAPES:
            if marker in text:
                text = shape.sub(replacement, text)
        return text


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
