/** What stands behind the numbers of comparisons: as many sessions as the number says. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import { bucketsIn } from '../analytics/periods/buckets.ts';
import { cohortTrends } from '../analytics/reports/cohort-trends.ts';
import { cohorts, type CohortKind } from '../analytics/reports/cohorts.ts';
import { comparePeriods } from '../analytics/reports/comparison.ts';
import { drillDown } from '../analytics/reports/drill-down.ts';
import { followUpOf, stageSessions } from '../analytics/reports/followed.ts';
import { tables } from '../analytics/rows.ts';
import { sessionsIn, type Selection, type SessionFilters } from '../analytics/sessions-in.ts';
import { migrateClickHouse } from '../stores/clickhouse/client.ts';
import { openTestClickHouse, type TestClickHouse } from '../stores/clickhouse/testing.ts';
import { anySession, dayMs, rowOf, seenAt } from '../test/support/plain-sessions.ts';
import { followedLinks, lastStage, sideWire, stageLists, stagesWire } from './compared-periods.ts';

const now = Date.UTC(2026, 10, 25, 12);
let db: TestClickHouse;

beforeAll(async () => {
  db = await openTestClickHouse();
  await migrateClickHouse(db);
});
afterAll(async () => { await db.close(); });

/** How many sessions the list at the path has. */
async function listed(tenant: string, path: string): Promise<number> {
  const parameters = Object.fromEntries(new URL(path, 'http://localhost').searchParams) as Record<string, string | undefined>;
  const number = (name: string): number | undefined => (parameters[name] === undefined ? undefined : Number(parameters[name]));
  const { flow, language, user_segment: segment, device, stage, outcome } = parameters;
  const filters = {
    tenant, startMs: Date.parse(parameters['start_date'] ?? ''), endMs: Date.parse(parameters['end_date'] ?? ''),
    flow, language, segment, device, flow_version: number('flow_version'),
  } as SessionFilters;
  const selection = {
    stage, outcome, within_seconds: number('within_seconds'), started_from_ms: number('started_from_ms'),
    started_before_ms: number('started_before_ms'),
  } as Selection;
  const { from, params } = sessionsIn(filters, now, selection);
  const [row] = await db.query<{ n: number }>({ sql: `SELECT count() AS n FROM ${from}`, params });
  return Number(row?.n);
}

const truths = fc.array(anySession(now - 16 * dayMs, now + dayMs), { minLength: 1, maxLength: 60 });

async function stored(truth: Parameters<typeof rowOf>[1][]): Promise<string> {
  const tenant = randomUUID();
  await db.insert(tables.sessions, truth.flatMap((session) => {
    const seen = seenAt(session, now);
    return seen === null ? [] : [rowOf(tenant, seen)];
  }));
  return tenant;
}

async function expectListed(tenant: string, figures: readonly (readonly [string, number])[]): Promise<void> {
  for (const [path, figure] of figures) expect([path, await listed(tenant, path)]).toEqual([path, figure]);
}

test('of two periods: all, followed, young, completed, and each stage of either side', async () => {
  await fc.assert(fc.asyncProperty(truths, async (truth) => {
    const tenant = await stored(truth);
    const [one, two] = [14, 7].map((days) => ({ startMs: now - days * dayMs, endMs: now - (days - 7) * dayMs, timezone: 'UTC' }));
    if (one === undefined || two === undefined) throw new Error('two periods');
    const spanOf = ({ startMs, endMs }: typeof one) => ({ sessions: stageSessions({ tenant, startMs, endMs }, now), days: 7 });
    const report = await comparePeriods(db, spanOf(one), spanOf(two), now);
    const follow = { followUpMs: report.follow_up_seconds * 1_000, now };
    const links = drillDown({ tenant, startMs: two.startMs, endMs: two.endMs });
    const [first, second] = [one, two].map(({ startMs, endMs }) =>
      followedLinks(stageLists(links, { startMs, endMs }), follow));
    if (first === undefined || second === undefined) throw new Error('two periods');
    const sides = [sideWire(report.earlier, one, first), sideWire(report.later, two, second)];
    await expectListed(tenant, sides.flatMap((side) => [
      [side.drill_down, side.total_sessions], [side.drill_downs.followed_sessions, side.followed_sessions],
      [side.drill_downs.excluded_young, side.excluded_young], [side.drill_downs.completed_sessions, side.completed_sessions],
    ] as const));
    const stages = stagesWire(report.stage_comparisons, true, first, second);
    await expectListed(tenant, stages.flatMap(({ period1, period2 }) =>
      [[period1.drill_down, period1.count], [period2.drill_down, period2.count]] as const));
  }), { numRuns: 15 });
});

test('of cohorts of every kind, and of buckets', async () => {
  const kinds = fc.constantFrom<CohortKind>('week', 'flow', 'flow_version', 'language', 'user_segment', 'device');
  await fc.assert(fc.asyncProperty(truths, kinds, async (truth, kind) => {
    const tenant = await stored(truth);
    const filters = { tenant, startMs: now - 14 * dayMs, endMs: now };
    const buckets = bucketsIn({ ...filters, timezone: 'Africa/Cairo' }, { granularity: 'weekly', now });
    const follow = { followUpMs: await followUpOf(db, [stageSessions(filters, now)]), now };
    const links = drillDown(filters);
    const found = await cohorts(db, filters, kind, now, { buckets, follow });
    for (const { narrowed, ...cohort } of found.cohorts) {
      const week = followedLinks(stageLists(links, narrowed), follow);
      await expectListed(tenant, [[links.to({}, narrowed), cohort.sessions]]);
      await expectListed(tenant, cohort.stages.map(({ name, count }, step) =>
        [kind === 'week' ? week.reached(step) : links.to({ stage: name }, narrowed), count] as const));
    }
    const { cohorts: bucketed } = await cohortTrends(db, filters, buckets, follow);
    for (const { bucket, ...each } of bucketed) {
      const { all, followed, reached } = followedLinks(stageLists(links, { startMs: bucket.startMs, endMs: bucket.endMs }), follow);
      await expectListed(tenant, [
        [all, each.total_sessions], [followed, each.followed_sessions], [reached(lastStage), each.completed_in_follow_up],
      ]);
    }
  }), { numRuns: 15 });
});
