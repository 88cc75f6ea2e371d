/** Limits are configuration: that they have changed is seen when a process starts with others than the one before it. */
import type { Queries } from './database.ts';

/** Name of a policy → its quota as text. */
export type Quotas = Readonly<Record<string, string>>;

/** Two processes that start at once may note the same: `limitChanges` passes over it. */
export async function noteQuotas(db: Queries, quotas: Quotas): Promise<void> {
  await db.query(
    `INSERT INTO limits_in_force (quotas) SELECT $1::jsonb
     WHERE (SELECT quotas FROM limits_in_force ORDER BY id DESC LIMIT 1) IS DISTINCT FROM $1::jsonb`,
    [JSON.stringify(quotas)],
  );
}

export interface LimitChange { readonly at: Date; readonly before: Quotas; readonly after: Quotas }

/** Of [startMs, endMs), the newest first. The first limits that were ever noted are no change. */
export function limitChanges(db: Queries, startMs: number, endMs: number, max: number): Promise<LimitChange[]> {
  return db.query<LimitChange>(
    `SELECT at, before, quotas AS after
     FROM (SELECT id, at, quotas, lag(quotas) OVER (ORDER BY id) AS before FROM limits_in_force) AS noted
     WHERE before <> quotas AND at >= to_timestamp($1 / 1000.0) AND at < to_timestamp($2 / 1000.0)
     ORDER BY id DESC LIMIT $3`,
    [startMs, endMs, max],
  );
}
