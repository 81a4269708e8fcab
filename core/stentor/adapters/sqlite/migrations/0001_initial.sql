CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    doc TEXT NOT NULL,
    checksum TEXT NOT NULL,
    preview TEXT NOT NULL,
    schedule_kind TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    finished TEXT,
    blocked TEXT,
    revision INTEGER NOT NULL,
    next_at INTEGER,
    accounted_at INTEGER NOT NULL,
    last_run_at INTEGER,
    last_status TEXT,
    last_error TEXT,
    last_delivery_status TEXT,
    consecutive_errors INTEGER NOT NULL DEFAULT 0,
    consecutive_skipped INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX jobs_due ON jobs (next_at) WHERE enabled = 1 AND next_at IS NOT NULL;

-- One row per instant a schedule yields; a row with last_instant stands for `count` of them.
CREATE TABLE occurrences (
    job_id TEXT NOT NULL,
    instant INTEGER NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('run', 'missed', 'skipped')),
    reason TEXT NOT NULL DEFAULT '',
    run_id TEXT,
    last_instant INTEGER,
    count INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (job_id, instant)
) STRICT, WITHOUT ROWID;

CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    job_id TEXT NOT NULL,
    job_name TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    trigger TEXT NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 1,
    scheduled_for INTEGER,
    queued_at INTEGER NOT NULL,
    started_at INTEGER,
    ended_at INTEGER,
    status TEXT NOT NULL,
    phase TEXT NOT NULL,
    boot TEXT NOT NULL,
    error TEXT,
    error_kind TEXT,
    warnings TEXT NOT NULL DEFAULT '[]',
    session_id TEXT NOT NULL,
    session_key TEXT NOT NULL,
    model TEXT,
    input_tokens INTEGER,
    output_tokens INTEGER,
    cached_tokens INTEGER,
    cost_usd REAL,
    summary TEXT,
    suppression TEXT,
    routes TEXT NOT NULL DEFAULT '[]',
    completion_status TEXT NOT NULL DEFAULT 'unknown',
    delivery_status TEXT NOT NULL DEFAULT 'unknown'
) STRICT;
CREATE INDEX runs_of_job ON runs (job_id, queued_at);
CREATE INDEX runs_by_time ON runs (queued_at);
CREATE INDEX runs_open ON runs (job_id) WHERE ended_at IS NULL;

CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    key TEXT NOT NULL,
    base_key TEXT NOT NULL,
    kind TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    job_id TEXT,
    label TEXT NOT NULL,
    current INTEGER NOT NULL DEFAULT 1,
    messages INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    context_tokens INTEGER,
    billed_tokens INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX sessions_current ON sessions (key) WHERE current = 1;

CREATE TABLE messages (
    session_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    role TEXT NOT NULL,
    text TEXT NOT NULL,
    run_id TEXT,
    at INTEGER NOT NULL,
    PRIMARY KEY (session_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE accounts (
    channel TEXT NOT NULL,
    account TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'down', 'blocked')),
    reason TEXT NOT NULL DEFAULT '',
    since INTEGER NOT NULL,
    ready_at INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (channel, account)
) STRICT, WITHOUT ROWID;

-- One row per target. `head` is the first part that may go next: order inside a lane, parallelism across lanes,
-- and a restart that has nothing to recover.
CREATE TABLE lanes (
    id INTEGER PRIMARY KEY,
    channel TEXT NOT NULL,
    account TEXT NOT NULL,
    target TEXT NOT NULL,
    head INTEGER,
    ready_at INTEGER NOT NULL DEFAULT 0,
    priority INTEGER NOT NULL DEFAULT 2,
    busy INTEGER NOT NULL DEFAULT 0,
    UNIQUE (channel, account, target)
) STRICT;
CREATE INDEX lanes_ready ON lanes (priority, ready_at, head) WHERE busy = 0 AND head IS NOT NULL;
CREATE INDEX lanes_waiting ON lanes (ready_at) WHERE busy = 0 AND head IS NOT NULL;

CREATE TABLE deliveries (
    id TEXT PRIMARY KEY,
    run_id TEXT,
    job_id TEXT,
    purpose TEXT NOT NULL,
    channel TEXT NOT NULL,
    account TEXT NOT NULL,
    target TEXT NOT NULL,
    kind TEXT NOT NULL,
    target_id TEXT NOT NULL,
    thread TEXT,
    source TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL DEFAULT '',
    required INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    on_unknown TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX deliveries_once ON deliveries (run_id, purpose, channel, account, target) WHERE run_id IS NOT NULL;
CREATE INDEX deliveries_by_time ON deliveries (created_at);
CREATE INDEX deliveries_open ON deliveries (expires_at) WHERE state IN ('pending', 'unknown');

CREATE TABLE parts (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    delivery_id TEXT NOT NULL REFERENCES deliveries (id),
    lane INTEGER NOT NULL,
    n INTEGER NOT NULL,
    of INTEGER NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL DEFAULT '',
    -- 1 while an unknown part of the same delivery stands before this one
    held INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    refusals INTEGER NOT NULL DEFAULT 0,
    text TEXT NOT NULL,
    format TEXT NOT NULL,
    attachment TEXT,
    boot TEXT,
    sending_at INTEGER,
    first_sent_at INTEGER,
    next_attempt_at INTEGER,
    message_id TEXT,
    accepted_at INTEGER,
    delivered_at INTEGER,
    read_at INTEGER,
    degraded TEXT,
    error TEXT
) STRICT;
CREATE INDEX parts_of_delivery ON parts (delivery_id, n);
CREATE INDEX parts_open ON parts (lane, seq) WHERE state IN ('pending', 'retry_wait') AND held = 0;
CREATE INDEX parts_sending ON parts (lane) WHERE state = 'sending';

-- Everything providers said, also what came before `send` returned or belongs to nobody yet (part_id is null).
CREATE TABLE receipts (
    id INTEGER PRIMARY KEY,
    part_id TEXT,
    channel TEXT NOT NULL,
    account TEXT NOT NULL,
    message_id TEXT NOT NULL,
    level TEXT NOT NULL,
    target TEXT,
    detail TEXT NOT NULL DEFAULT '{}',
    at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX receipts_once ON receipts (channel, account, message_id, level, ifnull(part_id, ''));

CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    job_id TEXT,
    run_id TEXT,
    delivery_id TEXT,
    data TEXT NOT NULL DEFAULT '{}'
) STRICT;
CREATE INDEX events_by_kind ON events (kind, id);

CREATE TABLE journal (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    channel TEXT NOT NULL,
    account TEXT NOT NULL,
    key TEXT NOT NULL,
    target TEXT NOT NULL,
    body TEXT NOT NULL,
    at INTEGER NOT NULL,
    UNIQUE (channel, account, key)
) STRICT;
