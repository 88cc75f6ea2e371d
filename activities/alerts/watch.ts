/** Looks for steps of flows that fewer people make than before, and keeps which alerts of them begin and end. raise.ts tells them. */
import type { Logger } from 'pino';
import { judgedSteps } from '../../analytics/reports/drops.ts';
import { watchChanges } from '../../domain/conversion-watch.ts';
import type { ClickHouse } from '../../stores/clickhouse/client.ts';
import type { DataThrough } from '../../stores/data-through.ts';
import { beginAlerts, endAlerts } from '../../stores/postgres/alerts.ts';
import type { Database } from '../../stores/postgres/database.ts';
import { keepWatchedSteps, standingDrops, takeWatching, watchedSteps } from '../../stores/postgres/watched-steps.ts';

export interface WatchOptions {
  readonly db: Database;
  readonly clickhouse: ClickHouse;
  readonly dataThrough: Pick<DataThrough, 'of'>;
  /** Names of the channels that are to hear of it. */
  readonly channels: readonly string[];
  readonly log: Logger;
  /** Epoch milliseconds. */
  readonly now: number;
}

export interface Watched { readonly judged: number; readonly begun: number; readonly over: number }

const roundMs = 3_600_000;

/** Looking twice within an hour is one round. Throws StoreUnavailableError. */
export async function watchSteps({ db, clickhouse, dataThrough, channels, log, now }: WatchOptions): Promise<Watched> {
  const judged = await judgedSteps(clickhouse, now, (tenant) => dataThrough.of(tenant, now));
  return db.asSystem().transaction(async (tx) => {
    if (!await takeWatching(tx)) return { judged: 0, begun: 0, over: 0 };
    const changes = watchChanges(judged, await watchedSteps(tx), await standingDrops(tx), Math.floor(now / roundMs));
    await keepWatchedSteps(tx, changes.watched);
    const begun = await beginAlerts(tx, changes.begun, channels);
    const over = await endAlerts(tx, changes.over);
    for (const { tenant, kind, facts } of changes.begun) log.warn({ tenant, alert: kind, facts }, 'an alert begins');
    return { judged: judged.length, begun, over };
  });
}
