/** Whether what is stored of every upload is what its row says, and whether there is anything else. */
import { createHash } from 'node:crypto';
import { KeyUnavailableError, SealBrokenError } from '../encryption/sealer.ts';
import type { FileStore } from '../stores/files/port.ts';
import type { Database } from '../stores/postgres/database.ts';
import { storedUploads, type StoredUpload } from '../stores/postgres/upload-upkeep.ts';
import { filesOf } from './files.ts';
import { ownerless } from './ownerless.ts';

/**
 * ok: its bytes are what they were. missing: there is a row, and no file. changed: other bytes, or none that open. key_missing: sealed
 * with a key that is not configured. ownerless: there is a file, and no upload that it belongs to.
 */
export interface Verified { readonly kind: 'ok' | 'missing' | 'changed' | 'key_missing' | 'ownerless'; readonly key: string }

const pageRows = 200;
/** What is being stored just now may have lost its row, or not yet its files. */
const settledMs = 60_000;

/** One by one; never more than a chunk of a file is in memory. Rejects with StoreUnavailableError. */
export async function* verifyUploads(db: Database, files: FileStore, now: number): AsyncIterable<Verified> {
  for (let page = await storedUploads(db, null, pageRows); page.length > 0; page = await storedUploads(db, page.at(-1) ?? null, pageRows)) {
    for (const upload of page) {
      for (const { key, sha256 } of expected(upload)) yield { key, kind: await look(files, key, sha256) };
    }
  }
  for await (const keys of ownerless(db, files, now - settledMs)) {
    for (const key of keys) yield { key, kind: 'ownerless' };
  }
}

/** `sha256` null: nobody has noted it; that it opens as a whole says that it is what was stored. */
function expected(upload: StoredUpload): readonly { readonly key: string; readonly sha256: string | null }[] {
  const { sent, clean, thumbnail } = filesOf(upload);
  if (upload.clean === null) return [{ key: sent, sha256: upload.sha256?.toString('hex') ?? null }];
  return [{ key: clean, sha256: upload.clean.sha256 }, ...(upload.clean.thumbnail ? [{ key: thumbnail, sha256: null }] : [])];
}

async function look(files: FileStore, key: string, sha256: string | null): Promise<Verified['kind']> {
  try {
    const stored = await files.open(key);
    if (stored === null) return 'missing';
    const hash = createHash('sha256');
    for await (const piece of stored.read()) hash.update(piece);
    return sha256 === null || sha256 === hash.digest('hex') ? 'ok' : 'changed';
  } catch (error) {
    if (error instanceof KeyUnavailableError) return 'key_missing';
    if (error instanceof SealBrokenError) return 'changed';
    throw error;
  }
}
