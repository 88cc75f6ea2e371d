/** Where the files of an upload are, and how they go. */
import { createHash } from 'node:crypto';
import type { FileStore } from '../stores/files/port.ts';
import type { Database } from '../stores/postgres/database.ts';
import { forgetFiles, type UploadTry } from '../stores/postgres/uploads.ts';

/** Where all files of a session are. A tenant's name may hold anything, so that its hash stands for it. */
export function sessionPrefix(tenant: string, sessionId: string): string {
  return `${createHash('sha256').update(tenant).digest('base64url').slice(0, 22)}/${sessionId}/`;
}

/** All files of one try. */
export function filesOf({ tenant, session_id: sessionId, upload_id: uploadId, object_id: objectId }: UploadTry) {
  const folder = `${sessionPrefix(tenant, sessionId)}${uploadId}/${objectId}`;
  return {
    prefix: `${folder}/`,
    /** As it was sent. */
    sent: `${folder}/sent`,
    /** What may be downloaded. */
    clean: `${folder}/clean`,
    thumbnail: `${folder}/thumbnail`,
    part: (name: string): string => `${folder}/part-${name}`,
  };
}

/** The try and the name that a key stands for; null: none of ours. */
export function fileNamed(key: string): { readonly object_id: string; readonly name: string } | null {
  const [, , , object_id = '', name, ...more] = key.split('/');
  return name === undefined || more.length > 0 || !/^[0-9a-f-]{36}$/.test(object_id) ? null : { object_id, name };
}

const deletedAtOnce = 100;

export function removeFiles(files: FileStore, upload: UploadTry): Promise<void> {
  return removeBelow(files, filesOf(upload).prefix);
}

/** What is not handed on goes: what was sent, and parts of requests that were killed. */
export function removeAllButClean(files: FileStore, upload: UploadTry): Promise<void> {
  const { prefix, clean, thumbnail } = filesOf(upload);
  return removeBelow(files, prefix, [clean, thumbnail]);
}

/** `kept`: keys that stay. */
export async function removeBelow(files: FileStore, prefix: string, kept: readonly string[] = []): Promise<void> {
  let keys: string[] = [];
  for await (const { key } of files.list(prefix)) {
    if (kept.includes(key)) continue;
    keys.push(key);
    if (keys.length < deletedAtOnce) continue;
    await files.delete(keys);
    keys = [];
  }
  if (keys.length > 0) await files.delete(keys);
}

/** Its files go, and then its row says so: never the other way round, or nobody would know of them. */
export async function forgetUpload({ db, files }: { readonly db: Database; readonly files: FileStore }, upload: UploadTry): Promise<void> {
  await removeFiles(files, upload);
  await forgetFiles(db, [upload]);
}
