"""Rules about how targets are read."""

from collections.abc import Iterator

import pytest

from stentor.contract.channel import Channel
from stentor.contract.errors import InvalidTarget
from stentor.contract.targets import Target, TargetHints
from stentor.domain.answers import parsed_by
from stentor.domain.plugin_words import PluginFault, named
from stentor.testing.conformance import rules
from stentor.testing.conformance.case import ChannelCase
from stentor.testing.conformance.nasty import nasty_texts

NO_HINTS = TargetHints()
_SHOWN = 80


class GrammarRules(ChannelCase):
    def test_a_canonical_spelling_is_a_fixed_point(self) -> None:
        channel = self.channel()
        for target in _targets(channel):
            for text in (target.canonical, target.address):
                _check_same(rules.FIXED_POINT, channel, text, NO_HINTS, target)
            own = TargetHints(thread=target.thread)
            _check_same(rules.FIXED_POINT, channel, target.canonical, own, target)

    def test_own_prefixes_may_be_written_in_any_case_and_twice(self) -> None:
        channel = self.channel()
        for target in _targets(channel):
            for prefix in (channel.name, *channel.prefixes):
                for text in (
                    f"{prefix.upper()}:{target.address}",
                    f" {prefix}: {target.address} ",
                    f"{prefix}:{prefix.title()}:{target.address}",
                ):
                    _check_same(rules.OWN_PREFIXES, channel, text, NO_HINTS, target)

    def test_foreign_prefixes_are_refused(self) -> None:
        channel = self.channel()
        for text in self.foreign:
            for spelt in (text, f"{channel.name}:{text}"):
                read = _read(rules.FOREIGN, channel, spelt)
                rules.FOREIGN.holds(read is None, f"{spelt!r} was read as {read and read.canonical}")

    def test_what_is_no_target_is_refused(self) -> None:
        if not self.refused:
            pytest.skip("the test names no texts that are `refused`")
        channel = self.channel()
        for text in self.refused:
            read = _read(rules.REFUSED, channel, text)
            rules.REFUSED.holds(read is None, f"{_shown(text)} was read as {read and read.canonical}")

    def test_any_text_is_a_target_or_invalid(self) -> None:
        channel = self.channel()
        canonicals = [target.canonical for target in _targets(channel)]
        for text in nasty_texts(channel.prefixes, canonicals):
            _check_any(channel, text)

    def test_no_text_that_can_be_thought_of_breaks_the_grammar(self) -> None:
        hypothesis = pytest.importorskip("hypothesis", reason="hypothesis is not installed")
        strategies = pytest.importorskip("hypothesis.strategies")
        channel = self.channel()
        known = [*channel.prefixes, *(example.canonical for example in channel.examples)]
        words = strategies.sampled_from([*known, ":", " ", "-", "/"])
        texts = strategies.lists(words | strategies.text(max_size=20), max_size=4).map("".join)

        def check(text: str) -> None:
            _check_any(channel, text)

        hypothesis.settings(max_examples=200, deadline=None, database=None, derandomize=True)(
            hypothesis.given(texts)(check)
        )()

    def test_hints_are_a_reading_and_never_a_second_address(self) -> None:
        channel = self.channel()
        for target in _targets(channel):
            read = _read(rules.HINTS, channel, target.canonical, TargetHints(thread="774411"))
            if target.thread is not None:
                rules.HINTS.holds(read is None, f"{target.canonical} beside another thread became {read}")
            else:
                said = f"{target.canonical} beside the thread 774411 became the same target without it"
                rules.HINTS.holds(read != target, said)
            for kind in {other.kind for other in _targets(channel)}:
                read = _read(rules.HINTS, channel, target.canonical, TargetHints(default_kind=kind))
                said = f"{target.canonical} beside the kind {kind!r} became {read}"
                rules.HINTS.holds(read in (None, target), said)

    def test_parsing_twice_gives_the_same(self) -> None:
        channel = self.channel()
        read = {example.text: channel.parse_target(example.text, NO_HINTS) for example in channel.examples}
        # Backwards, so that each has others before it that it did not have at first.
        for text, first in reversed(read.items()):
            for again in (channel.parse_target(text, NO_HINTS), channel.parse_target(text, NO_HINTS)):
                rules.PURE_PARSING.holds(first == again, f"{text!r} was {first}, and then {again}")


def _targets(channel: Channel) -> Iterator[Target]:
    for example in channel.examples:
        yield channel.parse_target(example.text, NO_HINTS)


def _check_any(channel: Channel, text: str) -> None:
    target = _read(rules.ONLY_INVALID_TARGET, channel, text)
    if target is not None:
        again = _read(rules.FIXED_POINT, channel, target.canonical)
        found = f"{_shown(text)} became {target.canonical!r}, which is read as {again}"
        rules.FIXED_POINT.holds(again == target, found)


def _check_same(rule: rules.Rule, channel: Channel, text: str, hints: TargetHints, target: Target) -> None:
    read = _read(rule, channel, text, hints)
    rule.holds(read == target, f"{text!r} with {hints} was read as {read}, not as {target}")


def _read(rule: rules.Rule, channel: Channel, text: str, hints: TargetHints = NO_HINTS) -> Target | None:
    """What a text is read as; None where it is refused as it should be."""
    try:
        return parsed_by(channel.name, channel.parse_target(text, hints))
    except InvalidTarget as error:
        rules.ONLY_INVALID_TARGET.holds(error.message, f"{_shown(text)} was refused without a message")
        return None
    except PluginFault as fault:
        rule.broken(f"{_shown(text)}: {fault}")
    except Exception as error:  # noqa: BLE001 - any other error is what is looked for
        rules.ONLY_INVALID_TARGET.broken(f"{_shown(text)} raised {named(error)}")


def _shown(text: str) -> str:
    return ascii(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text)} characters)")
