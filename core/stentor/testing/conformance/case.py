"""What the author of a channel says about it, and how a check becomes a test."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from inspect import Signature, signature
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

import pytest

from stentor.contract.channel import Channel
from stentor.testing.conformance.provider import FakeProvider, Unplayable
from stentor.testing.conformance.stage import Stage
from stentor.testing.hurried_loop import HurriedLoop

P = ParamSpec("P")
C = TypeVar("C", bound="ChannelCase")


class ChannelCase(ABC):
    """One channel under test.

    refused   texts that are no targets of this channel, though they look alike.
    sdk       the modules that only an account that opens may load, such as `("httpx2",)`.
    foreign   targets of other channels; there are usual ones.
    """

    refused: Sequence[str] = ()
    sdk: Sequence[str] = ()
    foreign: Sequence[str] = (
        "semaphore:4711",
        "semaphore:channel:4711",
        "pigeon-post:@ann",
        "pigeon-post:+15551234567",
        "telex:https://example.com/in",
    )

    @abstractmethod
    def channel(self) -> Channel:
        """The channel, as its plugin declares it."""

    @abstractmethod
    def provider(self) -> FakeProvider:
        """A provider that has not started yet."""

    def play(self, story: Callable[[Stage], Awaitable[None]], folder: Path) -> None:
        """Let a story happen between the channel and its provider, and close what it opened."""
        try:
            with asyncio.Runner(loop_factory=HurriedLoop) as runner:
                runner.run(self._played(story, folder, cast("HurriedLoop", runner.get_loop())))
        except Unplayable as lacking:
            pytest.skip(f"the fake provider cannot play: {lacking}")

    async def _played(
        self, story: Callable[[Stage], Awaitable[None]], folder: Path, loop: HurriedLoop
    ) -> None:
        async with self.provider() as provider:
            stage = Stage(self.channel(), provider, folder, loop)
            try:
                await story(stage)
                await stage.close()
            finally:
                await stage.hang_up()
        if stage.traces.complaints:
            raise AssertionError(f"the event loop complains: {'; '.join(stage.traces.complaints)}")


def on_stage(check: Callable[Concatenate[C, Stage, P], Awaitable[None]]) -> Callable[..., None]:
    """A check as pytest runs it: a plain function that gets a folder, and makes a stage there."""

    def test(self: C, tmp_path: Path, **given: Any) -> None:
        self.play(lambda stage: cast("Any", check)(self, stage, **given), tmp_path)

    own, asked = signature(test).parameters, signature(check).parameters
    others = [parameter for name, parameter in asked.items() if name not in ("self", "stage")]
    test.__name__, test.__qualname__ = check.__name__, check.__qualname__
    test.__doc__, test.__module__ = check.__doc__, check.__module__
    # pytest hands in what a signature names.
    cast("Any", test).__signature__ = Signature([own["self"], own["tmp_path"], *others])
    return test
