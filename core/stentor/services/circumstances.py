"""The circumstances of a send, as the rules of the outbox ask for them."""

from dataclasses import replace
from functools import lru_cache
from typing import cast

from stentor.contract.channel import Channel
from stentor.contract.targets import Target
from stentor.contract.traits import Limits, Traits
from stentor.domain.answers import target_of
from stentor.domain.outbox import Attempt
from stentor.domain.plugin_words import PluginFault, kind_of
from stentor.domain.promises import flaw
from stentor.domain.records import Outgoing
from stentor.services.enclosures import files_of
from stentor.services.plugin_calls import Door


def attempt_of(part: Outgoing, now_ms: int, channel: Channel | None, jitter: float = 0.0) -> Attempt:
    """The circumstances of a send, as the outbox rules ask for them."""
    return Attempt(
        part.address,
        part.attempt,
        part.refusals,
        now_ms,
        part.first_sent_ms,
        part.expires_ms,
        resend_unknown=part.on_unknown == "resend",
        jitter=jitter * 0.1,
        has_plain=part.has_plain,
        parent=_parent(part, channel),
        readdressed=part.readdressed,
        files=tuple(file.name for file in files_of(part.attachment)) if part.text else (),
        follows=part.opened is not None,
    )


def _parent(part: Outgoing, channel: Channel | None) -> Target | None:
    """Where a part may go whose thread is gone. Whatever a plugin makes of the question, it is no reason to fail."""
    if channel is None or part.on_thread_gone != "parent" or part.address.thread is None:
        return None
    door = Door(channel.name, part.target.account or "")
    parent = door.hear("parent", lambda: _parent_of(part.address, channel))
    return None if parent is None else parent.on(part.target.account or "")


def _parent_of(target: Target, channel: Channel) -> Target | None:
    given: object = channel.parent(target)
    if given is None:
        return None
    parent = target_of(given, "what parent returns")
    if parent.channel != target.channel:
        raise PluginFault(f"parent returned a target of {parent.channel!r}")
    return parent


def traits_for(part: Outgoing, channel: Channel | None) -> Traits:
    """What the channel promises of a part's target. Of whom nothing can be learned, nothing is promised."""
    if channel is None:
        return Traits()
    door = Door(channel.name, part.target.account or "")
    traits = door.hear("traits_of", lambda: _traits_of(part.address, channel))
    return replace(channel.traits, idempotency="none", reconcile="none") if traits is None else traits


def _traits_of(target: Target, channel: Channel) -> Traits:
    given = cast("object", channel.traits_of(target))
    if given is channel.traits:
        return channel.traits
    if not isinstance(given, Traits):
        raise PluginFault(f"traits_of must return Traits, not {kind_of(given)}")
    wrong = _flaw(channel.limits, given)
    if wrong:
        raise PluginFault(wrong)
    return given


@lru_cache(maxsize=256)
def _flaw(limits: Limits, traits: Traits) -> str:
    return flaw(limits, traits)
