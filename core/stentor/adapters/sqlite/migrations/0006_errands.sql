-- What a run does that one agent asked of another: no stored job says it. Whoever is asked to run again must know
-- what it has had others do.
CREATE TABLE errands (
    run_id TEXT PRIMARY KEY,
    -- The run that asked for it.
    asked_by TEXT NOT NULL,
    -- Whether it goes on when that one is over.
    outlives INTEGER NOT NULL,
    doc TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX errands_of ON errands (asked_by);
