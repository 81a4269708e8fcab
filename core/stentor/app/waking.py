"""Waking the agent of the main session from outside, with a word for it or without."""

from collections.abc import Mapping

from stentor.app.assembly import App
from stentor.app.door import check_size
from stentor.app.parameters import Parameters, not_valid
from stentor.domain.happenings import NOBODY, NOBODY_MEND, WakeMode
from stentor.domain.instants import iso
from stentor.domain.json_types import JsonObject
from stentor.domain.refusals import Refused

_MODES: tuple[WakeMode, ...] = ("now", "next-heartbeat")


async def wake(app: App, raw: Mapping[str, object]) -> JsonObject:
    """Leave a text, if there is one, and wake the agent, unless that waits for its heartbeat."""
    text, mode = _asked(app, raw)
    if text:
        await app.heartbeat.leave(text, mode)
    if mode == "next-heartbeat":
        following = app.heartbeat.following_ms()
        return {**_answer(mode), "nextHeartbeatAt": None if following is None else iso(following)}
    run = await (app.heartbeat.see_to_events() if text else app.heartbeat.wake())
    return {**_answer(mode), "enqueued": True, "runId": run.id, "jobId": run.job_id}


async def leave(app: App, raw: Mapping[str, object]) -> JsonObject:
    """The same where no daemon runs: the next one finds the text."""
    text, mode = _asked(app, raw)
    if not text:
        raise Refused(
            "no_daemon",
            "no daemon runs that could wake the agent",
            hint="start `stentor serve`, leave a text for it (--text), or wait for the turn here (--wait)",
        )
    await app.heartbeat.leave(text, mode)
    return _answer(mode)


def _answer(mode: WakeMode) -> JsonObject:
    return {"ok": True, "mode": mode, "enqueued": False}


def _asked(app: App, raw: Mapping[str, object]) -> tuple[str, WakeMode]:
    check_size(raw)
    asked = Parameters(raw, "text", "mode")
    text, mode = asked.text("text"), asked.word("mode", _MODES) or "now"
    if text is not None and not text.strip():
        raise not_valid("text", "must not be blank; leave it out to wake the agent without a word")
    if not app.heartbeat.attendance.is_attended:
        raise Refused("no_agent", NOBODY, hint=NOBODY_MEND)
    if mode == "next-heartbeat":
        if text is None:
            raise not_valid("text", "is missing: the heartbeat comes anyway, so say what it is to be told")
        if not app.heartbeat.attendance.beats:
            hint = 'set every under [heartbeat], for instance "30m", or choose mode now'
            raise Refused("no_heartbeat", "there is no heartbeat to wait for", hint=hint)
    return app.ground.redactor.clean(text or ""), mode
