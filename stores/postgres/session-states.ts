/** How many sessions of a tenant are in each state, at this moment. */
import type { SessionStateName } from '../../domain/lifecycle.ts';
import type { Database } from './database.ts';

export type StateCounts = Readonly<Partial<Record<SessionStateName, number>>>;

interface Counted extends Record<string, unknown> { readonly state: SessionStateName; readonly count: number }

/** Open ones all, whenever they began; of the ended ones those that ended since then. Throws StoreUnavailableError. */
export async function sessionStatesNow(db: Database, tenant: string, endedSince: Date): Promise<StateCounts> {
  const scope = db.asTenant(tenant);
  const [open, ended] = await Promise.all([
    scope.query<Counted>(
      'SELECT state, count(*)::int AS count FROM sessions WHERE tenant = $1 AND ended_at IS NULL AND confirmed GROUP BY state', [tenant],
    ),
    scope.query<Counted>(
      'SELECT state, count(*)::int AS count FROM sessions WHERE tenant = $1 AND ended_at >= $2 GROUP BY state', [tenant, endedSince],
    ),
  ]);
  return Object.fromEntries([...open, ...ended].map(({ state, count }) => [state, count]));
}
