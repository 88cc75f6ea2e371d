/** All uploads of sessions go, whatever became of them: erased, as if they had never been. */
import type { FileStore } from '../stores/files/port.ts';
import type { Database } from '../stores/postgres/database.ts';
import { eraseUploads, withdrawUploads } from '../stores/postgres/uploads.ts';
import { removeBelow, sessionPrefix } from './files.ts';

export interface ForgettingStores { readonly db: Database; readonly files: FileStore }

/**
 * Files and rows, of one tenant's sessions that take no more uploads: those have to have ended. What is being received or looked into
 * just now is withdrawn first, so that nobody goes on with it, then its files go, then its row: repeated after a failure or a kill in
 * between it goes on, and of what is gone already nothing is left to do. Returns how many uploads there were. Rejects with
 * StoreUnavailableError.
 */
export async function forgetSessionUploads(
  { db, files }: ForgettingStores, tenant: string, sessionIds: readonly string[],
): Promise<number> {
  let forgotten = 0;
  for (const sessionId of sessionIds) {
    await withdrawUploads(db, tenant, sessionId);
    // also what has lost its row
    await removeBelow(files, sessionPrefix(tenant, sessionId));
    forgotten += await eraseUploads(db, tenant, sessionId);
  }
  return forgotten;
}
