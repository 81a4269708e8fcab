"""Payloads as older releases and forgetful agents wrote them."""

from stentor.compat.sections import Section, as_list, spellings

_KINDS = spellings(("agentTurn", "systemEvent", "text", "command"))
_TOP_LEVEL = (
    "message",
    "text",
    "command",
    "model",
    "thinking",
    "timeoutSeconds",
    "fallbacks",
    "lightContext",
    "toolsAllow",
)
_KIND_OF_FIELD = {"message": "agentTurn", "text": "systemEvent", "argv": "command"}


def repair_payload(job: Section) -> None:
    """Gather what belongs to the payload, and give it the kind that its fields imply."""
    _gather(job)
    payload = job.child("payload")
    if payload is None:
        return
    payload.read_word("kind", _KINDS)
    if payload.fields.get("kind") in (None, "systemEvent"):
        payload.rename("event", "text")
    _repair_command(payload)
    _infer_kind(payload)
    payload.read_flags("lightContext")
    _drop_blank_model(payload)
    _trim_tools(payload)


def _gather(job: Section) -> None:
    found = [key for key in _TOP_LEVEL if key in job.fields]
    payload = job.new_child("payload") if found else None
    if payload is None:
        return
    moved = [key for key in found if payload.fields.get(key) is None]
    for key in found:
        value = job.fields.pop(key)
        if key in moved:
            payload.fields[key] = value
        else:
            job.note(f"{key} dropped: {payload.where(key)} is given too and wins")
    if moved:
        job.note(f"{job.where(*moved)} moved to payload")


def _repair_command(payload: Section) -> None:
    command = payload.fields.get("command")
    if isinstance(command, str) and command.strip():
        payload.fields["command"] = ["sh", "-c", command]
        payload.note(f"{payload.where('command')} is one line of text; it is run by sh -c")
    if as_list(payload.fields.get("command")):
        payload.rename("command", "argv")


def _infer_kind(payload: Section) -> None:
    if payload.fields.get("kind") is not None:
        return
    kind = next((kind for key, kind in _KIND_OF_FIELD.items() if payload.fields.get(key) is not None), None)
    if kind is not None:
        payload.fields["kind"] = kind
        payload.note(f"{payload.where('kind')} {kind} follows from its fields")


def _drop_blank_model(payload: Section) -> None:
    model = payload.fields.get("model")
    if isinstance(model, str) and not model.strip():
        del payload.fields["model"]
        payload.note(f"{payload.where('model')} dropped: it was blank")


def _trim_tools(payload: Section) -> None:
    tools = as_list(payload.fields.get("toolsAllow"))
    if tools is not None:
        payload.replace(
            "toolsAllow", [tool.strip() if isinstance(tool, str) else tool for tool in tools], "trimmed"
        )
