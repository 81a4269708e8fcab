"""The log on stderr. The run log in the store is the truth; this is for watching."""

import logging
import sys

from stentor.adapters.secrets import RedactingFormatter
from stentor.domain.redaction import Redactor

# These print whole request URLs, tokens included, when they are chatty, or a line for each request.
TALKATIVE = ("httpx", "httpx2", "httpcore", "httpcore2", "mcp", "urllib3")


def set_up_logging(redactor: Redactor, level: str) -> None:
    """Every line of every logger passes the redactor, tracebacks included."""
    handler = logging.StreamHandler(sys.stderr)
    inner = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    handler.setFormatter(RedactingFormatter(inner, redactor))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
