/**
 * Uploads as rows. Whoever adds to what a person or a session uses holds the lock of the person until it is committed, and counts
 * the rows under it: so many at once pass what one by one would pass.
 */
import type { FileFamily, UploadKind, UploadLimits, UploadNote, UploadRefused, UploadStatus } from '../../domain/upload.ts';
import { placeRefusal, sessionRefusal, type UploadUse } from '../../domain/upload-quota.ts';
import type { Database, Queries } from './database.ts';
import { keysetPage, type Page, type PageOf } from './keyset-page.ts';

export interface UploadName { readonly tenant: string; readonly session_id: string; readonly upload_id: string }
/** One try to send it, and the files of that try. */
export interface UploadTry extends UploadName { readonly object_id: string }
/** A request that sends it. */
export interface UploadWriter extends UploadTry { readonly writer: string }

export interface StoredPart { readonly name: string; readonly bytes: number }

/** What may be downloaded: made from what was received. */
export interface CleanFile {
  readonly family: FileFamily;
  readonly size_bytes: number;
  /** Lower-case hexadecimal. */
  readonly sha256: string;
  readonly width: number | null;
  readonly height: number | null;
  readonly thumbnail: boolean;
  /** What the scanner was: a name, or not_configured. */
  readonly scan: string;
}

export interface UploadRow extends UploadTry {
  readonly owner: string;
  readonly kind: UploadKind;
  readonly status: UploadStatus;
  readonly sealed_name: Buffer;
  readonly declared_bytes: number;
  /** null until all of it is there. */
  readonly size_bytes: number | null;
  readonly sha256: Buffer | null;
  /** What it is; until it is settled, what was said of it. */
  readonly family: FileFamily | null;
  readonly marks: readonly unknown[];
  readonly width: number | null;
  readonly height: number | null;
  readonly clean: CleanFile | null;
  readonly reason: string | null;
  readonly resumable: boolean;
  readonly parts: readonly StoredPart[];
  readonly received_bytes: number;
  readonly writer: string | null;
  readonly created_at: Date;
  readonly settled_at: Date | null;
  readonly expires_at: Date;
  /** Its time is over: it counts on nothing. */
  readonly is_expired: boolean;
  /** Bytes of it come, or came a moment ago. */
  readonly is_active: boolean;
}

export interface UploadTimes {
  /** For which an upload has its place among those at once after its last bytes. */
  readonly placeMs: number;
  /** For which a reservation of a plain upload counts after that. */
  readonly reservationMs: number;
  /** For which a resumable upload counts after it was begun. */
  readonly resumableMs: number;
}

export interface NewUpload extends UploadWriter {
  readonly owner: string;
  readonly kind: UploadKind;
  readonly sealed_name: Uint8Array;
  /** What name and type say, or null. */
  readonly family: FileFamily | null;
  readonly bytes: number;
  readonly resumable: boolean;
  /** What its content is declared to be; null: nobody said. */
  readonly sha256: Uint8Array | null;
}

export type Reserved =
  /** `replaced`: files of a try before it, which nobody needs any more. */
  | { readonly kind: 'reserved'; readonly upload: UploadRow; readonly replaced: UploadTry | null }
  /** It is there already under this id. */
  | { readonly kind: 'known'; readonly upload: UploadRow }
  /** The session has the declared content already: nothing is reserved for it. */
  | { readonly kind: 'same'; readonly upload: UploadRow }
  /** Another request sends it just now. */
  | { readonly kind: 'busy' }
  /** The id names another upload. */
  | { readonly kind: 'taken' }
  | { readonly kind: 'refused'; readonly refusal: UploadRefused }
  | { readonly kind: 'not_owner' }
  | { readonly kind: 'session_ended' };

/** now() is when a transaction began, and it may have waited for its lock since: what decides over the own row is the time it is. */
const columns = `upload_id, tenant, session_id, owner, object_id, kind, status, sealed_name, declared_bytes, size_bytes, sha256, family,
  marks, width, height, clean, reason, resumable, parts, received_bytes, writer, created_at, settled_at, expires_at,
  expires_at <= clock_timestamp() AS is_expired, active_until > clock_timestamp() AS is_active`;
const counted = "status IN ('receiving', 'quarantined', 'clean') AND (status <> 'receiving' OR expires_at > now())";
const listed = "status IN ('quarantined', 'clean', 'rejected')";
/** A place that is nearly over is not renewed without the lock: somebody may just count it as free. */
const renewedBefore = "interval '500 milliseconds'";
/** Tells these locks from others. */
const personLock = 7_461_045;

/** Layers 3, 4, 5 and 7, in the order in which they answer. The same id again gives the same upload. */
export async function reserveUpload(db: Database, upload: NewUpload, limits: UploadLimits, times: UploadTimes): Promise<Reserved> {
  const { tenant, session_id: sessionId, upload_id: uploadId, owner } = upload;
  return db.asTenant(tenant).transaction(async (tx) => {
    const [, sessions, rows, same, use] = await Promise.all([
      lockPerson(tx, tenant, owner),
      tx.query<{ owner: string; ended: boolean }>(
        'SELECT owner, ended_at IS NOT NULL AS ended FROM sessions WHERE session_id = $1 AND tenant = $2', [sessionId, tenant],
      ),
      tx.query<UploadRow>(`SELECT ${columns} FROM uploads WHERE tenant = $1 AND upload_id = $2`, [tenant, uploadId]),
      upload.sha256 === null ? [] : sameContent(tx, upload, upload.sha256),
      useOf(tx, upload),
    ]);
    const [session] = sessions;
    if (session?.owner !== owner) return { kind: 'not_owner' };
    const known = rows[0] ?? null;
    const found = known === null ? null : standingOf(known, upload);
    if (found !== null) return found;
    if (session.ended) return { kind: 'session_ended' };
    const [first] = same;
    if (first !== undefined) return { kind: 'same', upload: first };
    const refusal = sessionRefusal(use, upload, limits) ?? placeRefusal(use, limits);
    if (refusal !== null) return { kind: 'refused', refusal };
    const [row] = await tx.query<UploadRow>(
      `INSERT INTO uploads (upload_id, tenant, session_id, owner, object_id, kind, status, sealed_name, declared_bytes, resumable, writer,
         active_until, expires_at, family)
       VALUES ($1, $2, $3, $4, $5, $6, 'receiving', $7, $8, $9, $10, now() + make_interval(secs => $11), now() + make_interval(secs => $12),
         $13)
       ON CONFLICT (tenant, upload_id) DO UPDATE SET object_id = excluded.object_id, kind = excluded.kind, status = 'receiving',
         sealed_name = excluded.sealed_name, declared_bytes = excluded.declared_bytes, size_bytes = NULL, sha256 = NULL,
         family = excluded.family, marks = '[]', width = NULL, height = NULL, clean = NULL, reason = NULL,
         resumable = excluded.resumable, parts = '[]', received_bytes = 0, writer = excluded.writer,
         active_until = excluded.active_until, expires_at = excluded.expires_at, created_at = now(), settled_at = NULL,
         ended_at = NULL, has_files = true
       RETURNING ${columns}`,
      [
        uploadId, tenant, sessionId, owner, upload.object_id, upload.kind, upload.sealed_name, upload.bytes, upload.resumable,
        upload.resumable ? null : upload.writer, times.placeMs / 1_000, lifeOf(upload.resumable, times) / 1_000, upload.family,
      ],
    );
    return { kind: 'reserved', upload: returned(row), replaced: known === null ? null : tryOf(known) };
  });
}

/** One at most: the content of a session is there once. */
function sameContent(
  tx: Queries, { tenant, session_id: sessionId }: Pick<UploadName, 'tenant' | 'session_id'>, sha256: Uint8Array,
): Promise<UploadRow[]> {
  return tx.query<UploadRow>(
    `SELECT ${columns} FROM uploads WHERE tenant = $1 AND session_id = $2 AND sha256 = $3 AND status IN ('quarantined', 'clean')`,
    [tenant, sessionId, sha256],
  );
}

/** What an upload that has this id already means for whoever sends it again; null: it may begin anew. */
function standingOf(known: UploadRow, wished: NewUpload): Reserved | null {
  if (known.session_id !== wished.session_id || known.owner !== wished.owner) return { kind: 'taken' };
  if (known.status === 'rejected' || known.status === 'deleted') return null;
  if (known.status === 'receiving') {
    if (known.is_expired) return null;
    const isSame = known.resumable && wished.resumable && known.kind === wished.kind && known.declared_bytes === wished.bytes;
    if (isSame) return { kind: 'known', upload: known };
    if (known.resumable !== wished.resumable) return { kind: 'taken' };
    return known.is_active ? { kind: 'busy' } : null;
  }
  return known.kind === wished.kind ? { kind: 'known', upload: known } : { kind: 'taken' };
}

function lifeOf(resumable: boolean, { placeMs, reservationMs, resumableMs }: UploadTimes): number {
  return resumable ? resumableMs : placeMs + reservationMs;
}

export interface Settling {
  readonly size: number;
  readonly sha256: Uint8Array;
  readonly family: FileFamily;
  readonly width: number | null;
  readonly height: number | null;
  readonly marks: readonly unknown[];
}

export type Settled =
  | { readonly kind: 'settled'; readonly upload: UploadRow; readonly use: UploadUse }
  /** The session has this content already: the reservation counts no more. */
  | { readonly kind: 'same'; readonly upload: UploadRow; readonly use: UploadUse }
  /** Its time was over, and meanwhile others took the room. */
  | { readonly kind: 'refused'; readonly refusal: UploadRefused }
  /** It was cancelled, or another request sends it. */
  | { readonly kind: 'gone' };

/** All of it is there and was judged: it counts with what it is. */
export async function settleUpload(
  db: Database, upload: UploadWriter & { readonly owner: string }, settling: Settling, limits: UploadLimits,
): Promise<Settled> {
  const { tenant, upload_id: uploadId } = upload;
  return db.asTenant(tenant).transaction(async (tx) => {
    const [, mine, same, use] = await Promise.all([
      lockPerson(tx, tenant, upload.owner),
      tx.query<UploadRow>(`SELECT ${columns} FROM uploads WHERE ${isWriter} FOR UPDATE`, writerParams(upload)),
      sameContent(tx, upload, settling.sha256),
      useOf(tx, upload),
    ]);
    const [row] = mine;
    if (row === undefined) return { kind: 'gone' };
    // its files have to go first, so that nothing is left of them should this process die
    const end = () => tx.query(
      'UPDATE uploads SET active_until = now(), expires_at = now() WHERE tenant = $1 AND upload_id = $2', [tenant, uploadId],
    );
    const [first] = same;
    if (first !== undefined) {
      await end();
      return { kind: 'same', upload: first, use: await settledUse(tx, upload) };
    }
    const refusal = row.is_expired || settling.size > row.declared_bytes
      ? sessionRefusal(use, { kind: row.kind, bytes: settling.size }, limits) : null;
    if (refusal !== null) {
      await end();
      return { kind: 'refused', refusal };
    }
    const [[settled], after] = await Promise.all([
      tx.query<UploadRow>(
        `UPDATE uploads SET status = 'quarantined', size_bytes = $3, sha256 = $4, family = $5, width = $6, height = $7, marks = $8,
           settled_at = now(), writer = NULL, parts = '[]'
         WHERE tenant = $1 AND upload_id = $2 RETURNING ${columns}`,
        [
          tenant, uploadId, settling.size, settling.sha256, settling.family, settling.width, settling.height,
          JSON.stringify(settling.marks),
        ],
      ),
      settledUse(tx, upload),
    ]);
    return { kind: 'settled', upload: returned(settled), use: after };
  });
}

/** It failed: as if it had never been. Of the try's writer alone, so that a later try under its id is not touched. */
export async function releaseUpload(db: Database, upload: UploadTry & { readonly writer: string | null }): Promise<void> {
  await db.asTenant(upload.tenant).query(
    `DELETE FROM uploads WHERE tenant = $1 AND upload_id = $2 AND object_id = $3 AND writer IS NOT DISTINCT FROM $4::uuid
       AND status = 'receiving'`,
    [upload.tenant, upload.upload_id, upload.object_id, upload.writer],
  );
}

/**
 * Bytes of these came: their places and reservations go on, of all tenants in one statement. Returns the writers that still have
 * theirs; the others have to ask for it again (`takePlace`).
 */
export async function renewPlaces(db: Database, writers: readonly UploadWriter[], times: UploadTimes): Promise<ReadonlySet<string>> {
  const rows = await db.asSystem().query<{ writer: string }>(
    `UPDATE uploads AS u SET active_until = now() + make_interval(secs => $5),
       expires_at = CASE WHEN u.resumable THEN u.expires_at ELSE now() + make_interval(secs => $6) END
     FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::uuid[]) AS w(tenant, upload_id, object_id, writer)
     WHERE u.tenant = w.tenant AND u.upload_id = w.upload_id AND u.object_id = w.object_id AND u.writer = w.writer
       AND u.status = 'receiving' AND u.active_until > clock_timestamp() + ${renewedBefore}
     RETURNING u.writer`,
    [
      writers.map(({ tenant }) => tenant), writers.map(({ upload_id: id }) => id), writers.map(({ object_id: id }) => id),
      writers.map(({ writer }) => writer), times.placeMs / 1_000, lifeOf(false, times) / 1_000,
    ],
  );
  return new Set(rows.map(({ writer }) => writer));
}

export type Place =
  | { readonly kind: 'taken'; readonly upload: UploadRow }
  | { readonly kind: 'refused'; readonly refusal: UploadRefused }
  /** Another request sends it now. */
  | { readonly kind: 'locked' }
  | { readonly kind: 'gone' };

/** Layer 7 for a request that begins to send, or goes on after a silence in which it lost its place. */
export async function takePlace(
  db: Database, upload: UploadWriter & { readonly owner: string }, limits: UploadLimits, times: UploadTimes,
): Promise<Place> {
  return db.asTenant(upload.tenant).transaction(async (tx) => {
    const [, rows, use] = await Promise.all([
      lockPerson(tx, upload.tenant, upload.owner),
      tx.query<UploadRow>(
        `SELECT ${columns} FROM uploads WHERE tenant = $1 AND upload_id = $2 AND object_id = $3 AND status = 'receiving' FOR UPDATE`,
        [upload.tenant, upload.upload_id, upload.object_id],
      ),
      useOf(tx, upload),
    ]);
    const [row] = rows;
    if (row === undefined || (row.is_expired && row.resumable)) return { kind: 'gone' };
    if (row.writer !== upload.writer) {
      if (!row.resumable) return { kind: 'gone' };
      if (row.writer !== null && row.is_active) return { kind: 'locked' };
    }
    const refusal = (row.is_expired ? sessionRefusal(use, { kind: row.kind, bytes: row.declared_bytes }, limits) : null)
      ?? placeRefusal(use, limits);
    if (refusal !== null) return { kind: 'refused', refusal };
    const [taken] = await tx.query<UploadRow>(
      `UPDATE uploads SET writer = $3, active_until = now() + make_interval(secs => $4),
         expires_at = CASE WHEN resumable THEN expires_at ELSE now() + make_interval(secs => $5) END
       WHERE tenant = $1 AND upload_id = $2 RETURNING ${columns}`,
      [upload.tenant, upload.upload_id, upload.writer, times.placeMs / 1_000, lifeOf(false, times) / 1_000],
    );
    return { kind: 'taken', upload: returned(taken) };
  });
}

/** Most that is told of one session: more than it may hold, with those that were deleted. */
const notesMax = 500;

/** How the uploads of a session stand, as it is told of them; the newest, in the order in which they came. */
export async function uploadNotes(db: Database, tenant: string, sessionId: string): Promise<readonly UploadNote[]> {
  const rows = await db.asTenant(tenant).query<UploadNote>(
    `SELECT upload_id, object_id, kind, status, reason FROM uploads
     WHERE tenant = $1 AND session_id = $2 AND status <> 'receiving' ORDER BY created_at DESC, upload_id DESC LIMIT ${notesMax}`,
    [tenant, sessionId],
  );
  return rows.reverse();
}

/** Parts of a resumable upload are stored: it has come so far. False: somebody else has gone on, or it is gone. */
export async function addParts(db: Database, upload: UploadWriter, at: number, parts: readonly StoredPart[]): Promise<boolean> {
  const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
  const rows = await db.asTenant(upload.tenant).query(
    `UPDATE uploads SET parts = parts || $5::jsonb, received_bytes = received_bytes + $6 WHERE ${isWriter} AND received_bytes = $7
     RETURNING 1`,
    [...writerParams(upload), JSON.stringify(parts), bytes, at],
  );
  return rows.length === 1;
}

/** A request for a resumable upload is over. `keepsPlace`: the next one follows at once. */
export async function leaveWriting(db: Database, upload: UploadWriter, keepsPlace: boolean): Promise<void> {
  await db.asTenant(upload.tenant).query(
    `UPDATE uploads SET writer = NULL, active_until = CASE WHEN $5 THEN active_until ELSE now() END WHERE ${isWriter}`,
    [...writerParams(upload), keepsPlace],
  );
}

/** It was looked into and may be downloaded. The same word again changes nothing. Returns how it stands; null: there is no such try. */
export async function markClean(db: Database, upload: UploadTry, clean: CleanFile): Promise<UploadRow | null> {
  return judged(db, upload, "status = 'clean', clean = $4, ended_at = now()", JSON.stringify(clean));
}

/** It was looked into and is not taken: it counts on no quota. The same word again changes nothing. */
export async function markRejected(db: Database, upload: UploadTry, reason: string): Promise<UploadRow | null> {
  return judged(db, upload, "status = 'rejected', reason = $4, ended_at = now()", reason);
}

async function judged(db: Database, { tenant, upload_id: uploadId, object_id: objectId }: UploadTry, set: string, word: string) {
  const scope = db.asTenant(tenant);
  const [row] = await scope.query<UploadRow>(
    `UPDATE uploads SET ${set} WHERE tenant = $1 AND upload_id = $2 AND object_id = $3 AND status = 'quarantined' RETURNING ${columns}`,
    [tenant, uploadId, objectId, word],
  );
  if (row !== undefined) return row;
  const [known] = await scope.query<UploadRow>(
    `SELECT ${columns} FROM uploads WHERE tenant = $1 AND upload_id = $2 AND object_id = $3`, [tenant, uploadId, objectId],
  );
  return known ?? null;
}

/**
 * By a person, or because nobody needs it: its quota is free at once. One that is being received is cancelled. `reason` says
 * why, where it was no person. Null: there is nothing that could be deleted.
 */
export async function deleteUpload(db: Database, upload: UploadName, reason: string | null = null): Promise<UploadRow | null> {
  const [row] = await db.asTenant(upload.tenant).query<UploadRow>(
    `UPDATE uploads SET status = 'deleted', reason = $4, ended_at = now(), writer = NULL, sealed_name = '', sha256 = NULL, parts = '[]'
     WHERE tenant = $1 AND session_id = $2 AND upload_id = $3 AND status <> 'deleted' RETURNING ${columns}`,
    [upload.tenant, upload.session_id, upload.upload_id, reason],
  );
  return row ?? null;
}

/** Nobody goes on with an upload of this session: who receives one or looks into it finds it deleted, and removes what it has stored. */
export async function withdrawUploads(db: Database, tenant: string, sessionId: string): Promise<void> {
  await db.asTenant(tenant).query(
    `UPDATE uploads SET status = 'deleted', reason = 'erased', ended_at = now(), writer = NULL, sealed_name = '', sha256 = NULL,
       parts = '[]', clean = NULL
     WHERE tenant = $1 AND session_id = $2 AND status <> 'deleted'`,
    [tenant, sessionId],
  );
}

/** Rows of withdrawn uploads go. Returns how many there were. */
export async function eraseUploads(db: Database, tenant: string, sessionId: string): Promise<number> {
  const rows = await db.asTenant(tenant).query(
    "DELETE FROM uploads WHERE tenant = $1 AND session_id = $2 AND status = 'deleted' RETURNING upload_id", [tenant, sessionId],
  );
  return rows.length;
}

export async function findUpload(db: Database, upload: UploadName): Promise<UploadRow | null> {
  const [row] = await db.asTenant(upload.tenant).query<UploadRow>(
    `SELECT ${columns} FROM uploads WHERE tenant = $1 AND session_id = $2 AND upload_id = $3`,
    [upload.tenant, upload.session_id, upload.upload_id],
  );
  return row ?? null;
}

/** What is there, newest first: not what is still being received, nor what was deleted. */
export async function listUploads(
  db: Database, { tenant, session_id: sessionId }: Omit<UploadName, 'upload_id'>, page: Page,
): Promise<PageOf<UploadRow>> {
  return keysetPage(db.asTenant(tenant), {
    columns, from: 'uploads', where: `tenant = $1 AND session_id = $2 AND ${listed}`, params: [tenant, sessionId], at: 'created_at',
    id: 'upload_id', page, read: (row: UploadRow) => row,
  });
}

/** Reservations whose time is over, and deleted uploads whose files may be there, of all tenants, the oldest first. */
export async function leftUploads(db: Database, limit: number): Promise<readonly UploadRow[]> {
  const [expired, deleted] = await Promise.all([
    db.asSystem().query<UploadRow>(
      `SELECT ${columns} FROM uploads WHERE status = 'receiving' AND expires_at <= now() ORDER BY expires_at LIMIT $1`, [limit],
    ),
    db.asSystem().query<UploadRow>(
      `SELECT ${columns} FROM uploads WHERE status = 'deleted' AND has_files AND ended_at < now() - $2::interval ORDER BY ended_at
       LIMIT $1`,
      [limit, deletedBefore],
    ),
  ]);
  return [...expired, ...deleted];
}

/** Whoever deletes one removes its files at once. */
const deletedBefore = '1 minute';

/** Their files are gone. A resumable one stays as deleted, so that whoever comes back is told; of other reservations nothing stays. */
export async function forgetFiles(db: Database, uploads: readonly UploadTry[]): Promise<void> {
  const params = [uploads.map(({ tenant }) => tenant), uploads.map(({ upload_id: id }) => id), uploads.map(({ object_id: id }) => id)];
  const these = 'unnest($1::text[], $2::uuid[], $3::uuid[]) AS e(tenant, upload_id, object_id)';
  const are = 'u.tenant = e.tenant AND u.upload_id = e.upload_id AND u.object_id = e.object_id';
  const expired = "u.status = 'receiving' AND u.expires_at <= now()";
  await db.asSystem().transaction(async (tx) => {
    await tx.query(
      `UPDATE uploads AS u SET status = 'deleted', reason = 'expired', ended_at = now(), writer = NULL, sealed_name = '', parts = '[]',
         has_files = false FROM ${these} WHERE ${are} AND ${expired} AND u.resumable`,
      params,
    );
    await tx.query(`DELETE FROM uploads AS u USING ${these} WHERE ${are} AND ${expired}`, params);
    await tx.query(`UPDATE uploads AS u SET has_files = false FROM ${these} WHERE ${are} AND u.status = 'deleted'`, params);
  });
}

/** What a session holds that is there: the figures that a person is told. */
export async function settledUse(
  db: Queries, { tenant, session_id: sessionId }: Pick<UploadName, 'tenant' | 'session_id'>,
): Promise<UploadUse> {
  const [row] = await db.query<Omit<UploadUse, 'active' | 'placeInMs'>>(
    `SELECT ${sums} FROM uploads WHERE tenant = $1 AND session_id = $2 AND status IN ('quarantined', 'clean')`, [tenant, sessionId],
  );
  return { ...nothing, ...row };
}

const nothing: UploadUse = { photos: 0, documents: 0, bytes: 0, active: 0, placeInMs: 0 };
const sums = `count(*) FILTER (WHERE kind = 'photo')::int AS photos, count(*) FILTER (WHERE kind = 'document')::int AS documents,
  coalesce(sum(coalesce(size_bytes, declared_bytes)), 0)::float8 AS bytes`;

/** What counts against this upload, itself left out. */
async function useOf(tx: Queries, upload: UploadName & { readonly owner: string }): Promise<UploadUse> {
  const [row] = await tx.query<UploadUse & Record<string, unknown>>(
    `SELECT * FROM (SELECT ${sums} FROM uploads WHERE tenant = $1 AND session_id = $2 AND upload_id <> $3 AND ${counted}) AS session,
       (SELECT count(*)::int AS active, coalesce(ceil(extract(epoch FROM min(active_until) - now()) * 1000), 0)::float8 AS "placeInMs"
        FROM uploads WHERE tenant = $1 AND owner = $4 AND upload_id <> $3 AND status = 'receiving' AND active_until > now()) AS person`,
    [upload.tenant, upload.session_id, upload.upload_id, upload.owner],
  );
  return row ?? nothing;
}

function lockPerson(tx: Queries, tenant: string, owner: string): Promise<unknown> {
  return tx.query('SELECT pg_advisory_xact_lock($1, hashtext($2))', [personLock, JSON.stringify([tenant, owner])]);
}

const isWriter = "tenant = $1 AND upload_id = $2 AND object_id = $3 AND writer = $4 AND status = 'receiving'";

function writerParams({ tenant, upload_id: uploadId, object_id: objectId, writer }: UploadWriter): readonly string[] {
  return [tenant, uploadId, objectId, writer];
}

function tryOf({ tenant, session_id, upload_id, object_id }: UploadRow): UploadTry {
  return { tenant, session_id, upload_id, object_id };
}

function returned(row: UploadRow | undefined): UploadRow {
  if (row === undefined) throw new Error('A written upload was not returned.');
  return row;
}
