/** A changeset that an operator has discarded: whatever of it is at its targets is undone, and nothing of it comes later. */
import type { Database } from '../postgres/database.ts';
import { rollBackBegunRemotely } from './apply-remotely.ts';
import type { ChangeTarget } from './port.ts';
import type { Changeset } from '../../domain/changeset.ts';
import { findRecord, lockTenant, recordFailure, settledAs, type ChangesetRecord } from './records.ts';

const why = 'discarded by an operator';

/**
 * 'applied': it had been, and stays; an admin's rollback is for that. Throws ChangeTargetError when a remote target fails; then repeat.
 * In the built-in tables a changeset is there whole or not at all.
 */
export async function rollBackBegun(db: Database, target: ChangeTarget, input: Changeset): Promise<'applied' | 'rolled_back'> {
  const scope = db.asTenant(input.tenant);
  if (!target.isTransactional) return await rollBackBegunRemotely(scope, target, input, why) === 'applied' ? 'applied' : 'rolled_back';
  return scope.transaction(async (tx) => {
    await lockTenant(tx, input.tenant);
    if (isApplied(await findRecord(tx, input.tenant, input.changeset_id))) return 'applied';
    await recordFailure(tx, input.tenant, input.changeset_id, why);
    return 'rolled_back';
  });
}

function isApplied(record: ChangesetRecord | null): boolean {
  return settledAs(record, 'applied') === 'applied';
}
