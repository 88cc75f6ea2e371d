-- Alerts of the dead letter queue: one row from the beginning to the end of each, so that it is told once, however many workers
-- look and however often they are started anew. Rows of new_fingerprint never end: they are the fingerprints that are known.
CREATE TABLE alerts (
  alert_id       uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
  tenant         text        NOT NULL,
  kind           text        NOT NULL CHECK (kind IN ('capacity', 'age', 'new_fingerprint')),
  -- the fingerprint; '' where a tenant has one alert of the kind
  key            text        NOT NULL,
  raised_at      timestamptz NOT NULL,
  resolved_at    timestamptz,
  -- numbers and names that the messages state: of the beginning, and of the end
  facts          jsonb       NOT NULL,
  resolved_facts jsonb
);
CREATE UNIQUE INDEX alerts_standing ON alerts (tenant, kind, key) WHERE resolved_at IS NULL;
-- Few of many: known fingerprints gather, the others end.
CREATE INDEX alerts_to_end ON alerts (tenant) WHERE resolved_at IS NULL AND kind <> 'new_fingerprint';
CREATE INDEX alerts_resolved ON alerts (resolved_at) WHERE resolved_at IS NOT NULL;

-- What each channel was told, is to be told, or could not be told.
CREATE TABLE alert_messages (
  position        bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  alert_id        uuid        NOT NULL REFERENCES alerts ON DELETE CASCADE,
  tenant          text        NOT NULL,
  channel         text        NOT NULL CHECK (channel IN ('webhook', 'slack', 'mail')),
  says            text        NOT NULL CHECK (says IN ('raised', 'recovered')),
  -- withdrawn: the alert was over before the channel took its beginning
  status          text        NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'told', 'withdrawn', 'given_up')),
  attempts        integer     NOT NULL DEFAULT 0,
  -- also the lease of whoever is sending it
  next_attempt_at timestamptz NOT NULL DEFAULT now(),
  last_error      text,
  told_at         timestamptz,
  UNIQUE (alert_id, channel, says)
);
CREATE INDEX alert_messages_due ON alert_messages (channel, next_attempt_at, position) WHERE status = 'pending';
