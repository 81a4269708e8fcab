-- A gate that an answer shut lets one part through when its time is over; the rest wait for what becomes of it.
ALTER TABLE accounts ADD COLUMN gated INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN probing INTEGER NOT NULL DEFAULT 0;
-- The declared rates of the account and of one target on it, and how much of the account's are used up.
ALTER TABLE accounts ADD COLUMN rates TEXT NOT NULL DEFAULT '[]';
ALTER TABLE accounts ADD COLUMN target_rates TEXT NOT NULL DEFAULT '[]';
ALTER TABLE accounts ADD COLUMN paces TEXT NOT NULL DEFAULT '[]';

-- Providers count by chat, whatever the thread: all lanes of one chat share its pace and its gate.
CREATE TABLE chats (
    id INTEGER PRIMARY KEY,
    channel TEXT NOT NULL,
    account TEXT NOT NULL,
    target_id TEXT NOT NULL,
    ready_at INTEGER NOT NULL DEFAULT 0,
    gated INTEGER NOT NULL DEFAULT 0,
    probing INTEGER NOT NULL DEFAULT 0,
    paces TEXT NOT NULL DEFAULT '[]',
    UNIQUE (channel, account, target_id)
) STRICT;
CREATE INDEX chats_probing ON chats (id) WHERE probing = 1;
ALTER TABLE lanes ADD COLUMN chat INTEGER;
CREATE INDEX lanes_of_chat ON lanes (chat);

-- What was learned of a target: it is of no use until somebody says otherwise, or it has another address.
CREATE TABLE targets (
    channel TEXT NOT NULL,
    account TEXT NOT NULL,
    target TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('suspended', 'moved')),
    reason TEXT NOT NULL,
    moved_to TEXT,
    since INTEGER NOT NULL,
    PRIMARY KEY (channel, account, target)
) STRICT, WITHOUT ROWID;

-- A delivery may repeat another or stand in for it, and an operator may say what became of it.
ALTER TABLE deliveries ADD COLUMN link TEXT;
ALTER TABLE deliveries ADD COLUMN linked_to TEXT;
ALTER TABLE deliveries ADD COLUMN settled TEXT;
ALTER TABLE deliveries ADD COLUMN unconfirmed_at INTEGER;
ALTER TABLE deliveries ADD COLUMN on_thread_gone TEXT NOT NULL DEFAULT 'fail';
-- The target as it was meant, where the delivery went somewhere else.
ALTER TABLE deliveries ADD COLUMN meant_for TEXT;
-- What it would have said, had the agent not sent something itself: kept in case that fails.
ALTER TABLE deliveries ADD COLUMN unsaid TEXT;
CREATE INDEX deliveries_linked ON deliveries (linked_to) WHERE linked_to IS NOT NULL;
-- The same text without markup, for a provider that refuses the markup.
ALTER TABLE parts ADD COLUMN plain TEXT;

-- What people are told of once and reminded of seldom: everything with one root cause is one incident.
CREATE TABLE incidents (
    id INTEGER PRIMARY KEY,
    cause TEXT NOT NULL,
    root TEXT NOT NULL,
    job_id TEXT,
    opened_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    count INTEGER NOT NULL,
    message TEXT NOT NULL,
    told_at INTEGER,
    told INTEGER NOT NULL DEFAULT 0,
    closed_at INTEGER
) STRICT;
CREATE UNIQUE INDEX incidents_open ON incidents (cause, root) WHERE closed_at IS NULL;
CREATE INDEX incidents_closed ON incidents (closed_at) WHERE closed_at IS NOT NULL;
ALTER TABLE deliveries ADD COLUMN incident INTEGER;
-- By when a provider that confirms should have said that the part is there.
ALTER TABLE parts ADD COLUMN confirm_by INTEGER;
CREATE INDEX parts_unconfirmed ON parts (confirm_by) WHERE confirm_by IS NOT NULL AND state = 'accepted';

-- An agent may send several messages to one target in one run, and what is sent again is a delivery of its own.
DROP INDEX deliveries_once;
CREATE UNIQUE INDEX deliveries_once ON deliveries (run_id, purpose, channel, account, target,
    CASE WHEN purpose = 'tool' OR link = 'resend' THEN id ELSE '' END) WHERE run_id IS NOT NULL;
CREATE INDEX deliveries_by_hand ON deliveries (created_at) WHERE run_id IS NULL;
