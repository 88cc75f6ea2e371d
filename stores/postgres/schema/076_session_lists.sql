-- Lists of sessions by state, stage and flow, in either order. There are eight states and five stages: a list is read in order from each
-- that it asks for, so that it costs the same whether what it looks for is frequent, rare or not there.
ALTER TABLE sessions ADD COLUMN stage text NOT NULL GENERATED ALWAYS AS (coalesce(view ->> 'stage', 'started')) STORED;

CREATE INDEX sessions_of_kind ON sessions (tenant, state, stage, created_at DESC, session_id DESC) WHERE confirmed AND view IS NOT NULL;
CREATE INDEX sessions_of_kind_by_activity ON sessions (tenant, state, stage, last_activity_at DESC, session_id DESC)
  WHERE confirmed AND view IS NOT NULL;
CREATE INDEX sessions_of_flow ON sessions (tenant, flow_id, state, stage, created_at DESC, session_id DESC)
  WHERE confirmed AND view IS NOT NULL;
CREATE INDEX sessions_of_flow_by_activity ON sessions (tenant, flow_id, state, stage, last_activity_at DESC, session_id DESC)
  WHERE confirmed AND view IS NOT NULL;
-- nothing else is read by these
DROP INDEX sessions_by_state, sessions_by_tenant, sessions_by_activity;
