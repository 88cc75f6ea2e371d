/**
 * The stage funnel: how many sessions reached each stage, where they were lost, and how long the steps took.
 *
 * Cohort = sessions started in the period. A stage counts the sessions of the cohort that reached it, whenever.
 * Dropped = ended, or counted as abandoned, without the next stage; a session that may still go on is `still_open`
 * and no drop-off (an escalated one too: a person has it and can give it back). So for every stage
 * count = next count + dropped + still_open. Funnels of one's own (`steps=`) will stand in a file beside this one.
 */
import type { ClickHouse, QueryOptions, Statement } from '../../stores/clickhouse/client.ts';
import { stages } from '../../domain/lifecycle.ts';
import type { StageName } from '../../domain/lifecycle.ts';
import { stageNumbers } from '../rows.ts';
import { leftCondition, sessionsIn } from '../sessions-in.ts';
import type { SessionFilters } from '../sessions-in.ts';
import { sum, wilson, type Interval } from '../statistics/proportions.ts';

export type { SessionFilters } from '../sessions-in.ts';

/** One stage. Rates are 0..1, null where they would be 0 of 0; times are minutes to 3 decimals, null when nobody made the step. */
export interface FunnelStage<Name extends string = string> {
  readonly name: Name;
  readonly description: string;
  readonly count: number;
  /** Of those who reached the stage before; for the first stage, of the cohort: 1, or null when it is empty. */
  readonly conversion_rate: number | null;
  readonly conversion_from_start: number | null;
  /** dropped / count */
  readonly drop_off_rate: number | null;
  readonly dropped: number;
  readonly still_open: number;
  /** 95 % Wilson interval of `conversion_rate`; [0, 1] when there was nobody to convert. */
  readonly confidence_interval: Interval;
  readonly avg_time_to_next_minutes: number | null;
  readonly median_time_to_next_minutes: number | null;
  readonly p90_time_to_next_minutes: number | null;
}

export type ImpactSeverity = 'critical' | 'high' | 'medium' | 'low';

export interface DropOffPoint<Name extends string = string> {
  readonly from_stage: Name;
  readonly to_stage: Name;
  readonly drop_off_count: number;
  readonly drop_off_rate: number;
  readonly impact_severity: ImpactSeverity;
}

/** The answer of GET /analytics/funnel/ without period, freshness, cohorts and recommendations. */
export interface FunnelReport<Name extends string = string> {
  readonly total_sessions: number;
  readonly completed_sessions: number;
  /** Dropped at any stage. */
  readonly abandoned_sessions: number;
  readonly open_sessions: number;
  readonly overall_conversion_rate: number | null;
  readonly overall_conversion_interval: Interval;
  readonly avg_completion_time_minutes: number | null;
  readonly median_completion_time_minutes: number | null;
  readonly stages: readonly FunnelStage<Name>[];
  /** Worst first by rate × count, only real drops, at most 5. */
  readonly top_drop_off_points: readonly DropOffPoint<Name>[];
}

/** The one row of the query. The first three arrays have an entry a stage, the others one a step to the next stage. */
export interface FunnelRow {
  readonly counts: readonly number[];
  readonly dropped: readonly number[];
  readonly still_open: readonly number[];
  readonly mean_ms: readonly (number | null)[];
  readonly median_ms: readonly (number | null)[];
  readonly p90_ms: readonly (number | null)[];
  readonly completion_mean_ms: number | null;
  readonly completion_median_ms: number | null;
}

export const stageDescriptions: Readonly<Record<StageName, string>> = {
  started: 'A session was created',
  engaged: 'The first answer was accepted',
  recommendations_generated: 'Recommendations were made from the answers',
  approval_decision: 'A person decided about the recommendations',
  completed: 'The approved change was applied',
};

/** Milliseconds from the start to each stage. */
const offsets: Readonly<Record<StageName, string>> = {
  started: '0',
  engaged: 'engaged_ms',
  recommendations_generated: 'recommendations_generated_ms',
  approval_decision: 'approval_decision_ms',
  completed: 'completed_ms',
};

const numbers = stages.map((name) => stageNumbers[name]);
const stepNumbers = numbers.slice(1);
const beforeLast = numbers.slice(0, -1);
const lastStage = stageNumbers.completed;

/** One pass over the newest versions. Medians are exact and interpolated: between two values lies their mean. */
export function stageFunnelQuery(filters: SessionFilters, now: number): Statement {
  const { from, params } = sessionsIn(filters, now);
  const columns = {
    counts: list(numbers.map((stage) => `countIf(stage >= ${stage})`)),
    dropped: list([...beforeLast.map((stage) => `countIf(stage = ${stage} AND ${leftCondition})`), '0']),
    still_open: list([...beforeLast.map((stage) => `countIf(stage = ${stage} AND NOT ${leftCondition})`), '0']),
    mean_ms: list(stepNumbers.map((stage) => `avgIf(${stepMs(stage)}, stage >= ${stage})`)),
    step_quantiles: list(stepNumbers.map((stage) =>
      `quantilesExactInclusiveIf(0.5, 0.9)(${stepMs(stage)}, stage >= ${stage})`)),
    median_ms: 'arrayMap(pair -> pair[1], step_quantiles)',
    p90_ms: 'arrayMap(pair -> pair[2], step_quantiles)',
    completion_mean_ms: `avgIf(completed_ms, stage >= ${lastStage})`,
    completion_median_ms: `quantileExactInclusiveIf(0.5)(completed_ms, stage >= ${lastStage})`,
  };
  const selected = Object.entries(columns).map(([name, expression]) => `  ${expression} AS ${name}`);
  return { sql: `SELECT\n${selected.join(',\n')}\nFROM ${from}`, params };
}

export function funnelReport(row: FunnelRow): FunnelReport<StageName> {
  return reportOf(stages.map((name) => ({ name, description: stageDescriptions[name] })), row);
}

interface Named<Name extends string> { readonly name: Name; readonly description: string }

/** Of any steps; the row has an entry for each. */
export function reportOf<Name extends string>(steps: readonly Named<Name>[], row: FunnelRow): FunnelReport<Name> {
  const total = row.counts[0] ?? 0;
  const completed = row.counts[steps.length - 1] ?? 0;
  return {
    total_sessions: total,
    completed_sessions: completed,
    abandoned_sessions: sum(row.dropped, (count) => count),
    open_sessions: sum(row.still_open, (count) => count),
    overall_conversion_rate: rate(completed, total),
    overall_conversion_interval: wilson(completed, total),
    avg_completion_time_minutes: minutes(row.completion_mean_ms),
    median_completion_time_minutes: minutes(row.completion_median_ms),
    stages: steps.map((step, index) => stageOf(step, index, row)),
    top_drop_off_points: dropOffPoints(steps, row),
  };
}

export async function funnel(
  db: ClickHouse, filters: SessionFilters, now: number, options: QueryOptions = {},
): Promise<FunnelReport<StageName>> {
  const [row] = await db.query<FunnelRow>(stageFunnelQuery(filters, now), options);
  if (row === undefined) throw new Error('An aggregate without GROUP BY answers one row');
  return funnelReport(row);
}

/** Rate × count above 50, 20, 5: many people lost at a step where most are lost is worse than either alone. */
export function impactSeverity(dropOffRate: number, dropOffCount: number): ImpactSeverity {
  const impact = dropOffRate * dropOffCount;
  if (impact > 50) return 'critical';
  if (impact > 20) return 'high';
  return impact > 5 ? 'medium' : 'low';
}

function stageOf<Name extends string>({ name, description }: Named<Name>, index: number, row: FunnelRow): FunnelStage<Name> {
  const total = row.counts[0] ?? 0;
  const count = row.counts[index] ?? 0;
  const before = row.counts[index - 1] ?? total;
  const dropped = row.dropped[index] ?? 0;
  return {
    name,
    description,
    count,
    conversion_rate: rate(count, before),
    conversion_from_start: rate(count, total),
    drop_off_rate: rate(dropped, count),
    dropped,
    still_open: row.still_open[index] ?? 0,
    confidence_interval: wilson(count, before),
    avg_time_to_next_minutes: minutes(row.mean_ms[index]),
    median_time_to_next_minutes: minutes(row.median_ms[index]),
    p90_time_to_next_minutes: minutes(row.p90_ms[index]),
  };
}

function dropOffPoints<Name extends string>(steps: readonly Named<Name>[], row: FunnelRow): readonly DropOffPoint<Name>[] {
  const points = steps.slice(0, -1).flatMap(({ name: from }, index) => {
    const to = steps[index + 1]?.name;
    const count = row.dropped[index] ?? 0;
    const dropOffRate = rate(count, row.counts[index] ?? 0);
    if (to === undefined || count === 0 || dropOffRate === null) return [];
    return [{
      from_stage: from, to_stage: to, drop_off_count: count, drop_off_rate: dropOffRate,
      impact_severity: impactSeverity(dropOffRate, count),
    }];
  });
  return points.toSorted((a, b) => b.drop_off_rate * b.drop_off_count - a.drop_off_rate * a.drop_off_count).slice(0, 5);
}

/** From the stage before to this one. Both are unsigned; their difference is signed in ClickHouse. */
function stepMs(stage: number): string {
  const [from, to] = [stages[stage - 2], stages[stage - 1]];
  if (from === undefined || to === undefined) throw new RangeError(`No step leads to stage ${stage}`);
  return from === 'started' ? offsets[to] : `${offsets[to]} - ${offsets[from]}`;
}

/** As an array of ClickHouse. */
export function list(expressions: readonly string[]): string {
  return `[${expressions.join(', ')}]`;
}

export function rate(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}

export function minutes(ms: number | null | undefined): number | null {
  return ms === null || ms === undefined ? null : Math.round(ms / 60) / 1_000;
}
