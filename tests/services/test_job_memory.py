"""A job is read once for as long as its row says the same."""

from dataclasses import replace

import pytest

from stentor.domain.jobs import FixedText
from stentor.services.job_memory import JobMemory
from stentor.testing.rows import job_row


def test_a_row_that_says_the_same_is_read_once() -> None:
    memory = JobMemory()
    first = memory.read(ROW)
    assert memory.read(replace(ROW, accounted_ms=ROW.accounted_ms + 1)) is first


def test_a_row_that_says_something_else_is_read_anew() -> None:
    memory = JobMemory()
    memory.read(ROW)
    changed = memory.read(replace(ROW, doc=ROW.doc.replace("Hello", "Good bye")))
    assert isinstance(changed.payload, FixedText)
    assert changed.payload.text == "Good bye"


def test_what_cannot_be_read_is_tried_again_and_forgets_nothing() -> None:
    memory = JobMemory()
    first = memory.read(ROW)
    for _ in range(2):
        with pytest.raises(ValueError, match="Field required"):
            memory.read(replace(ROW, doc="{}"))
    assert memory.read(ROW) is first


DOCUMENT = """
{"id": "brief", "name": "Brief", "schedule": {"kind": "every", "everyMs": 60000, "anchorMs": 0}, "sessionTarget": "isolated",
 "payload": {"kind": "text", "text": "Hello"}, "delivery": {"mode": "none"}}
"""
ROW = replace(job_row(), doc=DOCUMENT)
