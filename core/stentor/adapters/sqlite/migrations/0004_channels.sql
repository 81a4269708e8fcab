-- How a message is to be shown, where that is not as usual.
ALTER TABLE deliveries ADD COLUMN manner TEXT;
-- The conversation that the first part has begun: the later ones go there.
ALTER TABLE deliveries ADD COLUMN opened TEXT;
-- More sends than this are never under way on the account.
ALTER TABLE accounts ADD COLUMN at_once INTEGER;

-- What people have written to accounts that take it in. `held` is what somebody wrote who may not, or not yet; `known`
-- is who is listed by name.
CREATE TABLE incoming (
    id INTEGER PRIMARY KEY,
    channel TEXT NOT NULL,
    account TEXT NOT NULL,
    message_id TEXT NOT NULL,
    target TEXT NOT NULL,
    sender TEXT NOT NULL,
    sender_name TEXT NOT NULL,
    direct INTEGER NOT NULL,
    held INTEGER NOT NULL,
    known INTEGER NOT NULL,
    text TEXT NOT NULL,
    files TEXT NOT NULL,
    reply_to TEXT NOT NULL,
    at INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    UNIQUE (channel, account, target, message_id)
) STRICT;
-- Where somebody spoke last whom the account serves.
CREATE INDEX incoming_direct ON incoming (received_at) WHERE direct = 1 AND known = 1;
