/**
 * Removes what nobody needs any more, once a day: uploads that no answer names, some time after their session's end, and stored files
 * that belong to no upload. What was stored within the last day may belong to one that is just being received.
 */
import { z } from 'zod';
import type { SessionState } from '../domain/session-state.ts';
import { openJson, sealedAs, type Sealer } from '../encryption/sealer.ts';
import type { FileStore } from '../stores/files/port.ts';
import type { Database } from '../stores/postgres/database.ts';
import { keepUploads, oldUploads, type OldUpload, type PageEnd } from '../stores/postgres/upload-upkeep.ts';
import { deleteUpload } from '../stores/postgres/uploads.ts';
import { forgetUpload } from '../uploads/files.ts';
import { ownerless } from '../uploads/ownerless.ts';
import { failedAlone, forAll } from './reconciling.ts';
import { defineTask } from './task.ts';

/** `kept`: an answer names it. `failed`: their session cannot be opened; the next run tries again. */
export interface CleanedUploads {
  readonly deleted: number;
  readonly kept: number;
  readonly failed: number;
  readonly ownerless_files: number;
}

export interface CleanUploadsOptions {
  readonly db: Database;
  readonly files: FileStore;
  readonly sealer: Sealer;
  readonly keepDays: number;
  /** Stored files are looked at that were stored before this, epoch ms. */
  readonly storedBefore: number;
  readonly signal?: AbortSignal;
}

/** A session's state may have 1.5 MB, and each upload brings that of its own. */
const pageRows = 20;
const dayMs = 86_400_000;
const timeoutMs = 3_600_000;

export async function cleanUp(options: CleanUploadsOptions): Promise<CleanedUploads> {
  const { db, files, keepDays, storedBefore, signal } = options;
  const done = { deleted: 0, kept: 0, failed: 0, ownerless_files: 0 };
  let after: PageEnd | null = null;
  while (signal?.aborted !== true) {
    const page = await oldUploads(db, keepDays, after, pageRows);
    const named: OldUpload[] = [];
    await forAll(page.filter((upload) => upload.is_over), async (upload) => {
      const isNamed = await Promise.resolve().then(() => isAnswer(options.sealer, upload)).catch(failedAlone);
      if (isNamed === 'failed') done.failed += 1;
      else if (isNamed) named.push(upload);
      else if (await remove(options, upload)) done.deleted += 1;
    });
    await keepUploads(db, named);
    done.kept += named.length;
    if (page.length < pageRows) break;
    after = page.at(-1) ?? null;
  }
  for await (const keys of ownerless(db, files, storedBefore)) {
    if (signal?.aborted === true) break;
    await files.delete(keys);
    done.ownerless_files += keys.length;
  }
  return done;
}

function isAnswer(sealer: Sealer, { tenant, session_id: sessionId, upload_id: uploadId, snapshot }: OldUpload): boolean {
  if (snapshot === null) return false;
  const { answers } = openJson<SessionState>(sealer, snapshot, sealedAs.snapshot(tenant, sessionId));
  return answers.some(({ value, superseded }) => !superseded && value === uploadId);
}

async function remove({ db, files }: CleanUploadsOptions, upload: OldUpload): Promise<boolean> {
  const deleted = await deleteUpload(db, upload, 'unused');
  if (deleted === null) return false;
  await forgetUpload({ db, files }, deleted);
  return true;
}

export const cleanUpUploads = defineTask({
  name: 'cleanUpUploads', timeoutMs, input: z.object({ correlation_id: z.string() }),
  run: async (_input, { stores: { db, sealer }, uploads: { files, keepDays }, log, signal }): Promise<CleanedUploads> => {
    const cleaned = await cleanUp({ db, files, sealer, keepDays, storedBefore: Date.now() - dayMs, signal });
    log.info(cleaned, 'uploads that nobody needs are cleaned up');
    return cleaned;
  },
});
