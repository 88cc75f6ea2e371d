/** Uploads as background work sees them: of all tenants, in pages, each in the order of an index. */
import type { UploadStatus } from '../../domain/upload.ts';
import type { Database } from './database.ts';
import type { UploadRow, UploadTry } from './uploads.ts';

const noId = '00000000-0000-0000-0000-000000000000';

/** Where a page ended; null: at the beginning. As text, since a Date has no microseconds. */
export interface PageEnd { readonly at: string; readonly upload_id: string }

export type WaitingUpload = Pick<UploadRow, 'tenant' | 'session_id' | 'upload_id' | 'object_id' | 'owner' | 'kind'> & PageEnd;

/** What waits for its verdict for longer than this, the oldest first. */
export async function waitingUploads(
  db: Database, olderThanMs: number, after: PageEnd | null, limit: number,
): Promise<readonly WaitingUpload[]> {
  return db.asSystem().query<WaitingUpload>(
    `SELECT tenant, session_id, upload_id, object_id, owner, kind, settled_at::text AS at FROM uploads
     WHERE status = 'quarantined' AND settled_at < now() - make_interval(secs => $1) AND (settled_at, upload_id) > ($2::timestamptz, $3)
     ORDER BY settled_at, upload_id LIMIT $4`,
    [olderThanMs / 1_000, ...startOf(after), limit],
  );
}

export interface OldUpload extends UploadTry, PageEnd {
  /** Its session ended so long ago. */
  readonly is_over: boolean;
  /** Sealed, of a session that is over; null: nobody has its state any more. */
  readonly snapshot: Buffer | null;
}

/** That came so long ago, and of which nobody has looked whether an answer of a session that is over names them. */
export async function oldUploads(
  db: Database, days: number, after: PageEnd | null, limit: number,
): Promise<readonly OldUpload[]> {
  return db.asSystem().query<OldUpload>(
    `WITH old AS MATERIALIZED (
       SELECT tenant, session_id, upload_id, object_id, created_at FROM uploads
       WHERE status IN ('quarantined', 'clean', 'rejected') AND NOT kept AND created_at < now() - make_interval(days => $1)
         AND (created_at, upload_id) > ($2::timestamptz, $3)
       ORDER BY created_at, upload_id LIMIT $4)
     SELECT u.tenant, u.session_id, u.upload_id, u.object_id, u.created_at::text AS at, s.session_id IS NOT NULL AS is_over, s.snapshot
     FROM old AS u
     LEFT JOIN sessions AS s ON s.session_id = u.session_id AND s.ended_at < now() - make_interval(days => $1)
     ORDER BY u.created_at, u.upload_id`,
    [days, ...startOf(after), limit],
  );
}

/** An answer names them: they stay with their session. */
export async function keepUploads(db: Database, uploads: readonly UploadTry[]): Promise<void> {
  if (uploads.length === 0) return;
  await db.asSystem().query('UPDATE uploads SET kept = true WHERE object_id = ANY($1::uuid[])', [uploads.map(({ object_id: id }) => id)]);
}

export type StoredUpload = UploadTry & Pick<UploadRow, 'status' | 'sha256' | 'clean'>;

/** All whose files are there, in the order of tenants and ids. */
export async function storedUploads(
  db: Database, after: Pick<UploadTry, 'tenant' | 'upload_id'> | null, limit: number,
): Promise<readonly StoredUpload[]> {
  return db.asSystem().query<StoredUpload>(
    `SELECT tenant, session_id, upload_id, object_id, status, sha256, clean FROM uploads
     WHERE status IN ('quarantined', 'clean') AND (tenant, upload_id) > ($1, $2) ORDER BY tenant, upload_id LIMIT $3`,
    [after?.tenant ?? '', after?.upload_id ?? noId, limit],
  );
}

/** How those stand that stored files are named after; of the others there is no row. */
export async function statusesOf(db: Database, objectIds: readonly string[]): Promise<ReadonlyMap<string, UploadStatus>> {
  const rows = await db.asSystem().query<{ object_id: string; status: UploadStatus }>(
    'SELECT object_id, status FROM uploads WHERE object_id = ANY($1::uuid[])', [objectIds],
  );
  return new Map(rows.map(({ object_id: id, status }) => [id, status]));
}

function startOf(after: PageEnd | null): readonly [string, string] {
  return after === null ? ['-infinity', noId] : [after.at, after.upload_id];
}
