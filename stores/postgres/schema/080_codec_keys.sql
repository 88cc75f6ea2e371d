-- Keys that something stored was sealed with, Temporal's histories included: a start without one of them is told so. `check_value`
-- tells another key under the same id; it is empty for those that were in use before this table. `lost_since`: somebody has said
-- that the key will not come back.
CREATE TABLE codec_keys (
  key_id        text        PRIMARY KEY CHECK (key_id ~ '^[A-Za-z0-9._-]{1,64}$'),
  check_value   bytea       CHECK (length(check_value) = 16),
  first_used_at timestamptz NOT NULL DEFAULT now(),
  lost_since    timestamptz
);

-- An envelope is GWS 1, the length of the key's id in one byte, the id.
INSERT INTO codec_keys (key_id)
SELECT DISTINCT convert_from(substring(sealed FROM 6 FOR get_byte(sealed, 4)), 'LATIN1')
FROM (SELECT snapshot AS sealed FROM sessions UNION ALL SELECT answers FROM checkpoints UNION ALL SELECT sealed FROM tasks) AS kept
WHERE substring(sealed FROM 1 FOR 4) = '\x47575301'::bytea;
