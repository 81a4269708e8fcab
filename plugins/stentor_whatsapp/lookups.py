"""What WhatsApp was asked about phone numbers: kept for a while, since whoever asks too much is banned as well."""

import json
import os
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from stentor import InvalidTarget, NotSent
from stentor_whatsapp.targets import of_jid
from stentor_whatsapp.wire import Facts, mapping, text, whole

_KEPT_IF_THERE = timedelta(days=7)
_KEPT_IF_NOT = timedelta(hours=1)
_MOST_KEPT = 5000
_END_OF_TIME_MS = 253_402_300_799_000


@dataclass(frozen=True, slots=True)
class Found:
    """A number as WhatsApp knows it: by `jid`, by `lid` where it has told that, or not at all."""

    on: bool
    jid: str
    lid: str
    asked_ms: int

    @property
    def to(self) -> str:
        """What is sent to."""
        return self.lid or self.jid


class Lookups:
    """Answers by number. `ask` asks WhatsApp and raises a `DeliveryError` where it does not say."""

    def __init__(
        self, path: Path, now: Callable[[], datetime], ask: Callable[[str], Awaitable[Facts]]
    ) -> None:
        self._path = path
        self._now = now
        self._ask = ask
        self._known = _read(path)

    async def of(self, number: str, *, or_not: bool = True) -> Found:
        """What WhatsApp knows of a number in E.164. Unless `or_not`, it is asked again where it knew nothing."""
        known = self._known.get(number)
        if known is not None and self._is_fresh(known) and (known.on or or_not):
            return known
        facts = await self._ask(number)
        found = _found(facts, self._now_ms())
        if found is None:
            raise NotSent(f"WhatsApp was asked for {number}, and its answer makes no sense")
        self._keep(number, found)
        return found

    def known(self, number: str) -> Found | None:
        """What WhatsApp said of a number, however long ago."""
        return self._known.get(number)

    def forget(self, number: str) -> None:
        """Ask again the next time."""
        if self._known.pop(number, None) is not None:
            self._write()

    def _is_fresh(self, found: Found) -> bool:
        age = timedelta(milliseconds=self._now_ms() - found.asked_ms)
        return timedelta(0) <= age < (_KEPT_IF_THERE if found.on else _KEPT_IF_NOT)

    def _keep(self, number: str, found: Found) -> None:
        self._known.pop(number, None)
        self._known[number] = found
        while len(self._known) > _MOST_KEPT:
            del self._known[next(iter(self._known))]
        self._write()

    def _write(self) -> None:
        """What cannot be kept is asked for again."""
        fresh = self._path.with_name(f"{self._path.name}.new")
        written = json.dumps({number: asdict(found) for number, found in self._known.items()})
        with suppress(OSError):
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                file.write(written)
            fresh.replace(self._path)

    def _now_ms(self) -> int:
        return round(self._now().timestamp() * 1000)


def _read(path: Path) -> dict[str, Found]:
    """What was kept, as far as it can be read."""
    with suppress(OSError, ValueError, RecursionError):
        kept: Mapping[str, object] = mapping(json.loads(path.read_text("utf-8")))
        answers = ((number, mapping(facts)) for number, facts in kept.items())
        read = ((number, _found(facts, whole(facts.get("asked_ms")))) for number, facts in answers)
        return {number: found for number, found in read if found is not None}
    return {}


def _found(facts: Facts, asked_ms: int) -> Found | None:
    on, jid, lid = facts.get("on"), text(facts.get("jid")), text(facts.get("lid"))
    if not isinstance(on, bool) or not 0 <= asked_ms <= _END_OF_TIME_MS:
        return None
    if on and not (_is_address(jid) and (not lid or _is_address(lid))):
        return None
    return Found(on, jid if on else "", lid if on else "", asked_ms)


def _is_address(jid: str) -> bool:
    with suppress(InvalidTarget):
        return bool(of_jid(jid).id)
    return False
