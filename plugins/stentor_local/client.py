"""The live side of the local channel: parts become records of the account's journal."""

from stentor import ChannelContext, Connection, Part, Receipt


class LocalConnection(Connection):
    def __init__(self, ctx: ChannelContext) -> None:
        self._journal = ctx.journal

    async def send(self, part: Part) -> Receipt:
        record = await self._journal.append(part.id, part.target.canonical, _body(part))
        return Receipt(target=part.target, message_id=record)


def _body(part: Part) -> dict[str, object]:
    body: dict[str, object] = {"text": part.text, "deliveryId": part.delivery_id, "n": part.n, "of": part.of}
    if part.attachment is not None:
        file = part.attachment
        body["attachment"] = {"name": file.name, "size": file.size, "path": str(file.path)}
    return body
