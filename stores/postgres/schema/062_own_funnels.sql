-- Funnels that analysts keep by a name.
CREATE TABLE own_funnels (
  funnel_id  uuid        NOT NULL PRIMARY KEY,
  tenant     text        NOT NULL,
  name       text        NOT NULL,
  definition jsonb       NOT NULL,
  created_by text        NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant, name)
);
CREATE INDEX own_funnels_by_age ON own_funnels (tenant, created_at DESC, funnel_id DESC);
SELECT isolate_tenants();
