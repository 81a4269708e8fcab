-- Backoff, retries and leases need their instants; what the product switched off says so.
ALTER TABLE jobs ADD COLUMN not_before INTEGER;
ALTER TABLE jobs ADD COLUMN schedule_errors INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN auto_disabled TEXT;
ALTER TABLE jobs ADD COLUMN auto_disabled_at INTEGER;

ALTER TABLE runs ADD COLUMN not_before INTEGER;
ALTER TABLE runs ADD COLUMN deadline INTEGER;
-- What the run log keeps of the run, in bytes of text: retention counts them.
ALTER TABLE runs ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
CREATE INDEX runs_ended ON runs (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX events_by_time ON events (at);
CREATE INDEX occurrences_ranges ON occurrences (job_id, instant) WHERE last_instant IS NOT NULL;

-- One index tells each account's ready lanes in their order, and which of its lanes is ready first.
DROP INDEX lanes_ready;
DROP INDEX lanes_waiting;
CREATE INDEX lanes_ready ON lanes (channel, account, priority, ready_at, head) WHERE busy = 0 AND head IS NOT NULL;
-- Of all kinds of events only alerts are looked for by their kind.
DROP INDEX events_by_kind;
CREATE INDEX events_alerts ON events (id) WHERE kind = 'alert';
-- What became of a job's last delivery is read off its last run.
ALTER TABLE jobs DROP COLUMN last_delivery_status;
