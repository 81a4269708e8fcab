"""Rules about messages that the provider takes."""

from dataclasses import replace
from typing import Any

import pytest

from stentor.contract.channel import Channel
from stentor.contract.payloads import Attachment, Draft, Manner, Payload
from stentor.contract.receipts import Receipt
from stentor.contract.targets import Target, TargetHints
from stentor.domain.units import cost, length
from stentor.testing.conformance import rules
from stentor.testing.conformance.behaviours import Behaviour
from stentor.testing.conformance.case import ChannelCase, on_stage
from stentor.testing.conformance.failing import check_no_more_attempts
from stentor.testing.conformance.provider import Unplayable
from stentor.testing.conformance.stage import Stage, told
from stentor.testing.rendering import rendered

_TEXT = "Guten Morgen \N{GRINNING FACE} aus K\N{LATIN SMALL LETTER O WITH DIAERESIS}ln"


class SendingRules(ChannelCase):
    @on_stage
    async def test_a_good_send_gives_a_receipt_for_the_very_target(self, stage: Stage) -> None:
        ids = set[str]()
        for number, target in enumerate(stage.targets, start=1):
            receipt = await stage.accepted(stage.part(target=target))
            _check_receipt(receipt, target)
            _check_opened(stage, receipt)
            rules.RECEIPT.holds(
                receipt.message_id not in ids, f"two messages have the id {receipt.message_id!r}"
            )
            ids.add(receipt.message_id)
            _check_once(stage, number)
            where = stage.provider.shown[-1].target
            rules.RECEIPT.holds(
                where == target.canonical, f"meant for {target.canonical}, it was shown in {where}"
            )
        await check_no_more_attempts(stage, "all was sent")

    @on_stage
    async def test_the_text_arrives_complete(self, stage: Stage) -> None:
        (draft,) = stage.drafts(_TEXT)
        await stage.accepted(stage.part(draft))
        _check_text(rules.TEXT, stage, draft)

    @pytest.mark.parametrize(
        "character", [pytest.param("x", id="letters"), pytest.param("\N{GRINNING FACE}", id="emoji")]
    )
    @on_stage
    async def test_a_text_that_fills_the_limit_is_one_message(self, stage: Stage, character: str) -> None:
        draft = _fullest(stage.channel, stage.target, character)
        came_to = await stage.send(stage.part(draft))
        rules.LIMITS.holds(isinstance(came_to, Receipt), f"send came to {told(came_to)}")
        _check_text(rules.LIMITS, stage, draft)

    def test_a_long_text_is_cut_within_the_limit(self) -> None:
        channel = self.channel()
        target = channel.parse_target(channel.examples[0].canonical, TargetHints())
        if channel.render(Payload("x"), target) is not None:
            pytest.skip("the channel renders by itself")
        text = ("Wort \N{GRINNING FACE} " * 40 + "**fett** und `Code`\n\n") * (channel.limits.text // 100 + 2)
        for part in rendered(channel, text, target):
            counted = part.text if channel.limits.counted == "sent" else part.plain or part.text
            long = length(counted, channel.limits.unit)
            rules.LIMITS.holds(long <= channel.limits.text, f"a part has {long} {channel.limits.unit}")

    @on_stage
    async def test_files_arrive_with_their_names(self, stage: Stage) -> None:
        limits = stage.channel.limits
        if not limits.attachment_bytes:
            pytest.skip("the channel declares no attachment_bytes")
        drafts = list(stage.drafts("See the minutes", stage.file("minutes.txt")))
        if limits.album > 1:
            drafts.append(Draft("", attachment=stage.file("one.txt"), album=(stage.file("two.txt"),)))
        for draft in drafts:
            receipt = await stage.accepted(stage.part(draft))
            _check_receipt(receipt, stage.target)
            _check_files(stage, draft)

    @pytest.mark.parametrize("word", ["silent", "bare_links", "broadcast", "reply_to"])
    @on_stage
    async def test_a_declared_manner_is_heeded(self, stage: Stage, word: str) -> None:
        if word not in stage.traits.manners:
            pytest.skip(f"the channel does not declare the manner {word}")
        # What goes beside a thread needs one.
        threaded = [target for target in stage.targets if target.thread is not None]
        target = threaded[0] if word == "broadcast" and threaded else stage.target
        first = await stage.accepted(stage.part(target=target))
        asked: dict[str, Any] = {word: first.message_id if word == "reply_to" else True}
        await stage.accepted(stage.part("Once more", target, replace(Manner(), **asked)))
        seen = len(stage.provider.shown)
        rules.MANNER.holds(seen == 2, f"of two messages, {seen} are seen")
        usual, special = (_manner(stage, place, word) for place in (-2, -1))
        rules.MANNER.holds(not usual, f"nobody asked for {word}, and the provider understood {usual!r}")
        rules.MANNER.holds(special == asked[word], f"{word} was {asked[word]!r}, understood as {special!r}")

    @on_stage
    async def test_markup_that_is_refused_goes_plain(self, stage: Stage) -> None:
        if stage.channel.dialect is None or stage.channel.dialect.format == "plain":
            pytest.skip("the channel has no markup")
        (draft,) = stage.drafts("**Guten Morgen**")
        await stage.behave(Behaviour.BAD_FORMAT)
        came_to = await stage.send(stage.part(draft))
        reason = getattr(came_to, "reason", "")
        rules.PLAIN_FALLBACK.holds(reason == "bad_format", f"send came to {told(came_to)}")
        await stage.behave(Behaviour.ACCEPT)
        plain = Draft(draft.plain or draft.text)
        came_to = await stage.send(stage.part(plain))
        rules.PLAIN_FALLBACK.holds(
            isinstance(came_to, Receipt), f"without markup, send came to {told(came_to)}"
        )
        _check_text(rules.PLAIN_FALLBACK, stage, plain)


def _check_receipt(receipt: Receipt, target: Target) -> None:
    rules.RECEIPT.holds(receipt.message_id, "the receipt has an empty message_id")
    where = receipt.target.canonical
    rules.RECEIPT.holds(
        where == target.canonical, f"the part was for {target.canonical}, the receipt is for {where}"
    )


def _check_opened(stage: Stage, receipt: Receipt) -> None:
    if receipt.opened is not None:
        again = stage.parsed(receipt.opened.canonical)
        found = f"it opened {receipt.opened}, whose spelling reads as {again}"
        rules.RECEIPT.holds(again.canonical == receipt.opened.canonical, found)


def _check_once(stage: Stage, number: int) -> None:
    rules.RECEIPT.holds(
        stage.provider.attempts == number, f"{stage.provider.attempts} attempts for {number} parts"
    )
    seen = len(stage.provider.shown)
    rules.RECEIPT.holds(seen == number, f"{seen} messages are seen, {number} were sent")


def _check_text(rule: rules.Rule, stage: Stage, draft: Draft) -> None:
    """The newest message says what the draft says."""
    seen = [message.text for message in stage.provider.shown]
    rule.holds(len(seen) == 1, f"one part became {len(seen)} messages")
    found = f"a text of {len(draft.text)} characters is seen as one of {len(seen[0])}"
    rule.holds(draft.text in (seen[0], seen[0].strip()), f"{found}: {seen[0][:80]!r}")


def _check_files(stage: Stage, draft: Draft) -> None:
    sent = {file.name for file in _files(draft)}
    seen = {name for message in stage.provider.shown for name in message.files}
    rules.FILES.holds(sent <= seen, f"of {sorted(sent)}, these are seen: {sorted(seen)}")


def _files(draft: Draft) -> tuple[Attachment, ...]:
    return () if draft.attachment is None else (draft.attachment, *draft.album)


def _manner(stage: Stage, place: int, word: str) -> object:
    manner = stage.provider.shown[place].manner
    if manner is None:
        raise Unplayable("Shown.manner (how a message was to be shown)")
    found: object = getattr(manner, word)
    return found


def _fullest(channel: Channel, target: Target, character: str) -> Draft:
    """A text of one character that fills the limit, as core would have it sent."""
    limits = channel.limits
    (one,) = rendered(channel, character, target)
    around = length(one.text, limits.unit) - cost(character, limits.unit) if limits.counted == "sent" else 0
    most = (limits.text - around) // cost(character, limits.unit)
    drafts = rendered(channel, character * most, target)
    rules.LIMITS.holds(
        len(drafts) == 1, f"{most} characters fill the limit, and are cut into {len(drafts)} parts"
    )
    return drafts[0]
