"""What plugins give and raise, made into values that can be reckoned with and stored."""

from datetime import UTC, datetime

import pytest

from stentor.contract.errors import (
    Ambiguous,
    CredentialsRejected,
    DeliveryError,
    Moved,
    NotSent,
    Rejected,
    Throttled,
    Unavailable,
)
from stentor.contract.payloads import Draft
from stentor.contract.receipts import LaterReceipt, Receipt, ReceiptLevel
from stentor.contract.targets import Target
from stentor.domain.answers import Report, drafts_of, raised, receipt_of, report_of
from stentor.domain.plugin_words import PluginFault, asked, named, said, storable

ROOM = Target("page", "room", "room1", "room1")


class Later(Throttled, TimeoutError):
    """A library's own way to say it."""


class Stranger(Exception):
    pass


def test_an_ordinary_receipt_is_passed_on_as_it_is() -> None:
    receipt = Receipt(ROOM, "m1")
    assert receipt_of(receipt, ROOM) is receipt


def test_what_is_no_receipt_is_left_to_the_rules() -> None:
    assert receipt_of(None, ROOM) is None


@pytest.mark.parametrize(
    "error",
    [
        NotSent("no", refused=True),
        Throttled(5, scope="account", message="no"),
        Rejected("too_large", "no"),
        Moved(ROOM),
        CredentialsRejected("no"),
        Unavailable("no"),
        Ambiguous("no"),
        DeliveryError("no"),
        TimeoutError("no"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_of_the_contract_keeps_its_class_its_text_and_its_facts(error: Exception) -> None:
    fair = raised(error)
    assert (type(fair), str(fair), vars(fair)) == (type(error), str(error), vars(error))


def test_a_class_of_a_plugins_own_is_taken_for_what_it_says_it_is() -> None:
    fair = raised(Later(5))
    assert isinstance(fair, Throttled)
    assert fair.retry_after == 5


def test_a_strangers_error_is_a_fault_that_names_it() -> None:
    fair = raised(Stranger("oh"))
    assert isinstance(fair, PluginFault)
    assert str(fair) == "Stranger: oh"


def test_an_error_without_words_is_named_once() -> None:
    assert named(Stranger()) == said(Stranger()) == "Stranger"


def test_text_is_cut_at_its_bound() -> None:
    assert storable("abcdef", 4) == "abc…"
    assert storable("abcd", 4) == "abcd"


def test_what_is_allowed_gets_through_the_guard() -> None:
    def refuse() -> None:
        raise Stranger("oh")

    with pytest.raises(Stranger):
        asked(refuse, Stranger)
    with pytest.raises(PluginFault, match="Stranger: oh"):
        asked(refuse)


def test_a_rendering_that_is_left_to_the_core_stays_so() -> None:
    assert drafts_of(None) is None
    assert drafts_of([Draft("hello")]) == (Draft("hello"),)
    assert drafts_of(Draft(text) for text in "ab") == (Draft("a"), Draft("b"))


def test_a_report_may_name_its_level_by_its_word() -> None:
    at = datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
    assert report_of(LaterReceipt("m1", ReceiptLevel("read"), at)) == Report("m1", "read", 1000)
