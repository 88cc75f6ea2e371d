/** The audit log: added to, listed, never changed. An act that changes something is begun here before it happens. */
import type { Role } from '../../domain/message.ts';
import type { Database } from './database.ts';
import { keysetPage, type Page, type PageOf } from './keyset-page.ts';

export const auditResults = ['allowed', 'refused', 'failed'] as const;
export type AuditResult = (typeof auditResults)[number];

/** Who did what to what. Never answer text, a token or a key. */
export interface AuditEntry {
  readonly id: string;
  /** The tenant acted in. */
  readonly tenant: string;
  readonly actor: string;
  /** Who stands behind the credential that acted (personName); null: nobody is known. */
  readonly person: string | null;
  readonly roles: readonly Role[];
  /** noun.verb, for example api_key.create */
  readonly action: string;
  /** kind:id, or null. */
  readonly target: string | null;
  readonly reason: string | null;
  readonly result: AuditResult;
  /** HTTP status of the answer; null: it never came to one. */
  readonly status: number | null;
  readonly correlation_id: string;
  readonly details: Readonly<Record<string, string | number | boolean | null>>;
}

const columns = 'id, tenant, actor, person, roles, action, target, reason, result, status, correlation_id, details';
const record = `(id uuid, tenant text, actor text, person text, roles text[], action text, target text, reason text, result text,
  status integer, correlation_id text, details jsonb)`;

/** Adds the entry of an act and takes it off those under way, in one statement. The same id a second time adds nothing. */
export async function addAudit(db: Database, entry: AuditEntry): Promise<void> {
  await db.asTenant(entry.tenant).query(
    `WITH settled AS (DELETE FROM audit_begun WHERE id = $1)
     INSERT INTO audit (${columns}) SELECT ${columns} FROM jsonb_to_record($2) AS e${record} ON CONFLICT (id) DO NOTHING`,
    [entry.id, JSON.stringify(entry)],
  );
}

/** Written before the act: what is begun ends in the log, whatever happens to this process. The same id again is what it is by now. */
export async function beginAudit(db: Database, entry: AuditEntry): Promise<void> {
  await db.asTenant(entry.tenant).query(
    'INSERT INTO audit_begun (id, tenant, entry) VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET entry = excluded.entry',
    [entry.id, entry.tenant, JSON.stringify(entry)],
  );
}

/** It turned out to be nothing for the log: somebody's act on what is their own, or a repeat. */
export async function dropAudit(db: Database, entry: AuditEntry): Promise<void> {
  await db.asTenant(entry.tenant).query('DELETE FROM audit_begun WHERE id = $1', [entry.id]);
}

/**
 * What was begun and cut off, longer ago than any request lasts: into the log as it was begun, which of an act is failed, without a
 * status, since nobody can say whether it took effect. A bounded number at once. Returns how many.
 */
export async function settleCutOffAudits(db: Database, olderThanSeconds: number): Promise<number> {
  const rows = await db.asSystem().query(
    `WITH cut_off AS (
       DELETE FROM audit_begun WHERE id = ANY (ARRAY(
         SELECT id FROM audit_begun WHERE begun_at < now() - make_interval(secs => $1) ORDER BY begun_at LIMIT 1000 FOR UPDATE SKIP LOCKED))
       RETURNING begun_at, entry)
     INSERT INTO audit (${columns}, at) SELECT e.*, begun_at FROM cut_off, jsonb_to_record(entry) AS e${record}
     ON CONFLICT (id) DO NOTHING RETURNING 1`,
    [olderThanSeconds],
  );
  return rows.length;
}

export interface AuditRow extends AuditEntry { readonly at: Date }

export interface AuditFilter {
  readonly tenant: string;
  readonly actor: string | null;
  readonly person: string | null;
  readonly action: string | null;
  readonly target: string | null;
  readonly result: AuditResult | null;
  readonly since: string | null;
  readonly until: string | null;
}

/** Newest first. `since` is part of it, `until` is not. */
export async function listAudit(db: Database, filter: AuditFilter, page: Page): Promise<PageOf<AuditRow>> {
  const params: unknown[] = [filter.tenant];
  const conditions = ['tenant = $1'];
  for (const column of ['actor', 'person', 'action', 'target', 'result'] as const) {
    if (filter[column] !== null) conditions.push(`${column} = $${params.push(filter[column])}`);
  }
  if (filter.since !== null) conditions.push(`at >= $${params.push(filter.since)}::timestamptz`);
  if (filter.until !== null) conditions.push(`at < $${params.push(filter.until)}::timestamptz`);
  return keysetPage(db.asTenant(filter.tenant), {
    columns: `${columns}, at`, from: 'audit', where: conditions.join(' AND '), params, at: 'at', id: 'id', page,
    read: (row: AuditRow) => row,
  });
}
