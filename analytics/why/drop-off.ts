/** When and where sessions are lost: by time of start and stage, by question, and how long after the start. */
import { stages, type StageName } from '../../domain/lifecycle.ts';
import type { ClickHouse, QueryOptions, Statement } from '../../stores/clickhouse/client.ts';
import { bucketOf, edgesOf, type Bucket } from '../periods/buckets.ts';
import { rate } from '../reports/funnel.ts';
import { stageNumbers } from '../rows.ts';
import { leftCondition, sessionsIn, type SessionFilters } from '../sessions-in.ts';
import { sum } from '../statistics/proportions.ts';
import { leastPerArm } from '../statistics/two-arms.ts';

const last = stageNumbers.completed;
/** Those that a session can be lost at. */
export const losingStages = stages.slice(0, -1) as readonly Exclude<StageName, 'completed'>[];

/** Sessions that started in a bucket. Arrays have an entry a stage of `losingStages`, `counts` one more for completed. */
export interface BucketCounts extends Bucket {
  readonly counts: readonly number[];
  readonly dropped: readonly number[];
  readonly open: number;
}

type BucketRow = Pick<BucketCounts, 'counts' | 'dropped' | 'open'> & { readonly bucket: number };

/** One query whatever the granularity; buckets in which nothing started are there too. */
export async function countsByBucket(
  db: ClickHouse, filters: SessionFilters, buckets: readonly Bucket[], now: number, options: QueryOptions = {},
): Promise<readonly BucketCounts[]> {
  const rows = await db.query<BucketRow>(bucketQuery(filters, buckets, now), options);
  const byStart = new Map(rows.map((row) => [row.bucket, row]));
  const none = { counts: stages.map(() => 0), dropped: losingStages.map(() => 0), open: 0 };
  return buckets.map((bucket) => {
    const { counts, dropped, open } = byStart.get(bucket.startMs) ?? none;
    return { ...bucket, counts, dropped, open };
  });
}

function bucketQuery(filters: SessionFilters, buckets: readonly Bucket[], now: number): Statement {
  const { from, params } = sessionsIn(filters, now);
  return {
    sql: `SELECT ${bucketOf('toUnixTimestamp64Milli(started_at)')} AS bucket,
      [${stages.map((stage) => `countIf(stage >= ${stageNumbers[stage]})`).join(', ')}] AS counts,
      [${losingStages.map((stage) => `countIf(stage = ${stageNumbers[stage]} AND ${leftCondition})`).join(', ')}] AS dropped,
      countIf(stage < ${last} AND NOT ${leftCondition}) AS open
    FROM ${from} GROUP BY bucket`,
    params: { ...params, edges: edgesOf(buckets) },
  };
}

/** A bucket that stands out. */
export interface Extreme extends BucketCounts {
  /** What it has lost already. */
  readonly drop_off_rate: number;
  /** If everything that is still open were lost too. */
  readonly drop_off_rate_at_most: number;
}

/**
 * The worst and the best whole bucket with at least 30 sessions. A young bucket has had less time to lose any: so the highest is by
 * what is lost already, and the lowest by what would be lost if all that is open left. Of equal ones the earlier.
 */
export function extremes(buckets: readonly BucketCounts[]): { readonly highest: Extreme | null; readonly lowest: Extreme | null } {
  const enough = buckets.filter(({ partial, counts: [started = 0] }) => !partial && started >= leastPerArm).map((bucket): Extreme => {
    const [started = 0] = bucket.counts;
    const dropped = droppedIn(bucket);
    return { ...bucket, drop_off_rate: dropped / started, drop_off_rate_at_most: (dropped + bucket.open) / started };
  });
  const pick = (better: (a: Extreme, b: Extreme) => boolean): Extreme | null => (
    enough.reduce<Extreme | null>((best, each) => (best === null || better(each, best) ? each : best), null)
  );
  return {
    highest: pick((a, b) => a.drop_off_rate > b.drop_off_rate), lowest: pick((a, b) => a.drop_off_rate_at_most < b.drop_off_rate_at_most),
  };
}

/** One question. Numbers are of sessions; `dropped`: it was shown last, not answered, and the session was left. */
export interface QuestionNumbers {
  readonly question_id: string;
  readonly shown: number;
  readonly answered: number;
  readonly dropped: number;
  /** In which it was put again. */
  readonly repeated: number;
  /** From the first showing to the first answer; null: nobody answered. */
  readonly median_seconds: number | null;
}

/** Above so many sessions the median is that of every n-th session, chosen by its id. */
const exactUpTo = 1_000_000;
const questionsMax = 1_000;

/** Every n-th session stands for the median. 1: all of them. */
export const sampledOneIn = (sessions: number): number => Math.max(1, Math.ceil(sessions / exactUpTo));

/** The most shown first; at most 1,000. `sessions`: how many there are, which decides about the sample. */
export async function byQuestion(
  db: ClickHouse, filters: SessionFilters, sessions: number, now: number, options: QueryOptions = {},
): Promise<readonly QuestionNumbers[]> {
  const { from, params } = sessionsIn(filters, now);
  const oneIn = sampledOneIn(sessions);
  const rows = await db.query<Omit<QuestionNumbers, 'median_seconds'> & { readonly median_ms: number | null }>({
    sql: `SELECT question AS question_id, count() AS shown, countIf(ms >= 0) AS answered, countIf(left_at = question) AS dropped,
      countIf(again > 0) AS repeated, quantileExactInclusiveIf(0.5)(ms, ms >= 0 AND sampled) AS median_ms
    FROM (
      SELECT questions, question_ms, question_repeats, if(stage < ${last} AND ${leftCondition}, last_question, '') AS left_at,
        ${oneIn === 1 ? '1' : 'cityHash64(session_id) % {one_in:UInt32} = 0'} AS sampled
      FROM ${from}
    ) ARRAY JOIN questions AS question, question_ms AS ms, question_repeats AS again
    GROUP BY question ORDER BY shown DESC, question LIMIT ${questionsMax}`,
    params: oneIn === 1 ? params : { ...params, one_in: oneIn },
  }, options);
  return rows.map(({ median_ms: median, ...row }) => ({ ...row, median_seconds: median === null ? null : Math.round(median) / 1_000 }));
}

/** How long it took until the end, of those that completed, and until the last that happened, of those that were lost. */
export interface TimeBand {
  readonly from_minutes: number;
  /** Exclusive; null: no end. */
  readonly to_minutes: number | null;
  readonly completed: number;
  readonly dropped: number;
}

const bandEdges = [0, 1, 5, 15, 30, 60, 1_440];

export async function timeAnalysis(
  db: ClickHouse, filters: SessionFilters, now: number, options: QueryOptions = {},
): Promise<readonly TimeBand[]> {
  const { from, params } = sessionsIn(filters, now);
  const counts = (column: string, condition: string): string => `[${bandEdges.map((edge, index) => {
    const next = bandEdges[index + 1];
    return `countIf(${column} >= ${edge * 60_000}${next === undefined ? '' : ` AND ${column} < ${next * 60_000}`} AND ${condition})`;
  }).join(', ')}]`;
  const [row] = await db.query<{ readonly completed: readonly number[]; readonly dropped: readonly number[] }>({
    sql: `SELECT ${counts('completed_ms', `stage >= ${last}`)} AS completed,
      ${counts('last_ms', `stage < ${last} AND ${leftCondition}`)} AS dropped FROM ${from}`,
    params,
  }, options);
  return bandEdges.map((edge, index) => ({
    from_minutes: edge, to_minutes: bandEdges[index + 1] ?? null, completed: row?.completed[index] ?? 0, dropped: row?.dropped[index] ?? 0,
  }));
}

interface Totals { readonly sessions: number; readonly dropped: number; readonly rate: number | null }

export function totals(buckets: readonly BucketCounts[]): Totals {
  const sessions = sum(buckets, ({ counts }) => counts[0] ?? 0);
  const dropped = sum(buckets, droppedIn);
  return { sessions, dropped, rate: rate(dropped, sessions) };
}

const droppedIn = ({ dropped }: BucketCounts): number => sum(dropped, (count) => count);
