/** How long events are kept. Rows of sessions stay for good, with their histories: only what needs single events ends with them. */
import type { ClickHouse } from '../../stores/clickhouse/client.ts';
import { forgetOldEvents } from '../../stores/postgres/analytics-truth.ts';
import type { Database } from '../../stores/postgres/database.ts';
import { tables } from '../rows.ts';

const atOnce = 10_000;

/** In both stores, by when they were stored. Returns how many rows PostgreSQL has forgotten. `now`: epoch ms. */
export async function keepEventsFor(
  { db, clickhouse }: { readonly db: Database; readonly clickhouse: ClickHouse }, days: number, now: number,
): Promise<number> {
  await setRetention(clickhouse, days);
  let forgotten = 0;
  for (;;) {
    const rows = await forgetOldEvents(db, Math.floor(now / 1_000) - days * 86_400, atOnce);
    forgotten += rows;
    if (rows < atOnce) return forgotten;
  }
}

/** Of ClickHouse, which forgets by itself. Whole parts go, when all in them is old. */
export async function setRetention(clickhouse: ClickHouse, days: number): Promise<void> {
  if (!(Number.isInteger(days) && days > 0)) throw new RangeError(`days: ${days}`);
  const [table] = await clickhouse.query<{ engine_full: string }>({
    sql: 'SELECT engine_full FROM system.tables WHERE database = currentDatabase() AND name = {name:String}',
    params: { name: tables.events },
  });
  if (table === undefined || table.engine_full.includes(`toIntervalDay(${days})`)) return;
  await clickhouse.command(`ALTER TABLE ${tables.events} MODIFY TTL stored_at + INTERVAL ${days} DAY`);
}
