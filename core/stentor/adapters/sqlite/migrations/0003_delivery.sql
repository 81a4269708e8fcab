-- A gate that an answer shut lets one part through when its time is over; the rest wait for what becomes of it.
ALTER TABLE accounts ADD COLUMN gated INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN probing INTEGER NOT NULL DEFAULT 0;
-- How long the one that goes ahead is waited for.
ALTER TABLE accounts ADD COLUMN patience INTEGER NOT NULL DEFAULT 60000;
-- It has so many sends under way that others go first, until one of all that are under way is answered.
ALTER TABLE accounts ADD COLUMN sated INTEGER NOT NULL DEFAULT 0;
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
-- Since when somebody wants nothing more of it sent: a part that was being sent then is not tried again.
ALTER TABLE deliveries ADD COLUMN cancelled_at INTEGER;
CREATE INDEX deliveries_linked ON deliveries (linked_to) WHERE linked_to IS NOT NULL;
-- The same text without markup, for a provider that refuses the markup.
ALTER TABLE parts ADD COLUMN plain TEXT;
-- The id under which an earlier attempt turned out to be accepted while this one is under way.
ALTER TABLE parts ADD COLUMN proof TEXT;
-- Also of what is held is it asked what waits for a target.
DROP INDEX parts_open;
CREATE INDEX parts_open ON parts (lane, seq) WHERE state IN ('pending', 'retry_wait');

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
    -- The delivery that told last. Of a closed incident it says that it is over, until it is known to be there.
    told_by TEXT,
    closed_at INTEGER
) STRICT;
CREATE UNIQUE INDEX incidents_open ON incidents (cause, root) WHERE closed_at IS NULL;
CREATE INDEX incidents_closed ON incidents (closed_at) WHERE closed_at IS NOT NULL;
CREATE INDEX incidents_watched ON incidents (id) WHERE closed_at IS NULL OR told_by IS NOT NULL;
-- Whom one incident concerns.
CREATE TABLE incident_jobs (
    incident INTEGER NOT NULL,
    job_id TEXT NOT NULL,
    PRIMARY KEY (incident, job_id)
) STRICT, WITHOUT ROWID;
-- By when a provider that confirms should have said that the part is there.
ALTER TABLE parts ADD COLUMN confirm_by INTEGER;
CREATE INDEX parts_unconfirmed ON parts (confirm_by) WHERE confirm_by IS NOT NULL AND state = 'accepted';

-- An agent may send several messages to one target in one run, and what is sent again is a delivery of its own.
DROP INDEX deliveries_once;
CREATE UNIQUE INDEX deliveries_once ON deliveries (run_id, purpose, channel, account, target,
    CASE WHEN purpose = 'tool' OR link = 'resend' THEN id ELSE '' END) WHERE run_id IS NOT NULL;
CREATE INDEX deliveries_by_hand ON deliveries (created_at) WHERE run_id IS NULL;
