"""What people write, as Telegram hands it out."""

from typing import Any

from tests.plugins.telegram.provider import DATE

ANN = {"id": 815, "is_bot": False, "first_name": "Ann", "last_name": "Lee"}
PRIVATE = {"id": 815, "type": "private", "first_name": "Ann"}
GROUP = {"id": -1001234567890, "type": "supergroup", "title": "Team"}


def written(number: int, text: str | None = "Hello", **other: Any) -> dict[str, Any]:
    """An update with one message; fields that are None are left out."""
    message = {"message_id": 100 + number, "date": DATE, "from": ANN, "chat": PRIVATE, "text": text, **other}
    return {
        "update_id": number,
        "message": {name: value for name, value in message.items() if value is not None},
    }


def entity(kind: str, offset: int, length: int, **other: Any) -> dict[str, Any]:
    return {"type": kind, "offset": offset, "length": length, **other}
