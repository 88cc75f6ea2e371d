/** Rows of a changeset and its changes: what was decided, and how far it has come at the change target. */
import type { Queries } from '../postgres/database.ts';
import type { ChangeStep, Changeset, ChangesetStatus, DecidedStatus } from '../../domain/changeset.ts';
import type { ChangeTarget, TargetChange } from './port.ts';

export interface ChangesetRecord {
  readonly session_id: string;
  readonly status: ChangesetStatus;
  readonly applied_to: ChangeTarget['name'];
  readonly failure: string | null;
}

export interface ChangeRecord extends TargetChange {
  readonly step: ChangeStep;
  /** The call was about to be made; without the step that follows it, whether it was is unknown. */
  readonly apply_begun: boolean;
  readonly undo_begun: boolean;
}

/** Two changesets of one tenant in the built-in tables wait for each other, so that before-images cannot cross. */
export async function lockTenant(tx: Queries, tenant: string): Promise<void> {
  await tx.query('SELECT pg_advisory_xact_lock(hashtext($1))', [`changeset:${tenant}`]);
}

export async function findRecord(db: Queries, tenant: string, changesetId: string): Promise<ChangesetRecord | null> {
  const [row] = await db.query<ChangesetRecord>(
    'SELECT session_id, status, applied_to, failure FROM changesets WHERE tenant = $1 AND changeset_id = $2', [tenant, changesetId],
  );
  return row ?? null;
}

export async function changeRecords(db: Queries, tenant: string, changesetId: string): Promise<ChangeRecord[]> {
  return db.query<ChangeRecord>(
    `SELECT change_id, sequence, target_type, target_key, operation, before, after, step,
            apply_begun_at IS NOT NULL AS apply_begun, undo_begun_at IS NOT NULL AS undo_begun
     FROM changes WHERE tenant = $1 AND changeset_id = $2 ORDER BY sequence`,
    [tenant, changesetId],
  );
}

/** Records what was decided, anew for a changeset that waited or failed before. `change_ids` are in the order of the changes. */
export async function recordDecision(
  tx: Queries, input: Changeset, status: ChangesetStatus, appliedTo: ChangeTarget['name'], changeIds: readonly string[],
): Promise<void> {
  await tx.query(
    `INSERT INTO changesets (changeset_id, tenant, session_id, status, requested_by, approved_by, second_approved_by, approval_id,
       risk_score, applied_to, applied_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, CASE WHEN $4 = 'applied' THEN now() END)
     ON CONFLICT (changeset_id) DO UPDATE SET status = excluded.status, second_approved_by = excluded.second_approved_by,
       applied_to = excluded.applied_to,
       applied_at = excluded.applied_at, failure = NULL`,
    [
      input.changeset_id, input.tenant, input.session_id, status, input.requested_by, input.approved_by, input.second_approved_by,
      input.approval_id,
      input.risk_score, appliedTo,
    ],
  );
  await tx.query('DELETE FROM changes WHERE tenant = $1 AND changeset_id = $2', [input.tenant, input.changeset_id]);
  const changes = input.changes.map((change, at) => ({ ...change, change_id: changeIds[at] }));
  await tx.query(
    `INSERT INTO changes (changeset_id, tenant, step, sequence, recommendation_id, target_type, target_key, operation, before, after,
       change_id)
     SELECT $1, $2, $3, c.* FROM jsonb_to_recordset($4)
       AS c(sequence int, recommendation_id uuid, target_type text, target_key text, operation text, before jsonb, after jsonb,
         change_id uuid)`,
    [input.changeset_id, input.tenant, status === 'applied' ? 'applied' : 'pending', JSON.stringify(changes)],
  );
}

/** What a changeset that is already there came to, for whoever asks for it once more; null: something is still to be done. */
export function settledAs(record: ChangesetRecord | null, asked: DecidedStatus): DecidedStatus | null {
  if (record === null) return null;
  if (record.status === 'rejected') return 'rejected';
  // one that was rolled back meanwhile had been applied, and is not applied again
  if (record.status === 'applied' || record.status === 'rolled_back' || record.status === 'partially_rolled_back') return 'applied';
  return record.status === 'pending_second_approval' && asked === 'pending_second_approval' ? 'pending_second_approval' : null;
}

/** Given up: nothing of it is at its targets. */
export async function recordFailure(db: Queries, tenant: string, changesetId: string, failure: string | null): Promise<void> {
  await db.query(
    `UPDATE changesets SET status = 'failed', failure = coalesce($3, failure)
     WHERE tenant = $1 AND changeset_id = $2 AND status IN ('pending_second_approval', 'applying', 'failed')`,
    [tenant, changesetId, failure],
  );
}
