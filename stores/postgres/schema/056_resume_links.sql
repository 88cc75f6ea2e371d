-- Links that lead a person back into a session, once. Only a hash of the secret is stored. A new link of a session ends the former.
CREATE TABLE resume_links (
  secret_hash bytea       NOT NULL,
  tenant      text        NOT NULL,
  session_id  uuid        NOT NULL,
  owner       text        NOT NULL,
  -- the human that the owner is, as personName writes it
  person      text        NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  expires_at  timestamptz NOT NULL,
  used_at     timestamptz,
  replaced_at timestamptz,
  PRIMARY KEY (secret_hash, tenant)
);
CREATE UNIQUE INDEX resume_links_current ON resume_links (tenant, session_id) WHERE used_at IS NULL AND replaced_at IS NULL;
CREATE INDEX resume_links_by_age ON resume_links (expires_at);
