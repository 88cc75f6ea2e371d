import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import { migrateClickHouse } from '../../stores/clickhouse/client.ts';
import { openTestClickHouse, type TestClickHouse } from '../../stores/clickhouse/testing.ts';
import { plainCompletion } from '../../test/support/plain-completion.ts';
import { anySession, dayMs, nobody, rowOf, seenAt, type PlainSession } from '../../test/support/plain-sessions.ts';
import { completionTimes, type CompletionTimes } from './completion.ts';
import { tables } from '../rows.ts';

const now = Date.UTC(2026, 10, 25, 12);
let db: TestClickHouse;

beforeAll(async () => {
  db = await openTestClickHouse();
  await migrateClickHouse(db);
});
afterAll(async () => { await db.close(); });

async function of(sessions: readonly PlainSession[], at = now): Promise<CompletionTimes> {
  const tenant = randomUUID();
  await db.insert(tables.sessions, sessions.map((session) => rowOf(tenant, session)));
  return completionTimes(db, { tenant, startMs: at - 90 * dayMs, endMs: at + 1 }, at);
}

test('is what the plain way finds, on random sessions, of which some are open at the edge', async () => {
  await fc.assert(fc.asyncProperty(fc.array(anySession(now - 60 * dayMs, now), { maxLength: 80 }), async (truth) => {
    const sessions = truth.flatMap((session) => seenAt(session, now) ?? []);
    const { median_interval_minutes: interval, ...report } = await of(sessions);
    const plain = plainCompletion(sessions, now);
    expect(report).toEqual({
      ...plain,
      completion_by: plain.completion_by.map(({ minutes, share }) =>
        ({ minutes, share: share === null ? null : expect.closeTo(share, 9) })),
    });
    const [low, high] = interval;
    if (report.median_minutes !== null && low !== null) expect(low).toBeLessThanOrEqual(report.median_minutes);
    if (report.median_minutes !== null && high !== null) expect(high).toBeGreaterThanOrEqual(report.median_minutes);
  }), { numRuns: 60 });
});

const completedAfter = (minutes: number): PlainSession =>
  ({ ...nobody, startedAt: now - 10 * dayMs, reached: [minutes, minutes, minutes, minutes].map((each) => each * 60_000) });

test('an open session is neither completed nor lost: half of those seen long enough are half', async () => {
  const open = Array.from({ length: 50 }, () => ({ ...nobody, startedAt: now - 30_000 }));
  const left: PlainSession = { ...nobody, startedAt: now - 10 * dayMs, left: { how: 'cancelled', afterMs: 20 * 60_000 } };
  const report = await of([completedAfter(2), completedAfter(4.5), left, left, ...open]);
  expect(report).toMatchObject({ median_minutes: 4.5, censored: 50 });
  expect(report.completion_by.slice(0, 4)).toEqual([
    { minutes: 1, share: 0 }, { minutes: 2, share: 0.25 }, { minutes: 5, share: 0.5 }, { minutes: 10, share: 0.5 },
  ]);
});

test('a median that is not reached is null, and so is what nobody has been seen long enough for', async () => {
  const report = await of([completedAfter(1), { ...nobody, startedAt: now - 60 * 60_000 }, { ...nobody, startedAt: now - 90 * 60_000 }]);
  expect(report.median_minutes).toBeNull();
  const unknown = report.completion_by.filter(({ share }) => share === null).map(({ minutes }) => minutes);
  expect(unknown).toEqual([120, 360, 1_440, 2_880, 10_080, 43_200]);
  expect(await of([])).toMatchObject({ median_minutes: null, median_interval_minutes: [null, null], censored: 0 });
});

test('an imported session that nothing was heard of for seven days has left then, and an abandoned one when it was counted so', async () => {
  const tenant = randomUUID();
  const rows = [
    { ...rowOf(tenant, { ...nobody, startedAt: now - 20 * dayMs }), origin: 'import' as const, last_ms: dayMs },
    rowOf(tenant, { ...nobody, startedAt: now - 20 * dayMs, left: { how: 'abandoned', afterMs: 8 * dayMs } }),
    rowOf(tenant, { ...nobody, startedAt: now - 2 * dayMs }),
    rowOf(tenant, { ...completedAfter(3 * 1_440), startedAt: now - 20 * dayMs }),
  ];
  await db.insert(tables.sessions, rows);
  const report = await completionTimes(db, { tenant, startMs: now - 90 * dayMs, endMs: now }, now);
  expect(report.censored).toBe(1);
  // After three days both leavers were still there: one of three, not of two.
  expect(report.completion_by.at(-1)?.share).toBeCloseTo(1 / 3, 12);
});
