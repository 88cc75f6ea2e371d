/**
 * Sessions by when they started, and whether conversion or volume has a trend. A bucket's own figures say what has happened so far; the
 * trend of conversion compares at equal maturity (followed.ts), since the newest buckets always look worst.
 */
import type { ClickHouse, QueryOptions, Statement } from '../../stores/clickhouse/client.ts';
import { bucketOf, edgesOf, type Bucket } from '../periods/buckets.ts';
import { trendOf, type Trend } from './comparison.ts';
import { followedColumns, followedParams, type Followed, type FollowUp } from './followed.ts';
import { minutes, rate } from './funnel.ts';
import { stageNumbers } from '../rows.ts';
import { sessionsIn, type SessionFilters } from '../sessions-in.ts';
import { cochranArmitage, countTrend, wilson, type Interval } from '../statistics/proportions.ts';
import { leastPerArm } from '../statistics/two-arms.ts';

export const volumeTrends = ['growing', 'stable', 'shrinking', 'insufficient_data'] as const;

export interface TrendCohort {
  readonly bucket: Bucket;
  readonly total_sessions: number;
  readonly completed_sessions: number;
  readonly conversion_rate: number | null;
  readonly interval: Interval;
  readonly avg_completion_time_minutes: number | null;
  /** Old enough to be compared, and how many of them completed within the follow-up. */
  readonly followed_sessions: number;
  readonly completed_in_follow_up: number;
}

export interface Trends {
  readonly conversion_trend: Trend;
  /** From the first to the last bucket along the line that fits best, in points, at equal maturity; null: of fewer than two. */
  readonly conversion_change: number | null;
  /** Cochran and Armitage. */
  readonly p_value: number;
  readonly follow_up_seconds: number;
  readonly excluded_young: number;
  readonly volume_trend: (typeof volumeTrends)[number];
  /** The later half of the whole buckets against the earlier; null: fewer than two, or nobody in the earlier. */
  readonly volume_change_percent: number | null;
  readonly volume_p_value: number;
}

export interface CohortTrends { readonly cohorts: readonly TrendCohort[]; readonly trends: Trends }

interface BucketRow extends Followed {
  readonly bucket: number | string;
  readonly completed: number;
  readonly all_mean_ms: number | null;
}

export function cohortTrendsQuery(filters: SessionFilters, buckets: readonly Bucket[], follow: FollowUp): Statement {
  const { from, params } = sessionsIn(filters, follow.now);
  const completed = `stage >= ${stageNumbers.completed}`;
  return {
    sql: `SELECT\n  ${bucketOf('toUnixTimestamp64Milli(started_at)')} AS bucket, countIf(${completed}) AS completed,
  avgIf(completed_ms, ${completed}) AS all_mean_ms,\n  ${followedColumns()}\nFROM ${from}\nGROUP BY bucket`,
    params: { ...params, ...followedParams(follow), edges: edgesOf(buckets) },
  };
}

export async function cohortTrends(
  db: ClickHouse, filters: SessionFilters, buckets: readonly Bucket[], follow: FollowUp, options: QueryOptions = {},
): Promise<CohortTrends> {
  const rows = await db.query<BucketRow>(cohortTrendsQuery(filters, buckets, follow), options);
  const byStart = new Map(rows.map((row) => [Number(row.bucket), row]));
  const found = buckets.map((bucket) => cohortOf(bucket, byStart.get(bucket.startMs)));
  return { cohorts: found, trends: trendsOf(found, follow.followUpMs) };
}

function cohortOf(bucket: Bucket, row: BucketRow | undefined): TrendCohort {
  const [total, completed] = [row?.total ?? 0, row?.completed ?? 0];
  return {
    bucket, total_sessions: total, completed_sessions: completed, conversion_rate: rate(completed, total),
    interval: wilson(completed, total), avg_completion_time_minutes: minutes(row?.all_mean_ms),
    followed_sessions: row?.followed ?? 0, completed_in_follow_up: row?.reached.at(-1) ?? 0,
  };
}

export function trendsOf(cohorts: readonly TrendCohort[], followUpMs: number): Trends {
  const arms = cohorts.map(({ followed_sessions: n, completed_in_follow_up: successes }) => ({ successes, n }));
  const followed = total(arms.map(({ n }) => n));
  const { z, p } = cochranArmitage(arms);
  const enough = arms.filter(({ n }) => n > 0).length > 1 && followed >= 2 * leastPerArm;
  return {
    conversion_trend: enough ? trendOf({ p, difference: z }) : 'insufficient_data', conversion_change: fittedChange(arms), p_value: p,
    follow_up_seconds: followUpMs / 1_000, excluded_young: total(cohorts.map((each) => each.total_sessions)) - followed,
    ...volumeOf(cohorts.filter(({ bucket }) => !bucket.partial).map((each) => each.total_sessions)),
  };
}

/** Least squares, weighted by how many there are. */
function fittedChange(arms: readonly { readonly successes: number; readonly n: number }[]): number | null {
  const seen = arms.flatMap(({ successes, n }, place) => (n === 0 ? [] : [{ place, n, share: successes / n }]));
  const [first, last] = [seen[0], seen.at(-1)];
  if (first === undefined || last === undefined || first === last) return null;
  const all = total(seen.map(({ n }) => n));
  const mean = (of: (each: (typeof seen)[number]) => number): number => total(seen.map((each) => each.n * of(each))) / all;
  const [place, share] = [mean((each) => each.place), mean((each) => each.share)];
  const spread = total(seen.map((each) => each.n * (each.place - place) ** 2));
  const rise = total(seen.map((each) => each.n * (each.place - place) * (each.share - share)));
  return (rise / spread) * (last.place - first.place);
}

/** Fewer whole buckets than this have no trend. */
const leastBuckets = 3;

function volumeOf(counts: readonly number[]): Pick<Trends, 'volume_trend' | 'volume_change_percent' | 'volume_p_value'> {
  const half = Math.floor(counts.length / 2);
  const [earlier, later] = [total(counts.slice(0, half)), total(counts.slice(counts.length - half))];
  const { z, p } = countTrend(counts);
  const enough = counts.length >= leastBuckets && total(counts) >= leastPerArm;
  const named = { improving: 'growing', declining: 'shrinking', stable: 'stable', insufficient_data: 'insufficient_data' } as const;
  return {
    volume_trend: enough ? named[trendOf({ p, difference: z })] : 'insufficient_data',
    volume_change_percent: earlier === 0 ? null : (later / earlier - 1) * 100, volume_p_value: p,
  };
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
