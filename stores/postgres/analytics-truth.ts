/** What ClickHouse is made of, in pages over all tenants, in the order of ids; and what of it is too old to be kept. */
import type { SessionView } from '../../domain/message.ts';
import type { Database } from './database.ts';
import { importedColumns, type ImportedSession } from './imported-events.ts';

export interface ArchivedCopy {
  readonly tenant: string;
  readonly session_id: string;
  readonly view: SessionView;
  /** Sealed. */
  readonly snapshot: Buffer;
}

export async function archivedPage(db: Database, after: string, limit: number): Promise<readonly ArchivedCopy[]> {
  return db.asSystem().query<ArchivedCopy & Record<string, unknown>>(
    `SELECT tenant, session_id, view, snapshot FROM sessions
     WHERE session_id > $1 AND snapshot IS NOT NULL AND view IS NOT NULL ORDER BY session_id LIMIT $2`, [after, limit],
  );
}

export interface KnownVersion { readonly tenant: string; readonly session_id: string; readonly version: number }

/** Revisions of the same. */
export async function archivedVersions(db: Database, after: string, limit: number): Promise<readonly KnownVersion[]> {
  return db.asSystem().query<KnownVersion & Record<string, unknown>>(
    `SELECT tenant, session_id, revision::float8 AS version FROM sessions
     WHERE session_id > $1 AND snapshot IS NOT NULL AND view IS NOT NULL ORDER BY session_id LIMIT $2`, [after, limit],
  );
}

/** These of them. */
export async function archivedCopies(db: Database, sessionIds: readonly string[]): Promise<readonly ArchivedCopy[]> {
  return db.asSystem().query<ArchivedCopy & Record<string, unknown>>(
    `SELECT tenant, session_id, view, snapshot FROM sessions
     WHERE session_id = ANY($1::uuid[]) AND snapshot IS NOT NULL AND view IS NOT NULL`,
    [sessionIds],
  );
}

export type ImportedOf = ImportedSession & { readonly tenant: string };

export async function importedPage(
  db: Database, after: { readonly tenant: string; readonly session_id: string }, limit: number,
): Promise<readonly ImportedOf[]> {
  return db.asSystem().query<ImportedOf & Record<string, unknown>>(
    `SELECT tenant, ${importedColumns} FROM imported_sessions WHERE (tenant, session_id) > ($1, $2::uuid)
     ORDER BY tenant, session_id LIMIT $3`, [after.tenant, after.session_id, limit],
  );
}

/** A bounded number of rows that were stored before this, epoch seconds. Names and times of imported events stay: a repeat is known by them. */
export async function forgetOldEvents(db: Database, storedBefore: number, limit: number): Promise<number> {
  const [row] = await db.asSystem().query<{ n: number }>(
    `WITH gone AS (
       DELETE FROM session_events WHERE ctid = ANY(ARRAY(
         SELECT ctid FROM session_events WHERE stored_at < to_timestamp($1) ORDER BY stored_at LIMIT $2)) RETURNING 1),
     emptied AS (
       UPDATE imported_events SET properties = NULL WHERE ctid = ANY(ARRAY(
         SELECT ctid FROM imported_events WHERE properties IS NOT NULL AND stored_at < to_timestamp($1) ORDER BY stored_at LIMIT $2))
       RETURNING 1)
     SELECT ((SELECT count(*) FROM gone) + (SELECT count(*) FROM emptied))::int AS n`, [storedBefore, limit],
  );
  return row?.n ?? 0;
}
