/** First answers to keyed POSTs: begun before the work, finished with the answer, released when the work failed. */
import type { Database } from './database.ts';

export interface IdempotencyKey { readonly tenant: string; readonly subject: string; readonly path: string; readonly key: string }
export interface StoredAnswer { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: string }

export type Beginning =
  | { readonly kind: 'begun' }
  | { readonly kind: 'running' }
  | { readonly kind: 'other_body' }
  | { readonly kind: 'done'; readonly answer: StoredAnswer };

interface KeyRow { body_hash: string; status: number | null; headers: Record<string, string> | null; body: string | null; mine: boolean }

/**
 * One statement decides: a new key, a key whose lease ran out (its process died) or whose day is over is taken; else what
 * is known is returned.
 */
export async function beginKeyed(
  db: Database, key: IdempotencyKey, bodyHash: string, token: string, times: { readonly leaseSeconds: number; readonly keepHours: number },
): Promise<Beginning> {
  const params = [key.tenant, key.subject, key.path, key.key, bodyHash, token, times.leaseSeconds, times.keepHours];
  const [row] = await db.asTenant(key.tenant).query<KeyRow>(
    `WITH taken AS (
       INSERT INTO idempotency_keys AS k (tenant, subject, path, key, body_hash, token, locked_until)
       VALUES ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7))
       ON CONFLICT (tenant, subject, path, key) DO UPDATE
         SET token = excluded.token, locked_until = excluded.locked_until, body_hash = excluded.body_hash, created_at = now(),
             status = NULL, headers = NULL, body = NULL
         WHERE k.created_at < now() - make_interval(hours => $8)
            OR (k.status IS NULL AND k.locked_until < now() AND k.body_hash = excluded.body_hash)
       RETURNING body_hash, status, headers, body)
     SELECT *, true AS mine FROM taken
     UNION ALL
     SELECT body_hash, status, headers, body, false FROM idempotency_keys
     WHERE tenant = $1 AND subject = $2 AND path = $3 AND key = $4 AND NOT EXISTS (SELECT FROM taken)`,
    params,
  );
  if (row === undefined) return { kind: 'running' };
  if (row.mine) return { kind: 'begun' };
  if (row.body_hash !== bodyHash) return { kind: 'other_body' };
  if (row.status === null) return { kind: 'running' };
  return { kind: 'done', answer: { status: row.status, headers: row.headers ?? {}, body: row.body ?? '' } };
}

export async function finishKeyed(db: Database, key: IdempotencyKey, token: string, answer: StoredAnswer): Promise<void> {
  await db.asTenant(key.tenant).query(
    `UPDATE idempotency_keys SET status = $6, headers = $7, body = $8, locked_until = NULL
     WHERE tenant = $1 AND subject = $2 AND path = $3 AND key = $4 AND token = $5`,
    [key.tenant, key.subject, key.path, key.key, token, answer.status, JSON.stringify(answer.headers), answer.body],
  );
}

/** The work failed for a reason of ours: the next try under this key runs anew. */
export async function releaseKeyed(db: Database, key: IdempotencyKey, token: string): Promise<void> {
  await db.asTenant(key.tenant).query(
    `UPDATE idempotency_keys SET locked_until = now() - interval '1 second'
     WHERE tenant = $1 AND subject = $2 AND path = $3 AND key = $4 AND token = $5 AND status IS NULL`,
    [key.tenant, key.subject, key.path, key.key, token],
  );
}

/** Forgets keys past their time, of all tenants, a bounded number at once. Returns how many. */
export async function forgetKeys(db: Database, keepHours: number): Promise<number> {
  const rows = await db.asSystem().query(
    `DELETE FROM idempotency_keys WHERE ctid = ANY (ARRAY(
       SELECT ctid FROM idempotency_keys WHERE created_at < now() - make_interval(hours => $1) ORDER BY created_at LIMIT 5000))
         RETURNING 1`,
    [keepHours],
  );
  return rows.length;
}
