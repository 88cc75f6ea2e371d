-- Tasks whose retries were exhausted: the list of the dead letter queue. The truth is the workflow task:{tenant}:{task_id};
-- it writes its row here whenever it changes, by revision.
CREATE TABLE tasks (
  task_id           uuid        PRIMARY KEY,
  tenant            text        NOT NULL,
  revision          integer     NOT NULL,
  task_name         text        NOT NULL,
  status            text        NOT NULL CHECK (status IN ('parked', 'retrying', 'completed', 'discarded')),
  category          text        NOT NULL,
  severity          text        NOT NULL,
  exception_type    text        NOT NULL,
  -- scrubbed of personal data
  exception_message text        NOT NULL,
  fingerprint       text        NOT NULL,
  attempts          integer     NOT NULL,
  manual_retries    integer     NOT NULL,
  correlation_id    text        NOT NULL,
  session_id        uuid,
  parked_at         timestamptz NOT NULL,
  updated_at        timestamptz NOT NULL,
  ended_at          timestamptz,
  -- the whole state with input and history, sealed like every answer
  sealed            bytea       NOT NULL
);
-- What is open is asked for most, and few rows of many are.
CREATE INDEX tasks_open ON tasks (tenant, parked_at DESC, task_id DESC) WHERE status IN ('parked', 'retrying');
CREATE INDEX tasks_by_status ON tasks (tenant, status, parked_at DESC, task_id DESC);
CREATE INDEX tasks_by_name ON tasks (tenant, task_name, parked_at DESC, task_id DESC);
CREATE INDEX tasks_by_category ON tasks (tenant, category, parked_at DESC, task_id DESC);
CREATE INDEX tasks_by_fingerprint ON tasks (tenant, fingerprint, parked_at DESC, task_id DESC);
CREATE INDEX tasks_by_session ON tasks (tenant, session_id, parked_at DESC, task_id DESC);
CREATE INDEX tasks_by_correlation ON tasks (tenant, correlation_id, parked_at DESC, task_id DESC);
-- Counting needs no more than this.
CREATE INDEX tasks_counted ON tasks (tenant, parked_at) INCLUDE (status, category, task_name, exception_type, manual_retries, ended_at);
-- For the cleanup.
CREATE INDEX tasks_by_end ON tasks (ended_at) WHERE ended_at IS NOT NULL;
