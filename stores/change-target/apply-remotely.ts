/**
 * Applying a changeset to a system that knows no transaction with us. Each step is recorded before and after its call. A run
 * that died goes on where it was; a step that fails has everything before it taken back in reverse, also by a later run.
 */
import { randomUUID } from 'node:crypto';
import type { Queries, Scope } from '../postgres/database.ts';
import { refuseApproved } from './approvers.ts';
import { withLease, type Lease } from './lease.ts';
import { ChangeTargetError, differing, nameOf, type ChangeSteps, type RemoteTarget } from './port.ts';
import type { Changeset, DecidedStatus } from '../../domain/changeset.ts';
import { changeRecords, findRecord, recordDecision, recordFailure, settledAs, type ChangeRecord } from './records.ts';
import { createDeadline, twice, type Deadline } from './tries.ts';

interface Run {
  readonly db: Scope;
  /** Its name. */
  readonly target: string;
  readonly steps: ChangeSteps;
  readonly lease: Lease;
  readonly deadline: Deadline;
  readonly input: Changeset;
}

/** Longest run, milliseconds: the task that runs it has 30 s. The next one goes on. */
const runMs = 20_000;

type AppliedAs = DecidedStatus | 'stale';

export async function applyRemotely(db: Scope, target: RemoteTarget, input: Changeset): Promise<AppliedAs> {
  const { tenant, changeset_id } = input;
  return withLease(db, tenant, async (lease) => {
    const record = await findRecord(db, tenant, changeset_id);
    const settled = settledAs(record, input.status);
    if (settled !== null) return settled;
    if (input.status !== 'applied') {
      await db.transaction((tx) => recordDecision(tx, input, input.status, target.name, input.changes.map(() => randomUUID())));
      return input.status;
    }
    const run: Run = {
      db, target: target.name, steps: target.steps({ tenant, changeset_id }), lease, deadline: createDeadline(runMs), input,
    };
    const underWay = record?.status === 'applying' ? await changeRecords(db, tenant, changeset_id) : null;
    if (underWay === null) return begin(run, record !== null);
    if (record?.failure != null) {
      await goBack(run, underWay);
      return begin(run, true);
    }
    return goOn(run, underWay);
  });
}

/** For a changeset that is not to be applied any more: whatever was begun is undone. */
export async function rollBackBegunRemotely(
  db: Scope, target: RemoteTarget, input: Changeset, why: string,
): Promise<'applied' | 'rolled_back'> {
  const { tenant, changeset_id } = input;
  return withLease(db, tenant, async (lease) => {
    const record = await findRecord(db, tenant, changeset_id);
    if (settledAs(record, 'applied') === 'applied') return 'applied';
    const run: Run = {
      db, target: target.name, steps: target.steps({ tenant, changeset_id }), lease, deadline: createDeadline(runMs), input,
    };
    if (record?.status !== 'applying') await giveUp(run, why);
    else {
      await markFailure(run, why);
      await goBack(run, await changeRecords(db, tenant, changeset_id));
    }
    return 'rolled_back';
  });
}

/** A first round, or another one after everything of the last was taken back. */
async function begin(run: Run, known: boolean): Promise<AppliedAs> {
  const { db, input, steps } = run;
  const changes = input.changes.map((change): ChangeRecord => ({
    ...change, change_id: randomUUID(), step: 'pending', apply_begun: false, undo_begun: false,
  }));
  const current = await call(run, () => steps.prepare(changes));
  if (differing(changes, current, (change) => change.before).length > 0) {
    if (known) await giveUp(run, 'a target has changed since the proposal');
    return 'stale';
  }
  const ids = changes.map((change) => change.change_id);
  const refused = await db.transaction(async (tx) => {
    await refuseWhileInDoubt(tx, input);
    if (await refuseApproved(tx, input, run.target, ids)) return true;
    await recordDecision(tx, input, 'applying', run.target, ids);
    return false;
  });
  return refused ? 'stale' : forward(run, changes);
}

/** After a crash: what was not begun must still be as the proposal saw it, what was begun may be either. */
async function goOn(run: Run, changes: readonly ChangeRecord[]): Promise<AppliedAs> {
  const open = changes.filter((change) => change.step !== 'applied');
  const current = await call(run, () => run.steps.prepare(open));
  const neither = open.filter((change) => differing([change], current, (expected) => expected.before).length > 0
    && (!change.apply_begun || differing([change], current, (expected) => expected.after).length > 0));
  if (neither.length === 0) return forward(run, changes);
  await markFailure(run, 'a target has changed since the proposal');
  await goBack(run, changes);
  return 'stale';
}

async function forward(run: Run, changes: readonly ChangeRecord[]): Promise<AppliedAs> {
  const { db, steps } = run;
  let at = changes;
  const advance = (change: ChangeRecord, progress: Partial<ChangeRecord>): void => {
    at = at.map((item) => (item.sequence === change.sequence ? { ...item, ...progress } : item));
  };
  for (const change of changes) {
    if (change.step === 'applied') continue;
    await mark(run, change, 'apply_begun_at = now()');
    advance(change, { apply_begun: true });
    try {
      await call(run, () => steps.apply(change));
    } catch (error) {
      const refused = error instanceof ChangeTargetError && error.kind === 'refused';
      advance(change, refused ? { step: 'failed' } : {});
      await abandon(run, at, error, change, refused);
      throw error;
    }
    await mark(run, change, "step = 'applied', step_at = now()");
    advance(change, { step: 'applied' });
  }
  const current = await call(run, () => steps.read(changes));
  const wrong = differing(changes, current, (change) => change.after);
  if (wrong.length > 0) {
    const error = new ChangeTargetError('wrong_answer', `read back, it does not hold what was asked: ${wrong.join(', ')}`);
    await abandon(run, at, error, null, false);
    throw error;
  }
  await db.query("UPDATE changesets SET status = 'applied', applied_at = now() WHERE tenant = $1 AND changeset_id = $2", [
    run.input.tenant, run.input.changeset_id,
  ]);
  return 'applied';
}

/** The end of a round: why is recorded first, so that whoever goes on knows the direction. A lost lease or database is no reason. */
async function abandon(
  run: Run, changes: readonly ChangeRecord[], error: unknown, change: ChangeRecord | null, refused: boolean,
): Promise<void> {
  if (!(error instanceof ChangeTargetError) || error.kind === 'busy') return;
  if (change !== null) await mark(run, change, refused ? "step = 'failed', step_at = now(), failure = $4" : 'failure = $4', error.message);
  await markFailure(run, change === null ? error.message : `${nameOf(change)}: ${error.message}`);
  await goBack(run, changes);
}

/** Takes back in reverse what was applied, or may have been. Afterwards the changeset has failed as a whole and changed nothing. */
async function goBack(run: Run, changes: readonly ChangeRecord[]): Promise<void> {
  const touched = changes.filter(
    (change) => change.step === 'applied' || change.step === 'undone' || (change.step === 'pending' && change.apply_begun),
  );
  for (const change of touched.toReversed()) {
    if (change.step === 'undone') continue;
    await mark(run, change, 'undo_begun_at = now()');
    await call(run, () => run.steps.undo(change, change.after));
    await mark(run, change, "step = 'undone', step_at = now()");
  }
  if (touched.length > 0) {
    const left = differing(touched, await call(run, () => run.steps.read(touched)), (change) => change.before);
    if (left.length > 0) {
      await giveUp(run, `taken back, but these do not hold what was there before: ${left.join(', ')}`);
      throw new ChangeTargetError('wrong_answer', `after undo it does not hold what was there before: ${left.join(', ')}`);
    }
  }
  await giveUp(run, null);
}

async function call<T>(run: Run, work: () => Promise<T>): Promise<T> {
  return twice(run.deadline, async () => {
    await run.lease.renew();
    return work();
  });
}

async function mark({ db, input }: Run, change: ChangeRecord, assignments: string, failure?: string): Promise<void> {
  await db.query(
    `UPDATE changes SET ${assignments} WHERE tenant = $1 AND changeset_id = $2 AND sequence = $3`,
    [input.tenant, input.changeset_id, change.sequence, ...(failure === undefined ? [] : [failure])],
  );
}

async function markFailure({ db, input }: Run, failure: string): Promise<void> {
  await db.query('UPDATE changesets SET failure = $3 WHERE tenant = $1 AND changeset_id = $2', [input.tenant, input.changeset_id, failure]);
}

async function giveUp({ db, input }: Run, failure: string | null): Promise<void> {
  await recordFailure(db, input.tenant, input.changeset_id, failure);
}

/** A changeset that is half applied keeps others away from its targets until it is whole or gone. */
async function refuseWhileInDoubt(tx: Queries, input: Changeset): Promise<void> {
  const open = await tx.query<{ target: string }>(
    `SELECT c.target_type || ':' || c.target_key AS target FROM changesets s JOIN changes c USING (changeset_id)
     WHERE s.tenant = $1 AND s.status = 'applying' AND s.changeset_id <> $2 AND c.target_type || ':' || c.target_key = ANY($3) LIMIT 1`,
    [input.tenant, input.changeset_id, input.changes.map(nameOf)],
  );
  if (open[0] !== undefined) throw new ChangeTargetError('busy', `another changeset is half applied to ${open[0].target}`);
}
