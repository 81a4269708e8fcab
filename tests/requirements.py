"""What a test may need of the machine it runs on."""

import os
from typing import NoReturn

import pytest


def lacking(what: str) -> NoReturn:
    """Skip, on a user's machine; where everything is to be tried, what is missing is a fault."""
    message = f"this machine lacks {what}"
    if os.environ.get("STENTOR_TESTS_NEED_ALL"):
        pytest.fail(message)
    pytest.skip(message)
