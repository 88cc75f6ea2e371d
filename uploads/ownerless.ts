/** Stored files that belong to no upload, as a process killed between two steps may leave them. */
import type { UploadStatus } from '../domain/upload.ts';
import type { FileStore } from '../stores/files/port.ts';
import type { Database } from '../stores/postgres/database.ts';
import { statusesOf } from '../stores/postgres/upload-upkeep.ts';
import { fileNamed } from './files.ts';

const askedAtOnce = 500;

/** Keys, in pages. Only of files that were stored before this, epoch ms. */
export async function* ownerless(db: Database, files: FileStore, storedBefore: number): AsyncIterable<readonly string[]> {
  let page: string[] = [];
  for await (const { key, storedAt } of files.list('')) {
    if (storedAt >= storedBefore) continue;
    if (page.push(key) < askedAtOnce) continue;
    yield* withoutOwner(db, page);
    page = [];
  }
  yield* withoutOwner(db, page);
}

async function* withoutOwner(db: Database, keys: readonly string[]): AsyncIterable<readonly string[]> {
  const named = keys.map((key) => ({ key, file: fileNamed(key) }));
  const statuses = await statusesOf(db, named.flatMap(({ file }) => (file === null ? [] : [file.object_id])));
  const without = named.filter(({ file }) => file === null || !belongs(file.name, statuses.get(file.object_id))).map(({ key }) => key);
  if (without.length > 0) yield without;
}

/** What was sent goes when something fit to be handed on was made of it, parts when they are joined. */
function belongs(name: string, status: UploadStatus | undefined): boolean {
  switch (status) {
    case 'receiving': return name === 'sent' || name.startsWith('part-');
    case 'quarantined': return !name.startsWith('part-');
    case 'clean': return name === 'clean' || name === 'thumbnail';
    case 'rejected': case 'deleted': case undefined: return false;
  }
}
