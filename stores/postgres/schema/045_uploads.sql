-- Uploads. Their rows are the quota: what a session and a person use is what these add up to, counted in the transaction that
-- adds one, under a lock of the person. What is being received counts until its time is over, so that a kill leaves nothing to mend.
CREATE TABLE uploads (
  upload_id      uuid        NOT NULL,
  tenant         text        NOT NULL,
  session_id     uuid        NOT NULL,
  owner          text        NOT NULL,
  -- names its stored files: a new try under the same id has others
  object_id      uuid        NOT NULL,
  kind           text        NOT NULL,
  status         text        NOT NULL CHECK (status IN ('receiving', 'quarantined', 'clean', 'rejected', 'deleted')),
  -- sealed: a file's name says things about people
  sealed_name    bytea       NOT NULL,
  -- as told or, where nobody told, the most that one of its kind may have
  declared_bytes integer     NOT NULL,
  -- of what was received; these are what is found by them, not what is downloaded
  size_bytes     integer,
  sha256         bytea,
  family         text,
  marks          jsonb       NOT NULL DEFAULT '[]',
  width          integer,
  height         integer,
  -- of what may be downloaded
  clean          jsonb,
  reason         text,
  resumable      boolean     NOT NULL,
  -- of a resumable one: what is stored of it, in order
  parts          jsonb       NOT NULL DEFAULT '[]',
  received_bytes integer     NOT NULL DEFAULT 0,
  -- the request that sends it now; null: nobody does
  writer         uuid,
  -- it holds a place among the uploads at once as long as bytes come
  active_until   timestamptz NOT NULL,
  -- it holds its part of the quotas
  expires_at     timestamptz NOT NULL,
  created_at     timestamptz NOT NULL DEFAULT now(),
  settled_at     timestamptz,
  ended_at       timestamptz,
  -- files of it may be there; false once they were removed
  has_files      boolean     NOT NULL DEFAULT true,
  PRIMARY KEY (tenant, upload_id)
);
-- Lists, newest first.
CREATE INDEX uploads_by_session ON uploads (tenant, session_id, created_at DESC, upload_id DESC)
  WHERE status IN ('quarantined', 'clean', 'rejected');
-- What a session uses.
CREATE INDEX uploads_counted ON uploads (tenant, session_id) WHERE status IN ('receiving', 'quarantined', 'clean');
-- The same content of a session is there once.
CREATE UNIQUE INDEX uploads_one_content ON uploads (tenant, session_id, sha256) WHERE status IN ('quarantined', 'clean');
-- Uploads at once of a person.
CREATE INDEX uploads_active ON uploads (tenant, owner) WHERE status = 'receiving';
-- Reservations whose time is over, of all tenants.
CREATE INDEX uploads_expiring ON uploads (expires_at) WHERE status = 'receiving';
-- What waits for its verdict, of all tenants.
CREATE INDEX uploads_unjudged ON uploads (settled_at) WHERE status = 'quarantined';
-- Deleted ones whose files may still be there.
CREATE INDEX uploads_leftover ON uploads (ended_at) WHERE status = 'deleted' AND has_files;
