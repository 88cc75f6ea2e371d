/** Uploads that wait for a verdict and that nobody looks into, since whoever received them died or could not reach the engine. */
import { z } from 'zod';
import type { Database } from '../stores/postgres/database.ts';
import { waitingUploads, type PageEnd } from '../stores/postgres/upload-upkeep.ts';
import { forAll } from './reconciling.ts';
import { defineTask } from './task.ts';
import type { UploadWorkflows } from './upload-workflows.ts';

/** `waiting`: longer than usual, as those whose task is parked; each has its workflow now. */
export interface ReconciledUploads { readonly waiting: number }

export interface ReconcileUploadsOptions {
  readonly db: Database;
  readonly workflows: UploadWorkflows;
  /** What waits for less is being started by whoever received it. */
  readonly waitingMs: number;
  readonly signal?: AbortSignal;
}

const pageRows = 500;
const waitingMs = 60_000;

export async function startWaiting({ db, workflows, waitingMs: sinceMs, signal }: ReconcileUploadsOptions): Promise<ReconciledUploads> {
  const done = { waiting: 0 };
  let after: PageEnd | null = null;
  while (signal?.aborted !== true) {
    const page = await waitingUploads(db, sinceMs, after, pageRows);
    await forAll(page, (upload) => workflows.start(upload));
    done.waiting += page.length;
    if (page.length < pageRows) break;
    after = page.at(-1) ?? null;
  }
  return done;
}

export const reconcileUploads = defineTask({
  name: 'reconcileUploads', timeoutMs: 300_000, input: z.object({ correlation_id: z.string() }),
  run: async (_input, { stores: { db }, uploads: { workflows }, signal }): Promise<ReconciledUploads> => (
    startWaiting({ db, workflows, waitingMs, signal })
  ),
});
