"""What the child says by itself, and what it means: for people, for the core, and for the child."""

import logging
from datetime import UTC, datetime

from stentor import ChannelContext
from stentor.contract.receipts import LaterReceipt, ReceiptLevel
from stentor_whatsapp.answers import not_paired
from stentor_whatsapp.line import Lost, Refused
from stentor_whatsapp.receiving import Reception
from stentor_whatsapp.standing import Standing, Trouble
from stentor_whatsapp.supervisor import NOT_PAIRED, Leave
from stentor_whatsapp.wire import Event, Facts, text, whole

log = logging.getLogger(__name__)
_LEVELS = {level.value: level for level in ReceiptLevel}
_END_OF_TIME_MS = 253_402_300_799_000
_RESTORED = Trouble(
    "degraded", "the session was damaged: the copy of its last start has taken its place", brief=True
)


class Hearing:
    """Hears of the children of one account."""

    def __init__(self, ctx: ChannelContext, standing: Standing, reception: Reception) -> None:
        self._ctx = ctx
        self._standing = standing
        self._reception = reception

    def opened(self, facts: Facts) -> None:
        if facts.get("restored") is True:
            self._standing.shut(_RESTORED)
        if facts.get("forgetful") is True:
            log.warning(
                "what was sent before is not known any more: the ledger was damaged, and is begun anew"
            )

    def heard(self, event: Event) -> Leave | None:
        match event.name:
            case "state":
                known = self._standing.trouble
                self._standing.hear(event.facts)
                # What kept the one before it out is nothing against a new child, which has yet to try.
                return None if self._standing.trouble is known else self._use_of_the_child()
            case "receipt":
                self._report(event.facts)
            case "message":
                self._reception.hear(event.facts)
            case "trouble":
                log.warning("%s", text(event.facts.get("text")))
            case _:
                pass
        return None

    def died(self, why: Lost | Refused) -> bool:
        if isinstance(why, Refused) and why.kind == NOT_PAIRED:
            self._standing.shut(Trouble("down", str(not_paired()), pair_again=True))
            return False
        self._standing.died(str(why))
        return True

    def _use_of_the_child(self) -> Leave | None:
        """There is none in a child that WhatsApp does not let in."""
        trouble = self._standing.trouble
        if trouble is None or trouble.brief:
            return None
        if trouble.until is not None:
            return Leave(trouble.reason, max(1.0, (trouble.until - self._ctx.now()).total_seconds()))
        return Leave(trouble.reason, for_good=trouble.health == "down")

    def _report(self, facts: Facts) -> None:
        message_id, level = text(facts.get("message_id")), _LEVELS.get(text(facts.get("level")))
        if message_id and level is not None:
            at = time_of(facts.get("at"), self._ctx.now())
            self._ctx.report(LaterReceipt(message_id, level, at, part_id=text(facts.get("part"))))


def time_of(at_ms: object, now: datetime) -> datetime:
    """The time that is meant; now, where none is."""
    given = whole(at_ms)
    return datetime.fromtimestamp(given / 1000, UTC) if 0 < given <= _END_OF_TIME_MS else now
