/**
 * Erased sessions in ClickHouse: their rows and events are written anew from what is left of them, and the months they lie in are merged,
 * since until then the old ones stay on disk. Counts stay what they were.
 */
import { insertByMonth } from '../analytics/intake/inserting.ts';
import { publishImports } from '../analytics/intake/publishing.ts';
import { tables } from '../analytics/rows.ts';
import { archivedCopies } from '../stores/postgres/analytics-truth.ts';
import { erasuresToDo, noteErasuresDone } from '../stores/postgres/erasures.ts';
import { ownRows, type RebuildStores } from './rebuild-analytics.ts';

const atOnce = 100;

/** Returns how many sessions were done; those of which something old is still on disk come again. `keptFrom`: epoch seconds. */
export async function settleErasures(stores: RebuildStores, keptFrom: number): Promise<number> {
  const { db, clickhouse } = stores;
  const due = await erasuresToDo(db, atOnce);
  if (due.length === 0) return 0;
  const ids = due.map((each) => each.session_id);
  const made = await ownRows(stores, await archivedCopies(db, ids), keptFrom);
  await insertByMonth(clickhouse, tables.events, made.events, (row) => row.session_started_at);
  await insertByMonth(clickhouse, tables.sessions, made.sessions, (row) => row.started_at);
  for (const tenant of new Set(due.map((each) => each.tenant))) await publishImports(stores, tenant);
  for (const [name, start] of [[tables.sessions, 'started_at'], [tables.events, 'session_started_at']] as const) {
    const months = await clickhouse.query<{ month: number }>({
      sql: `SELECT DISTINCT toYYYYMM(${start}) AS month FROM ${name} WHERE session_id IN {ids:Array(UUID)} ORDER BY month`, params: { ids },
    }, { maxSeconds: 60 });
    for (const { month } of months) await clickhouse.command(`OPTIMIZE TABLE ${name} PARTITION ${Math.trunc(month)} FINAL`);
  }
  const left = await stillThere(stores, ids);
  const done = due.filter((each) => !left.has(each.session_id));
  await noteErasuresDone(db, done);
  return done.length;
}

/** Sessions of which more than the newest is on disk. Without FINAL, which would hide it. */
async function stillThere({ clickhouse }: RebuildStores, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await clickhouse.query<{ id: string }>({
    sql: `SELECT toString(session_id) AS id FROM ${tables.sessions} WHERE session_id IN {ids:Array(UUID)}
      GROUP BY tenant, session_id, toStartOfHour(started_at) HAVING count() > 1
      UNION DISTINCT SELECT toString(session_id) AS id FROM ${tables.events} WHERE session_id IN {ids:Array(UUID)}
        AND arrayExists(name -> name NOT IN ('stage', 'origin'), mapKeys(properties))`,
    params: { ids },
  }, { maxSeconds: 60 });
  return new Set(rows.map(({ id }) => id));
}
