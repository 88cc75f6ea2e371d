/** Buckets as ClickHouse counts in them. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openTestClickHouse, type TestClickHouse } from '../../stores/clickhouse/testing.ts';
import { bucketOf, bucketsIn, edgesOf } from './buckets.ts';

let db: TestClickHouse;
beforeAll(async () => { db = await openTestClickHouse(); });
afterAll(async () => { await db.close(); });

test('9,600 hours are handed over in one query, and each time falls into its own', async () => {
  const period = { startMs: Date.UTC(2025, 9, 1), endMs: Date.UTC(2026, 10, 5), timezone: 'Australia/Lord_Howe' };
  const buckets = bucketsIn(period, { granularity: 'hourly', now: period.endMs });
  const times = 'toInt64(number) * 60000 + {start:Int64}';
  const rows = await db.query<{ bucket: string | number; times: string | number; first: string | number; last: string | number }>({
    sql: `SELECT ${bucketOf('at')} AS bucket, count() AS times, min(at) AS first, max(at) AS last
          FROM (SELECT ${times} AS at FROM numbers({minutes:UInt32})) GROUP BY bucket ORDER BY bucket`,
    params: { edges: edgesOf(buckets), start: period.startMs, minutes: (period.endMs - period.startMs) / 60_000 },
  });
  expect(rows.map((row) => [Number(row.bucket), Number(row.first), Number(row.last) + 60_000, Number(row.times)])).toEqual(
    buckets.map(({ startMs, endMs }) => [startMs, startMs, endMs, (endMs - startMs) / 60_000]),
  );
  expect(rows.length).toBeGreaterThan(9_590);
});
