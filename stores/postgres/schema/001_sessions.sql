-- Flow versions that sessions run on. tenant '' = shipped with the product.
CREATE TABLE flows (
  tenant       text        NOT NULL,
  flow_id      text        NOT NULL,
  version      integer     NOT NULL,
  definition   jsonb       NOT NULL,
  hash         text        NOT NULL,
  published_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, flow_id, version)
);

-- One row a session: first the claim of the one open session of a person and flow, then the copy of the workflow's state.
CREATE TABLE sessions (
  session_id       uuid        PRIMARY KEY,
  tenant           text        NOT NULL,
  owner            text        NOT NULL,
  flow_id          text        NOT NULL,
  flow_version     integer     NOT NULL,
  language         text        NOT NULL,
  segment          text        NOT NULL,
  state            text        NOT NULL DEFAULT 'started',
  created_at       timestamptz NOT NULL DEFAULT now(),
  ended_at         timestamptz,
  revision         bigint      NOT NULL DEFAULT 0,
  view             jsonb,
  snapshot         bytea,
  -- who is starting the workflow, until when, and for which keyed request; confirmed once it runs
  claim_token      uuid        NOT NULL,
  claim_expires_at timestamptz NOT NULL,
  confirmed        boolean     NOT NULL DEFAULT false,
  start_request    text
);
CREATE UNIQUE INDEX sessions_one_open ON sessions (tenant, owner, flow_id) WHERE ended_at IS NULL;
CREATE INDEX sessions_by_tenant ON sessions (tenant, created_at DESC, session_id DESC);
CREATE INDEX sessions_by_owner ON sessions (tenant, owner, created_at DESC, session_id DESC);
CREATE INDEX sessions_by_state ON sessions (tenant, state, created_at DESC, session_id DESC);

-- Every checkpoint for ever, immutable.
CREATE TABLE checkpoints (
  session_id uuid        NOT NULL,
  version    integer     NOT NULL,
  tenant     text        NOT NULL,
  kind       text        NOT NULL,
  label      text,
  state      text        NOT NULL,
  hash       text        NOT NULL,
  answers_count    integer     NOT NULL,
  progress_percent integer     NOT NULL,
  created_at timestamptz NOT NULL,
  -- the answer log up to this checkpoint
  answers    bytea       NOT NULL,
  PRIMARY KEY (session_id, version)
);

-- First answers to keyed POSTs. body_hash tells another body under the same key.
CREATE TABLE idempotency_keys (
  tenant       text        NOT NULL,
  subject      text        NOT NULL,
  path         text        NOT NULL,
  key          text        NOT NULL,
  body_hash    text        NOT NULL,
  token        uuid        NOT NULL,
  locked_until timestamptz,
  status       integer,
  headers      jsonb,
  body         text,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, subject, path, key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
