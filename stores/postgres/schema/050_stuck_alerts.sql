-- A workflow of a tenant whose tasks fail again and again is alerted beside what waits in the dead letter queue.
ALTER TABLE alerts DROP CONSTRAINT alerts_kind_check;
ALTER TABLE alerts ADD CONSTRAINT alerts_kind_check CHECK (kind IN ('capacity', 'age', 'new_fingerprint', 'session_stuck'));
