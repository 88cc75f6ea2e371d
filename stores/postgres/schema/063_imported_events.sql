-- Events of another system's sessions: what ClickHouse holds of them is made from these. One row is one event, which the key tells from
-- another; equal ones are one. Times are epoch milliseconds.
CREATE TABLE imported_events (
  tenant      text     NOT NULL,
  session_id  uuid     NOT NULL,
  at_ms       bigint   NOT NULL,
  event       text     NOT NULL,
  -- what a funnel's step names: of the reaching of a stage the stage
  name        text     NOT NULL,
  question_id text     NOT NULL DEFAULT '',
  -- of the session, from which on it holds this event
  version     bigint   NOT NULL,
  -- sealed; null: it has none, they are older than events are kept, or their person was erased
  properties  bytea,
  stored_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, session_id, at_ms, event)
);
CREATE INDEX imported_events_by_age ON imported_events (stored_at) WHERE properties IS NOT NULL;

CREATE TABLE imported_sessions (
  tenant       text     NOT NULL,
  session_id   uuid     NOT NULL,
  -- counts up with whatever its row is made of
  version      bigint   NOT NULL,
  -- what ClickHouse has of it; less than `version`: something is still to be written there
  published    bigint   NOT NULL DEFAULT 0,
  -- its first `started`, else its first; moves when earlier ones come
  started_ms   bigint   NOT NULL,
  -- under which its events lie in ClickHouse: its start when it was imported first, and never another
  events_under_ms bigint NOT NULL,
  -- starts under which rows of it may lie in ClickHouse
  row_starts_ms bigint[] NOT NULL DEFAULT '{}',
  events       integer  NOT NULL DEFAULT 0,
  -- pseudonym of its person, and the event that named the person; null: nobody is named
  user_key     text,
  user_at_ms   bigint,
  -- the first session that its person had in Gangway itself
  own_since_ms bigint,
  segment      text     NOT NULL DEFAULT 'first_time',
  -- its person was erased: nothing of a person is taken any more
  erased       boolean  NOT NULL DEFAULT false,
  flow         text     NOT NULL DEFAULT '',
  flow_version integer  NOT NULL DEFAULT 0,
  language     text     NOT NULL DEFAULT '',
  device       text     NOT NULL DEFAULT 'unknown',
  PRIMARY KEY (tenant, session_id)
);
CREATE INDEX imported_sessions_unpublished ON imported_sessions (tenant, started_ms, session_id) WHERE published < version;
CREATE INDEX imported_sessions_by_user ON imported_sessions (tenant, user_key) WHERE user_key IS NOT NULL;
