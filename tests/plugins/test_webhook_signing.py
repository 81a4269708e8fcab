from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from stentor import CredentialsRejected
from stentor_webhook.signing import sign, signing_key


@given(
    key=st.binary(min_size=1, max_size=64),
    message_id=st.text("abc-0_", min_size=1),
    body=st.text(),
    second=st.integers(0, 4_000_000_000),
)
def test_signatures_equal_those_of_the_reference_library(
    key: bytes, message_id: str, body: str, second: int
) -> None:
    at = datetime.fromtimestamp(second, tz=UTC)

    assert sign(key, message_id, second, body.encode()) == Webhook(key).sign(message_id, at, body)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_no base64!", "whsec_url-safe_"])
def test_a_signing_secret_that_is_none_is_refused_without_being_shown(secret: str) -> None:
    with pytest.raises(CredentialsRejected) as caught:
        signing_key(secret)

    encoded = secret.removeprefix("whsec_")
    assert not encoded or encoded not in str(caught.value)
