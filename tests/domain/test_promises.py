"""What a channel declares of itself is looked at before anything is sent by it."""

from dataclasses import replace
from typing import Any

import pytest

from stentor.contract.traits import Limits, Rate, RetrySchedule, Traits
from stentor.domain.promises import flaw

OddLimits: Any = Limits
OddTraits: Any = Traits
OddRate: Any = Rate
OddRetry: Any = RetrySchedule
SOUND = Limits(text=100)
NAN, INFINITE = float("nan"), float("inf")


def test_what_the_contract_has_for_defaults_is_sound() -> None:
    assert flaw(SOUND, Traits()) == ""


def test_everything_at_its_bounds_is_sound() -> None:
    rates = (Rate(0.000_01), Rate(1_000_000, 1_000_000, "target"))
    retry = RetrySchedule((0, 2_592_000), None)
    traits = Traits(
        "nonce", 0, "receipt", "read", "own", push_window=0, send_timeout=3600, rates=rates, retry=retry
    )
    traits = replace(traits, receives=True, stays_open=True, pairs=True)
    assert flaw(Limits(100, "utf16", 1, 0, "shown", 0), traits) == ""


@pytest.mark.parametrize(
    ("traits", "said"),
    [
        (
            Traits(rates=(Rate(0),)),
            "traits.rates[0].per_second is 0: it must be a number from 1e-05 to 1000000",
        ),
        (Traits(rates=(Rate(-1),)), "traits.rates[0].per_second is -1: it must be a number"),
        (Traits(rates=(Rate(5e-324),)), "traits.rates[0].per_second is 5e-324"),
        (Traits(rates=(Rate(1), Rate(NAN))), "traits.rates[1].per_second is nan"),
        (Traits(rates=(OddRate("1"),)), "traits.rates[0].per_second is '1'"),
        (
            Traits(rates=(Rate(1, 0),)),
            "traits.rates[0].burst is 0: it must be a whole number from 1 to 1000000",
        ),
        (Traits(rates=(OddRate(1, 1.5),)), "traits.rates[0].burst is 1.5: it must be a whole number"),
        (Traits(rates=(OddRate(1, 1, "chat"),)), "scope is 'chat': it must be one of account, target"),
        (OddTraits(rates=(1,)), "traits.rates[0] must be a Rate, not int"),
        (Traits(retry=RetrySchedule(())), "traits.retry.delays is empty: give at least one number"),
        (Traits(retry=RetrySchedule((5, -5))), "traits.retry.delays[1] is -5: it must be a number from 0"),
        (Traits(retry=RetrySchedule((INFINITE,))), "traits.retry.delays[0] is inf"),
        (Traits(retry=RetrySchedule((5,), 0)), "traits.retry.refusals is 0: it must be a whole number of at"),
        (OddTraits(retry=(5, 25)), "traits.retry must be a RetrySchedule, not tuple"),
        (Traits(send_timeout=0), "traits.send_timeout is 0: it must be a number from 0.001 to 3600"),
        (Traits(send_timeout=NAN), "traits.send_timeout is nan"),
        (OddTraits(send_timeout=True), "traits.send_timeout is True"),
        (OddTraits(send_timeout=None), "traits.send_timeout is None"),
        (Traits(nonce_window=-1), "traits.nonce_window is -1"),
        (Traits(push_window=NAN), "traits.push_window is nan"),
        (OddTraits(idempotency="always"), "idempotency is 'always': it must be one of none, nonce, key"),
        (OddTraits(reconcile=True), "traits.reconcile is True: it must be one of none, lookup, receipt"),
        (OddTraits(receipt_level=["read"]), "traits.receipt_level is ['read']"),
        (Traits(at_once=0), "traits.at_once is 0: it must be a whole number of at least 1"),
        (OddTraits(manners=("loud",)), "traits.manners holds 'loud': it may hold silent, bare_links"),
        (OddTraits(receives="yes"), "traits.receives is 'yes': it must be True or False"),
        (OddTraits(stays_open=1), "traits.stays_open is 1: it must be True or False"),
        (OddTraits(pairs=None), "traits.pairs is None: it must be True or False"),
    ],
    ids=str,
)
def test_a_trait_that_nobody_could_keep_is_named_with_what_would_do(traits: Traits, said: str) -> None:
    assert said in flaw(SOUND, traits)


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (OddLimits(text="100"), "limits.text is '100': it must be a whole number"),
        (OddLimits(text=INFINITE), "limits.text is inf"),
        (OddLimits(100, unit="words"), "limits.unit is 'words': it must be one of utf16, characters, bytes"),
        (OddLimits(100, counted="seen"), "limits.counted is 'seen': it must be one of sent, shown"),
        (Limits(100, caption=0), "limits.caption is 0: it must be a whole number of at least 1"),
        (Limits(100, album=0), "limits.album is 0: it must be a whole number from 1 to 100"),
        (OddLimits(100, attachment_bytes=1e6), "limits.attachment_bytes is 1000000.0"),
        (OddLimits(100, stretches="many"), "limits.stretches is 'many'"),
    ],
    ids=str,
)
def test_a_limit_that_nothing_can_be_cut_at_is_named_with_what_would_do(limits: Limits, said: str) -> None:
    assert said in flaw(limits, Traits())
