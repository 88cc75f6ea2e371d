-- What admins and approvers did, tried and were refused, for ever: one row an act, never changed.
CREATE TABLE audit (
  id             uuid        PRIMARY KEY,
  -- the tenant acted in; one of the platform role who comes from elsewhere is named in details
  tenant         text        NOT NULL,
  at             timestamptz NOT NULL DEFAULT now(),
  actor          text        NOT NULL,
  roles          text[]      NOT NULL,
  action         text        NOT NULL,
  target         text,
  reason         text,
  result         text        NOT NULL CHECK (result IN ('allowed', 'refused', 'failed')),
  -- of the HTTP answer; null: the service ended, or lost this store, while the act was under way
  status         integer,
  correlation_id text        NOT NULL,
  details        jsonb       NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_by_tenant ON audit (tenant, at DESC, id DESC);
CREATE INDEX audit_by_actor ON audit (tenant, actor, at DESC, id DESC);
CREATE INDEX audit_by_action ON audit (tenant, action, at DESC, id DESC);
CREATE INDEX audit_by_target ON audit (tenant, target, at DESC, id DESC);
CREATE INDEX audit_by_result ON audit (tenant, result, at DESC, id DESC);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'The audit log is only ever added to.' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_is_never_emptied BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Acts under way: written before an act that changes something, gone in the statement that writes its audit row. What
-- stays here was cut off; a sweep turns it into an audit row without a status.
CREATE TABLE audit_begun (
  id       uuid        PRIMARY KEY,
  tenant   text        NOT NULL,
  begun_at timestamptz NOT NULL DEFAULT now(),
  entry    jsonb       NOT NULL
);
CREATE INDEX audit_begun_by_age ON audit_begun (begun_at);
