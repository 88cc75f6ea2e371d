-- A step of a flow that fewer people make than before is alerted too.
ALTER TABLE alerts DROP CONSTRAINT alerts_kind_check;
ALTER TABLE alerts ADD CONSTRAINT alerts_kind_check
  CHECK (kind IN ('capacity', 'age', 'new_fingerprint', 'session_stuck', 'scanner_blind', 'conversion_drop'));

-- Steps that looked worse, or well again, when they were looked at last: an alert begins and ends when two rounds running say so.
CREATE TABLE watched_steps (
  tenant      text    NOT NULL,
  -- flow:stage
  key         text    NOT NULL,
  low_rounds  integer NOT NULL,
  fine_rounds integer NOT NULL,
  -- hours since 1970
  round       bigint  NOT NULL,
  PRIMARY KEY (tenant, key)
);
