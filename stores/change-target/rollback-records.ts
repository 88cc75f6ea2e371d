/** A rollback as it is asked for, as it ends, and as its rows tell of it. */
import { derivedId } from '../../domain/derived-id.ts';
import { queueEvents } from '../postgres/outgoing-events.ts';
import type { ChangesetStatus } from '../../domain/changeset.ts';
import type { Queries } from '../postgres/database.ts';
import type { ChangeTarget } from './port.ts';
import type { ChangeRecord, ChangesetRecord } from './records.ts';

export interface RollbackRequest {
  readonly tenant: string;
  readonly changeset_id: string;
  readonly by: string;
  readonly reason: string;
  /** Also where a target is no longer what the changeset left. What is overwritten is recorded either way. */
  readonly force: boolean;
  /** An event is to be sent to EVENT_WEBHOOK_URL. */
  readonly tell: boolean;
}

export interface FailedRollback { readonly sequence: number; readonly target: string; readonly message: string }

export type RollbackResult =
  | {
    readonly kind: 'done';
    readonly status: 'rolled_back' | 'partially_rolled_back';
    readonly rolled_back: number;
    readonly failed: readonly FailedRollback[];
  }
  | { readonly kind: 'not_found' }
  | { readonly kind: 'wrong_state'; readonly status: ChangesetStatus }
  | { readonly kind: 'other_target' }
  | { readonly kind: 'target_changed'; readonly targets: readonly string[] };

/** Why a changeset cannot be rolled back now, or what its finished rollback came to; null: go ahead. */
export function refusal(
  record: ChangesetRecord | null, changes: readonly ChangeRecord[], name: ChangeTarget['name'],
): RollbackResult | null {
  if (record === null) return { kind: 'not_found' };
  if (record.status === 'rolled_back') return { kind: 'done', status: 'rolled_back', rolled_back: changes.length, failed: [] };
  if (record.status !== 'applied' && record.status !== 'partially_rolled_back') return { kind: 'wrong_state', status: record.status };
  return record.applied_to === name ? null : { kind: 'other_target' };
}

/** Before the call: what is there now is the before-image of the rollback itself. */
export async function recordOverwritten(
  tx: Queries, { tenant, changeset_id }: RollbackRequest, change: ChangeRecord, found: object | null,
): Promise<void> {
  await tx.query(
    'UPDATE changes SET overwritten = $4, undo_begun_at = now(), failure = NULL WHERE tenant = $1 AND changeset_id = $2 AND sequence = $3',
    [tenant, changeset_id, change.sequence, found === null ? null : JSON.stringify(found)],
  );
}

/** The changeset's row and, in the same transaction, the event that tells of it. */
export async function recordRollback(
  tx: Queries, request: RollbackRequest, record: ChangesetRecord, status: 'rolled_back' | 'partially_rolled_back',
): Promise<void> {
  const { tenant, changeset_id, by, reason, force } = request;
  const [row] = await tx.query<{ at: Date }>(
    `UPDATE changesets SET status = $3, rolled_back_by = $4, rolled_back_at = now(), rollback_reason = $5,
       rollback_forced = rollback_forced OR $6
     WHERE tenant = $1 AND changeset_id = $2 RETURNING rolled_back_at AS at`,
    [tenant, changeset_id, status, by, reason, force],
  );
  if (!request.tell || row === undefined) return;
  await queueEvents(tx, [{
    event_id: derivedId(changeset_id, status, status === 'rolled_back' ? 0 : row.at.getTime()), event: `changeset_${status}`,
    occurred_at: row.at, tenant,
    session_id: record.session_id, data: { changeset_id, forced: force },
  }]);
}
