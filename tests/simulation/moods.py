"""Providers and agents that are not to be relied on: what they do is drawn by lot, until they are told to be calm."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass
from math import exp, log
from random import Random

from stentor.contract.channel import Account, ChannelContext, Connection, Example
from stentor.contract.errors import (
    Ambiguous,
    CredentialsRejected,
    NotSent,
    Rejected,
    RunnerError,
    Throttled,
    Unavailable,
)
from stentor.contract.payloads import Part
from stentor.contract.receipts import Receipt
from stentor.contract.runners import AgentRunner, Final, Phase, RunnerEvent, TextDelta, TurnRequest, Usage
from stentor.contract.traits import Traits
from stentor.testing.scripted import Provider, ScriptedChannel
from stentor.testing.virtual_time import pass_time


@dataclass
class Mood:
    """How bad it is, from 0 to 1: the share of those who are asked and do not simply do it."""

    random: Random
    badness: float

    @property
    def is_bad(self) -> bool:
        return self.random.random() < self.badness

    def between(self, low: float, high: float) -> float:
        """As often between 1 and 10 as between 10 and 100."""
        return exp(self.random.uniform(log(low), log(high)))


class MoodyConnection(Connection):
    """Takes its time, and then accepts, refuses, or leaves everybody in the dark."""

    def __init__(self, provider: Provider, mood: Mood) -> None:
        self._provider = provider
        self._mood = mood

    async def send(self, part: Part) -> Receipt:
        await pass_time(self._mood.between(0.001, 1))
        if not self._mood.is_bad:
            return self._provider.receive(part)
        return await self._mood.random.choice(
            (self._refuse, self._refuse, self._lose_the_answer, self._never_get_there, self._dawdle)
        )(part)

    async def _refuse(self, part: Part) -> Receipt:
        between = self._mood.between
        raise self._mood.random.choice(
            (
                NotSent("connection refused"),
                NotSent("not now", refused=True),
                Throttled(between(1, 7_000)),
                Throttled(between(1, 600), scope="account"),
                Rejected("blocked"),
                Rejected("bad_target"),
                CredentialsRejected("token revoked"),
                Unavailable("not connected"),
            )
        )

    async def _lose_the_answer(self, part: Part) -> Receipt:
        self._provider.accept(part)
        raise self._mood.random.choice((Ambiguous("no answer"), ConnectionResetError(), ValueError("{")))

    async def _never_get_there(self, part: Part) -> Receipt:
        raise Ambiguous("no answer")

    async def _dawdle(self, part: Part) -> Receipt:
        """Accept, but answer after the deadline, perhaps after everybody has given up."""
        receipt = self._provider.accept(part)
        await pass_time(self._mood.between(50, 1_000))
        return receipt


class MoodyChannel(ScriptedChannel):
    """A channel of any declared kind whose provider has moods."""

    name = "page"
    prefixes = ("page",)
    examples = (Example("page:room1", "page:room1"),)

    def __init__(self, provider: Provider, mood: Mood, traits: Traits) -> None:
        self.provider = provider
        self.traits = traits
        self._mood = mood

    async def open(self, account: Account, ctx: ChannelContext) -> Connection:
        if self._mood.is_bad and self._mood.is_bad:
            raise Unavailable("nobody answers")
        return MoodyConnection(self.provider, self._mood)


class MoodyRunner(AgentRunner):
    """Answers, or fails in one of the many ways in which agents fail."""

    name = "echo"

    def __init__(self, mood: Mood) -> None:
        self._mood = mood

    async def turn(self, request: TurnRequest) -> AsyncGenerator[RunnerEvent]:
        trouble = self._mood.random.choice(("early", "late")) if self._mood.is_bad else ""
        await pass_time(self._mood.between(0.001, 5))
        if trouble == "early":
            await self._get_into_trouble()
        yield Phase("model-call-started")
        await pass_time(self._mood.between(0.1, 100))
        yield TextDelta("about")
        yield Usage(input=10, output=self._mood.random.randrange(100))
        if trouble == "late":
            await self._get_into_trouble()
        length = self._mood.random.choice((1, 1, 1, 2_000))  # the longest take several parts
        yield Final(self._mood.random.choice(("NO_REPLY", "", *["about tea " * length] * 6)))

    async def _get_into_trouble(self) -> None:
        await self._mood.random.choice((self._fail, self._fail, self._hang, self._work_on))()

    async def _fail(self) -> None:
        raise self._mood.random.choice(
            (
                RunnerError("rate_limit", "slow down"),
                RunnerError("unavailable", "nobody at home"),
                RunnerError("auth", "who are you"),
                RunnerError("bad_request", "what"),
                ValueError("a bug of the runner"),
            )
        )

    async def _hang(self) -> None:
        await asyncio.Event().wait()

    async def _work_on(self) -> None:
        """Not to be stopped: whatever it has to say after it was given up comes too late."""
        with suppress(asyncio.CancelledError):
            await pass_time(self._mood.between(100, 10_000))
        await pass_time(self._mood.between(1, 1_000))
