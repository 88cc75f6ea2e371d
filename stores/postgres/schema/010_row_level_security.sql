-- Row-level security: a row of a tenant is seen and written in the scope of that tenant, or of the system, and nowhere
-- else. A scope is the setting app.tenant, local to a transaction (asTenant and asSystem of stores/postgres.ts). Forced,
-- because the service owns its tables. Without a scope there is no row, so a forgotten tenant fails closed.

-- PostgreSQL leaves '' behind in a connection whose local setting has ended: that is no scope either.
CREATE FUNCTION scope_tenant() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
  AS $$ SELECT nullif(current_setting('app.tenant', true), '') $$;

-- U+0001 is in no name of a tenant.
CREATE FUNCTION scope_is_system() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
  AS $$ SELECT current_setting('app.tenant', true) = E'\001system' $$;

-- Every table of ours with a column tenant gets its policy. The migration runner calls this after the last migration, so
-- no table can be forgotten. The sub-selects make the setting be read once a statement, not once a row.
CREATE FUNCTION isolate_tenants() RETURNS void LANGUAGE plpgsql AS $$
DECLARE found regclass;
BEGIN
  FOR found IN
    SELECT c.oid FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE a.attname = 'tenant' AND NOT a.attisdropped AND c.relkind IN ('r', 'p') AND c.relowner = current_user::regrole
      AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'tenant_only')
  LOOP
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', found);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', found);
    EXECUTE format('CREATE POLICY tenant_only ON %s
      USING (tenant = (SELECT scope_tenant()) OR (SELECT scope_is_system()))
      WITH CHECK (tenant = (SELECT scope_tenant()) OR (SELECT scope_is_system()))', found);
  END LOOP;
END $$;
SELECT isolate_tenants();

-- Flows shipped with the product are everybody's to read and the system's to write.
CREATE POLICY shipped ON flows FOR SELECT USING (tenant = '');
