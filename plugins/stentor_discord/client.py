"""The rim of the SDK: discord.py's HTTP interface in one try, its messages and its gateway.

discord.py's own `HTTPClient.request` repeats a request up to five times, sleeps through throttling and after the last
request of a bucket, when the message has long been taken, and cannot be told otherwise; what goes through a webhook
may so arrive twice. It also takes its address from a global. All other methods of that class stand on this one, so one
exchange is written here anew, without any of it: each request is made once, and every wait is the core's.
"""

import asyncio
import json
import logging
import warnings
from collections.abc import Generator, Iterable, Sequence
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
from yarl import URL

from stentor import Part, Rejected
from stentor.contract.payloads import Attachment, Manner
from stentor_discord.answers import Answer, Lost, Refused
from stentor_discord.limits import LONGEST_QUIET, Patience
from stentor_discord.receiving import Closed, Hear, Heard
from stentor_discord.targets import HookUrl, is_id

with warnings.catch_warnings():
    # Voice, which nobody uses here, imports a module that Python 3.13 no longer has.
    warnings.filterwarnings("ignore", "'audioop' is deprecated", DeprecationWarning)
    import discord
from discord.gateway import DiscordClientWebSocketResponse, DiscordWebSocket
from discord.http import HTTPClient, MultipartParameters, Route, handle_message_parameters

# It tells of every reconnection; what matters arrives as an error.
logging.getLogger("discord").setLevel(logging.WARNING)

_CONNECTIONS = 100
# All that Discord refuses, it refuses with one of these. Others in front of it may write JSON too.
_ITS_OWN = ("message", "code")
_GATEWAY = str(DiscordWebSocket.DEFAULT_GATEWAY)


class _Exchange:
    """One request on its way. `sent` says that its head was written, so that anything may have left."""

    sent = False


def new_session(patience: Patience) -> aiohttp.ClientSession:
    """The connections of one account. Its requests are told apart by the `_Exchange` they carry."""
    traces = aiohttp.TraceConfig()
    traces.on_request_headers_sent.append(_mark_sent)
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=_CONNECTIONS),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, connect=patience.connect),
        trace_configs=[traces],
        ws_response_class=DiscordClientWebSocketResponse,
    )


async def _mark_sent(
    session: aiohttp.ClientSession,  # noqa: ARG001 - the signature of aiohttp's signals
    context: SimpleNamespace,
    params: aiohttp.TraceRequestHeadersSentParams,  # noqa: ARG001 - the same
) -> None:
    if isinstance(exchange := context.trace_request_ctx, _Exchange):
        exchange.sent = True


class Rest(HTTPClient):
    """Discord's HTTP interface at one address, as one bot or, without a token, as nobody."""

    def __init__(
        self, session: aiohttp.ClientSession, base_url: str, token: str | None, patience: Patience
    ) -> None:
        super().__init__(asyncio.get_running_loop())
        self.token = token
        self._session = session
        self._base_url = base_url
        self._patience = patience

    async def request(
        self,
        route: Route,
        *,
        files: Sequence[discord.File] | None = None,
        form: Iterable[dict[str, Any]] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Make one request once. Raises `Refused` or `Lost`."""
        exchange = _Exchange()
        body: dict[str, Any] = {"json": kwargs.get("json")} if form is None else {"data": _written(form)}
        try:
            async with (
                asyncio.timeout(self._patience.upload if files else self._patience.answer),
                self._session.request(
                    route.method,
                    self._base_url + route.url[len(route.BASE) :],
                    params=kwargs.get("params"),
                    headers=self._headers(),
                    allow_redirects=False,
                    trace_request_ctx=exchange,
                    **body,
                ) as response,
            ):
                if not 200 <= response.status < 300:
                    raise Refused(await _refusal(response, self._patience.excuse))
                return json.loads(await response.read())
        except (aiohttp.ClientError, OSError) as error:
            raise Lost(self._fate(error, exchange), sent=exchange.sent) from None
        except (ValueError, RecursionError):
            raise Lost("Discord said yes, but the rest of its answer cannot be read", sent=True) from None

    async def static_login(self, token: str) -> Any:
        """The SDK would make a session of its own here."""
        self.token = token
        return await self.whoami()

    async def whoami(self) -> Any:
        return await self.request(Route("GET", "/users/@me"))

    async def webhook(self, url: HookUrl) -> Any:
        """What an incoming webhook says of itself."""
        return await self.request(_hook_route("GET", url))

    async def execute_webhook(self, url: HookUrl, params: MultipartParameters, thread: str | None) -> Any:
        """Send through an incoming webhook and wait for the message it has become."""
        return await self.request(
            _hook_route("POST", url),
            files=params.files,
            form=params.multipart or None,
            json=params.payload,
            params={"wait": "true"} if thread is None else {"wait": "true", "thread_id": thread},
        )

    async def ws_connect(self, url: str, *, compress: int = 0) -> aiohttp.ClientWebSocketResponse:
        """Connect to the gateway. Discord's is known; that of another address has to be asked for."""
        if url.startswith(_GATEWAY) and not self._base_url.startswith("https://discord.com/"):
            answer = await self.request(Route("GET", "/gateway"))
            url = str(URL(str(answer["url"])).with_query(URL(url).query))
        # Type checkers do not see the parameters of this class.
        timeout = cast("Any", aiohttp.ClientWSTimeout)(ws_close=self._patience.excuse)
        return await self._session.ws_connect(
            url,
            max_msg_size=0,
            timeout=timeout,
            autoclose=False,
            headers={"User-Agent": self.user_agent},
            compress=compress,
        )

    def anew(self) -> "Rest":
        """The same on connections of its own."""
        return Rest(new_session(self._patience), self._base_url, self.token, self._patience)

    async def close(self) -> None:
        await self._session.close()

    def _headers(self) -> dict[str, str]:
        headers = {"User-Agent": self.user_agent}
        if self.token is not None:
            headers["Authorization"] = f"Bot {self.token}"
        return headers

    def _fate(self, error: Exception, exchange: _Exchange) -> str:
        """What became of a request, in words. Other errors than these may hold the URL, and that a webhook's token."""
        host = URL(self._base_url).host
        if isinstance(error, aiohttp.ClientConnectorError):
            return f"no connection to {host}: {error.strerror or type(error).__name__}"
        if isinstance(error, TimeoutError):
            return f"{host}: {'no answer' if exchange.sent else 'no connection'} in time"
        return f"{host}: cut off before {'an answer came' if exchange.sent else 'anything was sent'}"


def _hook_route(method: str, url: HookUrl) -> Route:
    return Route(method, "/webhooks/{webhook_id}/{webhook_token}", webhook_id=url.id, webhook_token=url.token)


def _written(form: Iterable[dict[str, Any]]) -> aiohttp.FormData:
    # With quoting, aiohttp would escape the brackets in `files[0]`, and Discord does not read that.
    data = aiohttp.FormData(quote_fields=False)
    for field in form:
        data.add_field(**field)
    return data


async def _refusal(response: aiohttp.ClientResponse, patience: float) -> Answer:
    """What an answer says. Its status stands, however its body ends."""
    try:
        async with asyncio.timeout(patience):
            raw = await response.read()
    except (aiohttp.ClientError, OSError):
        raw = b""
    try:
        said: object = json.loads(raw)
    except (ValueError, RecursionError):
        said = None
    seconds = _seconds(response.headers.get("Retry-After"))
    if not isinstance(said, dict):
        return Answer(response.status, retry_after=seconds, from_discord=False)
    facts = cast("dict[str, Any]", said)
    code: object = facts.get("code")
    return Answer(
        response.status,
        code=code if isinstance(code, int) else 0,
        text=_words(response, facts),
        retry_after=_seconds(facts.get("retry_after"), seconds),
        everywhere=facts.get("global") is True or "X-RateLimit-Global" in response.headers,
        from_discord=not facts.keys().isdisjoint(_ITS_OWN),
    )


def _words(response: aiohttp.ClientResponse, facts: dict[str, Any]) -> str:
    """What is wrong with which field, as the SDK's error gathers it from the body."""
    try:
        return str(discord.HTTPException(response, facts).text)
    except Exception:  # noqa: BLE001 - a body of another shape is too much for it, and a refusal all the same
        return str(facts.get("message") or "")


def _seconds(value: object, otherwise: float | None = None) -> float | None:
    try:
        seconds = float(cast("str", value))
    except (TypeError, ValueError):
        return otherwise
    return min(seconds, LONGEST_QUIET) if seconds >= 0 else otherwise


@contextmanager
def message(
    part: Part, *, nonce: str | None = None, reply_in: str | None = None, inside: dict[str, Any] | None = None
) -> Generator[MultipartParameters]:
    """A part as Discord takes it. `reply_in` is the channel of the message that it answers; `inside` puts it into an
    object of these fields, as a forum post wants it."""
    with ExitStack() as stack:
        files = [_opened(file, stack) for file in part.files]
        yield stack.enter_context(
            handle_message_parameters(
                content=part.text or discord.utils.MISSING,
                nonce=nonce,
                flags=_flags(part.manner),
                files=files or discord.utils.MISSING,
                allowed_mentions=_allowed(part.manner),
                message_reference=_reference(part.manner.reply_to, reply_in),
                channel_payload=inside or discord.utils.MISSING,
            )
        )


def _reference(message_id: str, channel_id: str | None) -> Any:
    """The message that is answered. What cannot be the id of one is like a message that is gone: no obstacle."""
    if channel_id is None or not is_id(message_id):
        return discord.utils.MISSING
    reference = discord.MessageReference(
        message_id=int(message_id), channel_id=int(channel_id), fail_if_not_exists=False
    )
    return reference.to_message_reference_dict()


def _opened(file: Attachment, stack: ExitStack) -> discord.File:
    name = "".join(char if char.isprintable() else "_" for char in file.name)
    try:
        opened = discord.File(file.path, filename=name)
    except OSError as error:
        raise Rejected("file_gone", f"the file {name} cannot be read: {error.strerror}") from None
    stack.callback(opened.close)
    return opened


def _flags(manner: Manner) -> discord.MessageFlags:
    flags = discord.MessageFlags()
    flags.suppress_notifications = manner.silent
    flags.suppress_embeds = manner.bare_links
    return flags


def _allowed(manner: Manner) -> discord.AllowedMentions:
    """Nobody is called unless the job wants it, and even then people and roles only, never @everyone."""
    if not manner.mentions:
        return discord.AllowedMentions.none()
    return discord.AllowedMentions(everyone=False, users=True, roles=True, replied_user=True)


class _Listener(discord.Client):
    """The gateway, and nothing else of the SDK's client: no cache, no commands."""

    def __init__(self, rest: Rest, hear: Hear) -> None:
        self._rest = rest
        self._hear = hear
        discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
        super().__init__(
            intents=discord.Intents(guilds=True, guild_messages=True, dm_messages=True, message_content=True),
            max_messages=None,
            chunk_guilds_at_startup=False,
            member_cache_flags=discord.MemberCacheFlags.none(),
            # Nobody waits for it, and what does wait for it would outlive the connection.
            guild_ready_timeout=0,
        )

    def _get_state(self, **options: Any) -> Any:
        # The SDK has no other way to bring an HTTP interface of one's own, and asks for its state with it in hand.
        self.http = self._rest
        return super()._get_state(**options)

    async def on_message(self, message: discord.Message) -> None:
        self._hear(_heard(message, self.user))


async def listen(rest: Rest, hear: Hear) -> None:
    """Listen at the gateway until cancelled; the SDK connects again as long as that makes sense.

    Raises `Closed`, `Refused` or `Lost`. `rest` is closed at the end.
    """
    try:
        async with _Listener(rest, hear) as listener:
            await listener.start(rest.token or "")
    except discord.PrivilegedIntentsRequired:
        raise Closed(4014) from None
    except discord.ConnectionClosed as error:
        raise Closed(error.code) from None


def _heard(message: discord.Message, me: discord.ClientUser | None) -> Heard:
    answered = message.reference.resolved if message.reference is not None else None
    to_me = isinstance(answered, discord.Message) and me is not None and answered.author.id == me.id
    return Heard(
        channel_id=str(message.channel.id),
        message_id=str(message.id),
        type=message.type.value,
        author_id=str(message.author.id),
        author_name=message.author.display_name,
        by_machine=message.author.bot or message.webhook_id is not None,
        direct=isinstance(message.channel, discord.DMChannel),
        addressed=to_me or (me is not None and any(person.id == me.id for person in message.mentions)),
        text=message.content,
        at=message.created_at,
        reply_to=str(message.reference.message_id or "") if message.reference is not None else "",
        files=tuple(file.filename for file in message.attachments),
    )
