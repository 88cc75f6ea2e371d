-- Sessions of which ClickHouse does not have everything yet although it was told: what reports do not count is said with them.
CREATE TABLE waiting_flushes (
  session_id uuid        PRIMARY KEY,
  tenant     text        NOT NULL,
  -- newest revision that waits
  revision   bigint      NOT NULL,
  -- when the first thing happened that is missing
  since      timestamptz NOT NULL,
  -- the last try; a row that is tried no more belongs to a workflow that was ended from outside
  tried_at   timestamptz NOT NULL
);
CREATE INDEX waiting_flushes_oldest ON waiting_flushes (tenant, since);
CREATE INDEX waiting_flushes_tried ON waiting_flushes (tried_at);
