-- Rebuilding ClickHouse is asked for here, since with ClickHouse inside a process only that process can do it. A worker takes what is
-- asked for, and holds it by a lease: when it dies another one begins again.
CREATE TABLE analytics_rebuilds (
  id            uuid        PRIMARY KEY,
  requested_at  timestamptz NOT NULL DEFAULT now(),
  -- goes on where fewer events are kept than ClickHouse has
  accepts_fewer boolean     NOT NULL,
  state         text        NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'done', 'failed')),
  progress      text        NOT NULL DEFAULT '',
  worker        uuid,
  leased_until  timestamptz
);
CREATE UNIQUE INDEX analytics_rebuilds_one ON analytics_rebuilds ((true)) WHERE state IN ('waiting', 'running');

-- What is no longer kept is found by its age.
CREATE INDEX session_events_by_age ON session_events (stored_at);
