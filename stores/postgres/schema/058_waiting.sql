-- What lists go by, from the readable copy of each session: nobody can write one and forget the other.
ALTER TABLE sessions
  -- since when a session waits for an approver; null: for nobody
  ADD COLUMN waiting_since timestamptz GENERATED ALWAYS AS (to_timestamp(((view -> 'awaits' ->> 'since')::bigint / 1000.0)::float8)) STORED,
  ADD COLUMN correlation_id text GENERATED ALWAYS AS (view ->> 'correlation_id') STORED;

-- 055 did so for open sessions
UPDATE sessions SET last_activity_at = to_timestamp((view ->> 'last_activity_at')::float8 / 1000)
WHERE last_activity_at IS NULL AND view IS NOT NULL;

CREATE INDEX sessions_waiting ON sessions (tenant, waiting_since, session_id) WHERE waiting_since IS NOT NULL;
CREATE INDEX sessions_by_activity ON sessions (tenant, last_activity_at DESC, session_id DESC);
CREATE INDEX sessions_by_correlation ON sessions (tenant, correlation_id);
