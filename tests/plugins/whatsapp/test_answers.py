"""The library's words and what they mean, whether or not the message had left by then."""

from datetime import UTC, datetime

import pytest

from stentor import (
    Ambiguous,
    CredentialsRejected,
    NotSent,
    Rejected,
    Throttled,
    Unavailable,
)
from stentor.contract.errors import TARGET_REASONS, DeliveryError
from stentor_whatsapp.answers import HELD_SECONDS, no_answer, not_paired, refusal, shown
from stentor_whatsapp.standing import Standing

NEVER_LEFT = [
    ("no LID found for 6281234567890@s.whatsapp.net from server", Rejected, "not_found"),
    ("can't send message to unknown server example.org", Rejected, "bad_target"),
    ("message recipient must be a user JID with no device part", Rejected, "bad_target"),
    ("sending to non-status broadcast lists is not yet supported (broadcast list)", Rejected, "bad_target"),
    ("failed to get group members: server returned item-not-found", Rejected, "not_a_member"),
    ("you're not a participant of this group", Rejected, "not_a_member"),
    ("websocket not connected", Unavailable, ""),
    ("websocket disconnected before info query returned response", Unavailable, ""),
    ("failed to send usync query: websocket not connected", Unavailable, ""),
    ("client is nil", Unavailable, ""),
    ("failed to upload file: failed to execute request", NotSent, ""),
    ("UploadError: execute request: dial tcp: refused", NotSent, ""),
    ("the store doesn't contain a device JID", CredentialsRejected, ""),
    ("words of next year", NotSent, ""),
    ("", NotSent, ""),
]
EITHER_WAY = [
    ("server returned error 463", Throttled, ""),
    ("server returned error 429", Throttled, ""),
    ("server returned error 479", Rejected, "whatsapp_479"),
    ("server returned error 400", Rejected, "whatsapp_400"),
    ("server returned error 500", NotSent, ""),
    ("server returned error 503", NotSent, ""),
    ("timed out waiting for message send response", Ambiguous, ""),
    ("websocket disconnected before message send returned response", Ambiguous, ""),
    ("Error parsing message: DecodeError", Ambiguous, ""),
    ("the store doesn't contain a device JID", CredentialsRejected, ""),
]


@pytest.mark.parametrize(
    ("text", "kind", "reason"),
    [*NEVER_LEFT, *EITHER_WAY],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_what_a_message_that_never_left_comes_to(text: str, kind: type[DeliveryError], reason: str) -> None:
    error = refusal(text, announced=False)
    assert type(error) is kind
    assert getattr(error, "reason", "") == reason
    assert str(error)


@pytest.mark.parametrize(
    ("text", "kind", "reason"), EITHER_WAY, ids=lambda value: getattr(value, "__name__", value)
)
def test_a_definite_answer_counts_also_for_a_message_that_had_left(
    text: str, kind: type[DeliveryError], reason: str
) -> None:
    error = refusal(text, announced=True)
    assert type(error) is kind
    assert getattr(error, "reason", "") == reason


@pytest.mark.parametrize(
    "text", [text for text, kind, _ in NEVER_LEFT if kind is not CredentialsRejected], ids=lambda text: text
)
def test_any_other_error_proves_nothing_of_a_message_that_had_left(text: str) -> None:
    assert type(refusal(text, announced=True)) is Ambiguous


def test_reasons_that_concern_the_target_suspend_it() -> None:
    reasons = {reason for _, kind, reason in NEVER_LEFT if kind is Rejected}
    assert reasons <= TARGET_REASONS


def test_a_code_of_the_server_says_nothing_of_the_target() -> None:
    error = refusal("server returned error 479", announced=True)
    assert isinstance(error, Rejected)
    assert error.reason not in TARGET_REASONS


def test_who_may_not_write_to_strangers_is_held_for_hours() -> None:
    error = refusal("server returned error 463", announced=True)
    assert isinstance(error, Throttled)
    assert (error.retry_after, error.scope) == (HELD_SECONDS, "account")
    assert HELD_SECONDS >= 3600


def test_words_that_nobody_knows_end_after_some_tries() -> None:
    error = refusal("words of next year", announced=False)
    assert isinstance(error, NotSent)
    assert error.refused


@pytest.mark.parametrize("text", [text for text, *_ in (*NEVER_LEFT, *EITHER_WAY)], ids=lambda text: text)
def test_a_question_that_sends_nothing_is_never_ambiguous(text: str) -> None:
    assert not isinstance(no_answer(text), Ambiguous)


def test_addresses_of_files_are_not_shown() -> None:
    said = shown(
        'execute request: Post "https://mmg.whatsapp.net/mms?auth=d41d8cd98f00b204&token=x": refused\n'
    )
    assert "d41d8cd98f00b204" not in said
    assert said.startswith("execute request")
    assert "d41d8cd98f00b204" not in str(
        refusal("failed to upload: https://h/?auth=d41d8cd98f00b204", announced=False)
    )


@pytest.mark.parametrize(
    ("account", "command"),
    [("default", "stentor channels login whatsapp"), ("office", "stentor channels login whatsapp:office")],
)
def test_the_mend_names_the_account_that_it_is_for(account: str, command: str) -> None:
    said: list[str] = []
    standing = Standing(lambda _health, reason: said.append(reason), lambda: datetime.now(UTC), account)
    standing.hear({"state": "logged_out", "reason": ""})

    for words in (str(not_paired(account)), said[-1]):
        assert words.endswith(f"run {command}")
