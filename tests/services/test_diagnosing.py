"""Channels say what this machine lacks; what makes no sense of that is their fault and nobody else's."""

from collections.abc import Iterator
from itertools import repeat
from typing import Any

import pytest

from stentor.app.diagnosing import ailments
from stentor.contract.channel import Ailment
from stentor.services.directory import Directory
from stentor.testing.scripted import Provider, ScriptedChannel
from tests.services.odd_channels import odd_channel

OddAilment: Any = Ailment
LACKS = Ailment("libmagic is missing", "apt install libmagic1")
FAULT = Ailment("its plugin failed to say what it lacks", "look at the log: it says how")


def lacking(name: str, found: Any, **facts: Any) -> ScriptedChannel:
    def diagnose(channel: object) -> Any:
        if isinstance(found, BaseException):
            raise found
        return found

    return odd_channel(name, Provider(), diagnose=diagnose, **facts)


def told(*channels: ScriptedChannel) -> list[tuple[str, Ailment]]:
    directory = Directory({channel.name: channel for channel in channels}, {}, {})
    return list(ailments(directory))


def test_what_each_channel_lacks_is_told_in_the_order_of_their_names() -> None:
    other = Ailment("no phone", "buy one")

    assert told(lacking("page", [LACKS, other]), lacking("horn", (LACKS,)), lacking("lamp", ())) == [
        ("horn", LACKS),
        ("page", LACKS),
        ("page", other),
    ]


def test_a_channel_that_says_nothing_lacks_nothing() -> None:
    assert told(odd_channel("page", Provider())) == []


def test_a_channel_without_an_account_is_not_asked() -> None:
    assert told(lacking("page", RuntimeError("asked"), needs_account=True)) == []


def endless() -> Iterator[Ailment]:
    return repeat(LACKS)


def breaking() -> Iterator[Ailment]:
    yield LACKS
    raise RuntimeError("a bug")


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(RuntimeError("a bug"), id="raises"),
        pytest.param(SystemExit(3), id="ends the process"),
        pytest.param(None, id="nothing"),
        pytest.param("libmagic is missing", id="a text"),
        pytest.param(["libmagic is missing"], id="texts"),
        pytest.param([OddAilment(5, "mend")], id="a number for what"),
        pytest.param([OddAilment("what", None)], id="no mend"),
        pytest.param(endless(), id="no end"),
        pytest.param(breaking(), id="raises later"),
    ],
)
def test_a_channel_that_cannot_say_what_it_lacks_is_told_of_and_hides_no_other(
    caplog: pytest.LogCaptureFixture, found: Any
) -> None:
    assert told(lacking("horn", found), lacking("page", [LACKS])) == [("horn", FAULT), ("page", LACKS)]
    assert "the plugin of channel horn" in caplog.text
    assert "is at fault in diagnose" in caplog.text


def test_what_a_channel_says_can_be_written() -> None:
    ((_, found),) = told(lacking("page", [Ailment("a\ud800" * 5000, "b\0")]))

    assert (found.what[:2], len(found.what), found.mend) == (
        "a\N{REPLACEMENT CHARACTER}",
        4000,
        "b\N{REPLACEMENT CHARACTER}",
    )
