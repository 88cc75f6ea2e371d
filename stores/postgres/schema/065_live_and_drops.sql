-- Sessions by state, as they are shown live: of the open ones all, of the ended ones those of the last hours.
CREATE INDEX sessions_open_by_state ON sessions (tenant, state) WHERE ended_at IS NULL AND confirmed;
CREATE INDEX sessions_by_end ON sessions (tenant, ended_at, state) WHERE ended_at IS NOT NULL;
