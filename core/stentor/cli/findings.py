"""What of a store and its daemon is not as it should be, each finding with its mend."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from stentor.adapters.sqlite.health import Health, Named
from stentor.adapters.sqlite.outbox_health import OutboxHealth
from stentor.domain.happenings import HEARTBEAT
from stentor.domain.json_types import JsonObject
from stentor.domain.sizes import size_text
from stentor.domain.stalls import Stall

# Three periods of the heartbeat.
_STALE_MS = 30_000
_LATE_MS = 30_000
_STEP_BACK_MS = 5_000
_LONG_PENDING_MS = 3_600_000
_NAMED_TARGETS = 3
_UNITS = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1000, "s"))
# How the store tells of an account that was refused when something was sent.
_REFUSED = "credentials:"
# What `Unavailable` says where a pip extra is missing.
_INSTALL = "pip install 'stentor["
_PAIR = "stentor channels login"
_LEVELS = ("ok", "warn", "critical")


@dataclass(frozen=True, slots=True)
class Finding:
    level: str
    code: str
    message: str
    fix: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything a finding can be about. `daemon` is running, silent or stopped."""

    now_ms: int
    daemon: str
    health: Health
    counts: JsonObject
    accounts: list[JsonObject]
    damaged: list[str]
    stall: Stall | None
    outbox: OutboxHealth = field(default_factory=OutboxHealth)
    incidents: list[JsonObject] = field(default_factory=list[JsonObject])
    # The accounts as the daemon finds them.
    live: list[JsonObject] = field(default_factory=list[JsonObject])
    # How many there are, and what the last sweep came to.
    sessions: JsonObject = field(default_factory=dict[str, Any])
    # How the main session is looked after.
    main_session: JsonObject = field(default_factory=dict[str, Any])

    @property
    def heartbeat_age_ms(self) -> int | None:
        beat = self.health.heartbeat_ms
        return None if beat is None else max(0, self.now_ms - beat)

    @property
    def late_ms(self) -> int | None:
        """How long ago the oldest instant was that nobody has accounted for."""
        oldest = self.health.unaccounted_ms
        return None if oldest is None else self.now_ms - oldest

    @property
    def pending_age_ms(self) -> int | None:
        """How long the oldest delivery has waited."""
        oldest = self.outbox.oldest_pending_ms
        return None if oldest is None else max(0, self.now_ms - oldest)

    @property
    def clock(self) -> JsonObject:
        """Whether the machine's clock is behind what the store has seen."""
        behind = self.health.newest_ms - self.now_ms
        if behind <= _STEP_BACK_MS:
            return {"state": "ok", "behindMs": 0}
        unset = self.health.newest_at_start_ms - self.now_ms > _STEP_BACK_MS
        waiting = self.daemon != "stopped" and unset
        return {"state": "waiting_for_clock" if waiting else "moved_back", "behindMs": behind}


def findings(facts: Facts) -> list[Finding]:
    """All of them, those about the daemon first."""
    about = (
        _daemon,
        _clock,
        _jobs,
        _deliveries,
        _outbox,
        _targets,
        _accounts,
        _alerts,
        _sessions,
        _heartbeat,
        _store,
    )
    return [finding for those in about for finding in those(facts)]


def level_of(found: list[Finding]) -> str:
    """That of the worst finding."""
    return max((finding.level for finding in found), key=_LEVELS.index, default="ok")


def span(ms: int) -> str:
    """A length of time as people say it: its largest unit."""
    size, unit = next(((size, unit) for size, unit in _UNITS if ms >= size), _UNITS[-1])
    return f"{ms / size:.0f} {unit}"


def _daemon(facts: Facts) -> Iterator[Finding]:
    enabled, age = facts.counts["enabled"], facts.heartbeat_age_ms or 0
    if facts.daemon == "stopped":
        if facts.stall is not None:
            fix = "start `stentor serve`; the log of the last one says where it stood"
            yield Finding("critical", "stalled", str(facts.stall), fix)
        if enabled:
            yield Finding("warn", "daemon_stopped", f"{_of(enabled)} will not run", "start `stentor serve`")
    elif age > _STALE_MS:
        why = "does not answer" if facts.daemon == "silent" else "answers, but cannot write its heartbeat"
        fix = "look at its log and its disk, then restart it"
        yield Finding("critical", "stalled", f"stalled {age // 1000} s: the daemon {why}", fix)
    elif facts.daemon == "silent":
        yield Finding("warn", "daemon_silent", "the daemon is slow to answer", "try again in a moment")


def _clock(facts: Facts) -> Iterator[Finding]:
    clock, late = facts.clock, facts.late_ms or 0
    if clock["state"] == "waiting_for_clock":
        message = f"nothing runs until the clock is set; it is {span(clock['behindMs'])} behind"
        yield Finding("critical", "waiting_for_clock", message, "set the clock of this machine")
    elif clock["state"] == "moved_back":
        message = f"clock moved back {span(clock['behindMs'])}"
        yield Finding("warn", "clock_moved_back", message, "set it; what has run does not run again")
    elif facts.daemon == "running" and late > _LATE_MS:
        message = f"an instant {span(late)} ago is not accounted for"
        yield Finding("warn", "unaccounted", message, "look at the daemon's log")


def _jobs(facts: Facts) -> Iterator[Finding]:
    health, blocked = facts.health, facts.counts["blocked"]
    if health.switched_off.count:
        off = health.switched_off
        fix = f"mend it, then `stentor cron enable {off.names[0]}`; its alert says why"
        yield Finding("warn", "auto_disabled", f"switched off by itself: {_list(off)}", fix)
    if blocked:
        fix = "stentor cron list; stentor plugins"
        yield Finding("warn", "blocked_jobs", f"{_of(blocked)} cannot run", fix)
    if health.failed.count:
        message = f"failed at the last run: {_list(health.failed)}"
        yield Finding("warn", "failed_jobs", message, f"stentor cron runs --id {health.failed.names[0]}")


def _deliveries(facts: Facts) -> Iterator[Finding]:
    health, unknown = facts.health, facts.counts["unknown"]
    if unknown:
        fix = "stentor deliveries list --state unknown; then stentor deliveries settle ID --as …"
        yield Finding("warn", "unknown_deliveries", f"{unknown} may or may not have arrived", fix)
    if health.undelivered.count:
        message = f"the last result did not arrive: {_list(health.undelivered)}"
        fix = "stentor cron runs --delivery-status not-delivered"
        yield Finding("warn", "failed_deliveries", message, fix)
    if health.failed_sends:
        message = f"{health.failed_sends} sent by hand in the last 24 hours did not arrive"
        yield Finding("warn", "failed_sends", message, "stentor deliveries list --purpose manual")


def _outbox(facts: Facts) -> Iterator[Finding]:
    outbox = facts.outbox
    if outbox.dead:
        message = f"dead letters: {outbox.failed} did not arrive, {outbox.partial} only in part"
        fix = "stentor deliveries list --state failed; then stentor deliveries resend ID, or drop ID"
        yield Finding("warn", "dead_letters", message, fix)
    if outbox.blocked:
        message = f"{_deliveries_of(outbox.blocked)} blocked: the account is not configured"
        fix = "add it to stentor.toml, or stentor deliveries list --state blocked; then cancel ID"
        yield Finding("warn", "blocked_deliveries", message, fix)
    if outbox.unconfirmed:
        message = f"{_deliveries_of(outbox.unconfirmed)} accepted, but not confirmed in the usual time"
        fix = "stentor deliveries list --state unconfirmed"
        yield Finding("warn", "unconfirmed_deliveries", message, fix)
    waited = facts.pending_age_ms or 0
    if waited > _LONG_PENDING_MS:
        message = f"the oldest delivery has waited {span(waited)} to be sent"
        fix = "stentor deliveries list --state pending; then show ID, or cancel ID"
        yield Finding("warn", "long_pending", message, fix)


def _targets(facts: Facts) -> Iterator[Finding]:
    for target in facts.outbox.known_targets("suspended")[:_NAMED_TARGETS]:
        message = f"{target['target']} on {target['accountId']} is suspended: {target['reason']}"
        yield Finding("warn", "target_suspended", message, f"mend it there, then {_clearing(target)}")
    for target in facts.outbox.known_targets("moved")[:_NAMED_TARGETS]:
        message = f"{target['target']} on {target['accountId']} is {target['movedTo']} now"
        fix = f"give its jobs the new address (stentor cron edit JOB --to …), then {_clearing(target)}"
        yield Finding("warn", "target_moved", message, fix)


def _accounts(facts: Facts) -> Iterator[Finding]:
    for account in facts.accounts:
        if account["state"] == "down":
            message = f"{account['channel']}:{account['accountId']} is down{_because(account)}"
            yield Finding("critical", "account_down", message, _mend_of_account(account))
    shut = {(row["channel"], row["accountId"]) for row in facts.accounts if row["state"] == "down"}
    for account in facts.live:
        channel, name = account["channel"], account["accountId"]
        if account["state"] in ("degraded", "down") and (channel, name) not in shut:
            message = f"{channel}:{name} is {account['state']}{_because(account)}"
            fix = f"`stentor channels test {channel}:{name}` says whether it can send"
            yield Finding("warn", "account_degraded", message, fix)
    for gate in facts.outbox.gates:
        message = f"{gate.account} sends nothing for {span(gate.until_ms - facts.now_ms)}: {gate.reason}"
        yield Finding("warn", "account_gated", message, _mend_of(gate.reason))


def _because(account: JsonObject) -> str:
    """What an account says of its state; some say nothing."""
    return f": {account['reason']}" if account["reason"] else ""


def _mend_of_account(account: JsonObject) -> str:
    reason, name = account["reason"] or "", f"{account['channel']}:{account['accountId']}"
    if _PAIR in reason:
        return f"pair it: {_PAIR} {name}"
    if reason.startswith(_REFUSED):
        return "mend its settings, then restart"
    asking = f"`stentor channels test {name}` says how it is now"
    return f"do what the reason says; {asking}" if reason else asking


def _mend_of(reason: str) -> str:
    """What goes by itself, and what does not."""
    if _INSTALL in reason:
        return "install it where Stentor is installed, then start the daemon anew"
    return "wait: it tries by itself when the time is over"


def _alerts(facts: Facts) -> Iterator[Finding]:
    untold = [incident for incident in facts.incidents if incident["told"] and not incident["toldTo"]]
    if untold:
        message = f"{len(untold)} of the open incidents could be told nowhere but here"
        fix = "set [cron] failure_destination to a target that can be reached"
        yield Finding("warn", "untold_incidents", message, fix)


def _sessions(facts: Facts) -> Iterator[Finding]:
    swept = facts.sessions.get("lastSweep")
    beyond = swept["beyond"]["total"] if swept else {"sessions": 0}
    if beyond["sessions"]:
        message = f"{_sessions_of(beyond)} beyond the limits of [sessions] maintenance, which only warns"
        fix = 'stentor sessions prune --dry-run; then stentor sessions prune, or mode = "enforce"'
        yield Finding("warn", "sessions_beyond_limits", message, fix)


def _heartbeat(facts: Facts) -> Iterator[Finding]:
    failing = facts.main_session.get("failing")
    if failing is not None:
        often = "the last turn" if failing["times"] == 1 else f"the last {failing['times']} turns"
        message = f"{often} of the main session failed: {failing['error']}{_open_events(facts)}"
        yield Finding("warn", "heartbeat_failing", message, f"stentor cron runs --id {HEARTBEAT}")
    left_out = facts.main_session.get("leftOut")
    if left_out is not None and left_out["fix"]:
        message = f"the heartbeat of the main session was left out: {left_out['why']}"
        yield Finding("warn", "heartbeat_left_out", message, left_out["fix"])


def _open_events(facts: Facts) -> str:
    """What nobody was told meanwhile."""
    waiting = facts.main_session.get("unanswered", 0)
    if not waiting:
        return ""
    return f"; {'1 event is' if waiting == 1 else f'{waiting} events are'} unanswered"


def _store(facts: Facts) -> Iterator[Finding]:
    for job in facts.damaged:
        message = f"job {job} does not match its checksum"
        yield Finding("critical", "damaged_job", message, f"add it again: stentor cron get {job}")


def _clearing(target: JsonObject) -> str:
    return f"stentor targets clear {target['target']} --account {target['accountId']}"


def _sessions_of(tally: JsonObject) -> str:
    is_or_are = "session is" if tally["sessions"] == 1 else "sessions are"
    return f"{tally['sessions']} {is_or_are} ({size_text(tally['bytes'])})"


def _deliveries_of(count: int) -> str:
    return "1 delivery is" if count == 1 else f"{count} deliveries are"


def _of(count: int) -> str:
    return "1 job" if count == 1 else f"{count} jobs"


def _list(jobs: Named) -> str:
    more = jobs.count - len(jobs.names)
    return ", ".join(jobs.names) + (f" and {more} more" if more else "")
