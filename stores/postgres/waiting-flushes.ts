/** Flushes that ClickHouse has not taken yet: noted when one fails or lasts long, forgotten when it is done. */
import type { Database, Queries } from './database.ts';

export interface WaitingFlush {
  readonly session_id: string;
  readonly tenant: string;
  readonly revision: number;
  /** When the first thing happened that ClickHouse does not have, epoch milliseconds. */
  readonly since: number;
}

/** Tried again within 30 s for as long as its workflow runs and a worker is there. */
const triedWithinMinutes = 15;
const forgottenAfterDays = 1;

/** Repeating it does no harm. In the scope of the system. */
export async function noteWaiting(db: Queries, flushes: readonly WaitingFlush[]): Promise<void> {
  await db.query(
    `INSERT INTO waiting_flushes AS known (session_id, tenant, revision, since, tried_at)
     SELECT session_id, tenant, revision, to_timestamp(since / 1000.0), now()
     FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::float8[]) AS flush (session_id, tenant, revision, since)
     ON CONFLICT (session_id) DO UPDATE SET revision = greatest(known.revision, excluded.revision),
       since = least(known.since, excluded.since), tried_at = excluded.tried_at`,
    [
      flushes.map(({ session_id }) => session_id), flushes.map(({ tenant }) => tenant), flushes.map(({ revision }) => revision),
      flushes.map(({ since }) => since),
    ],
  );
}

/** What is done up to a revision waits no more; nor does what nobody has tried for a day. */
export async function forgetWaiting(db: Queries, done: readonly Pick<WaitingFlush, 'session_id' | 'revision'>[]): Promise<void> {
  await db.query(
    `DELETE FROM waiting_flushes AS waiting USING unnest($1::uuid[], $2::bigint[]) AS done (session_id, revision)
     WHERE waiting.session_id = done.session_id AND waiting.revision <= done.revision`,
    [done.map(({ session_id }) => session_id), done.map(({ revision }) => revision)],
  );
  await db.query('DELETE FROM waiting_flushes WHERE tried_at < now() - make_interval(days => $1)', [forgottenAfterDays]);
}

/** Since when something of the tenant is missing, epoch milliseconds; null: nothing waits. `workersSeenAt`: nobody tries without them. */
export async function oldestWaiting(db: Database, tenant: string, workersSeenAt: number): Promise<number | null> {
  const [row] = await db.asTenant(tenant).query<{ since: number | null }>(
    `SELECT (extract(epoch FROM min(since)) * 1000)::float8 AS since FROM waiting_flushes
     WHERE tenant = $1 AND tried_at > to_timestamp($2 / 1000.0) - make_interval(mins => $3)`,
    [tenant, workersSeenAt, triedWithinMinutes],
  );
  return row?.since == null ? null : Math.floor(row.since);
}
