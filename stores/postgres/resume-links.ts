/** Resume links: made, spent once, ended by the next one of their session. The secret itself is stored nowhere. */
import { createHash } from 'node:crypto';
import type { Database, Queries } from './database.ts';

export interface LinkHolder {
  readonly tenant: string;
  readonly session_id: string;
  readonly owner: string;
  /** The human that the owner is (personName). */
  readonly person: string;
}

/** What became of a link that counts no more; unknown: there was none, or it is forgotten. */
export type Spent = { readonly holder: LinkHolder } | { readonly refused: 'used' | 'expired' | 'unknown' };

/** Makes a link of the session, which ends the former; the same secret again is the same link. `db`: in the scope of its tenant, inside a transaction. */
export async function addResumeLink(tx: Queries, holder: LinkHolder, secret: string, ttlSeconds: number): Promise<Date> {
  const { tenant, session_id, owner, person } = holder;
  // two at once: the later one of them counts
  await tx.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`resume link of ${session_id}`]);
  await tx.query(
    `UPDATE resume_links SET replaced_at = now()
     WHERE tenant = $1 AND session_id = $2 AND secret_hash <> $3 AND used_at IS NULL AND replaced_at IS NULL`,
    [tenant, session_id, hashOf(secret)],
  );
  const [row] = await tx.query<{ expires_at: Date }>(
    `INSERT INTO resume_links (secret_hash, tenant, session_id, owner, person, expires_at)
     VALUES ($1, $2, $3, $4, $5, now() + make_interval(secs => $6))
     ON CONFLICT (secret_hash, tenant) DO UPDATE SET expires_at = resume_links.expires_at RETURNING expires_at`,
    [hashOf(secret), tenant, session_id, owner, person, ttlSeconds],
  );
  if (row === undefined) throw new Error('An inserted resume link was not returned.');
  return row.expires_at;
}

/** Of many at once one spends it. Whose it is is not known before. */
export async function spendResumeLink(db: Database, secret: string): Promise<Spent> {
  const scope = db.asSystem();
  const [holder] = await scope.query<LinkHolder & Record<string, unknown>>(
    `UPDATE resume_links SET used_at = now() WHERE secret_hash = $1 AND used_at IS NULL AND replaced_at IS NULL AND expires_at > now()
     RETURNING tenant, session_id, owner, person`,
    [hashOf(secret)],
  );
  if (holder !== undefined) return { holder };
  const [known] = await scope.query<{ used: boolean }>(
    'SELECT used_at IS NOT NULL AS used FROM resume_links WHERE secret_hash = $1', [hashOf(secret)],
  );
  return { refused: known === undefined ? 'unknown' : known.used ? 'used' : 'expired' };
}

/** Whoever comes with an old link is told why it does not count for so many days. A bounded number a time. */
export async function forgetResumeLinks(db: Database, keepDays: number, limit = 1_000): Promise<void> {
  await db.asSystem().query(
    `DELETE FROM resume_links WHERE secret_hash IN (
       SELECT secret_hash FROM resume_links WHERE expires_at < now() - make_interval(days => $1) ORDER BY expires_at LIMIT $2)`,
    [keepDays, limit],
  );
}

function hashOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
