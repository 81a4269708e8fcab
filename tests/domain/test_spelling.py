"""Suggestions for misspelt words."""

import pytest

from stentor.domain.spelling import did_you_mean, nearest

KNOWN = ("schedule", "payload", "sessionTarget")


@pytest.mark.parametrize(
    ("word", "expected"),
    [("shedule", "schedule"), ("SESSIONTARGET", "sessionTarget"), ("session_target", "sessionTarget"), ("xyzzy", None), ("", None)],
)  # fmt: skip
def test_the_most_alike_word_is_found_whatever_its_case(word: str, expected: str | None) -> None:
    assert nearest(word, KNOWN) == expected


def test_a_suggestion_ends_an_error_message() -> None:
    assert did_you_mean("paylod", KNOWN) == ", did you mean 'payload'?"


@pytest.mark.parametrize("known", [KNOWN, ()], ids=["nothing alike", "nothing known"])
def test_without_a_likely_word_nothing_is_suggested(known: tuple[str, ...]) -> None:
    assert did_you_mean("xyzzy", known) == ""
