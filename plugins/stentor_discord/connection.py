"""The live side of one Discord account. What touches the SDK is in `client`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from stentor import Ambiguous, Connection, InvalidTarget, NotSent, Part, Receipt, Rejected, Target
from stentor.contract.inbox import Inbox
from stentor_discord import targets
from stentor_discord.answers import Lost, Refused, no_answer, not_told, refusal
from stentor_discord.client import Rest, listen, message, new_session
from stentor_discord.format import title
from stentor_discord.limits import Patience
from stentor_discord.receiving import Closed, Hear, deaf, relay
from stentor_discord.targets import HookUrl

_PAGE = 200
_LISTED = 10
# Text, announcements, voice and stage rooms take messages; forums and galleries take posts.
_ROOMS, _FORUMS = frozenset({0, 2, 5, 13}), frozenset({15, 16})

Facts = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Hook:
    """An incoming webhook, and the interface it is reached through, which bears no token of the bot's."""

    rest: Rest
    url: HookUrl


async def connect(
    base_url: str, token: str | None, webhooks: Mapping[str, HookUrl], patience: Patience | None = None
) -> "DiscordConnection":
    """Log in, if there is a bot, and be ready to send. Raises `CredentialsRejected`, `Throttled` or `Unavailable`."""
    patience = patience or Patience()
    session = new_session(patience)
    rest = Rest(session, base_url, token, patience)
    hooks = {name: Hook(Rest(session, url.root, None, patience), url) for name, url in webhooks.items()}
    connection = DiscordConnection(rest, hooks)
    try:
        if token is not None:
            await rest.static_login(token)
    except BaseException as problem:
        await connection.close()
        if isinstance(problem, Refused | Lost):
            raise not_told(problem) from None
        raise
    return connection


class DiscordConnection(Connection):
    """Sends for one bot and through its webhooks, on one set of connections."""

    def __init__(self, rest: Rest, hooks: Mapping[str, Hook]) -> None:
        self._rest = rest
        self._hooks = hooks
        # People's direct conversations, which do not change any more once they are open.
        self._direct: dict[str, str] = {}

    async def send(self, part: Part) -> Receipt:
        target = part.target
        if target.kind != "webhook" and self._rest.token is None:
            raise Rejected("no_bot", "the account has webhooks only: give it the token of a bot")
        try:
            match target.kind:
                case "webhook":
                    return await self._through_webhook(part)
                case "forum":
                    return await self._as_post(part)
                case "user":
                    return await self._to_channel(part, await self._conversation_with(target.id))
                case _:
                    return await self._to_channel(part, target.id)
        except Refused as refused:
            raise refusal(refused.answer, target, files=bool(part.files)) from None
        except Lost as lost:
            raise no_answer(lost) from None

    async def probe(self) -> str:
        found: list[str] = []
        try:
            if self._rest.token is not None:
                me = _facts(await self._rest.whoami())
                found.append(f"bot @{_said(me, 'username')} ({_said(me, 'id')})")
        except (Refused, Lost) as problem:
            raise not_told(problem) from None
        for name, hook in self._hooks.items():
            found.append(await self._probed(name, hook))
        return "; ".join(found)

    async def resolve(self, target: Target) -> Target:
        if not target.is_name:
            return target
        if self._rest.token is None:
            raise InvalidTarget("the account has no bot that could look a name up", hint="write the id")
        try:
            found = await self._channels_named(target.id)
        except (Refused, Lost) as problem:
            raise not_told(problem, "which channels it sees") from None
        if len(found) == 1:
            return next(iter(found))
        if not found:
            raise InvalidTarget(
                f"the bot sees no channel called #{target.id}",
                hint="invite the bot to its server, mend the name, or write channel:ID",
            )
        listed = ", ".join(f"{match.address} in {server}" for match, server in list(found.items())[:_LISTED])
        raise InvalidTarget(
            f"#{target.id} is the name of {len(found)} channels", hint=f"write one of: {listed}"
        )

    async def receive(self, inbox: Inbox) -> None:
        async def at_the_gateway(hear: Hear) -> None:
            await listen(self._rest.anew(), hear)

        try:
            await relay(at_the_gateway, inbox)
        except Closed as closed:
            raise deaf(closed) from None
        except (Refused, Lost) as problem:
            raise not_told(problem) from None

    async def close(self) -> None:
        await self._rest.close()

    async def _to_channel(self, part: Part, channel_id: str) -> Receipt:
        with message(part, nonce=part.id, reply_in=channel_id) as params:
            answer = _facts(await self._rest.send_message(channel_id, params=params))
        landed = _said(answer, "channel_id") or channel_id
        detail = {"nonce": _said(answer, "nonce")} if answer.get("nonce") else {}
        if part.target.kind == "user":
            detail["channelId"] = landed
        meant = landed == channel_id
        return Receipt(part.target if meant else targets.channel(landed), _message_id(answer), detail=detail)

    async def _conversation_with(self, user_id: str) -> str:
        """The channel of a person's direct conversation. Until it is known, nothing has been sent to anybody."""
        if user_id not in self._direct:
            try:
                answer = _facts(await self._rest.start_private_message(user_id))
            except Lost as lost:
                raise NotSent(f"the direct conversation was not opened: {lost.text}") from None
            except Refused as refused:
                if refused.answer.status < 500:
                    raise
                raise NotSent(
                    f"the direct conversation was not opened: Discord answered {refused.answer.status}"
                ) from None
            if not _said(answer, "id"):
                raise NotSent("the direct conversation was not opened: Discord's answer makes no sense")
            self._direct[user_id] = _said(answer, "id")
        return self._direct[user_id]

    async def _as_post(self, part: Part) -> Receipt:
        """Open a post in a forum: a thread that begins with the message and is named by its first line."""
        name = title(part.text, part.files[0].name if part.files else "Stentor")
        with message(part, inside={"name": name}) as params:
            answer = _facts(await self._rest.start_thread_in_forum(part.target.id, params=params))
        thread, parent = _said(answer, "id"), _said(answer, "parent_id") or part.target.id
        first = answer.get("message")
        if not thread or not isinstance(first, dict):
            raise Ambiguous("Discord opened something, but no post: is the target really a forum?")
        return Receipt(
            part.target if parent == part.target.id else targets.forum(parent),
            _message_id(_facts(cast("object", first))),
            degraded="reply_to" if part.manner.reply_to else "",
            detail={"threadId": thread},
            opened=targets.channel(thread),
        )

    async def _through_webhook(self, part: Part) -> Receipt:
        hook = self._hooks.get(part.target.id)
        if hook is None:
            raise Rejected("no_webhook", f"the account has no webhook {part.target.id!r} any more")
        thread = part.target.thread or hook.url.thread
        with message(part) as params:
            answer = _facts(await hook.rest.execute_webhook(hook.url, params, thread))
        landed = _said(answer, "channel_id")
        meant = thread is None or landed in ("", thread)
        return Receipt(
            part.target if meant else targets.channel(landed),
            _message_id(answer),
            degraded="reply_to" if part.manner.reply_to else "",
            detail={"channelId": landed} if landed else {},
        )

    async def _probed(self, name: str, hook: Hook) -> str:
        try:
            answer = _facts(await hook.rest.webhook(hook.url))
        except Refused as refused:
            raise refusal(refused.answer, targets.webhook(name)) from None
        except Lost as lost:
            raise not_told(lost) from None
        return f"webhook {name} into channel {_said(answer, 'channel_id')}"

    async def _channels_named(self, name: str) -> dict[Target, str]:
        """All channels of that name which the bot sees, each with the name of its server."""
        matches: dict[Target, str] = {}
        after = ""
        while True:
            guilds = _list(await self._rest.get_guilds(_PAGE, after=after or None, with_counts=False))
            for guild in guilds:
                for found in await self._channels_of(guild):
                    target = _place(found)
                    if target is not None and _said(found, "name").lower() == name:
                        matches[target] = _said(guild, "name")
            last = _said(guilds[-1], "id") if guilds else ""
            if len(guilds) < _PAGE or last == after:
                return matches
            after = last

    async def _channels_of(self, guild: Facts) -> list[Facts]:
        """Those of a server; none where the bot has just lost its access to it."""
        try:
            return _list(await self._rest.get_all_guild_channels(_said(guild, "id")))
        except Refused as refused:
            if refused.answer.status in (403, 404) and refused.answer.from_discord:
                return []
            raise


def _place(found: Facts) -> Target | None:
    """A channel that takes messages or posts."""
    ident, kind = _said(found, "id"), found.get("type")
    if not targets.is_id(ident):
        return None
    if kind in _ROOMS:
        return targets.channel(ident)
    return targets.forum(ident) if kind in _FORUMS else None


def _message_id(answer: Facts) -> str:
    if ident := _said(answer, "id"):
        return ident
    raise Ambiguous("Discord said yes, but its answer names no message")


def _facts(answer: object) -> Facts:
    """An answer that should be an object. One that is not names nothing."""
    return cast("Facts", answer) if isinstance(answer, dict) else {}


def _list(answer: object) -> list[Facts]:
    if not isinstance(answer, list):
        raise Lost("Discord's answer is no list", sent=True)
    return [_facts(item) for item in cast("list[object]", answer)]


def _said(facts: Facts, key: str) -> str:
    """A fact that is a text or an id, which some servers write as a number."""
    value = facts.get(key)
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
