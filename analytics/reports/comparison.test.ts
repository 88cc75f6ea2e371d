import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import { seeded, type Random } from '../../bench/statistics.ts';
import { migrateClickHouse } from '../../stores/clickhouse/client.ts';
import { openTestClickHouse, type TestClickHouse } from '../../stores/clickhouse/testing.ts';
import { plainComparison, type PlainComparison } from '../../test/support/plain-comparison.ts';
import { anySession, dayMs, nobody, rowOf, seenAt, type PlainSession } from '../../test/support/plain-sessions.ts';
import { comparePeriods, compared, type PeriodsCompared, type TimedVerdict, type Trend } from './comparison.ts';
import { funnel } from './funnel.ts';
import { stageSessions, type Followed } from './followed.ts';
import { tables } from '../rows.ts';
import { compareArms } from '../statistics/two-arms.ts';

const hourMs = 3_600_000;
const now = Date.UTC(2026, 10, 25, 12);
let db: TestClickHouse;

beforeAll(async () => {
  db = await openTestClickHouse();
  await migrateClickHouse(db);
});
afterAll(async () => { await db.close(); });

const span = (tenant: string, startMs: number, endMs: number) =>
  ({ sessions: stageSessions({ tenant, startMs, endMs }, now), days: (Math.min(endMs, now) - startMs) / dayMs });
/** The last week against the one before. */
const lastWeek = (tenant: string, at = now): Promise<PeriodsCompared> =>
  comparePeriods(db, span(tenant, at - 14 * dayMs, at - 7 * dayMs), span(tenant, at - 7 * dayMs, at), at);

/** As the store has them now. */
async function storedAll(truth: readonly { readonly tenant: string; readonly sessions: readonly PlainSession[] }[]): Promise<void> {
  await db.insert(tables.sessions, truth.flatMap(({ tenant, sessions }) => sessions.flatMap((session) => {
    const seen = seenAt(session, now);
    return seen === null ? [] : [rowOf(tenant, seen)];
  })));
}

/** Sessions of two weeks up to now. Of those that complete, half need more than 12 hours and a tenth more than 43. */
function twoWeeks(random: Random, sessions: number, rateOf: (startedAt: number) => number): readonly PlainSession[] {
  return Array.from({ length: sessions }, () => {
    const startedAt = Math.floor(now - 14 * dayMs * random());
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    const completedMs = Math.round(12 * hourMs * Math.exp(normal));
    const reached = random() < rateOf(startedAt) ? [completedMs, completedMs, completedMs, completedMs] : [];
    return { ...nobody, startedAt, reached };
  });
}

describe('one process, two weeks of equal truth, the newer one ending now', () => {
  const seeds = Array.from({ length: 200 }, (_, index) => index + 1);

  test('is never declining over 200 seeds, although what was counted so far is clearly less in most of them', async () => {
    const tenants = new Map(seeds.map((seed) => [seed, randomUUID()]));
    const truth = seeds.map((seed) => ({ tenant: tenants.get(seed) ?? '', sessions: twoWeeks(seeded(seed), 1_200, () => 0.5) }));
    for (let at = 0; at < truth.length; at += 25) await storedAll(truth.slice(at, at + 25));
    const found: { seed: number; trend: Trend; verdict: TimedVerdict; counted: string }[] = [];
    for (const [seed, tenant] of tenants) {
      const { trend, statistical_significance: { verdict } } = await lastWeek(tenant);
      const [before, after] = await Promise.all([14, 7].map(async (days) => {
        const report = await funnel(db, { tenant, startMs: now - days * dayMs, endMs: now - (days - 7) * dayMs }, now);
        return { successes: report.completed_sessions, n: report.total_sessions };
      }));
      if (before === undefined || after === undefined) throw new Error('two weeks');
      found.push({ seed, trend, verdict, counted: compareArms(after, before).verdict });
    }
    expect(found.filter(({ trend }) => trend === 'declining' || trend === 'insufficient_data')).toEqual([]);
    // A verdict at 95 % is wrong on this side in one look of 40: 5 of 200; 14 and more would be so in one of a thousand tries.
    expect(found.filter(({ verdict }) => verdict === 'worse').length).toBeLessThan(14);
    expect(found.filter(({ counted }) => counted === 'worse').length).toBeGreaterThan(100);
  });

  test('and a true fall is found', async () => {
    const truth = seeds.slice(0, 20).map((seed) =>
      ({ tenant: randomUUID(), sessions: twoWeeks(seeded(seed), 1_000, (startedAt) => (startedAt < now - 7 * dayMs ? 0.6 : 0.4)) }));
    await storedAll(truth);
    const trends: Trend[] = [];
    for (const { tenant } of truth) trends.push((await lastWeek(tenant)).trend);
    expect(trends.filter((trend) => trend === 'declining').length).toBeGreaterThan(17);
  });
});

test('every figure is what the plain way finds, on random sessions, periods and moments', async () => {
  await fc.assert(fc.asyncProperty(
    fc.array(fc.array(anySession(now - 30 * dayMs, now + dayMs), { maxLength: 40 }), { minLength: 1, maxLength: 8 }),
    fc.array(fc.integer({ min: 0, max: 30 * 24 }), { minLength: 4, maxLength: 4 }),
    async (histories, hours) => {
      const [a = 0, b = 0, c = 0, d = 0] = hours.map((each) => now - each * hourMs).toSorted((x, y) => x - y);
      const truth = histories.map((sessions) => ({ tenant: randomUUID(), sessions }));
      await storedAll(truth);
      for (const { tenant, sessions } of truth) {
        const report = await comparePeriods(db, span(tenant, a, b + 1), span(tenant, c + 1, d + 2), now);
        const plain = plainComparison(sessions, [a, b + 1], [c + 1, d + 2], now);
        expect(figures(report)).toEqual(plain);
      }
    },
  ), { numRuns: 30 });
});

/** A report in the terms of the plain way. */
function figures(report: PeriodsCompared): PlainComparison {
  const side = (of: PeriodsCompared['later']) => ({
    total: of.total_sessions, followed: of.followed_sessions, completed: of.completed_sessions, minutes: of.median_completion_time_minutes,
  });
  return {
    followUpSeconds: report.follow_up_seconds, earlier: side(report.earlier), later: side(report.later),
    excluded: report.excluded_young,
    stages: report.stage_comparisons.slice(1).map(({ earlier, later }) => [earlier.count, later.count]),
  };
}

describe('what is said of two sides', () => {
  const side = (completed: number, old: number, total = old): { readonly followed: Followed; readonly days: number } => ({
    days: 7, followed: { total, followed: old, reached: [old, completed, completed, completed, completed], median_ms: null, mean_ms: null },
  });
  const said = (before: ReturnType<typeof side>, after: ReturnType<typeof side>) => {
    const { statistical_significance: { verdict, is_significant, p_value }, trend } = compared(before, after, hourMs);
    return { verdict, is_significant, p_value: Number(p_value.toPrecision(4)), trend };
  };

  test('50 % and then 61 % of 400 are better with p 0.00175, and 800 with p 9.561e-6; the other way round they are worse', () => {
    const better = { verdict: 'better', is_significant: true, trend: 'improving' };
    expect(said(side(200, 400), side(244, 400))).toEqual({ ...better, p_value: 0.001746 });
    expect(said(side(400, 800), side(488, 800))).toEqual({ ...better, p_value: 9.561e-6 });
    expect(said(side(244, 400), side(200, 400))).toEqual({ verdict: 'worse', is_significant: true, p_value: 0.001746, trend: 'declining' });
  });

  test('no change is stable and no clear difference, and significant at 95 % alone is a verdict but no trend', () => {
    expect(said(side(200, 400), side(200, 400))).toEqual({
      verdict: 'no_clear_difference', is_significant: false, p_value: 1, trend: 'stable',
    });
    expect(said(side(200, 400), side(230, 400))).toMatchObject({ verdict: 'better', trend: 'stable' });
  });

  test.each<[string, ReturnType<typeof side>, ReturnType<typeof side>, TimedVerdict]>([
    ['12 against 15', side(12, 12), side(9, 15), 'too_few'], ['0 against 5', side(0, 0), side(5, 5), 'too_few'],
    ['1 of 1', side(1, 1), side(1, 1), 'too_few'], ['nobody at all', side(0, 0), side(0, 0), 'too_few'],
    ['29 against 500', side(29, 29), side(0, 500), 'too_few'], ['more than half too young', side(50, 100), side(10, 49, 100), 'too_early'],
    ['all too young', side(50, 100), side(0, 0, 100), 'too_early'], ['20, all too young', side(50, 100), side(0, 0, 20), 'too_few'],
    ['half too young', side(50, 100), side(25, 50, 100), 'no_clear_difference'],
    ['few of them old enough', side(50, 100), side(10, 20, 40), 'too_few'],
  ])('%s is no verdict', (_, before, after, verdict) => {
    const report = compared(before, after, hourMs);
    expect(report.statistical_significance).toMatchObject({ verdict, is_significant: false });
    expect(report.trend).toBe(verdict === 'no_clear_difference' ? 'stable' : 'insufficient_data');
    expect(JSON.stringify(report)).not.toMatch(/NaN|Infinity/);
    const numbers = JSON.parse(JSON.stringify(report)) as unknown;
    expect(numbers).toEqual(report);
  });

  test('the rate of nobody is null, its interval excludes nothing, and a percentage of 0 is null', () => {
    const { earlier, changes, statistical_significance: { interval, p_value } } = compared(side(0, 0), side(3, 5), hourMs);
    expect([earlier.conversion_rate, earlier.interval]).toEqual([null, [0, 1]]);
    expect(changes.conversion_rate).toEqual({ absolute: null, percent: null });
    expect(changes.total_sessions).toEqual({ absolute: 5, percent: null });
    expect([interval, p_value]).toEqual([[-1, 1], 1]);
  });

  test('periods of unequal length are compared per day as well', () => {
    const { changes } = compared({ ...side(50, 100), days: 14 }, { ...side(40, 60), days: 7 }, hourMs);
    expect(changes.total_sessions.absolute).toBe(-40);
    expect(changes.sessions_per_day.absolute).toBeCloseTo(60 / 7 - 100 / 14, 12);
    expect(changes.sessions_per_day.percent).toBeCloseTo(20, 9);
  });
});
