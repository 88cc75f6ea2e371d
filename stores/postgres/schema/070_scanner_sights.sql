-- What each worker's look at the virus scanner of uploads has found last: alerts are raised by whichever worker has the turn.
-- Of no tenant: a scanner is everybody's. A row that is not renewed is of a worker that has gone.
CREATE TABLE scanner_sights (
  worker text        PRIMARY KEY,
  -- what is known: a scanner that does not answer leaves it as it was
  sees   boolean     NOT NULL,
  since  timestamptz NOT NULL DEFAULT now(),
  at     timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE alerts DROP CONSTRAINT alerts_kind_check;
ALTER TABLE alerts ADD CONSTRAINT alerts_kind_check CHECK (kind IN ('capacity', 'age', 'new_fingerprint', 'session_stuck', 'scanner_blind'));
