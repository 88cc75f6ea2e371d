/**
 * Brings the list of the dead letter queue and the engine together, on a schedule: a task that Temporal's database lost is begun
 * again from its row; one whose row is missing writes it anew; a row that missed the end of its task gets it.
 */
import { z } from 'zod';
import type { Sealer } from '../encryption/sealer.ts';
import type { Database } from '../stores/postgres/database.ts';
import { knownTasks, openRows, openTask, saveTask, type SealedTask } from '../stores/postgres/tasks.ts';
import { failedAlone, forAll } from './reconciling.ts';
import { defineTask } from './task.ts';
import type { TaskWorkflows } from './task-workflows.ts';

/** `failed`: could not be brought together, as a row whose key is missing; the next run tries again. */
export interface Reconciled { readonly begun: number; readonly written: number; readonly settled: number; readonly failed: number }

export interface ReconcileOptions {
  readonly db: Database;
  readonly sealer: Sealer;
  readonly workflows: TaskWorkflows;
  readonly signal?: AbortSignal;
}

const pageRows = 500;
/** Of one run; parked tasks are expected in thousands (docs/decisions/0015). */
const mostRunning = 50_000;

export async function reconcileTasks(options: ReconcileOptions): Promise<Reconciled> {
  const { db, workflows, signal } = options;
  const running = await workflows.running(mostRunning);
  const done = { begun: 0, written: 0, settled: 0, failed: 0 };
  let after: string | null = null;
  for (;;) {
    const page = await openRows(db, after, pageRows);
    await forAll(page.filter((row) => !running.has(row.task_id)), async (row) => {
      const how = await restoreOne(options, row).catch(failedAlone);
      if (how !== null) done[how] += 1;
    });
    after = page.at(-1)?.task_id ?? null;
    if (page.length < pageRows || signal?.aborted === true) break;
  }
  const ids = [...running.keys()];
  for (let at = 0; at < ids.length && signal?.aborted !== true; at += pageRows) {
    const some = ids.slice(at, at + pageRows);
    const known = await knownTasks(db, some);
    await forAll(some.filter((id) => !known.has(id)), async (id) => {
      await workflows.rewrite(running.get(id) ?? '');
      done.written += 1;
    });
  }
  return done;
}

/** An open row whose workflow the engine does not list. The list is a moment behind, so the workflow itself is asked. */
async function restoreOne({ db, sealer, workflows }: ReconcileOptions, row: SealedTask): Promise<'begun' | 'settled' | null> {
  const found = await workflows.look(row);
  if (found === 'running') return null;
  const hasEnded = found !== null && found.ended_at !== null;
  if (hasEnded) return await saveTask(db, sealer, found) ? 'settled' : null;
  // lost with Temporal's database, or ended from outside (terminated) in the middle of its life: whoever waits still waits
  await workflows.begin(found ?? openTask(sealer, row));
  return 'begun';
}

export const reconcileParkedTasks = defineTask({
  name: 'reconcileParkedTasks', timeoutMs: 300_000, input: z.object({ correlation_id: z.string() }),
  run: async (_, { stores, deadLetters: { workflows }, log, signal }): Promise<Reconciled> => {
    const reconciled = await reconcileTasks({ ...stores, workflows, signal });
    if (reconciled.begun + reconciled.written + reconciled.settled + reconciled.failed > 0) {
      log.warn(reconciled, 'the list of parked tasks and the engine were brought together');
    }
    return reconciled;
  },
});
