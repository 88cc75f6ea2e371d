CREATE TABLE changesets (
  changeset_id uuid        PRIMARY KEY,
  tenant       text        NOT NULL,
  session_id   uuid        NOT NULL,
  status       text        NOT NULL CHECK (status IN ('applied', 'rejected')),
  requested_by text        NOT NULL,
  approved_by  text        NOT NULL,
  risk_score   real        NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  applied_at   timestamptz
);
CREATE INDEX changesets_by_tenant ON changesets (tenant, created_at DESC, changeset_id DESC);
CREATE INDEX changesets_by_session ON changesets (tenant, session_id, created_at DESC, changeset_id DESC);
CREATE INDEX changesets_by_status ON changesets (tenant, status, created_at DESC, changeset_id DESC);

CREATE TABLE changes (
  changeset_id      uuid    NOT NULL REFERENCES changesets,
  sequence          integer NOT NULL,
  tenant            text    NOT NULL,
  recommendation_id uuid    NOT NULL,
  target_type       text    NOT NULL,
  target_key        text    NOT NULL,
  operation         text    NOT NULL CHECK (operation IN ('create', 'update', 'delete')),
  before            jsonb,
  after             jsonb,
  PRIMARY KEY (changeset_id, sequence)
);

-- The built-in change target. One table a kind of target; key is unique within a tenant.
CREATE SCHEMA configuration;
CREATE TABLE configuration.business_units (
  tenant text NOT NULL, key text NOT NULL,
  name text NOT NULL, type text NOT NULL, expected_users integer NOT NULL, opens_at text NOT NULL, closes_at text NOT NULL,
  contact_email text, go_live_on text,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, key)
);
CREATE TABLE configuration.shifts (
  tenant text NOT NULL, key text NOT NULL,
  name text NOT NULL, starts_at text NOT NULL, ends_at text NOT NULL, headcount integer NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, key)
);
CREATE TABLE configuration.type_assists (
  tenant text NOT NULL, key text NOT NULL,
  code text NOT NULL, label text NOT NULL, category text NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, key)
);
CREATE TABLE configuration.security_settings (
  tenant text NOT NULL, key text NOT NULL,
  level text NOT NULL, gps_tracking boolean NOT NULL, permissible_distance_m integer, sleeping_guard_check boolean NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, key)
);
