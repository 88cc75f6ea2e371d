/** A changeset that an operator has given up on: whatever of it is at its targets is taken back, and nothing of it comes later. */
import type { Database } from '../postgres/database.ts';
import { takeBackRemotely } from './apply-remotely.ts';
import type { ChangeTarget } from './port.ts';
import { findRecord, lockTenant, recordFailure, settledAs, type ChangesetInput, type ChangesetRecord } from './records.ts';

const why = 'discarded by an operator';

/**
 * 'applied': it had been, and stays; a rollback takes that back. Throws ChangeTargetError when a remote target fails; then repeat.
 * In the built-in tables a changeset is there whole or not at all.
 */
export async function withdrawChangeset(db: Database, target: ChangeTarget, input: ChangesetInput): Promise<'applied' | 'withdrawn'> {
  const scope = db.asTenant(input.tenant);
  if (target.kind === 'http') return await takeBackRemotely(scope, target, input, why) === 'applied' ? 'applied' : 'withdrawn';
  return scope.transaction(async (tx) => {
    await lockTenant(tx, input.tenant);
    if (isApplied(await findRecord(tx, input.tenant, input.changeset_id))) return 'applied';
    await recordFailure(tx, input.tenant, input.changeset_id, why);
    return 'withdrawn';
  });
}

function isApplied(record: ChangesetRecord | null): boolean {
  return settledAs(record, 'applied') === 'applied';
}
