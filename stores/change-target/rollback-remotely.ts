/**
 * Rolling a changeset back at a system that knows no transaction with us: what was undone is recorded change by change, so
 * that a repeat, after a crash or a failure, does the rest. It stops at the first change that cannot be undone: what was
 * applied before it may depend on it.
 */
import type { Scope } from '../postgres/database.ts';
import { withLease, type Lease } from './lease.ts';
import { ChangeTargetError, differing, nameOf, type ChangeSteps, type CurrentValues, type RemoteTarget } from './port.ts';
import { changeRecords, findRecord, type ChangeRecord } from './records.ts';
import {
  recordOverwritten, recordRollback, refusal, type FailedRollback, type RollbackRequest, type RollbackResult,
} from './rollback-records.ts';
import { createDeadline, twice } from './tries.ts';

/** Longest a caller waits, milliseconds. What is left then is done by the next call. */
const runMs = 20_000;

interface Run {
  readonly db: Scope;
  readonly request: RollbackRequest;
  readonly steps: ChangeSteps;
  readonly call: <T>(work: () => Promise<T>) => Promise<T>;
}

export async function rollBackRemotely(db: Scope, target: RemoteTarget, request: RollbackRequest): Promise<RollbackResult> {
  const { tenant, changeset_id } = request;
  return withLease(db, tenant, async (lease) => {
    const record = await findRecord(db, tenant, changeset_id);
    const changes = record === null ? [] : await changeRecords(db, tenant, changeset_id);
    const refused = refusal(record, changes, target.name);
    if (refused !== null || record === null) return refused ?? { kind: 'not_found' };
    const run: Run = { db, request, steps: target.steps({ tenant, changeset_id }), call: caller(lease) };
    const open = changes.filter((change) => change.step !== 'undone');
    const current = open.length === 0 ? new Map() : await run.call(() => run.steps.read(open));
    const changed = changedSince(open, current);
    if (changed.length > 0 && !request.force) return { kind: 'target_changed', targets: changed };
    // from here on it is half rolled back, whatever happens
    await db.query(
      "UPDATE changesets SET status = 'partially_rolled_back', rolled_back_by = $3, rollback_reason = $4 WHERE tenant = $1 AND " +
      "changeset_id = $2",
      [tenant, changeset_id, request.by, request.reason],
    );
    const failed = await undoAll(run, open, current);
    const status = failed.length === 0 ? 'rolled_back' : 'partially_rolled_back';
    await db.transaction((tx) => recordRollback(tx, request, record, status));
    return { kind: 'done', status, rolled_back: changes.length - failed.length, failed };
  });
}

function caller(lease: Lease): Run['call'] {
  const deadline = createDeadline(runMs);
  return (work) => twice(deadline, async () => {
    await lease.renew();
    return work();
  });
}

/** A change whose undo had begun when its run died may already be what it was before. */
function changedSince(open: readonly ChangeRecord[], current: CurrentValues): string[] {
  const changed = new Set(differing(open, current, (change) => change.after));
  const before = new Set(differing(open, current, (change) => change.before));
  return open.filter((change) => changed.has(nameOf(change)) && !(change.undo_begun && !before.has(nameOf(change)))).map(nameOf);
}

/** Which of them are not what they were before; empty when all are. */
async function undoAll(run: Run, open: readonly ChangeRecord[], current: CurrentValues): Promise<FailedRollback[]> {
  const reversed = open.toReversed();
  for (const [at, change] of reversed.entries()) {
    try {
      await undo(run, change, current);
    } catch (error) {
      if (!(error instanceof ChangeTargetError)) throw error;
      await mark(run, change, 'failure = $4', error.message);
      return reversed.slice(at).map(
        (item, after) => failure(item, after === 0 ? error.message : 'not tried: a later change could not be undone'),
      );
    }
  }
  return [];
}

/** Read back each, so that a yes without an effect is found before the next one. */
async function undo(run: Run, change: ChangeRecord, current: CurrentValues): Promise<void> {
  const found = current.get(nameOf(change)) ?? null;
  // what a run that died had found first is the before-image, not what it left
  if (!change.undo_begun || run.request.force) await recordOverwritten(run.db, run.request, change, found);
  await run.call(() => run.steps.undo(change, found));
  const after = await run.call(() => run.steps.read([change]));
  if (differing([change], after, (expected) => expected.before).length > 0) {
    throw new ChangeTargetError('wrong_answer', 'undone, but read back it does not hold what was there before');
  }
  await mark(run, change, "step = 'undone', step_at = now()");
}

function failure(change: ChangeRecord, message: string): FailedRollback {
  return { sequence: change.sequence, target: nameOf(change), message };
}

async function mark({ db, request }: Run, change: ChangeRecord, assignments: string, message?: string): Promise<void> {
  await db.query(
    `UPDATE changes SET ${assignments} WHERE tenant = $1 AND changeset_id = $2 AND sequence = $3`,
    [request.tenant, request.changeset_id, change.sequence, ...(message === undefined ? [] : [message])],
  );
}
