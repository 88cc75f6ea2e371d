-- The error log: equal errors of background work under one fingerprint, counted by the hour. No error has a row of its own.
CREATE TABLE error_patterns (
  tenant         text        NOT NULL,
  fingerprint    text        NOT NULL,
  task_name      text        NOT NULL,
  category       text        NOT NULL,
  severity       text        NOT NULL,
  exception_type text        NOT NULL,
  -- of one occurrence, without personal data
  message        text        NOT NULL,
  first_seen     timestamptz NOT NULL,
  last_seen      timestamptz NOT NULL,
  PRIMARY KEY (tenant, fingerprint)
);
CREATE INDEX error_patterns_by_time ON error_patterns (tenant, last_seen);
CREATE INDEX error_patterns_by_age ON error_patterns (last_seen);

CREATE TABLE error_hours (
  tenant      text        NOT NULL,
  fingerprint text        NOT NULL,
  hour        timestamptz NOT NULL,
  count       bigint      NOT NULL,
  -- the write that counted last: its repeat, after an answer that was lost, counts nothing
  written_by  uuid        NOT NULL,
  PRIMARY KEY (tenant, fingerprint, hour),
  FOREIGN KEY (tenant, fingerprint) REFERENCES error_patterns ON DELETE CASCADE
);
CREATE INDEX error_hours_by_age ON error_hours (hour);

-- Sessions that met an error, once each, with the last time: so many were affected since then, exactly.
CREATE TABLE error_sessions (
  tenant      text        NOT NULL,
  fingerprint text        NOT NULL,
  session_id  uuid        NOT NULL,
  last_seen   timestamptz NOT NULL,
  PRIMARY KEY (tenant, fingerprint, session_id),
  FOREIGN KEY (tenant, fingerprint) REFERENCES error_patterns ON DELETE CASCADE
);
CREATE INDEX error_sessions_by_time ON error_sessions (tenant, fingerprint, last_seen);
CREATE INDEX error_sessions_by_age ON error_sessions (last_seen);
