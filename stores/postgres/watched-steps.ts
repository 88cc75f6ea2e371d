/** Steps of flows that are watched for a drop, from one round to the next. In the scope of the system. */
import type { StandingDrop, WatchedStep } from '../../domain/conversion-watch.ts';
import type { Queries } from './database.ts';

const watching = 7_461_065;

/** Whether the caller watches until its transaction ends; false: somebody else does. */
export async function takeWatching(tx: Queries): Promise<boolean> {
  const [row] = await tx.query<{ taken: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS taken', [watching]);
  return row?.taken === true;
}

export function watchedSteps(tx: Queries): Promise<WatchedStep[]> {
  return tx.query<WatchedStep & Record<string, unknown>>(
    'SELECT tenant, key, low_rounds, fine_rounds, round::float8 AS round FROM watched_steps',
  );
}

export function standingDrops(tx: Queries): Promise<StandingDrop[]> {
  return tx.query<StandingDrop & Record<string, unknown>>(
    "SELECT tenant, key, facts FROM alerts WHERE kind = 'conversion_drop' AND resolved_at IS NULL",
  );
}

/** In the place of all that were there. */
export async function keepWatchedSteps(tx: Queries, steps: readonly WatchedStep[]): Promise<void> {
  await tx.query('DELETE FROM watched_steps');
  await tx.query(
    `INSERT INTO watched_steps (tenant, key, low_rounds, fine_rounds, round)
     SELECT * FROM unnest($1::text[], $2::text[], $3::int[], $4::int[], $5::bigint[])`,
    [
      steps.map(({ tenant }) => tenant), steps.map(({ key }) => key), steps.map(({ low_rounds }) => low_rounds),
      steps.map(({ fine_rounds }) => fine_rounds), steps.map(({ round }) => round),
    ],
  );
}
