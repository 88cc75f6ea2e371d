/** API keys: made, looked up by id, rotated and revoked. Only hashes of secrets are stored. */
import type { Role } from '../../domain/message.ts';
import { rolesOfKey, type KeyMaker } from '../../domain/person.ts';
import type { Database, Queries } from './database.ts';
import { keysetPage, type Page, type PageOf } from './keyset-page.ts';

export interface ApiKeyRow {
  readonly key_id: string;
  readonly name: string;
  readonly roles: readonly Role[];
  /** The credential it was made with. */
  readonly created_by: string;
  /** Whom it acts for (personName); null: nobody knows, and then it counts for nothing. */
  readonly person: string | null;
  readonly created_at: Date;
  readonly expires_at: Date | null;
  /** At most 5 minutes behind. */
  readonly last_used_at: Date | null;
  readonly revoked_at: Date | null;
}

/** An API key acts under this and its id; nobody with a token may. */
export const keySubject = 'key:';

export function subjectOfKey(subject: string): boolean {
  return subject.startsWith(keySubject);
}

const columns = 'key_id, name, roles, created_by, person, created_at, expires_at, last_used_at, revoked_at';

export interface NewApiKey {
  readonly key_id: string;
  readonly tenant: string;
  readonly name: string;
  readonly roles: readonly Role[];
  /** SHA-256, 32 bytes. */
  readonly secret_hash: Uint8Array;
  readonly created_by: string;
  readonly person: string;
  readonly expires_at: string | null;
}

export async function insertApiKey(db: Database, key: NewApiKey): Promise<ApiKeyRow> {
  const [row] = await db.asTenant(key.tenant).query<ApiKeyRow>(
    `INSERT INTO api_keys (key_id, tenant, name, roles, secret_hash, created_by, person, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING ${columns}`,
    [key.key_id, key.tenant, key.name, key.roles, key.secret_hash, key.created_by, key.person, key.expires_at],
  );
  if (row === undefined) throw new Error('An inserted API key was not returned.');
  return row;
}

/** What decides over a presented key. Times are decided by the database's clock, the same for every process. */
export interface KeyForCheck {
  readonly tenant: string;
  /** That it has now (rolesOfKey). */
  readonly roles: readonly Role[];
  readonly person: string | null;
  readonly secret_hash: Uint8Array;
  readonly previous_hash: Uint8Array | null;
  readonly previous_counts: boolean;
  readonly expires_at: Date | null;
  readonly expired: boolean;
  readonly revoked: boolean;
  readonly use_is_noted: boolean;
}

/** Longest that last_used_at is behind: a write a request would cost more than it tells. */
const noteUseEvery = "interval '5 minutes'";

/** The key of an id, in whichever tenant it is: the caller's tenant is only known through it. */
export async function findApiKey(db: Database, keyId: string): Promise<KeyForCheck | null> {
  const [row] = await db.asSystem().query<KeyForCheck & Maker>(
    `SELECT k.tenant, k.roles, k.person, secret_hash, previous_hash, coalesce(previous_until > now(), false) AS previous_counts, expires_at,
            coalesce(expires_at <= now(), false) AS expired, revoked_at IS NOT NULL AS revoked,
            coalesce(last_used_at > now() - ${noteUseEvery}, false) AS use_is_noted, ${makerColumns}
     FROM api_keys AS k ${joinMaker} WHERE key_id = $1`,
    [keyId],
  );
  return row === undefined ? null : { ...row, roles: rolesOfKey(row.roles, row.tenant, makerOf(row)) };
}

/** Whoever is behind a key, as far as the scope lets see: one of another tenant is seen in the system's only. */
interface Maker { readonly maker_tenant: string | null; readonly maker_roles: readonly Role[] | null }
const makerColumns = 'maker.tenant AS maker_tenant, maker.roles AS maker_roles';
const joinMaker = 'LEFT JOIN people AS maker ON maker.person = k.person';

function makerOf({ maker_tenant: tenant, maker_roles: known }: Maker): KeyMaker {
  return { tenant: tenant ?? '', roles: known };
}

/** Of many uses at once one is written. */
export async function noteUse(db: Database, tenant: string, keyId: string): Promise<void> {
  await db.asTenant(tenant).query(
    `UPDATE api_keys SET last_used_at = now() WHERE key_id = $1 AND (last_used_at IS NULL OR last_used_at <= now() - ${noteUseEvery})`,
    [keyId],
  );
}

/** Newest first, revoked and expired ones included. */
export async function listApiKeys(db: Database, tenant: string, page: Page): Promise<PageOf<ApiKeyRow>> {
  return keysetPage(db.asTenant(tenant), {
    columns, from: 'api_keys', where: 'tenant = $1', params: [tenant], at: 'created_at', id: 'key_id', page, read: (row: ApiKeyRow) => row,
  });
}

/** A new secret for the same key. The one before it counts for `overlapSeconds` more. Null: there is no such key that could be rotated. */
export async function rotateApiKey(
  db: Database, tenant: string, keyId: string, secretHash: Uint8Array, overlapSeconds: number,
): Promise<ApiKeyRow | null> {
  const [row] = await db.asTenant(tenant).query<ApiKeyRow>(
    `UPDATE api_keys SET secret_hash = $3, previous_hash = CASE WHEN $4 > 0 THEN secret_hash END,
       previous_until = CASE WHEN $4 > 0 THEN now() + make_interval(secs => $4) END
     WHERE tenant = $1 AND key_id = $2 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now()) RETURNING ${columns}`,
    [tenant, keyId, secretHash, overlapSeconds],
  );
  return row ?? null;
}

/** Revoked for ever; a second time changes nothing. Null: there is no such key. */
export async function revokeApiKey(db: Database, tenant: string, keyId: string): Promise<ApiKeyRow | null> {
  const [row] = await db.asTenant(tenant).query<ApiKeyRow>(
    `UPDATE api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE tenant = $1 AND key_id = $2 RETURNING ${columns}`, [tenant, keyId],
  );
  return row ?? null;
}

/** One key, for its admins. */
export async function readApiKey(db: Database, tenant: string, keyId: string): Promise<ApiKeyRow | null> {
  const [row] = await db.asTenant(tenant).query<ApiKeyRow>(
    `SELECT ${columns} FROM api_keys WHERE tenant = $1 AND key_id = $2`, [tenant, keyId],
  );
  return row ?? null;
}

export interface SubjectKey {
  readonly subject: string;
  readonly person: string | null;
  /** That it has now; none of a key that was revoked, has expired or is nobody's. */
  readonly roles: readonly Role[];
}

/** Those of some subjects that are keys. None of them is revoked before the transaction ends. */
export async function keysOf(tx: Queries, tenant: string, subjects: readonly string[]): Promise<SubjectKey[]> {
  const ids = subjects.filter(subjectOfKey).map((subject) => subject.slice(keySubject.length));
  if (ids.length === 0) return [];
  const rows = await tx.query<SubjectKey & Maker & { counts: boolean }>(
    `SELECT $3 || key_id::text AS subject, k.person, k.roles, ${makerColumns},
            k.person IS NOT NULL AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp()) AS counts
     FROM api_keys AS k ${joinMaker} WHERE k.tenant = $1 AND key_id = ANY($2::uuid[]) FOR SHARE OF k`,
    [tenant, ids, keySubject],
  );
  return rows.map((row) => ({
    subject: row.subject, person: row.person, roles: row.counts ? rolesOfKey(row.roles, tenant, makerOf(row)) : [],
  }));
}
