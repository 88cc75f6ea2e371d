-- A person is a human, not a credential: what stands behind an API key is whoever made it, through any chain of keys.

-- As personName in domain/person.ts writes it.
CREATE FUNCTION person_name(tenant text, subject text) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$
  SELECT replace(replace(tenant, '%', '%25'), '/', '%2F') || '/' || replace(replace(subject, '%', '%25'), '/', '%2F')
$$;

-- People who were ever seen with more than the role user, and the makers of keys. `tenant` is the one whose tokens they have.
CREATE TABLE people (
  person    text        PRIMARY KEY,
  tenant    text        NOT NULL,
  -- of the newest token that was seen; null: none yet
  roles     text[],
  -- of that token
  issued_at timestamptz NOT NULL
);

-- null: nobody knows who made it. Such a key counts for nothing.
ALTER TABLE api_keys ADD COLUMN person text;

-- A key made by a key has the person of its maker. Whoever inserts may say it; else it follows from created_by.
CREATE FUNCTION set_key_person() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.person := coalesce(NEW.person, CASE
    WHEN NEW.created_by NOT LIKE 'key:%' THEN person_name(NEW.tenant, NEW.created_by)
    ELSE (SELECT maker.person FROM api_keys AS maker WHERE maker.tenant = NEW.tenant AND 'key:' || maker.key_id = NEW.created_by) END);
  RETURN NEW;
END $$;
CREATE TRIGGER key_has_a_person BEFORE INSERT ON api_keys FOR EACH ROW EXECUTE FUNCTION set_key_person();

-- Keys that are there already. Where somebody of another tenant made one, the audit log knows of which. A chain that does not
-- begin with a human, since a key in it is gone, stays without a person.
CREATE FUNCTION resolve_key_people() RETURNS void LANGUAGE sql AS $$
  WITH RECURSIVE made AS (
    SELECT k.key_id, k.tenant, home.tenant AS home, person_name(home.tenant, k.created_by) AS person
    FROM api_keys AS k CROSS JOIN LATERAL (
      SELECT coalesce((SELECT a.details ->> 'actor_tenant' FROM audit AS a
        WHERE a.tenant = k.tenant AND a.action = 'api_key.create' AND a.target = 'key:' || k.key_id AND a.result = 'allowed' LIMIT 1),
        k.tenant) AS tenant) AS home
    WHERE k.created_by NOT LIKE 'key:%'
    UNION ALL
    SELECT k.key_id, k.tenant, made.home, made.person FROM api_keys AS k
    JOIN made ON k.tenant = made.tenant AND k.created_by = 'key:' || made.key_id),
  resolved AS (UPDATE api_keys AS k SET person = made.person FROM made WHERE made.key_id = k.key_id AND k.person IS NULL)
  INSERT INTO people (person, tenant, issued_at) SELECT DISTINCT person, home, to_timestamp(0) FROM made ON CONFLICT DO NOTHING
$$;
SELECT resolve_key_people();

-- Beside the credential that acted. null: nobody is known, or it was before persons were.
ALTER TABLE audit ADD COLUMN person text;
CREATE INDEX audit_by_person ON audit (tenant, person, at DESC, id DESC);
