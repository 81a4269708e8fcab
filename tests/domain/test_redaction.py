import json
from urllib.parse import quote

import pytest

from stentor.domain.redaction import Redactor

BOT = "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw1"


def redactor(*secrets: str) -> Redactor:
    redactor = Redactor()
    for secret in secrets:
        redactor.learn(secret)
    return redactor


@pytest.mark.parametrize(
    ("secret", "text", "cleaned"),
    [
        pytest.param("hunter22", "login with hunter22!", "login with [redacted]!", id="as it is"),
        pytest.param(
            "a b/c:d&e", f"GET /?key={quote('a b/c:d&e', safe='')}", "GET /?key=[redacted]", id="all quoted"
        ),
        pytest.param("a b/c:d&e", "GET /a%20b/c%3Ad%26e", "GET /[redacted]", id="quoted as a path"),
        pytest.param("a b/c:d&e", "key=a+b%2Fc%3Ad%26e", "key=[redacted]", id="quoted as a form"),
        pytest.param("a b/c:d&e", "key=a%20b%2fc%3ad%26e", "key=[redacted]", id="quoted in lower case"),
        pytest.param(
            'line1\nli"ne2', json.dumps({"k": 'line1\nli"ne2'}), '{"k": "[redacted]"}', id="in JSON"
        ),
        pytest.param("schlüssel", json.dumps("schlüssel"), '"[redacted]"', id="in ASCII JSON"),
        pytest.param("  hunter22\n", "hunter22", "[redacted]", id="learned with blanks"),
        pytest.param(
            "https://hooks.example.com/in/0123456789abcdefghij",
            "POST https://hooks.example.com/v2/in/0123456789abcdefghij failed",
            "POST https://hooks.example.com/v2/in/[redacted] failed",
            id="the key at the end of a secret URL",
        ),
    ],
)
def test_a_known_secret_is_replaced(secret: str, text: str, cleaned: str) -> None:
    assert redactor(secret).clean(text) == cleaned


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        pytest.param(
            f"https://api.example.org/bot{BOT}/send",
            "https://api.example.org/bot[redacted]/send",
            id="bot token",
        ),
        pytest.param(f"bot{quote(BOT)} refused", "bot[redacted] refused", id="quoted bot token"),
        pytest.param("token=xoxb-12345-abcdef", "token=[redacted]", id="xoxb"),
        pytest.param("xapp-1-A1-99-abc", "[redacted]", id="xapp"),
        pytest.param("key whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD=", "key [redacted]", id="whsec"),
        pytest.param("Authorization: Bearer abc.def-123", "Authorization: Bearer [redacted]", id="bearer"),
        pytest.param(
            "connect to postgres://ann:s3cret@db:5432/x",
            "connect to postgres://[redacted]@db:5432/x",
            id="userinfo",
        ),
        pytest.param("https://ann:p@ss@host/", "https://[redacted]@host/", id="at sign in the password"),
        pytest.param("redis://:s3cret@cache", "redis://[redacted]@cache", id="password alone"),
    ],
)
def test_the_shape_of_a_token_is_enough(text: str, cleaned: str) -> None:
    nobody_told = Redactor()

    assert nobody_told.clean(text) == cleaned
    assert nobody_told.clean(cleaned) == cleaned


@pytest.mark.parametrize(
    "text",
    [
        "",
        "run r1 finished: ok",
        "no bearer token was sent",
        "telegram:-1001234567890:topic:42",
        "see https://example.com/a?to=ann@example.com",
        '{"url": "https://example.com","mail":"ann@example.com"}',
        "2027-03-14T15:09:26Z 127.0.0.1:8787",
        "agent:main:cron:brief:run:r0123456789abcdef",
    ],
)
def test_other_text_stays_as_it_is(text: str) -> None:
    assert redactor("hunter22").clean(text) == text


def test_a_secret_shorter_than_six_characters_is_not_learned() -> None:
    assert redactor("cat", "hello").clean("hello cat") == "hello cat"


def test_a_secret_that_holds_another_goes_as_a_whole() -> None:
    assert redactor("hunter22", "hunter22-and-more").clean("hunter22-and-more") == "[redacted]"


def test_a_short_path_of_a_secret_url_is_still_a_word() -> None:
    cleaner = redactor("postgresql://ann:s3cret@db/stentor")

    assert cleaner.clean("home is /srv/stentor") == "home is /srv/stentor"
    assert cleaner.clean("postgresql://ann:s3cret@db/stentor is down") == "[redacted] is down"


def test_a_regular_expression_in_a_secret_is_plain_text() -> None:
    assert redactor("a.*b(c").clean("a.*b(c and axxb(c") == "[redacted] and axxb(c"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("1" * 500_000, id="digits"),
        pytest.param("://" * 200_000, id="schemes"),
        pytest.param("Bearer : " * 80_000, id="bearers"),
        pytest.param("123456:" * 80_000, id="almost tokens"),
        pytest.param("123456%3a" * 60_000, id="almost quoted tokens"),
    ],
)
def test_long_text_that_almost_matches_is_searched_in_one_pass(text: str) -> None:
    assert redactor("hunter22").clean(text) == text


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        pytest.param("key hun\x00ter\x1b22!", "key [redacted]!", id="control characters"),
        pytest.param("key hun\u200bter\xad22!", "key [redacted]!", id="characters without width"),
        pytest.param("key hun\\ter**22**!", "key [redacted]**!", id="marks of Markdown"),
        pytest.param("key hun\nter22!", "key hun\nter22!", id="but a new line is seen"),
    ],
)
def test_a_secret_is_known_with_what_nobody_sees_inside(text: str, cleaned: str) -> None:
    assert redactor("hunter22").clean(text) == cleaned


def test_secrets_that_overlap_go_as_one() -> None:
    assert redactor("hunter22", "ter22-and").clean("hunter22-and more") == "[redacted] more"
