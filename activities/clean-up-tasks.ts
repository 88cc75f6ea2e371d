/** Completed and discarded tasks leave the list when their days are over. Runs on a schedule; a dry run only says what would go. */
import { z } from 'zod';
import type { Database } from '../stores/postgres/database.ts';
import { countEndedTasks, deleteEndedTasks, endedTasks } from '../stores/postgres/task-cleanup.ts';
import { defineTask } from './task.ts';

export interface CleanUpOptions {
  readonly db: Database;
  readonly keepDays: number;
  readonly dryRun: boolean;
  readonly signal?: AbortSignal;
}

/** `deleted`: how many went; in a dry run, how many would. `sample`: ids of some of them. */
export interface CleanedUp { readonly dry_run: boolean; readonly deleted: number; readonly sample: readonly string[] }

const batchRows = 1_000;
const sampleRows = 20;
/** Of one run; the next one goes on. */
const runRows = 200_000;
const timeoutMs = 300_000;

/** Tasks that are parked or being retried are never touched. Throws StoreUnavailableError; what went by then is gone. */
export async function cleanUpTasks({ db, keepDays, dryRun, signal }: CleanUpOptions): Promise<CleanedUp> {
  const all = db.asSystem();
  if (dryRun) {
    return {
      dry_run: true, deleted: await countEndedTasks(all, { keepDays, most: runRows }),
      sample: await endedTasks(all, { keepDays, limit: sampleRows }),
    };
  }
  let [deleted, sample]: [number, readonly string[]] = [0, []];
  while (deleted < runRows && signal?.aborted !== true) {
    const deletedIds = await deleteEndedTasks(all, { keepDays, limit: batchRows });
    if (deleted === 0) sample = deletedIds.slice(0, sampleRows);
    deleted += deletedIds.length;
    if (deletedIds.length < batchRows) break;
  }
  return { dry_run: false, deleted, sample };
}

export const cleanUpEndedTasks = defineTask({
  name: 'cleanUpEndedTasks', timeoutMs,
  input: z.object({ correlation_id: z.string(), dry_run: z.boolean().default(false) }),
  run: async ({ dry_run }, { stores: { db }, deadLetters: { keepDays }, log, signal }): Promise<CleanedUp> => {
    const cleaned = await cleanUpTasks({ db, keepDays, dryRun: dry_run, signal });
    log.info(cleaned, dry_run ? 'ended tasks would be cleaned up' : 'ended tasks are cleaned up');
    return cleaned;
  },
});
