"""Who asks for a change, as the history of a job names them."""

import os
import pwd
import re
from urllib.parse import quote, unquote

_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
AUTHOR_HEADER = "Stentor-By"
_LONGEST = 200


def author_of_this_process() -> str:
    """`cli:` and the user of the operating system; what the environment says about them is not asked."""
    uid = os.getuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:  # in a container there may be no names
        name = str(uid)
    return f"cli:{name}"


def to_header(by: str) -> dict[str, str]:
    return {AUTHOR_HEADER: quote(by)}


def from_header(text: str) -> str:
    """What somebody said of themselves, on one line; empty when they said nothing."""
    return _UNSAFE.sub(" ", unquote(text)).strip()[:_LONGEST]
