"""What one account can do: post, upload, look up, and listen."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from stentor import (
    ChannelContext,
    Connection,
    CredentialsRejected,
    NotSent,
    Part,
    Receipt,
    Rejected,
    Target,
    Unavailable,
)
from stentor.contract.inbox import Inbox
from stentor_slack.answers import POST, degraded, in_vain, mapping, odd, text
from stentor_slack.client import Web
from stentor_slack.format import DIALECT, calling, escaped
from stentor_slack.limits import Patience
from stentor_slack.lookups import EVENT, Lookups
from stentor_slack.receiving import Reader
from stentor_slack.targets import conversation, person

if TYPE_CHECKING:
    from stentor_slack.channel import SlackSettings

_UPLOAD_URL = "files.getUploadURLExternal"
_COMPLETE = "files.completeUploadExternal"
# Slack's clock and ours may differ.
_MARGIN = timedelta(minutes=5)
# No delivery lives longer than thirty days, so nothing older can be a part of one.
_LONGEST_LIFE = timedelta(days=31)
_MOST_REMEMBERED = 1000


async def connect(
    settings: "SlackSettings", ctx: ChannelContext, patience: Patience | None = None
) -> Connection:
    """The connection of an account. Slack is not asked anything yet."""
    token = "" if settings.token is None else ctx.reveal(settings.token).strip()
    app_token = "" if settings.app_token is None else ctx.reveal(settings.app_token).strip()
    if settings.token is not None and (not _is_word(token) or token.startswith("xapp-")):
        raise CredentialsRejected("token is the bot token of the app: one word that begins with xoxb-")
    if settings.app_token is not None and (not _is_word(app_token) or app_token.startswith("xox")):
        raise CredentialsRejected("app_token is the app-level token: one word that begins with xapp-")
    hooks = {name: ctx.reveal(secret).strip() for name, secret in settings.webhooks.items()}
    for name, url in hooks.items():
        if not _is_word(url) or urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise CredentialsRejected(f"the secret of the webhook {name!r} holds no URL")
    web = Web(token, settings.base_url, patience or Patience())
    return SlackConnection(web, ctx, hooks=hooks, app_token=app_token)


def _is_word(secret: str) -> bool:
    """Whether it can go into a request as it is: a second line cannot, nor can anything that is not ASCII."""
    return bool(secret) and secret.isascii() and secret.isprintable() and " " not in secret


class SlackConnection(Connection):
    """Posts parts for one account."""

    def __init__(self, web: Web, ctx: ChannelContext, *, hooks: Mapping[str, str], app_token: str) -> None:
        self._web = web
        self._ctx = ctx
        self._hooks = hooks
        self._app_token = app_token
        self._lookups = Lookups(web.call)
        self._conversations: dict[str, str] = {}
        # The files of parts that have been uploaded here, and perhaps posted.
        self._uploaded: dict[str, tuple[str, ...]] = {}

    async def send(self, part: Part) -> Receipt:
        if part.target.kind == "webhook":
            return await self._send_to_hook(part)
        channel = await self._channel(part.target)
        try:
            receipt = await (self._upload(part, channel) if part.files else self._post(part, channel))
        except Rejected as error:
            if error.reason == "bad_target":
                self._conversations.pop(part.target.id, None)
            raise
        self._uploaded.pop(part.id, None)
        return receipt

    async def probe(self) -> str:
        if not self._web.token:
            return f"webhooks: {', '.join(sorted(self._hooks))}"
        answer = await self._web.call("auth.test", {})
        return f"{text(answer.get('user')) or 'somebody'} in {text(answer.get('team')) or 'a workspace'}"

    async def resolve(self, target: Target) -> Target:
        if not target.is_name:
            return target
        known = await self._lookups.id_of(target)
        found = (person if target.kind == "user" else conversation)(known, target.thread)
        return replace(found, account=target.account, display=target.id)

    async def reconcile(self, part: Part) -> Receipt | None:
        """Look a part up. A file may come to be seen later than Slack says so, so of files only a yes is an answer."""
        if part.target.kind == "webhook":
            raise Rejected("not_told", "an incoming webhook cannot be asked what it has posted")
        channel = await self._channel(part.target)
        if part.files:
            files = self._uploaded.get(part.id)
            if files and await self._lookups.is_shared(files[0], channel):
                return _file_receipt(part, channel, files)
            raise Rejected("not_told", "Slack cannot be asked whether these files were posted")
        since = (part.first_tried or self._ctx.now() - _LONGEST_LIFE) - _MARGIN
        ts = await self._lookups.message_of(part.id, channel, part.target.thread, since)
        return None if ts is None else Receipt(part.target, ts, detail={"channel": channel})

    async def receive(self, inbox: Inbox) -> None:
        if not self._app_token:
            raise Unavailable('the account does not listen: set receive = "socket" and app_token')
        me = text((await self._web.call("auth.test", {})).get("user_id"))
        if not me:
            raise in_vain(odd("auth.test"))
        reader = Reader(me)

        async def take(kind: str, payload: Mapping[str, object]) -> None:
            message = reader.incoming(payload) if kind == "events_api" else None
            if message is not None:
                await inbox.put(message)
                reader.keep(message)

        await self._web.listen(self._app_token, take)

    async def close(self) -> None:
        await self._web.close()

    async def _post(self, part: Part, channel: str) -> Receipt:
        metadata = {"event_type": EVENT, "event_payload": {"part": part.id, "delivery": part.delivery_id}}
        arguments = {"channel": channel, **_message(part), "metadata": metadata}
        if part.target.thread is not None:
            arguments["thread_ts"] = part.target.thread
            arguments["reply_broadcast"] = part.manner.broadcast
        answer = await self._web.call(POST, arguments, seen=True, as_json=True)
        ts = text(answer.get("ts"))
        if not ts:
            raise odd(POST)
        got = text(answer.get("channel")) or channel
        landed = _landed(part.target, mapping(answer.get("message")), elsewhere=got if got != channel else "")
        return Receipt(landed, ts, degraded=degraded(answer), detail={"channel": got})

    async def _upload(self, part: Part, channel: str) -> Receipt:
        """Three steps, of which people see the last one only."""
        self._uploaded.pop(part.id, None)
        try:
            async with asyncio.timeout(self._web.patience.files):
                files = tuple(
                    [await self._upload_one(file.name, file.path, file.size) for file in part.files]
                )
        except TimeoutError:
            raise NotSent("the files could not be uploaded in time") from None
        self._remember(part, files)
        titles = [{"id": file, "title": of.name} for file, of in zip(files, part.files, strict=True)]
        arguments: dict[str, object] = {"files": titles, "channel_id": channel}
        if part.text:
            arguments["initial_comment"] = _written(part)
        if part.target.thread is not None:
            arguments["thread_ts"] = part.target.thread
        await self._web.call(_COMPLETE, arguments, seen=True)
        return _file_receipt(part, channel, files)

    async def _upload_one(self, name: str, path: Path, size: int) -> str:
        place = await self._web.call(_UPLOAD_URL, {"filename": name, "length": size})
        file, url = text(place.get("file_id")), text(place.get("upload_url"))
        if not file or not url:
            raise in_vain(odd(_UPLOAD_URL))
        await self._web.upload(url, name, path)
        return file

    async def _send_to_hook(self, part: Part) -> Receipt:
        url = self._hooks.get(part.target.id)
        if url is None:
            raise Rejected("no_webhook", f"the account has no webhook {part.target.id!r} any more")
        left_out = ", ".join(file.name for file in part.files)
        message = _message(part)
        if left_out:
            note = escaped(f"(a webhook takes no files: {left_out} was left out)")
            message["text"] = "\n\n".join(filter(None, (str(message["text"]), note)))
        await self._web.post_to_hook(part.target.id, url, message)
        return Receipt(part.target, part.id, degraded="no_files" if left_out else "", detail={"id": "own"})

    async def _channel(self, target: Target) -> str:
        """The conversation to write to. That with a person is opened once."""
        if not self._web.token:
            raise Rejected("no_bot", "the account has webhooks only: set its token")
        if target.kind != "user":
            return target.id
        if target.id not in self._conversations:
            answer = await self._web.call("conversations.open", {"users": target.id})
            channel = text(mapping(answer.get("channel")).get("id"))
            if not channel:
                raise in_vain(odd("conversations.open"))
            self._conversations[target.id] = channel
        return self._conversations[target.id]

    def _remember(self, part: Part, files: tuple[str, ...]) -> None:
        if len(self._uploaded) >= _MOST_REMEMBERED:
            del self._uploaded[next(iter(self._uploaded))]
        self._uploaded[part.id] = files


def _message(part: Part) -> dict[str, object]:
    message: dict[str, object] = {"text": _written(part), "mrkdwn": part.format == DIALECT.format}
    if part.manner.bare_links:
        message |= {"unfurl_links": False, "unfurl_media": False}
    return message


def _written(part: Part) -> str:
    written = part.text if part.format == DIALECT.format else escaped(part.text)
    return calling(written) if part.manner.mentions else written


def _landed(meant: Target, message: Mapping[str, object], *, elsewhere: str) -> Target:
    """The target that the answer names. A message without `thread_ts` is in no thread."""
    thread = text(message.get("thread_ts")) or (None if "ts" in message else meant.thread)
    if not elsewhere and thread == meant.thread:
        return meant
    return conversation(elsewhere or meant.id, thread)


def _file_receipt(part: Part, channel: str, files: tuple[str, ...]) -> Receipt:
    """Slack does not name the message that files are posted with, so the first file stands for it."""
    missed = "not_broadcast" if part.manner.broadcast and part.target.thread is not None else ""
    return Receipt(
        part.target, files[0], degraded=missed, detail={"channel": channel, "files": " ".join(files)}
    )
