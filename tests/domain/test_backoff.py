import pytest

from stentor.domain.backoff import delay_ms, retry_delay_ms, transient

SECOND = 1000
MINUTE = 60 * SECOND


@pytest.mark.parametrize(
    ("errors", "delay"),
    [
        (0, 0),
        (1, 30 * SECOND),
        (2, MINUTE),
        (3, 5 * MINUTE),
        (4, 15 * MINUTE),
        (5, 60 * MINUTE),
        (6, 60 * MINUTE),
        (1000, 60 * MINUTE),
    ],
)
def test_a_job_waits_longer_with_each_error_in_a_row_and_never_more_than_an_hour(errors, delay) -> None:
    assert delay_ms(errors) == delay


@pytest.mark.parametrize(
    ("max_attempts", "delays"),
    [
        (0, [None]),
        (1, [30 * SECOND, None]),
        (3, [30 * SECOND, MINUTE, 5 * MINUTE, None, None]),
        (5, [30 * SECOND, MINUTE, 5 * MINUTE, 5 * MINUTE, 5 * MINUTE, None]),
    ],
    ids=["never", "once", "three times", "five times"],
)
def test_an_attempt_is_repeated_as_often_as_the_job_allows(max_attempts, delays) -> None:
    attempts = range(1, len(delays) + 1)
    assert [retry_delay_ms(attempt, max_attempts) for attempt in attempts] == delays


@pytest.mark.parametrize(
    "message",
    [
        "429",
        "HTTP 429 Too Many Requests",
        "rate limit exceeded",
        "rate_limit_error: slow down",
        "Error code: 429 - {'error': {'message': 'Please slow down'}}",
        "overloaded_error",
        "status 529",
        "ECONNRESET",
        "fetch failed",
        "socket hang up",
        "ConnectionResetError: [Errno 104] Connection reset by peer",
        "ConnectError: All connection attempts failed",
        "connect ECONNREFUSED 127.0.0.1:11434",
        "Temporary failure in name resolution",
        "request timed out",
        "cron: job execution timed out",
        "TimeoutError: ",
        "504 Gateway Time-out",
        "HTTP 503",
        "HTTP/1.1 503 upstream is down",
        "503 Service Unavailable",
        "Request failed with status code 502",
        '{"status":503}',
        "exited with 1: 503",
        "the provider returned 500.",
        "Server error '500 Internal Server Error' for url 'https://api.example.com'",
        "exited with 1: first line\nServer disconnected without sending a response.",
    ],
)
def test_trouble_of_the_network_and_of_providers_passes(message) -> None:
    assert transient("crashed", message)


@pytest.mark.parametrize(
    "message",
    [
        "401 unauthorized",
        "HTTP 403",
        "invalid api key",
        "Error code: 401 - {'code': 'invalid_api_key'}",
        "model not found",
        "Chat not found",
        "404 page not found",
        "port 5000 in use",
        "port 503 in use",
        "cannot bind localhost:503",
        "line 503 of its output is not an event of the protocol",
        "row 500 has three columns",
        "status 5030",
        "error 14290",
        "HTTP 501",
        "version 1.503 is too old",
        "exited with 1",
        "exited with 127 (command not found)",
        "ValueError: the time limit must be a number",
        "",
    ],
)
def test_what_nobody_knows_to_pass_does_not(message) -> None:
    assert not transient("crashed", message)


def test_a_text_that_holds_both_is_not_worth_another_try() -> None:
    assert not transient("crashed", "connection reset, trying again\nconnection reset\n401 unauthorized")


@pytest.mark.parametrize(
    "kind",
    ["rate_limit", "overloaded", "network", "unavailable", "timeout", "setup_timeout", "stalled"],
)
def test_a_kind_that_passes_does_so_whatever_is_said(kind) -> None:
    assert transient(kind, "401 unauthorized")


@pytest.mark.parametrize(
    "kind",
    ["auth", "bad_request", "context", "denied", "filtered", "agent_missing", "answered", "delivery_target"],
)
def test_a_kind_that_stays_does_so_whatever_is_said(kind) -> None:
    assert not transient(kind, "HTTP 503: the request timed out")


@pytest.mark.parametrize("kind", ["crashed", "internal", "interrupted", "zombie", "a_plugins_own", ""])
def test_any_other_kind_leaves_it_to_the_text(kind) -> None:
    assert transient(kind, "HTTP 503")
    assert not transient(kind, "it just broke")
