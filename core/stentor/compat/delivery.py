"""Deliveries as older releases wrote them: on the payload, at the top of the job, or as `notify`."""

from stentor.compat.sections import Section, as_list, is_number, spellings

_MODES = spellings(("announce", "webhook", "none"), deliver="announce")
# In the order in which they are read: a field's own name beats its older one.
_HINTS = ("deliver", "channel", "provider", "to", "threadId", "bestEffort", "bestEffortDeliver")
_OLD_NAMES = {"provider": "channel", "bestEffortDeliver": "bestEffort"}


def repair_delivery(job: Section, webhook: str | None) -> None:
    """Bring every hint about where a job sends into `delivery`; what `delivery` says itself wins."""
    for source in (job.child("payload"), job):
        if source is not None:
            _take_hints(source, job)
    _repair_notify(job, webhook)
    delivery = job.child("delivery")
    if delivery is None:
        return
    for old, new in _OLD_NAMES.items():
        delivery.rename(old, new)
    delivery.read_flags("bestEffort", "agentMaySend")
    _repair_address(delivery)
    failure = delivery.child("failureDestination")
    if failure is not None:
        _repair_address(failure)


def repair_failure_alert(job: Section) -> None:
    """True only ever said that there are to be alerts, by the rules of the installation."""
    job.read_flags("failureAlert")
    if job.fields.get("failureAlert") is True:
        job.replace("failureAlert", {})
    alert = job.child("failureAlert")
    if alert is not None:
        alert.read_flags("includeSkipped")
        _repair_address(alert)


def _take_hints(source: Section, job: Section) -> None:
    found = _found_hints(source)
    delivery = job.new_child("delivery") if found else None
    if delivery is None:
        return
    hints = {key: source.fields.pop(key) for key in found}
    wanted = "none" if hints.pop("deliver", None) is False else "announce"
    stated = _stated_mode(delivery)
    if stated not in (None, wanted):
        source.note(f"{source.where(*found)} dropped: delivery says otherwise and wins")
    elif wanted == "none":
        delivery.fields["mode"] = "none"
        source.note(f"{source.where(*found)} turned into delivery.mode none, which takes no address")
    else:
        if stated is None:
            delivery.fields["mode"] = "announce"
        source.note(f"{source.where(*found)} moved to delivery")
        _merge(hints, source, delivery)


def _found_hints(source: Section) -> list[str]:
    """The hints that `source` gives. Nulls are dropped; a `deliver` that is neither yes nor no stays behind."""
    source.read_flags("deliver", "bestEffort", "bestEffortDeliver")
    found: list[str] = []
    for key in [key for key in _HINTS if key in source.fields]:
        value = source.fields[key]
        if value is None:
            del source.fields[key]
            source.note(f"{source.where(key)} dropped: it was null")
        elif key != "deliver" or isinstance(value, bool):
            found.append(key)
    return found


def _stated_mode(delivery: Section) -> object:
    """What `delivery` itself says; with an address and no mode it has always meant announce."""
    delivery.read_word("mode", _MODES)
    mode = delivery.fields.get("mode")
    names_address = any(delivery.fields.get(key) is not None for key in ("channel", "provider", "to"))
    return "announce" if mode is None and names_address else mode


def _merge(hints: dict[str, object], source: Section, delivery: Section) -> None:
    for old, value in hints.items():
        key = _OLD_NAMES.get(old, old)
        present = delivery.fields.get(key)
        if present is None:
            delivery.fields[key] = value
        elif value != present:
            source.note(f"{source.where(old)} gave way to {delivery.where(key)}")


def _repair_notify(job: Section, webhook: str | None) -> None:
    """`notify` posted each finished run to one URL of the whole installation."""
    job.read_flags("notify")
    notify = job.fields.get("notify")
    if not isinstance(notify, bool):
        return
    del job.fields["notify"]
    if not notify:
        job.note("notify false dropped: it says nothing")
        return
    if not webhook:
        job.note(
            "notify cannot be kept without a webhook URL: set delivery.mode webhook and delivery.to to the URL"
        )
        return
    delivery = job.new_child("delivery")
    if delivery is not None and _leaves_room(delivery):
        delivery.fields["mode"] = "webhook"
        delivery.fields["to"] = webhook
        job.note("notify moved to delivery: mode webhook, to the configured URL")
    else:
        job.note("notify cannot be kept beside another delivery: add a second job with delivery.mode webhook")


def _leaves_room(delivery: Section) -> bool:
    mode = _stated_mode(delivery)
    return not delivery.fields or mode == "none" or (mode == "webhook" and delivery.fields.get("to") is None)


def _repair_address(section: Section) -> None:
    section.read_word("mode", _MODES)
    section.trim("to", "threadId", "accountId")
    channel = section.fields.get("channel")
    if isinstance(channel, str) and channel.strip():
        section.replace("channel", channel.strip().lower())
    to = section.fields.get("to")
    targets = as_list(to)
    if targets is not None:
        section.replace("to", [_target_text(target) for target in targets], "written as text")
    elif is_number(to):
        section.replace("to", _target_text(to), "written as text")


def _target_text(value: object) -> object:
    return str(value) if isinstance(value, int) and is_number(value) else value
