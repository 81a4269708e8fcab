-- What an agent called, as JSON, beside its words; and of a tool's entry the call it answers.
ALTER TABLE messages ADD COLUMN calls TEXT;
ALTER TABLE messages ADD COLUMN call_id TEXT;

-- What people want of a conversation, whichever session it is in at the moment.
CREATE TABLE preferences (
    base_key TEXT PRIMARY KEY,
    model TEXT,
    thinking TEXT,
    fast_mode INTEGER,
    pinned INTEGER NOT NULL DEFAULT 0,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Whether a model answered that stands in for the one that was to.
ALTER TABLE runs ADD COLUMN other_model INTEGER NOT NULL DEFAULT 0;
-- When somebody last had a part in the conversation: an event that nobody waits for does not keep it fresh.
ALTER TABLE sessions ADD COLUMN spoken_at INTEGER;
CREATE INDEX sessions_by_age ON sessions (updated_at);
-- All sessions that a conversation has had.
CREATE INDEX sessions_of_conversation ON sessions (base_key);
-- The session whose run made this one.
ALTER TABLE sessions ADD COLUMN parent_id TEXT;
-- When an event of the main session is to be answered, as long as it is not.
ALTER TABLE messages ADD COLUMN wake TEXT;
CREATE INDEX messages_unanswered ON messages (session_id, seq) WHERE wake IS NOT NULL;
