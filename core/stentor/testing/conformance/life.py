"""Rules about accounts: how they open and close, what they say of themselves, and what they keep to themselves."""

import logging
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from functools import partial

import pytest

from stentor.adapters.logs import TALKATIVE
from stentor.contract.channel import Connection
from stentor.contract.errors import DeliveryError, InvalidTarget
from stentor.contract.targets import Target
from stentor.testing.conformance import rules
from stentor.testing.conformance.behaviours import Behaviour
from stentor.testing.conformance.case import ChannelCase, on_stage
from stentor.testing.conformance.stage import Stage, told

_WHILE_OPENING = (
    Behaviour.REFUSE,
    Behaviour.UNAUTHORISED,
    Behaviour.SERVER_ERROR,
    Behaviour.HTML,
    Behaviour.GARBAGE,
)


class LifeRules(ChannelCase):
    @on_stage
    async def test_an_account_that_was_used_closes_without_a_trace(self, stage: Stage) -> None:
        await stage.accepted(stage.part())
        await stage.close()

    @on_stage
    async def test_an_account_that_was_never_used_closes_without_a_trace(self, stage: Stage) -> None:
        await stage.connection()
        await stage.close()

    @pytest.mark.parametrize(
        "behaviour",
        [
            pytest.param(each, id=each.value)
            for each in (Behaviour.REFUSE, Behaviour.UNAUTHORISED, Behaviour.SERVER_ERROR)
        ],
    )
    @on_stage
    async def test_an_account_that_cannot_open_leaves_nothing_behind(
        self, stage: Stage, behaviour: Behaviour
    ) -> None:
        await stage.behave(behaviour, everywhere=True)
        came_to = await stage.open()
        if isinstance(came_to, DeliveryError):
            await stage.check_nothing_is_left(rules.OPENING)

    @on_stage
    async def test_probing_says_who_we_are_and_sends_nothing(self, stage: Stage) -> None:
        connection = await stage.connection()
        said = await stage.outcome(connection.probe)
        rules.PROBE.holds(isinstance(said, str) and said, f"it came to {told(said)}")
        sent = stage.provider.attempts
        rules.PROBE.holds(not sent, f"the provider counted {sent} messages")
        for behaviour in (Behaviour.SERVER_ERROR, Behaviour.UNAUTHORISED, Behaviour.REFUSE):
            if await stage.can(behaviour, everywhere=True):
                said = await stage.outcome(connection.probe)
                sound = isinstance(said, str | DeliveryError)
                rules.PROBE.holds(sound, f"{behaviour}: it came to {told(said)}")

    @on_stage
    async def test_names_are_resolved_and_ids_are_left_alone(self, stage: Stage) -> None:
        connection = await stage.connection()
        for target in stage.targets:
            found = await stage.outcome(partial(connection.resolve, target))
            rules.NAMES.holds(found == target, f"{target.canonical} was resolved to {told(found)}")
        for name, canonical in stage.provider.names.items():
            target = stage.parsed(name)
            rules.NAMES.holds(target.is_name, f"{name!r} is a name, and was read without `is_name`")
            found = await stage.outcome(partial(connection.resolve, target))
            kept = isinstance(found, Target) and not found.is_name and found.canonical == canonical
            rules.NAMES.holds(kept, f"{name!r} was resolved to {told(found)}")
        for name in stage.provider.nobody:
            found = await stage.outcome(partial(connection.resolve, stage.parsed(name)))
            refused = isinstance(found, InvalidTarget)
            rules.NAMES.holds(refused, f"{name!r} is the name of nobody, and was resolved to {told(found)}")

    @on_stage
    async def test_no_secret_is_ever_said(self, stage: Stage) -> None:
        if not stage.provider.secrets:
            pytest.skip("the provider names no secrets")
        for behaviour in Behaviour:
            with _log() as lines:
                said = await _all_said(stage, behaviour)
            said += [reason for _, reason in stage.context.states]
            _check_kept(behaviour, [*said, *lines], list(stage.provider.secrets.values()))

    @on_stage
    async def test_no_secret_is_said_of_an_account_that_cannot_open(self, stage: Stage) -> None:
        if not stage.provider.secrets:
            pytest.skip("the provider names no secrets")
        for behaviour in _WHILE_OPENING:
            if not await stage.can(behaviour, everywhere=True):
                continue
            with _log() as lines:
                opened = await stage.open()
                said = await stage.outcome(opened.probe) if isinstance(opened, Connection) else opened
            _check_kept(behaviour, [repr(said), str(said), *lines], list(stage.provider.secrets.values()))
            await stage.close()


async def _all_said(stage: Stage, behaviour: Behaviour) -> list[str]:
    """All the words of a send while the provider behaves like this; none where it cannot."""
    await stage.connection()
    if not await stage.can(behaviour):
        return []
    came_to = await stage.send(stage.part(), hanging=behaviour is Behaviour.HANG)
    await stage.behave(Behaviour.ACCEPT)
    return [repr(came_to), str(came_to)]


class _Lines(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.WARNING or record.name.partition(".")[0] not in TALKATIVE:
            self._lines.append(self.format(record))


@contextmanager
def _log() -> Generator[list[str]]:
    """The lines that the daemon's log shows when it is asked for all of them."""
    lines: list[str] = []
    handler = _Lines(lines)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        root.setLevel(level)
        root.removeHandler(handler)


def _check_kept(behaviour: Behaviour, said: Sequence[str], secrets: Sequence[str]) -> None:
    for text in said:
        for secret in secrets:
            hidden = text.replace(secret, "[the secret]")
            rules.SECRETS.holds(secret not in text, f"{behaviour}: {hidden}")
