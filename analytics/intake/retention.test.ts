import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { migrateClickHouse } from '../../stores/clickhouse/client.ts';
import { openTestClickHouse, type TestClickHouse } from '../../stores/clickhouse/testing.ts';
import { importedEventRows } from './imported-row.ts';
import { setRetention } from './retention.ts';

let db: TestClickHouse;
beforeAll(async () => {
  db = await openTestClickHouse();
  await migrateClickHouse(db);
});
afterAll(() => db.close());

const day = 86_400;
const now = Math.floor(Date.now() / 1_000);

test('a month of events goes when all of it was stored so many days ago, however old it is itself', async () => {
  const sent: string[] = [];
  const watched = { ...db, command: (sql: string) => { sent.push(sql); return db.command(sql); } };
  await setRetention(watched, 400);
  // as it is made
  expect(sent).toEqual([]);
  for (const [id, storedDaysAgo] of [[1, 0], [2, 29], [3, 31], [4, 399]] as const) {
    const session = { session_id: `00000000-0000-8000-8000-00000000000${id}`, events_under: id < 3 ? 0 : 40 * day * 1_000 };
    const [row] = importedEventRows('acme', session, [{ at: id, event: 'a', name: 'a', question_id: '', properties: {} }]);
    await db.insert('events', [{ ...row, stored_at: now - storedDaysAgo * day }]);
  }
  await setRetention(watched, 30);
  await setRetention(watched, 30);
  expect(sent).toHaveLength(1);
  await db.command('OPTIMIZE TABLE events FINAL');
  await db.command('ALTER TABLE events MATERIALIZE TTL SETTINGS mutations_sync = 2');
  const left = await db.query<{ at: number }>({ sql: 'SELECT toUnixTimestamp64Milli(ts) AS at FROM events FINAL ORDER BY at', params: {} });
  expect(left.map(({ at }) => at)).toEqual([1, 2]);
  await expect(setRetention(watched, 0)).rejects.toThrow('days: 0');
});
