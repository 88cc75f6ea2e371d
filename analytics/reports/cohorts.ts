/**
 * Cohorts side by side, each pair tested, with p values adjusted for how many are compared. Cohorts of weeks differ in age, so they are
 * compared at equal maturity (followed.ts); others are compared by all that has happened.
 */
import { stages } from '../../domain/lifecycle.ts';
import type { StageName } from '../../domain/lifecycle.ts';
import type { ClickHouse, QueryOptions, Statement } from '../../stores/clickhouse/client.ts';
import { bucketOf, edgesOf, type Bucket } from '../periods/buckets.ts';
import type { Narrowed } from './drill-down.ts';
import { followedColumns, followedParams, type Followed, type FollowUp } from './followed.ts';
import { minutes, rate } from './funnel.ts';
import { sessionsIn, type SessionFilters } from '../sessions-in.ts';
import { benjaminiHochberg, wilson, type Arm, type Interval } from '../statistics/proportions.ts';
import { isSignificant, leastPerArm, significantBelow, testArms } from '../statistics/two-arms.ts';

export const cohortKinds = ['week', 'flow', 'flow_version', 'language', 'user_segment', 'device', 'client'] as const;
export type CohortKind = (typeof cohortKinds)[number];

/** Pairs are tested: 60 cohorts are 1,770 of them. A year and a month have 58 weeks. */
export const cohortsMax = 60;

export interface CohortStage {
  readonly name: StageName;
  readonly count: number;
  /** From the stage before. */
  readonly conversion_rate: number | null;
}

export interface Cohort {
  readonly label: string;
  /** All of it; of weeks with those too young to be compared. */
  readonly sessions: number;
  /** Those that the figures below are about. */
  readonly compared_sessions: number;
  readonly completed_sessions: number;
  readonly stages: readonly CohortStage[];
  readonly conversion_rate: number | null;
  readonly interval: Interval;
  readonly avg_completion_time_minutes: number | null;
  /** At least 30 compared. */
  readonly sufficient_data: boolean;
  /** Which filters it is. */
  readonly narrowed: Narrowed;
}

/** a less b, of the conversion rates. */
export interface CohortTest {
  readonly a: string;
  readonly b: string;
  readonly difference: number;
  readonly interval: Interval;
  readonly p_value: number;
  readonly p_adjusted: number;
  readonly significant: boolean;
}

export const insightKinds = ['difference', 'stage', 'no_difference', 'too_few'] as const;
export interface Insight { readonly kind: (typeof insightKinds)[number]; readonly text: string; readonly cohorts: readonly string[] }

export interface CohortReport {
  /** Weeks in order of time, others the largest first. */
  readonly cohorts: readonly Cohort[];
  /** Smaller ones than the 60 largest. */
  readonly omitted_cohorts: number;
  /** Of those with enough sessions; null: fewer than two such, or all alike. */
  readonly best_cohort: string | null;
  readonly worst_cohort: string | null;
  readonly tests: readonly CohortTest[];
  readonly insights: readonly Insight[];
}

interface Grouped extends Followed { readonly key: string; readonly version: number }

interface Grouping {
  readonly key: string;
  readonly label: (row: Grouped) => string;
  readonly narrowed: (row: Grouped) => Narrowed;
}

/** What weeks need: their buckets, and how long each session is followed. */
export interface Weeks { readonly buckets: readonly Bucket[]; readonly follow: FollowUp }

/** Longer than any session lasts; numbers that large are still exact. */
const foreverMs = 2 ** 50;
/** Nobody is too young, also none that started by a clock ahead of ours, and whatever was reached counts. */
const everything = (now: number): FollowUp => ({ followUpMs: foreverMs, now: now + foreverMs + 86_400_000 });

export async function cohorts(
  db: ClickHouse, filters: SessionFilters, kind: CohortKind, now: number, weeks: Weeks, options: QueryOptions = {},
): Promise<CohortReport> {
  const rows = await db.query<Grouped>(cohortQuery(filters, kind, now, weeks), options);
  const { label, narrowed } = groupingOf(kind, weeks.buckets);
  const kept = rows.slice(0, cohortsMax);
  const inOrder = kind === 'week' ? kept.toSorted((a, b) => Number(a.key) - Number(b.key)) : kept;
  return { ...cohortReport(inOrder.map((row) => cohortOf(label(row), narrowed(row), row))), omitted_cohorts: rows.length - kept.length };
}

export function cohortQuery(filters: SessionFilters, kind: CohortKind, now: number, { buckets, follow }: Weeks): Statement {
  const { from, params } = sessionsIn(filters, now);
  const { key } = groupingOf(kind, buckets);
  return {
    sql: `SELECT\n  toString(${key}) AS key, ${kind === 'flow_version' ? 'flow_version' : '0'} AS version,\n  ${followedColumns()}
FROM ${from}
GROUP BY key, version HAVING total > 0 ORDER BY total DESC, key, version LIMIT 10000`,
    params: {
      ...params, ...followedParams(kind === 'week' ? follow : everything(now)), ...(kind === 'week' ? { edges: edgesOf(buckets) } : {}),
    },
  };
}

function groupingOf(kind: CohortKind, buckets: readonly Bucket[]): Grouping {
  switch (kind) {
    case 'week': {
      const byStart = new Map(buckets.map((bucket) => [String(bucket.startMs), bucket]));
      const bucketAt = ({ key }: Grouped): Bucket => {
        const found = byStart.get(key);
        if (found === undefined) throw new Error(`No week starts at ${key}`);
        return found;
      };
      return {
        key: bucketOf('toUnixTimestamp64Milli(started_at)'), label: (row) => bucketAt(row).label,
        narrowed: (row) => ({ startMs: bucketAt(row).startMs, endMs: bucketAt(row).endMs }),
      };
    }
    case 'flow': return { key: 'flow', label: ({ key }) => key, narrowed: ({ key }) => ({ flow: key }) };
    case 'flow_version': return {
      key: 'flow', label: ({ key, version }) => `${key} ${version}`, narrowed: ({ key, version }) => ({ flow: key, flow_version: version }),
    };
    case 'language': return { key: 'language', label: ({ key }) => key, narrowed: ({ key }) => ({ language: key }) };
    case 'user_segment': return {
      key: 'segment', label: ({ key }) => key, narrowed: ({ key }) => ({ segment: key as SessionFilters['segment'] }),
    };
    case 'device': return { key: 'device', label: ({ key }) => key, narrowed: ({ key }) => ({ device: key as SessionFilters['device'] }) };
    case 'client': return { key: 'client', label: ({ key }) => key, narrowed: () => ({}) };
  }
}

export function cohortOf(label: string, narrowed: Narrowed, { total, followed, reached, mean_ms }: Followed): Cohort {
  const completed = reached.at(-1) ?? 0;
  return {
    label, narrowed, sessions: total, compared_sessions: followed, completed_sessions: completed,
    stages: stages.map((name, index) => {
      const count = reached[index] ?? 0;
      return { name, count, conversion_rate: rate(count, reached[index - 1] ?? followed) };
    }),
    conversion_rate: rate(completed, followed), interval: wilson(completed, followed), avg_completion_time_minutes: minutes(mean_ms),
    sufficient_data: followed >= leastPerArm,
  };
}

export function cohortReport(all: readonly Cohort[]): Omit<CohortReport, 'omitted_cohorts'> {
  const enough = all.filter(({ sufficient_data: sufficient }) => sufficient);
  const tests = pairTests(enough);
  const byRate = enough.toSorted((a, b) => (b.conversion_rate ?? 0) - (a.conversion_rate ?? 0));
  const [best, worst] = [byRate[0], byRate.at(-1)];
  const differ = best !== undefined && worst !== undefined && best.conversion_rate !== worst.conversion_rate;
  return {
    cohorts: all, tests, best_cohort: differ ? best.label : null, worst_cohort: differ ? worst.label : null,
    insights: insightsOf(enough, tests),
  };
}

const armOf = (cohort: Cohort): Arm => ({ successes: cohort.completed_sessions, n: cohort.compared_sessions });

function pairTests(all: readonly Cohort[]): readonly CohortTest[] {
  const pairs = all.flatMap((a, index) => all.slice(index + 1).map((b) => ({ a, b, tested: testArms(armOf(a), armOf(b)) })));
  const adjusted = benjaminiHochberg(pairs.map(({ tested }) => tested.p));
  return pairs.map(({ a, b, tested }, index) => {
    const p_adjusted = adjusted[index] ?? 1;
    return {
      a: a.label, b: b.label, difference: tested.difference ?? 0, interval: tested.interval, p_value: tested.p, p_adjusted,
      significant: p_adjusted < significantBelow && isSignificant(tested),
    };
  });
}

/** Pairs that differ most are told, and where the difference arises. */
const toldPairs = 3;

function insightsOf(enough: readonly Cohort[], tests: readonly CohortTest[]): readonly Insight[] {
  if (enough.length < 2) {
    const text = `Fewer than two cohorts have ${leastPerArm} sessions to compare.`;
    return [{ kind: 'too_few', text, cohorts: enough.map(({ label }) => label) }];
  }
  const clear = tests.filter(({ significant }) => significant).toSorted((a, b) => Math.abs(b.difference) - Math.abs(a.difference));
  if (clear.length === 0) {
    const compared = tests.length === 1 ? 'The two cohorts do not differ' : `None of ${tests.length} pairs of cohorts differs`;
    return [{ kind: 'no_difference', text: `${compared} by more than chance explains.`, cohorts: [] }];
  }
  const named = new Map(enough.map((cohort) => [cohort.label, cohort]));
  return clear.slice(0, toldPairs).flatMap((test) => {
    const [a, b] = [named.get(test.a), named.get(test.b)];
    if (a === undefined || b === undefined) return [];
    const [high, low] = test.difference > 0 ? [a, b] : [b, a];
    return [differenceInsight(high, low, test), ...stageInsight(high, low)];
  });
}

const percent = (share: number | null): string => `${((share ?? 0) * 100).toFixed(1)} %`;

function differenceInsight(high: Cohort, low: Cohort, { difference, interval: [from, to], p_adjusted: p }: CohortTest): Insight {
  const points = [Math.abs(from), Math.abs(to)].toSorted((x, y) => x - y).map((share) => (share * 100).toFixed(1)).join(' to ');
  const text = `${high.label} completes ${percent(high.conversion_rate)} of ${high.compared_sessions} sessions, ${low.label} ` +
    `${percent(low.conversion_rate)} of ${low.compared_sessions}: ${(Math.abs(difference) * 100).toFixed(1)} points more ` +
    `(${points} at 95 %, adjusted p ${p < 0.0001 ? 'below 0.0001' : p.toFixed(4)}).`;
  return { kind: 'difference', text, cohorts: [high.label, low.label] };
}

/** The step between stages at which the two differ most, where it differs by more than chance explains. */
function stageInsight(high: Cohort, low: Cohort): readonly Insight[] {
  const steps = stages.slice(1).map((name, place) => {
    const arm = ({ stages: own }: Cohort): Arm => ({ successes: own[place + 1]?.count ?? 0, n: own[place]?.count ?? 0 });
    const [ofHigh, ofLow] = [arm(high), arm(low)];
    return { name, ofHigh, ofLow, tested: testArms(ofHigh, ofLow) };
  });
  const adjusted = benjaminiHochberg(steps.map(({ tested }) => tested.p));
  const clear = steps.filter(({ ofHigh, ofLow, tested }, index) =>
    Math.min(ofHigh.n, ofLow.n) >= leastPerArm && (adjusted[index] ?? 1) < significantBelow && isSignificant(tested)
    && (tested.difference ?? 0) > 0);
  const [widest] = clear.toSorted((a, b) => (b.tested.difference ?? 0) - (a.tested.difference ?? 0));
  if (widest === undefined) return [];
  const share = ({ successes, n }: Arm): string => `${percent(successes / n)} of ${n}`;
  const [ofHigh, ofLow] = [share(widest.ofHigh), share(widest.ofLow)];
  const text = `They differ most on the way to ${widest.name}: ${ofHigh} in ${high.label}, ${ofLow} in ${low.label}.`;
  return [{ kind: 'stage', text, cohorts: [high.label, low.label] }];
}
