"""Suggest the word that was probably meant."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word most like `word`, whatever its case; None when none is alike."""
    by_folded = {name.casefold(): name for name in known}
    matches = get_close_matches(word.casefold(), by_folded, n=1)
    return by_folded[matches[0]] if matches else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of an error message: empty, or `, did you mean 'x'?`."""
    suggestion = nearest(word, known)
    return f", did you mean {suggestion!r}?" if suggestion is not None else ""
