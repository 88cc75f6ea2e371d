-- Limits as a process found them in its configuration when it started: a row where they differ from those of the row before.
-- Of no tenant: they are everybody's. A handful of rows a year.
CREATE TABLE limits_in_force (
  id     bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at     timestamptz NOT NULL DEFAULT now(),
  -- name of the policy → its quota as text
  quotas jsonb       NOT NULL
);
