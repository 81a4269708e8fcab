"""What came in, once each, however often the provider tells of it."""

import json

import apsw

from stentor.adapters.sqlite import targets
from stentor.adapters.sqlite.events import record
from stentor.domain.records import Arrival

_TAKE_IN = """
INSERT INTO incoming (channel, account, message_id, target, sender, sender_name, direct, held, known, text, files, reply_to, at,
    received_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
"""


def take_in(connection: apsw.Connection, arrival: Arrival) -> bool:
    """Keep a message; False when it is there already."""
    message = arrival.message
    values = (
        message.target.channel,
        message.target.account,
        message.message_id,
        targets.text_of(message.target),
        message.sender,
        message.sender_name,
        message.direct,
        arrival.held,
        arrival.known,
        message.text,
        json.dumps(message.files, ensure_ascii=False),
        message.reply_to,
        arrival.at_ms,
        arrival.received_ms,
    )
    connection.execute(_TAKE_IN, values)
    if not connection.changes():
        return False
    news = {"from": message.target.canonical, "sender": message.sender, "held": arrival.held}
    record(connection, arrival.received_ms, "message.received", news)
    return True
