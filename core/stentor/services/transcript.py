"""What is said in the turns of one run, written down as it is said: a crash loses nothing of it."""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import cast

from stentor.contract.runners import Message, ToolResult, ToolUse
from stentor.domain.faults import StoreError
from stentor.domain.json_types import JsonObject, as_object
from stentor.domain.plugin_words import whole
from stentor.domain.reasoning import without_reasoning
from stentor.domain.records import RunSeed
from stentor.domain.replies import Reason, classify
from stentor.domain.transcripts import mended, shortened, size, within
from stentor.ports import Clock, Store

log = logging.getLogger(__name__)
# About as much as the largest models take in; who has a smaller one is told less.
HISTORY_CHARACTERS = 400_000
_LONGEST_RESULT = 50_000
_NOT_WORTH_TELLING = 4_000


@dataclass
class Transcript:
    """What the session knew before, and what has been said since."""

    run: RunSeed
    store: Store
    clock: Clock
    boot: str
    # Agents and tools quote what they were given: nothing of it is written down unread.
    clean: Callable[[str], str]
    # How much a runner is told of what the session knew before.
    most: int = HISTORY_CHARACTERS
    # And how much of each call and result since.
    _longest: int = HISTORY_CHARACTERS
    _before: tuple[Message, ...] = ()
    _said: list[Message] = field(default_factory=list[Message])
    _unwritten: list[Message] = field(default_factory=list[Message])
    _calls: int = 0

    async def open(self) -> None:
        self._before = tuple(await self.store.history(self.run.session.id, self.most))

    @property
    def history(self) -> tuple[Message, ...]:
        """What a runner is told of all that, so that any model accepts it: without the question that is open."""
        said = self._said[:-1] if self.is_asked else self._said
        # The turn that is under way is told from its beginning: without its question nobody can go on with it.
        return mended(
            (*within(self._before, self.most), *(shortened(entry, self._longest) for entry in said))
        )

    @property
    def is_asked(self) -> bool:
        """Whether nothing was said or done since the last question."""
        return bool(self._said) and self._said[-1].role == "user"

    @property
    def remark(self) -> str:
        """What was said last beside a call of a tool, since the last answer; empty where nothing was."""
        for entry in reversed(self._said):
            if entry.role == "assistant" and not entry.calls:
                break
            if entry.calls and classify(entry.text).reason is not Reason.EMPTY:
                return entry.text
        return ""

    @property
    def unwritten(self) -> tuple[Message, ...]:
        """What the store could not take so far: it goes with the end of the run."""
        return tuple(self._unwritten)

    def tell_less(self) -> bool:
        """A quarter of it from now on, because it was too much; False when there is nothing left to leave out.

        Of this turn only what its tools gave is told in fewer words.
        """
        before = sum(map(size, within(self._before, self.most)))
        if before:
            self.most = before // 4 if before > _NOT_WORTH_TELLING else 0
            return True
        longest = max(
            (size(shortened(entry, self._longest)) for entry in self._said if entry.role != "user"), default=0
        )
        self._longest = longest // 4
        return longest > _NOT_WORTH_TELLING

    def tell_all(self) -> None:
        """As much of it as ever: whoever is told next may be able to take it in."""
        self.most = self._longest = HISTORY_CHARACTERS

    async def ask(self, text: str) -> None:
        await self._say(Message("user", text))

    async def answer(self, text: str) -> None:
        await self._say(Message("assistant", without_reasoning(text).strip()))

    async def call(self, text: str, name: str, args: Mapping[str, object]) -> str:
        """The agent calls a tool, and said this before. It is on record before the tool runs."""
        self._calls += 1
        call = ToolUse(f"{self.run.id}-{self._calls}", name, args)
        await self._say(Message("assistant", text, (call,)))
        return call.id

    async def answered(self, call_id: str, result: ToolResult) -> None:
        await self._say(Message("tool", _in_words(result), call_id=call_id))

    async def _say(self, entry: Message) -> None:
        entry = self._cleaned(entry)
        self._said.append(entry)
        waiting, self._unwritten = [*self._unwritten, entry], []
        try:
            await self.store.remember(self.run.id, self.boot, waiting, self.clock.now_ms())
        except StoreError as error:
            self._unwritten = waiting
            log.warning(
                "what run %s says waits for its end: %s", self.run.id, error, extra={"event": "note_lost"}
            )

    def _cleaned(self, entry: Message) -> Message:
        calls = tuple(
            replace(call, name=self._kept(call.name), args=throughout(call.args, self._kept))
            for call in entry.calls
        )
        return replace(entry, text=self._kept(entry.text), calls=calls)

    def _kept(self, text: str) -> str:
        return self.clean(whole(text))


def throughout(args: Mapping[str, object], clean: Callable[[str], str]) -> JsonObject:
    """As JSON, which is how they are kept, with each text in it cleaned."""

    def cleaned(value: object) -> object:
        if isinstance(value, str):
            return clean(value)
        if isinstance(value, list):
            return [cleaned(item) for item in cast("list[object]", value)]
        inside = as_object(value)
        return value if inside is None else {clean(key): cleaned(item) for key, item in inside.items()}

    # What is no number is none in JSON either.
    plain = as_object(json.loads(json.dumps(dict(args), default=str), parse_constant=str)) or {}
    return {clean(key): cleaned(value) for key, value in plain.items()}


def _in_words(result: ToolResult) -> str:
    said = result.result
    text = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
    text = text if result.ok else f"failed: {text}"
    return text if len(text) <= _LONGEST_RESULT else f"{text[: _LONGEST_RESULT - 1]}…"
