"""What Slack's answers mean to the core. Pure: neither the SDK nor a clock."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from stentor import Ambiguous, CredentialsRejected, NotSent, Rejected, Throttled
from stentor.contract.errors import DeliveryError
from stentor_slack.limits import QUIET_SECONDS

POST = "chat.postMessage"
_WORD = re.compile(r"[a-z][a-z0-9_]{0,59}")
_REASONS = {
    **dict.fromkeys(
        (
            "cannot_dm_bot",
            "channel_not_found",
            "invalid_channel",
            "user_not_found",
            "user_not_visible",
            "users_not_found",
        ),
        "bad_target",
    ),
    **dict.fromkeys(("no_service", "no_service_id", "no_team", "team_disabled", "invalid_token"), "gone"),
    **dict.fromkeys(("is_archived", "channel_is_archived", "is_inactive"), "archived"),
    **dict.fromkeys(
        ("thread_not_found", "cannot_reply_to_message", "restricted_action_thread_locked"), "thread_gone"
    ),
    **dict.fromkeys(
        (
            "access_denied",
            "action_prohibited",
            "channel_is_limited_access",
            "ekm_access_denied",
            "no_permission",
            "posting_to_general_channel_denied",
            "restricted_action",
            "restricted_action_non_threadable_channel",
            "restricted_action_read_only_channel",
            "restricted_action_thread_only_channel",
            "user_is_restricted",
            "user_is_ultra_restricted",
        ),
        "no_permission",
    ),
    "not_in_channel": "not_a_member",
    "user_disabled": "deactivated",
    "messages_tab_disabled": "blocked",
    **dict.fromkeys(("msg_too_long", "msg_blocks_too_long", "file_upload_size_restricted"), "too_large"),
    **dict.fromkeys(
        ("no_text", "invalid_blocks", "invalid_blocks_format", "invalid_attachments", "invalid_payload"),
        "bad_format",
    ),
}
_CREDENTIALS = frozenset(
    {
        "account_inactive",
        "invalid_auth",
        "not_allowed_token_type",
        "not_authed",
        "token_expired",
        "token_revoked",
        "two_factor_setup_required",
    }
)
_QUIET = frozenset({"ratelimited", "rate_limited"})
# These are about the workspace, whatever the method.
_QUIET_EVERYWHERE = {"message_limit_exceeded": 60.0, "org_login_required": 600.0, "team_added_to_org": 600.0}
# "Some aspect of the operation may have succeeded", as Slack says of them.
_DOUBT = frozenset(
    {"fatal_error", "internal_error", "request_timeout", "rollup_error", "service_unavailable"}
)
_MENDS = {
    "account_inactive": "the token belongs to an app or a workspace that is gone: install the app again",
    **dict.fromkeys(
        ("channel_not_found", "invalid_channel"),
        "look the id up in the channel's details; in a private channel write /invite @bot first",
    ),
    "is_archived": "unarchive the channel, or change the target",
    "messages_tab_disabled": "switch the Messages Tab on under App Home in the app's settings",
    "not_allowed_token_type": "token is the bot token (xoxb-…), app_token the app-level token (xapp-…)",
    "not_in_channel": "write /invite @bot in the channel",
    "restricted_action": "an administrator has restricted who may post there",
    "thread_not_found": "the message that the thread began with is gone",
    "user_not_found": "look the id up in the person's profile",
}
_HOOK_STATUS = {403: "no_permission", 404: "gone", 410: "gone"}


@dataclass(frozen=True, slots=True)
class Said:
    """One answer that is no success, as plain facts. `code` is Slack's own word, where there is one."""

    method: str
    status: int
    code: str = ""
    needed: str = ""
    note: str = ""
    retry_after: str = ""


def said(method: str, status: int, body: object, retry_after: str = "") -> Said:
    """The facts of an answer, whatever its shape."""
    data = mapping(body)
    notes = texts(mapping(data.get("response_metadata")).get("messages"))
    note = one_line(notes[0]) if notes else ""
    return Said(
        method, status, word(data.get("error")), one_line(text(data.get("needed"))), note, retry_after
    )


def refusal(answer: Said) -> DeliveryError:
    """What the core is to do about an answer of the Web API."""
    code, message = answer.code, _told(answer)
    if answer.status == 429 or code in _QUIET:
        return Throttled(seconds_to_wait(answer.retry_after), scope="target", message=message)
    if code in _QUIET_EVERYWHERE:
        return Throttled(_QUIET_EVERYWHERE[code], scope="account", message=message)
    if answer.status >= 500 or code in _DOUBT:
        # What broke on the other side may have broken after the message was taken in.
        return Ambiguous(message, retry_after=seconds_to_wait(answer.retry_after, otherwise=0))
    if code in _CREDENTIALS:
        return CredentialsRejected(message)
    if code == "missing_scope":
        # Without that nobody can be written to; what else is missing concerns files, or this part only.
        if answer.method in (POST, "conversations.open"):
            return Rejected("no_permission", message)
        return Rejected("files_forbidden" if answer.method.startswith("files.") else code, message)
    if code:
        return Rejected(_REASONS.get(code, code), message)
    return _without_code(answer.status, message)


def hook_refusal(name: str, status: int, body: str, retry_after: str) -> DeliveryError:
    """What the core is to do about an answer of an incoming webhook, which is a status and a word."""
    code = word(body.strip())
    message = f"the webhook {name!r} answered {status}{f' {code}' if code else ''}"
    if status == 429 or code in _QUIET:
        return Throttled(seconds_to_wait(retry_after), scope="target", message=message)
    if status < 300 or status >= 500 or code in _DOUBT:
        return Ambiguous(message, retry_after=seconds_to_wait(retry_after, otherwise=0))
    reason = _REASONS.get(code) or _HOOK_STATUS.get(status, code)
    if reason == "gone":
        return Rejected(reason, f"{message}: it is gone; add a new one in the app's settings")
    return Rejected(reason, message) if reason else _without_code(status, message, "its address")


def in_vain(error: DeliveryError) -> DeliveryError:
    """The same error of a call that shows nobody anything: where it is in doubt, it is proof all the same."""
    if not isinstance(error, Ambiguous):
        return error
    if error.retry_after > 0:
        return Throttled(error.retry_after, scope="target", message=str(error))
    return NotSent(str(error))


def odd(method: str) -> DeliveryError:
    return Ambiguous(f"Slack's answer to {method} makes no sense")


def seconds_to_wait(retry_after: str, *, otherwise: float = QUIET_SECONDS) -> float:
    """The wait that a Retry-After header asks for, and `otherwise` where it cannot be read."""
    return max(1.0, float(retry_after)) if re.fullmatch(r"[0-9]{1,6}", retry_after.strip()) else otherwise


def degraded(answer: Mapping[str, object]) -> str:
    """What of a message that was accepted is not as it was asked for."""
    warnings = (*texts(mapping(answer.get("response_metadata")).get("warnings")), text(answer.get("warning")))
    return "truncated" if any("message_truncated" in warning for warning in warnings) else ""


def mapping(value: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", value) if isinstance(value, Mapping) else {}


def mappings(value: object) -> Sequence[Mapping[str, object]]:
    return [mapping(item) for item in cast("list[object]", value)] if isinstance(value, list) else []


def texts(value: object) -> Sequence[str]:
    items = cast("list[object]", value) if isinstance(value, list) else []
    return [item for item in items if isinstance(item, str)]


def text(value: object) -> str:
    return value if isinstance(value, str) else ""


def word(value: object) -> str:
    """A code of Slack's; anything that is none may be anything, and is not passed on."""
    return value if isinstance(value, str) and _WORD.fullmatch(value) else ""


def one_line(value: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in value).split())[:200]


def _told(answer: Said) -> str:
    what = answer.code or f"status {answer.status}"
    message = f"Slack answered {answer.method} with {what}"
    if answer.code == "missing_scope":
        return f"{message}: add the scope {answer.needed or 'it names'} to the app, and install it again"
    more = _MENDS.get(answer.code) or answer.note
    return f"{message}: {more}" if more else message


def _without_code(status: int, message: str, wrong: str = "base_url") -> DeliveryError:
    if 200 <= status < 300:
        return Ambiguous(f"{message}, which makes no sense")
    if 300 <= status < 400:
        return Rejected("redirect", f"{message}: redirects are not followed; correct {wrong}")
    if status in (408, 425):
        return NotSent(message, refused=True)
    if status == 413:
        return Rejected("too_large", message)
    return Rejected(f"http_{status}", f"{message}, and no word of Slack's: check {wrong} and any proxy")
