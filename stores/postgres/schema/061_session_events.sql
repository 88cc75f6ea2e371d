-- Every event of every session, a sealed row a flush: what ClickHouse is rebuilt from.
CREATE TABLE session_events (
  tenant         text        NOT NULL,
  session_id     uuid        NOT NULL,
  first_sequence integer     NOT NULL,
  last_sequence  integer     NOT NULL,
  events         bytea       NOT NULL,
  stored_at      timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, session_id, first_sequence)
);

-- The same in short, a character an event (analytics/history.ts): names and times, nothing that anybody said.
CREATE TABLE session_histories (
  tenant        text     NOT NULL,
  session_id    uuid     NOT NULL PRIMARY KEY,
  last_sequence integer  NOT NULL,
  symbols       text     NOT NULL,
  times         bigint[] NOT NULL
);

-- What the characters of a tenant's histories stand for. Only ever added to.
CREATE TABLE history_symbols (
  tenant text    NOT NULL,
  key    text    NOT NULL,
  number integer NOT NULL,
  PRIMARY KEY (tenant, key),
  UNIQUE (tenant, number)
);
SELECT isolate_tenants();
