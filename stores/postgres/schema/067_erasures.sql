-- Sessions whose person was erased here, and of which ClickHouse is still to be told. Who it was stands nowhere.
CREATE TABLE erasures (
  tenant       text        NOT NULL,
  session_id   uuid        NOT NULL,
  requested_at timestamptz NOT NULL DEFAULT now(),
  done_at      timestamptz,
  PRIMARY KEY (tenant, session_id)
);
CREATE INDEX erasures_to_do ON erasures (requested_at) WHERE done_at IS NULL;
