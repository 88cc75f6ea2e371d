/** Applying a changeset: all of it or nothing, once, whatever crashes in between. Idempotent by changeset id. */
import { randomUUID } from 'node:crypto';
import type { Database, Queries } from '../postgres/database.ts';
import { applyRemotely } from './apply-remotely.ts';
import { refuseApproved } from './approvers.ts';
import { differing, type ChangeTarget, type TransactionalTarget } from './port.ts';
import type { Changeset, DecidedStatus } from '../../domain/changeset.ts';
import { changeRecords, findRecord, lockTenant, recordDecision, recordFailure, settledAs } from './records.ts';

/**
 * 'stale': a target is no longer as the proposal saw it, or those who approved may not (refuseApproved), and nothing was changed.
 * Throws ChangeTargetError when a remote target fails; then repeat with the same input: what is half done goes on or is taken back.
 */
export async function applyChanges(db: Database, target: ChangeTarget, input: Changeset): Promise<DecidedStatus | 'stale'> {
  const scope = db.asTenant(input.tenant);
  if (!target.isTransactional) return applyRemotely(scope, target, input);
  try {
    return await scope.transaction((tx) => applyIn(tx, target, input));
  } catch (error) {
    if (!(error instanceof TargetChanged)) throw error;
    // one that waited for its second approval is there already, and must not wait any longer
    await recordFailure(scope, input.tenant, input.changeset_id, 'a target has changed since the proposal');
    return 'stale';
  }
}

/** Raised inside the transaction, so that it is rolled back whole. */
class TargetChanged extends Error {}

async function applyIn(tx: Queries, target: TransactionalTarget, input: Changeset): Promise<DecidedStatus | 'stale'> {
  const { tenant, changeset_id, status } = input;
  await lockTenant(tx, tenant);
  const settled = settledAs(await findRecord(tx, tenant, changeset_id), status);
  if (settled !== null) return settled;
  const ids = input.changes.map(() => randomUUID());
  if (status === 'applied' && await refuseApproved(tx, input, target.name, ids)) return 'stale';
  await recordDecision(tx, input, status, target.name, ids);
  if (status !== 'applied') return status;
  const changes = await changeRecords(tx, tenant, changeset_id);
  const steps = target.steps(tx, { tenant, changeset_id });
  if (differing(changes, await steps.prepare(changes), (change) => change.before).length > 0) throw new TargetChanged();
  for (const change of changes) await steps.apply(change);
  const wrong = differing(changes, await steps.read(changes), (change) => change.after);
  if (wrong.length > 0) throw new Error(`The tables do not hold what was written: ${wrong.join(', ')}`);
  return 'applied';
}
