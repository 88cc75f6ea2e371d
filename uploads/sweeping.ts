/** What senders and processes that died have left: reservations whose time is over, and files of what was deleted. */
import type { FileStore } from '../stores/files/port.ts';
import type { Database } from '../stores/postgres/database.ts';
import { forgetFiles, leftUploads } from '../stores/postgres/uploads.ts';
import { removeFiles } from './files.ts';

const sweptAtOnce = 100;

/** A bounded number. Returns how many it was. */
export async function sweepUploads(db: Database, files: FileStore): Promise<number> {
  const left = await leftUploads(db, sweptAtOnce);
  if (left.length === 0) return 0;
  const removed = await Promise.allSettled(left.map((upload) => removeFiles(files, upload)));
  const forgotten = left.filter((_, at) => removed[at]?.status === 'fulfilled');
  await forgetFiles(db, forgotten);
  return forgotten.length;
}
