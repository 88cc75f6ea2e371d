-- Keys of programs. The secret itself is nowhere; 32 random bytes need no slow hash.
CREATE TABLE api_keys (
  key_id          uuid        PRIMARY KEY,
  tenant          text        NOT NULL,
  name            text        NOT NULL,
  roles           text[]      NOT NULL CHECK (NOT 'platform' = ANY (roles)),
  secret_hash     bytea       NOT NULL CHECK (length(secret_hash) = 32),
  -- the secret before the last rotation, as long as it still counts
  previous_hash   bytea       CHECK (length(previous_hash) = 32),
  previous_until  timestamptz,
  created_by      text        NOT NULL,
  created_at      timestamptz NOT NULL DEFAULT now(),
  expires_at      timestamptz,
  last_used_at    timestamptz,
  revoked_at      timestamptz
);
CREATE INDEX api_keys_by_tenant ON api_keys (tenant, created_at DESC, key_id DESC);
