"""Parts as the core would make them, and what becomes of them."""

from dataclasses import replace
from typing import Any

import pytest

from stentor import Connection, Part, TargetHints
from stentor.contract.errors import DeliveryError
from stentor.contract.payloads import Attachment, Manner
from stentor_slack import SlackChannel

CHANNEL = SlackChannel()
TS = "1795225318.000001"


def part(target: str = "slack:C0123456789", text: str = "Hello", **more: Any) -> Part:
    made = Part(
        id="d1.1",
        delivery_id="d1",
        target=CHANNEL.parse_target(target, TargetHints()),
        n=1,
        of=1,
        text=text,
        attempt=1,
        format="mrkdwn",
    )
    return replace(made, **more)


def mannered(target: str = "slack:C0123456789", text: str = "Hello", **manner: Any) -> Part:
    return part(target, text, manner=Manner(**manner))


def with_files(*files: Attachment, target: str = "slack:C0123456789", text: str = "Hello") -> Part:
    return part(target, text, attachment=files[0], album=files[1:])


async def failure_of(connection: Connection, sent: Part) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await connection.send(sent)
    return caught.value
