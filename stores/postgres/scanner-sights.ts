/** What workers have seen of the virus scanner of uploads. */
import type { Database, Queries } from './database.ts';

/** After this a row of a worker that has gone is removed, hours. */
const keptHours = 24;

/** What a worker has found. null: the scanner did not answer, and what was known before stands. */
export async function noteSight(db: Database, worker: string, sees: boolean | null): Promise<void> {
  if (sees === null) {
    await db.query('UPDATE scanner_sights SET at = now() WHERE worker = $1', [worker]);
    return;
  }
  await db.query(
    `WITH gone AS (DELETE FROM scanner_sights WHERE at < now() - make_interval(hours => ${keptHours}) AND worker <> $1)
     INSERT INTO scanner_sights (worker, sees) VALUES ($1, $2)
     ON CONFLICT (worker) DO UPDATE SET sees = $2, at = now(),
       since = CASE WHEN scanner_sights.sees = $2 THEN scanner_sights.since ELSE now() END`,
    [worker, sees],
  );
}

export interface ScannerSights {
  /** Workers whose scanner is blind, and whose scanner sees. */
  readonly blind: number;
  readonly seeing: number;
  /** Epoch ms; null: none is. */
  readonly blind_since: number | null;
}

/** Of the workers that have looked within that time. */
export async function recentSights(tx: Queries, withinMs: number): Promise<ScannerSights> {
  const [row] = await tx.query<ScannerSights>(
    `SELECT count(*) FILTER (WHERE NOT sees)::int AS blind, count(*) FILTER (WHERE sees)::int AS seeing,
       floor(extract(epoch FROM min(since) FILTER (WHERE NOT sees)) * 1000)::float8 AS blind_since
     FROM scanner_sights WHERE at > now() - make_interval(secs => $1)`,
    [withinMs / 1_000],
  );
  return row ?? { blind: 0, seeing: 0, blind_since: null };
}
