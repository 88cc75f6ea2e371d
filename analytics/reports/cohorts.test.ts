import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import { seeded } from '../../bench/statistics.ts';
import { migrateClickHouse } from '../../stores/clickhouse/client.ts';
import { openTestClickHouse, type TestClickHouse } from '../../stores/clickhouse/testing.ts';
import { plainBuckets, plainCohorts, plainFollowUp, type PlainCohort } from '../../test/support/plain-cohorts.ts';
import { anySession, dayMs, nobody, rowOf, seenAt, type PlainSession } from '../../test/support/plain-sessions.ts';
import { bucketsIn, type Bucket } from '../periods/buckets.ts';
import { cohortOf, cohortReport, cohorts, type Cohort, type CohortKind, type CohortReport } from './cohorts.ts';
import { cohortTrends, trendsOf, type TrendCohort, type Trends } from './cohort-trends.ts';
import { followUpOf, stageSessions } from './followed.ts';
import { tables } from '../rows.ts';

const hourMs = 3_600_000;
const now = Date.UTC(2026, 10, 4, 12);
let db: TestClickHouse;

beforeAll(async () => {
  db = await openTestClickHouse();
  await migrateClickHouse(db);
});
afterAll(async () => { await db.close(); });

async function stored(truth: readonly PlainSession[], tenant: string = randomUUID()) {
  const sessions = truth.flatMap((session) => seenAt(session, now) ?? []);
  await db.insert(tables.sessions, sessions.map((session) => rowOf(tenant, session)));
  return { tenant, sessions };
}

/** Over the end of summer time in Europe and America, and its beginning on Lord Howe. */
const startMs = Date.UTC(2026, 8, 20, 7);
const zones = ['UTC', 'Europe/Berlin', 'Africa/Cairo', 'Australia/Lord_Howe', 'America/St_Johns'];
const truths = fc.array(anySession(startMs, now + dayMs), { maxLength: 120 });

const inside = (sessions: readonly PlainSession[]): readonly PlainSession[] =>
  sessions.filter(({ startedAt }) => startedAt >= startMs && startedAt < now);

describe('Cohort comparison', () => {
  const figures = (cohort: Cohort): PlainCohort => ({
    label: cohort.label, sessions: cohort.sessions, compared: cohort.compared_sessions, reached: cohort.stages.map(({ count }) => count),
    minutes: cohort.avg_completion_time_minutes,
  });
  const byLabel = (all: readonly Cohort[]): readonly PlainCohort[] => all.map(figures).toSorted((a, b) => (a.label < b.label ? -1 : 1));

  const kinds: Readonly<Record<Exclude<CohortKind, 'week' | 'client'>, (session: PlainSession) => string>> = {
    flow: ({ flow }) => flow, language: ({ language }) => language, user_segment: ({ segment }) => segment, device: ({ device }) => device,
    flow_version: ({ flow, flowVersion }) => `${flow} ${flowVersion}`,
  };

  test('counts what the plain way counts, by every kind, on random sessions', async () => {
    await fc.assert(fc.asyncProperty(truths, async (truth) => {
      const { tenant, sessions } = await stored(truth);
      for (const [kind, labelOf] of Object.entries(kinds) as [CohortKind, (session: PlainSession) => string][]) {
        const report = await cohorts(db, { tenant, startMs, endMs: now }, kind, now, { buckets: [], follow: { followUpMs: 0, now } });
        expect(byLabel(report.cohorts)).toEqual(plainCohorts(inside(sessions), labelOf, now));
      }
    }), { numRuns: 25 });
  });

  test('weeks of a zone are compared at equal maturity, and are what the plain way finds', async () => {
    await fc.assert(fc.asyncProperty(truths, fc.constantFrom(...zones), async (truth, timezone) => {
      const { tenant, sessions } = await stored(truth);
      const filters = { tenant, startMs, endMs: now };
      const buckets = bucketsIn({ startMs, endMs: now, timezone }, { granularity: 'weekly', now });
      const follow = { followUpMs: await followUpOf(db, [stageSessions(filters, now)]), now };
      const report = await cohorts(db, filters, 'week', now, { buckets, follow });
      const weekOf = ({ startedAt }: PlainSession): string => buckets.findLast((bucket) => bucket.startMs <= startedAt)?.label ?? '';
      const cohort = inside(sessions);
      expect(byLabel(report.cohorts)).toEqual(plainCohorts(cohort, weekOf, now, plainFollowUp(cohort)));
    }), { numRuns: 40 });
  });

  const cohort = (label: string, completed: number, n: number): Cohort =>
    cohortOf(label, {}, {
      total: n, followed: n, reached: [n, completed, completed, completed, completed], median_ms: null, mean_ms: null,
    });
  const reportOf = (...all: Cohort[]): Omit<CohortReport, 'omitted_cohorts'> => cohortReport(all);

  test('names a best and a worst only among those with 30 sessions, and none where all are alike', () => {
    expect(reportOf(cohort('en', 12, 12), cohort('de', 9, 15))).toMatchObject({ best_cohort: null, worst_cohort: null, tests: [] });
    const few = cohort('fr', 29, 29);
    expect(reportOf(cohort('en', 20, 40), cohort('de', 30, 40), few)).toMatchObject({ best_cohort: 'de', worst_cohort: 'en' });
    expect(reportOf(cohort('en', 20, 40), cohort('de', 20, 40))).toMatchObject({ best_cohort: null, worst_cohort: null });
    expect(reportOf(cohort('en', 20, 40))).toMatchObject({ best_cohort: null, worst_cohort: null });
    expect(reportOf()).toMatchObject({ cohorts: [], tests: [], insights: [{ kind: 'too_few' }] });
  });

  test('50 % and 61 % of 800 differ, with the p value that was published, and it is said in numbers', () => {
    const { tests, insights } = reportOf(cohort('en', 400, 800), cohort('de', 488, 800));
    expect(tests).toMatchObject([{ a: 'en', b: 'de', significant: true }]);
    expect(tests[0]?.p_value).toBeCloseTo(9.561295564e-6, 11);
    expect(tests[0]?.difference).toBeCloseTo(-0.11, 12);
    expect(insights.map(({ text }) => text)).toEqual([
      'de completes 61.0 % of 800 sessions, en 50.0 % of 800: 11.0 points more (6.1 to 15.8 at 95 %, adjusted p below 0.0001).',
      'They differ most on the way to engaged: 61.0 % of 800 in de, 50.0 % of 800 in en.',
    ]);
  });

  test('of 20 languages of which one differs by chance none is called different, although its own p value is below 0.05', () => {
    const even = Array.from({ length: 19 }, (_, index) => cohort(`l${index}`, 200 + (index % 3), 400));
    const { tests, insights } = reportOf(...even, cohort('odd', 172, 400));
    expect(tests).toHaveLength(190);
    expect(tests.some(({ p_value }) => p_value < 0.05)).toBe(true);
    expect(tests.some(({ significant }) => significant)).toBe(false);
    expect(insights).toMatchObject([{ kind: 'no_difference', text: 'None of 190 pairs of cohorts differs by more than chance explains.' }]);
  });

  test('cohorts of one truth are called different in at most one report of twenty, over 300 seeds', () => {
    const wrong = Array.from({ length: 300 }, (_, seed) => {
      const random = seeded(seed + 1);
      const drawn = (): number => Array.from({ length: 200 }, () => (random() < 0.4 ? 1 : 0)).reduce<number>((sum, one) => sum + one, 0);
      return cohortReport(Array.from({ length: 8 }, (_, index) => cohort(`c${index}`, drawn(), 200)));
    }).filter(({ tests }) => tests.some(({ significant }) => significant));
    // 15 expected at most; 27 would be seen in one of a thousand tries.
    expect(wrong.length).toBeLessThan(27);
  });
});

describe('the trend of cohorts', () => {
  const span = ({ startMs: from, endMs: to }: Bucket): readonly [number, number] => [from, to];

  test('is counted as the plain way counts, in days, weeks and months of zones, with the changes of the clock', async () => {
    await fc.assert(fc.asyncProperty(
      truths, fc.constantFrom(...zones), fc.constantFrom('daily', 'weekly', 'monthly'), async (truth, timezone, granularity) => {
        const { tenant, sessions } = await stored(truth);
        const filters = { tenant, startMs, endMs: now };
        const buckets = bucketsIn({ startMs, endMs: now, timezone }, { granularity, now });
        const follow = { followUpMs: await followUpOf(db, [stageSessions(filters, now)]), now };
        const { cohorts: found, trends } = await cohortTrends(db, filters, buckets, follow);
        const plain = plainBuckets(inside(sessions), buckets.map(span), now);
        expect(found.map((each) => ({
          total: each.total_sessions, completed: each.completed_sessions, minutes: each.avg_completion_time_minutes,
          followed: each.followed_sessions, completedInTime: each.completed_in_follow_up,
        }))).toEqual(plain);
        const sum = (of: 'total' | 'followed'): number => plain.reduce((all, each) => all + each[of], 0);
        expect(trends.excluded_young).toBe(sum('total') - sum('followed'));
        expect(found.reduce((all, each) => all + each.total_sessions, 0)).toBe(inside(sessions).length);
      },
    ), { numRuns: 40 });
  });

  const cohort = (n: number, completed: number, partial = false): TrendCohort => ({
    bucket: { label: '', startMs: 0, endMs: 0, partial }, total_sessions: n, completed_sessions: completed, conversion_rate: null,
    interval: [0, 1], avg_completion_time_minutes: null, followed_sessions: n, completed_in_follow_up: completed,
  });
  const said = (...all: TrendCohort[]): Trends => trendsOf(all, hourMs);

  test.each<[string, readonly TrendCohort[], Partial<Trends>]>([
    ['rises from 40 to 60 of 100', [40, 45, 50, 55, 60].map((completed) => cohort(100, completed)),
      { conversion_trend: 'improving', volume_trend: 'stable', volume_change_percent: 0 }],
    ['falls from 60 to 40 of 100', [60, 55, 50, 45, 40].map((completed) => cohort(100, completed)), { conversion_trend: 'declining' }],
    ['stays', [50, 51, 49, 50].map((completed) => cohort(100, completed)), { conversion_trend: 'stable' }],
    ['has one bucket', [cohort(500, 200)], { conversion_trend: 'insufficient_data', conversion_change: null, p_value: 1 }],
    ['has 30 sessions in all', [cohort(15, 15), cohort(15, 0)], { conversion_trend: 'insufficient_data' }],
    ['has nobody', [cohort(0, 0), cohort(0, 0)],
      { conversion_trend: 'insufficient_data', conversion_change: null, volume_change_percent: null }],
    ['grows', [100, 200, 300, 400].map((n) => cohort(n, n / 2)),
      { volume_trend: 'growing', conversion_trend: 'stable', conversion_change: 0 }],
    ['shrinks', [400, 300, 200, 100].map((n) => cohort(n, n / 2)), { volume_trend: 'shrinking' }],
    ['jumps up and down', [100, 400, 90, 420, 110, 380].map((n) => cohort(n, n / 2)), { volume_trend: 'stable' }],
    ['is cut at both ends', [cohort(5, 2, true), ...[100, 100, 100].map((n) => cohort(n, 50)), cohort(9, 4, true)],
      { volume_trend: 'stable', volume_change_percent: 0 }],
    ['has two whole weeks', [cohort(100, 50), cohort(300, 150)], { volume_trend: 'insufficient_data', volume_change_percent: 200 }],
  ])('of what %s says so', (_, all, expected) => { expect(said(...all)).toMatchObject(expected); });

  test('changes from first to last along the line that fits: of two buckets their difference', () => {
    expect(said(cohort(100, 40), cohort(100, 60)).conversion_change).toBeCloseTo(0.2, 12);
    expect(said(cohort(100, 40), cohort(0, 0), cohort(100, 60)).conversion_change).toBeCloseTo(0.2, 12);
    expect(said(...[40, 45, 50, 55, 60].map((completed) => cohort(100, completed))).conversion_change).toBeCloseTo(0.2, 12);
  });

  test('is not declining because the newest days are young: 60 seeds of one truth, ending now', async () => {
    const seeds = Array.from({ length: 60 }, (_, index) => index + 1);
    const found: { matured: Trends['conversion_trend']; counted: Trends['conversion_trend'] }[] = [];
    // One after the other: sixty at once may wait longer for the engine than it lets anybody wait.
    for (const seed of seeds) {
      const random = seeded(seed);
      const { tenant } = await stored(Array.from({ length: 1_200 }, (): PlainSession => {
        const ms = Math.round(-20 * hourMs * Math.log(1 - random()));
        return { ...nobody, startedAt: Math.floor(now - 14 * dayMs * random()), reached: random() < 0.5 ? [ms, ms, ms, ms] : [] };
      }));
      const filters = { tenant, startMs: now - 14 * dayMs, endMs: now };
      const buckets = bucketsIn({ ...filters, timezone: 'Europe/Berlin' }, { granularity: 'daily', now });
      const report = await cohortTrends(db, filters, buckets, { followUpMs: await followUpOf(db, [stageSessions(filters, now)]), now });
      const counted = report.cohorts.map((each) =>
        ({ ...each, followed_sessions: each.total_sessions, completed_in_follow_up: each.completed_sessions }));
      found.push({ matured: report.trends.conversion_trend, counted: trendsOf(counted, 0).conversion_trend });
    }
    expect(found.filter(({ matured }) => matured !== 'stable' && matured !== 'improving')).toEqual([]);
    expect(found.filter(({ counted }) => counted === 'declining').length).toBeGreaterThan(12);
  });
});
