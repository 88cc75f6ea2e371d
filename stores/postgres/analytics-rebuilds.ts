/** Rebuilds of ClickHouse: asked for by an operator, done by a worker, one at a time. */
import type { Database } from './database.ts';

export const rebuildStates = ['waiting', 'running', 'done', 'failed'] as const;
export interface RebuildStatus { readonly state: (typeof rebuildStates)[number]; readonly progress: string }
export interface TakenRebuild { readonly id: string; readonly worker: string; readonly accepts_fewer: boolean }

/** Returns the id to follow: of this one, or of one that waits or is under way. */
export async function requestRebuild(db: Database, id: string, acceptsFewer: boolean): Promise<string> {
  await db.query('INSERT INTO analytics_rebuilds (id, accepts_fewer) VALUES ($1, $2) ON CONFLICT DO NOTHING', [id, acceptsFewer]);
  const [row] = await db.query<{ id: string }>(
    "SELECT id FROM analytics_rebuilds WHERE state IN ('waiting', 'running') OR id = $1 ORDER BY id = $1 DESC LIMIT 1", [id],
  );
  return row?.id ?? id;
}

export async function rebuildStatus(db: Database, id: string): Promise<RebuildStatus | null> {
  const [row] = await db.query<RebuildStatus & Record<string, unknown>>(
    'SELECT state, progress FROM analytics_rebuilds WHERE id = $1', [id],
  );
  return row ?? null;
}

/** One that waits, or whose worker is gone. null: there is none. */
export async function takeRebuild(db: Database, worker: string, leaseSeconds: number): Promise<TakenRebuild | null> {
  const [row] = await db.query<TakenRebuild & Record<string, unknown>>(
    `UPDATE analytics_rebuilds SET state = 'running', worker = $1, leased_until = now() + make_interval(secs => $2), progress = 'begins'
     WHERE state = 'waiting' OR (state = 'running' AND leased_until < now()) RETURNING id, worker, accepts_fewer`, [worker, leaseSeconds],
  );
  return row ?? null;
}

/** Renews the lease. False: another worker has taken it. `progress` null: as it was. */
export async function renewRebuild(
  db: Database, { id, worker }: TakenRebuild, leaseSeconds: number, progress: string | null,
): Promise<boolean> {
  const rows = await db.query(
    `UPDATE analytics_rebuilds SET leased_until = now() + make_interval(secs => $3), progress = coalesce($4, progress)
     WHERE id = $1 AND worker = $2 AND state = 'running' RETURNING id`, [id, worker, leaseSeconds, progress],
  );
  return rows.length > 0;
}

export async function endRebuild(db: Database, { id, worker }: TakenRebuild, state: 'done' | 'failed', progress: string): Promise<void> {
  await db.query(
    "UPDATE analytics_rebuilds SET state = $3, progress = $4 WHERE id = $1 AND worker = $2 AND state = 'running'",
    [id, worker, state, progress],
  );
}

/** Its worker stops: the next one begins again. */
export async function releaseRebuild(db: Database, { id, worker }: TakenRebuild): Promise<void> {
  await db.query("UPDATE analytics_rebuilds SET state = 'waiting' WHERE id = $1 AND worker = $2 AND state = 'running'", [id, worker]);
}

/** Nobody took it. False: somebody did. */
export async function withdrawRebuild(db: Database, id: string): Promise<boolean> {
  return (await db.query("DELETE FROM analytics_rebuilds WHERE id = $1 AND state = 'waiting' RETURNING id", [id])).length > 0;
}
