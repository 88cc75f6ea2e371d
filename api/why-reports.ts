/** The answers of the reports of why sessions are lost, with the lists behind their numbers. */
import { bucketsIn, type Bucket, type Granularity, type WeekStart } from '../analytics/periods/buckets.ts';
import type { DrillDown } from '../analytics/reports/drill-down.ts';
import { funnel, rate } from '../analytics/reports/funnel.ts';
import { comparables } from '../analytics/why/comparables.ts';
import {
  byQuestion, countsByBucket, extremes, losingStages, sampledOneIn, timeAnalysis, totals, type BucketCounts, type Extreme,
} from '../analytics/why/drop-off.ts';
import { errorCounts, type ErrorCount } from '../analytics/why/error-patterns.ts';
import { factorsOf } from '../analytics/why/factors.ts';
import { measure, type Measured } from '../analytics/why/measured.ts';
import { recommend, type Recommendation } from '../analytics/why/recommendations.ts';
import { pairText } from '../analytics/why-selection.ts';
import { stages } from '../domain/lifecycle.ts';
import { errorsBetween, type ErrorOccurrences } from '../stores/postgres/error-patterns.ts';
import { annotationsOf } from './annotations.ts';
import { iso } from './presentation.ts';
import type { ReportInput } from './report-route.ts';
import { factorBasis, factorWire, recommendationWire } from './why-wire.ts';

/** With more buckets there would be tens of megabytes of paths. */
export const fullyLinkedBuckets = 2_000;
const factorsShown = 100;
const errorsShown = 20;

export type WhyInput = Pick<ReportInput<unknown>, 'filters' | 'period' | 'now' | 'services' | 'links'>;
interface BucketQuery { readonly granularity: Granularity; readonly week_start?: WeekStart | undefined }
type BucketInput = WhyInput & { readonly query: BucketQuery };
type RecommendationInput = WhyInput & {
  readonly query: { readonly priority?: Recommendation['priority'] | undefined; readonly min_confidence: number };
};

/** When, where and with what sessions are lost. */
export async function heatmapAnswer(input: BucketInput) {
  const { filters, period, now, services, links: to } = input;
  const db = services.reports.clickhouse;
  const buckets = await bucketsOf(input);
  const { sessions, dropped, rate: overall } = totals(buckets);
  const [questions, times, measured, error_patterns, annotations] = await Promise.all([
    byQuestion(db, filters, sessions, now), timeAnalysis(db, filters, now), measure(db, filters, period, now), errorPatterns(input),
    annotationsOf(services, filters.tenant, period),
  ]);
  const factors = factorsOf(measured.factors);
  const { highest, lowest } = extremes(buckets);
  return {
    total_sessions: sessions, dropped_sessions: dropped, overall_drop_off_rate: overall, drill_down: to.to(),
    drill_downs: { dropped_sessions: to.to({ outcome: 'dropped' }) },
    time_buckets: buckets.map((bucket) => bucketAnswer(bucket, to, buckets.length <= fullyLinkedBuckets)),
    highest_drop_off_bucket: extremeAnswer(highest, to), lowest_drop_off_bucket: extremeAnswer(lowest, to),
    by_question: questions.map((question) => {
      const link = (outcome: 'shown' | 'answered' | 'left' | 'repeated'): string => (
        to.to({ stage: 'started', question_id: question.question_id, outcome })
      );
      return {
        ...question, repeat_rate: rate(question.repeated, question.shown), drill_down: link('shown'),
        drill_downs: { answered: link('answered'), dropped: link('left'), repeated: link('repeated') },
      };
    }),
    median_sample_one_in: sampledOneIn(sessions), error_patterns,
    time_analysis: times.map((band) => {
      const range = { minutes_from: band.from_minutes, minutes_to: band.to_minutes ?? undefined };
      return {
        ...band,
        drill_downs: { completed: to.to({ outcome: 'completed', ...range }), dropped: to.to({ outcome: 'dropped', ...range }) },
      };
    }),
    factors: factors.slice(0, factorsShown).map((factor) => factorWire(factor, measured, to)),
    factor_basis: factorBasis(measured, factors.length, now, to), annotations,
  };
}

/** The same for drawing: a cell for each stage and bucket. */
export async function drawingAnswer(input: BucketInput) {
  const buckets = await bucketsOf(input);
  const linked = buckets.length <= fullyLinkedBuckets;
  return {
    rows: losingStages, columns: buckets.map(({ label }) => label),
    column_times: buckets.map(({ startMs, endMs, partial }) => ({ start: iso(startMs), end: iso(endMs), partial })),
    cells: losingStages.flatMap((row, index) => buckets.map((bucket) => {
      const [lost, reached] = [bucket.dropped[index] ?? 0, bucket.counts[index] ?? 0];
      return {
        row, column: bucket.label, value: rate(lost, reached), count: lost, reached,
        ...(lost === 0 || !linked ? {} : { drill_down: input.links.to({ stage: row, outcome: 'dropped' }, span(bucket)) }),
      };
    })),
  };
}

/** What to mend first. */
export async function recommendationsAnswer(input: RecommendationInput) {
  const { query, links: to } = input;
  const [{ measured, recommendations }, metrics] = await Promise.all([recommended(input), currentMetrics(input)]);
  const sure = recommendations.filter(({ confidence }) => confidence >= query.min_confidence);
  const shown = sure.filter(({ priority }) => query.priority === undefined || priority === query.priority);
  const counted = (priority: Recommendation['priority']): number => sure.filter((each) => each.priority === priority).length;
  return {
    recommendations: shown.map((each) => recommendationWire(each, measured, to)), total_count: shown.length,
    priority_counts: { critical: counted('critical'), high: counted('high'), medium: counted('medium'), low: counted('low') },
    current_metrics: metrics,
  };
}

/** All that are significant, the gravest first. */
export async function recommended(
  { filters, period, now, services }: Omit<WhyInput, 'links'>,
): Promise<{ readonly measured: Measured; readonly recommendations: readonly Recommendation[] }> {
  const measured = await measure(services.reports.clickhouse, filters, period, now);
  const { stageCells, questionCells, factors } = measured;
  return { measured, recommendations: recommend(comparables(stageCells, questionCells, factors), factorsOf(factors)) };
}

async function currentMetrics({ filters, now, services, links: to }: WhyInput) {
  const report = await funnel(services.reports.clickhouse, filters, now);
  return {
    total_sessions: report.total_sessions, completed_sessions: report.completed_sessions, dropped_sessions: report.abandoned_sessions,
    open_sessions: report.open_sessions, conversion_rate: report.overall_conversion_rate,
    conversion_interval: report.overall_conversion_interval, drop_off_rate: rate(report.abandoned_sessions, report.total_sessions),
    median_completion_time_minutes: report.median_completion_time_minutes, drill_down: to.to(),
    drill_downs: {
      completed_sessions: to.to({ outcome: 'completed' }), dropped_sessions: to.to({ outcome: 'dropped' }),
      open_sessions: to.to({ outcome: 'still_open' }),
    },
  };
}

function bucketsOf({ filters, period, query, now, services }: BucketInput): Promise<readonly BucketCounts[]> {
  const buckets = bucketsIn(period, { granularity: query.granularity, weekStart: query.week_start, now });
  return countsByBucket(services.reports.clickhouse, filters, buckets, now);
}

function bucketAnswer(bucket: BucketCounts, to: DrillDown, linked: boolean) {
  const { counts, dropped, open, startMs, endMs, label, partial } = bucket;
  const [started = 0, ...later] = counts;
  const figures = [
    ...stages.slice(1).map((stage, index) => [`stage_counts.${stage}`, later[index] ?? 0, { stage }] as const),
    ...losingStages.map((stage, index) => (
      [`drop_offs_by_stage.${stage}`, dropped[index] ?? 0, { stage, outcome: 'dropped' }] as const
    )),
    ['still_open', open, { outcome: 'still_open' }] as const,
  ];
  const paths = linked ? figures.flatMap(([name, number, selection]) => (
    number === 0 ? [] : [[name, to.to(selection, span(bucket))] as const]
  )) : [];
  return {
    label, start: iso(startMs), end: iso(endMs), partial, sessions_started: started,
    stage_counts: record(stages, counts), drop_offs_by_stage: record(losingStages, dropped), still_open: open,
    completion_rate: rate(counts.at(-1) ?? 0, started), drill_down: to.to({}, span(bucket)),
    ...(paths.length === 0 ? {} : { drill_downs: Object.fromEntries(paths) }),
  };
}

function extremeAnswer(extreme: Extreme | null, to: DrillDown) {
  if (extreme === null) return null;
  const { label, startMs, endMs, partial, counts, dropped, drop_off_rate, drop_off_rate_at_most } = extreme;
  return {
    label, start: iso(startMs), end: iso(endMs), partial, sessions_started: counts[0] ?? 0,
    dropped: dropped.reduce((sum, number) => sum + number, 0), drop_off_rate, drop_off_rate_at_most,
    drill_down: to.to({}, span(extreme)), drill_downs: { dropped: to.to({ outcome: 'dropped' }, span(extreme)) },
  };
}

type Counted = Pick<ErrorCount, 'occurrences' | 'sessions'> & { readonly drill_down: string };
type ErrorPattern =
  | Counted & { readonly kind: 'refusal'; readonly question_id: string; readonly code: string }
  | Counted & { readonly kind: 'parked_task'; readonly step: string; readonly category: string }
  | ErrorOccurrences & { readonly kind: 'error' };

async function errorPatterns({ filters, now, services, links: to }: WhyInput): Promise<readonly ErrorPattern[]> {
  const { tenant, startMs, endMs } = filters;
  const [counts, errors] = await Promise.all([
    errorCounts(services.reports.clickhouse, filters, now), errorsBetween(services.stores.db, tenant, startMs, endMs, errorsShown),
  ]);
  return [...counts.map((each) => countAnswer(each, to)), ...errors.map((error) => ({ kind: 'error' as const, ...error }))];
}

function countAnswer({ kind, place, code, occurrences, sessions }: ErrorCount, to: DrillDown): ErrorPattern {
  const text = pairText(place, code);
  return kind === 'refusal'
    ? { kind, question_id: place, code, occurrences, sessions, drill_down: to.to({ refused: text }) }
    : { kind, step: place, category: code, occurrences, sessions, drill_down: to.to({ parked: text }) };
}

function record<Name extends string>(names: readonly Name[], values: readonly number[]): Record<Name, number> {
  return Object.fromEntries(names.map((name, index) => [name, values[index] ?? 0])) as Record<Name, number>;
}

function span({ startMs, endMs }: Pick<Bucket, 'startMs' | 'endMs'>) {
  return { startMs, endMs };
}
