-- What the list of sessions at risk is ranked by. standing_risk: the part of the score that does not follow from the clock, null for a
-- session that does not wait for its person. It takes one of some 30 values, so the worst of each value are the beginning of a range.
ALTER TABLE sessions ADD COLUMN standing_risk smallint, ADD COLUMN last_activity_at timestamptz;
-- Those that are open now; what was asked in them is known with their next copy.
UPDATE sessions SET standing_risk = 0, last_activity_at = to_timestamp((view ->> 'last_activity_at')::float8 / 1000)
WHERE ended_at IS NULL AND state IN ('started', 'in_progress') AND view IS NOT NULL;
CREATE INDEX sessions_at_risk ON sessions (tenant, standing_risk, last_activity_at, session_id) WHERE standing_risk IS NOT NULL;
