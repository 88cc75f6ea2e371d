-- A decision that needs two people is recorded before it is applied.
ALTER TABLE changesets ADD COLUMN approval_id uuid UNIQUE;
ALTER TABLE changesets ADD COLUMN second_approved_by text;
ALTER TABLE changesets DROP CONSTRAINT changesets_status_check;
ALTER TABLE changesets ADD CONSTRAINT changesets_status_check
  CHECK (status IN ('pending_second_approval', 'applying', 'applied', 'rejected', 'rolled_back', 'partially_rolled_back', 'failed'));
