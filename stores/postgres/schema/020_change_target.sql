-- How a changeset was applied and rolled back, and how far each of its changes has come at the change target.
ALTER TABLE changesets
  -- where it was applied: the built-in tables, or the caller's own system
  ADD COLUMN applied_to      text NOT NULL DEFAULT 'tables' CHECK (applied_to IN ('tables', 'http')),
  -- why applying was given up; set while what was applied is being taken back, kept after
  ADD COLUMN failure         text,
  ADD COLUMN rolled_back_by  text,
  ADD COLUMN rolled_back_at  timestamptz,
  ADD COLUMN rollback_reason text,
  ADD COLUMN rollback_forced boolean NOT NULL DEFAULT false;
CREATE INDEX changesets_applying ON changesets (tenant) WHERE status = 'applying';

ALTER TABLE changes
  -- the Idempotency-Key at a change target of the caller's; another one in each round of applying
  ADD COLUMN change_id      uuid NOT NULL DEFAULT gen_random_uuid(),
  ADD COLUMN step           text NOT NULL DEFAULT 'pending' CHECK (step IN ('pending', 'applied', 'undone', 'failed')),
  ADD COLUMN step_at        timestamptz,
  -- written before the call, so that a crash in the middle of one is known as such
  ADD COLUMN apply_begun_at timestamptz,
  ADD COLUMN undo_begun_at  timestamptz,
  ADD COLUMN failure        text,
  -- what a rollback found and replaced; null: nothing was there
  ADD COLUMN overwritten    jsonb;
UPDATE changes SET step = 'applied' FROM changesets WHERE changesets.changeset_id = changes.changeset_id AND changesets.status = 'applied';

-- One changeset of a tenant at a time at a change target that knows no transactions. Whoever dies holding it loses it in time.
CREATE TABLE change_leases (
  tenant     text        PRIMARY KEY,
  token      uuid        NOT NULL,
  expires_at timestamptz NOT NULL
);

-- a distance may have decimals
ALTER TABLE configuration.security_settings ALTER COLUMN permissible_distance_m TYPE double precision;
