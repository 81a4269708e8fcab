"""The only module that knows the library: requests, what becomes of them, and messages as it wants them.

Bots of the library are used without being initialized: that would ask Telegram who they are before anything is sent.
Their connections are ours, and so is closing them.
"""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from functools import partial
from typing import Any, TypedDict, cast

import httpx
from telegram import (
    Bot,
    InputFile,
    InputMediaAudio,
    InputMediaDocument,
    InputMediaPhoto,
    InputMediaVideo,
    LinkPreviewOptions,
    Message,
    MessageEntity,
    ReplyParameters,
)
from telegram.error import TelegramError
from telegram.request import HTTPXRequest

from stentor import Ambiguous, NotSent, Part, Rejected, Target, Unavailable
from stentor.contract.errors import DeliveryError
from stentor.contract.payloads import Attachment
from stentor_telegram.answers import Answer, Place, Sent, deafness, read_answer, refusal
from stentor_telegram.format import DIALECT, Formatted, entities_of
from stentor_telegram.limits import FileKind, Patience
from stentor_telegram.receiving import KINDS_OF_UPDATES, Myself, Update
from stentor_telegram.targets import chat_id, message_number, topic_numbers
from stentor_telegram.wire import HttpClient, proxy_for

# With these no byte of the request has left.
_UNSENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.InvalidURL,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
# What the library does to an answer that has not the shape it knows.
_MISSHAPEN = (AttributeError, IndexError, KeyError, TypeError, ValueError)


def quieten() -> None:
    """The library and what it stands on log addresses, and the token is part of every address."""
    for noisy in ("httpcore", "httpx", "telegram"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


class Answered(TelegramError):
    """Telegram refused, in its own words. The library's exceptions keep less of them."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"answered {answer.status}")
        self.answer = answer


class Line(HTTPXRequest):
    """Connections to one server. Whatever goes wrong on them is said in the words of the contract."""

    def __init__(self, server: str, token: str, patience: Patience, connections: int) -> None:
        self._connections = connections
        self._server = server
        super().__init__(
            connection_pool_size=connections,
            connect_timeout=patience.connect,
            read_timeout=patience.read,
            write_timeout=patience.write,
            pool_timeout=patience.pool,
            media_write_timeout=patience.write,
        )
        self.patience = patience
        self._token = token
        self._closed = False

    def _build_client(self) -> httpx.AsyncClient:
        timeout = cast("httpx.Timeout", self._client_kwargs["timeout"])
        try:
            client = HttpClient(self._connections, timeout, proxy_for(self._server))
        except (ImportError, OSError, ValueError, httpx.InvalidURL) as error:
            raise Unavailable(
                f"the environment names a proxy or certificates that cannot be used for {self._server} ({error}): "
                "mend HTTPS_PROXY or SSL_CERT_FILE where Stentor runs, or exempt the server with NO_PROXY"
            ) from None
        return cast("httpx.AsyncClient", client)

    def bot(self) -> Bot:
        # The library wants two of them, and one that it is not given it makes and never closes.
        return Bot(self._token, base_url=f"{self._server}/bot", request=self, get_updates_request=self)

    async def do_request(self, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
        status, body = await super().do_request(*args, **kwargs)
        # Whoever answers may repeat what was asked, token and all.
        answer = read_answer(status, body.replace(self._token.encode(), b"[token]"))
        if answer is not None:
            raise Answered(answer)
        return status, body

    @asynccontextmanager
    async def asking(
        self, seconds: float, meaning: Callable[[Answer], DeliveryError] = refusal
    ) -> AsyncGenerator[None]:
        """Wait so long for whatever is asked inside. `meaning` says what a refusal of it means."""
        if self._closed:
            raise Unavailable("the connection to Telegram is closed")
        try:
            async with asyncio.timeout(seconds):
                yield
        except Answered as error:
            raise meaning(error.answer) from None
        except TelegramError as error:
            raise self._failure(error) from None
        except TimeoutError:
            raise Ambiguous(f"{self._server} gave no answer within {seconds:g} s") from None
        except _MISSHAPEN as error:
            shape = type(error).__name__
            raise Ambiguous(f"{self._server} gave an answer of an unexpected shape ({shape})") from None

    async def shutdown(self) -> None:
        self._closed = True
        await super().shutdown()

    def _failure(self, error: TelegramError) -> DeliveryError:
        """What a request without an answer proves: the error itself does not tell, its cause does."""
        cause = error.__cause__
        why = " ".join(str(cause or "").replace(self._token, "[token]").split())
        said = f"{type(cause or error).__name__}{why and f': {why}'}"
        if isinstance(cause, _UNSENT):
            return NotSent(f"no connection to {self._server} ({said})")
        return Ambiguous(f"the request to {self._server} may have arrived ({said})")


class Mailbag(Line):
    """Keeps updates as they came: the library fails on one that is newer than itself, and on all beside it."""

    updates: Sequence[Update] = ()

    async def do_request(self, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
        status, body = await super().do_request(*args, **kwargs)
        result = cast("dict[str, object]", json.loads(body))["result"]
        if not isinstance(result, list):
            return status, body
        self.updates = [
            cast("Update", item) for item in cast("list[object]", result) if isinstance(item, dict)
        ]
        return status, b'{"ok": true, "result": []}'


class Client:
    """One bot that sends."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self._bot = line.bot()

    async def name(self) -> str:
        me = await self._bot.get_me()
        return f"@{me.username} ({me.full_name})"

    async def name_of(self, target: Target) -> str:
        """How the chat is called."""
        return (await self._bot.get_chat(chat_id(target))).effective_name or ""

    async def send_text(self, part: Part) -> Sent:
        said = _formatted(part)
        message = await self._bot.send_message(
            text=said.text,
            entities=_entities(said),
            link_preview_options=LinkPreviewOptions(is_disabled=True) if part.manner.bare_links else None,
            **_common(part),
        )
        return _sent([message])

    async def send_files(self, part: Part, kinds: Sequence[FileKind]) -> Sent:
        said, common = _formatted(part), _common(part)
        caption, entities = said.text or None, _entities(said)
        with _uploads(part.files) as files:
            if len(files) > 1:
                media = [_MEDIA[kind](file) for kind, file in zip(kinds, files, strict=True)]
                messages = await self._bot.send_media_group(
                    media=media, caption=caption, caption_entities=entities, **common
                )
                return _sent(messages)
            send, options = _SENDERS[kinds[0]]
            file = {kinds[0]: files[0]}
            return _sent(
                [
                    await send(
                        self._bot, **file, **options, caption=caption, caption_entities=entities, **common
                    )
                ]
            )


class Incomings:
    """What people write to one bot, as Telegram hands it out."""

    def __init__(self, mailbag: Mailbag) -> None:
        self._mailbag = mailbag
        self._bot = mailbag.bot()
        self._seconds = mailbag.patience.message

    async def myself(self) -> Myself:
        async with self._mailbag.asking(self._seconds, deafness):
            me = await self._bot.get_me()
            return Myself(me.id, me.username or "")

    async def updates(self, offset: int | None) -> Sequence[Update]:
        """Those from `offset` on, as soon as there are any. It tells Telegram that those before it are taken."""
        wait = self._mailbag.patience.poll
        async with self._mailbag.asking(wait + self._seconds, deafness):
            await self._bot.get_updates(offset, timeout=int(wait), allowed_updates=KINDS_OF_UPDATES)
        return self._mailbag.updates

    async def call(self, url: str, secret: str) -> None:
        """From now on Telegram calls `url` with every update."""
        async with self._mailbag.asking(self._seconds, deafness):
            await self._bot.set_webhook(url, allowed_updates=KINDS_OF_UPDATES, secret_token=secret)

    async def call_nobody(self) -> None:
        """From now on updates wait until they are asked for."""
        async with self._mailbag.asking(self._seconds, deafness):
            await self._bot.delete_webhook()


class _Common(TypedDict):
    """What goes with every kind of message."""

    chat_id: int | str
    message_thread_id: int | None
    direct_messages_topic_id: int | None
    disable_notification: bool | None
    reply_parameters: ReplyParameters | None


def _common(part: Part) -> _Common:
    topic, direct_topic = topic_numbers(part.target)
    answered = message_number(part.manner.reply_to)
    return {
        "chat_id": chat_id(part.target),
        "message_thread_id": topic,
        "direct_messages_topic_id": direct_topic,
        "disable_notification": part.manner.silent or None,
        "reply_parameters": None
        if answered is None
        else ReplyParameters(answered, allow_sending_without_reply=True),
    }


def _formatted(part: Part) -> Formatted:
    return entities_of(part.text) if part.format == DIALECT.format else Formatted(part.text)


def _entities(said: Formatted) -> list[MessageEntity] | None:
    return [
        MessageEntity(
            entity.type,
            entity.offset,
            entity.length,
            url=entity.value if entity.type == "text_link" else None,
            language=entity.value or None if entity.type == "pre" else None,
        )
        for entity in said.entities
    ] or None


@contextmanager
def _uploads(files: Sequence[Attachment]) -> Generator[list[InputFile]]:
    """The files, open. They are read as they are sent."""
    with ExitStack() as stack:
        yield [_upload(file, stack) for file in files]


def _upload(file: Attachment, stack: ExitStack) -> InputFile:
    try:
        content = stack.enter_context(file.path.open("rb"))
    except OSError as error:
        raise Rejected("file_gone", f"{file.name} cannot be read any more: {error.strerror}") from None
    upload = InputFile(content, filename=file.name, attach=True, read_file_handle=False)
    upload.mimetype = file.media_type
    return upload


_MEDIA: Mapping[
    FileKind, Callable[[InputFile], InputMediaPhoto | InputMediaVideo | InputMediaAudio | InputMediaDocument]
] = {
    "photo": InputMediaPhoto,
    "video": InputMediaVideo,
    "audio": InputMediaAudio,
    "document": partial(InputMediaDocument, disable_content_type_detection=True),
}
_SENDERS: Mapping[FileKind, tuple[Callable[..., Awaitable[Message]], Mapping[str, bool]]] = {
    "photo": (Bot.send_photo, {}),
    "animation": (Bot.send_animation, {}),
    "video": (Bot.send_video, {"supports_streaming": True}),
    "audio": (Bot.send_audio, {}),
    "document": (Bot.send_document, {"disable_content_type_detection": True}),
}


def _sent(messages: Sequence[Message]) -> Sent:
    first = messages[0]
    topic = first.direct_messages_topic
    return Sent(
        tuple(int(message.message_id) for message in messages),
        Place(
            first.chat.id,
            first.message_thread_id,
            in_topic=bool(first.is_topic_message),
            direct_topic=None if topic is None else topic.topic_id,
        ),
        first.link or "",
    )
