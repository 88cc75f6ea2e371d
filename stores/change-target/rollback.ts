/** Rolling a changeset back: in reverse order, not over what somebody else changed since, and whole when repeated after a crash. */
import type { Database, Scope } from '../postgres/database.ts';
import { differing, nameOf, type ChangeTarget, type TransactionalTarget } from './port.ts';
import { changeRecords, findRecord, lockTenant } from './records.ts';
import { recordOverwritten, recordRollback, refusal, type RollbackRequest, type RollbackResult } from './rollback-records.ts';
import { rollBackRemotely } from './rollback-remotely.ts';

/**
 * Repeating it after a whole rollback gives the same result and does nothing. Throws ChangeTargetError when a remote target
 * cannot even be read.
 */
export async function rollBackChangeset(db: Database, target: ChangeTarget, request: RollbackRequest): Promise<RollbackResult> {
  const scope = db.asTenant(request.tenant);
  return target.isTransactional ? inOneTransaction(scope, target, request) : rollBackRemotely(scope, target, request);
}

async function inOneTransaction(db: Scope, target: TransactionalTarget, request: RollbackRequest): Promise<RollbackResult> {
  const { tenant, changeset_id } = request;
  return db.transaction(async (tx) => {
    await lockTenant(tx, tenant);
    const record = await findRecord(tx, tenant, changeset_id);
    const changes = record === null ? [] : await changeRecords(tx, tenant, changeset_id);
    const refused = refusal(record, changes, target.name);
    if (refused !== null || record === null) return refused ?? { kind: 'not_found' };
    const steps = target.steps(tx, { tenant, changeset_id });
    const current = await steps.prepare(changes);
    const changed = differing(changes, current, (change) => change.after);
    if (changed.length > 0 && !request.force) return { kind: 'target_changed', targets: changed };
    for (const change of changes.toReversed()) {
      const found = current.get(nameOf(change)) ?? null;
      await recordOverwritten(tx, request, change, found);
      await steps.undo(change, found);
    }
    await tx.query("UPDATE changes SET step = 'undone', step_at = now() WHERE tenant = $1 AND changeset_id = $2", [tenant, changeset_id]);
    await recordRollback(tx, request, record, 'rolled_back');
    return { kind: 'done', status: 'rolled_back', rolled_back: changes.length, failed: [] };
  });
}
