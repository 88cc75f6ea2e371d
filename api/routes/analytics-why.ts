import { z } from 'zod';
import { bucketsIn, weekStarts, type Bucket, type Granularity, type WeekStart } from '../../analytics/buckets.ts';
import type { DrillDown } from '../../analytics/drill-down.ts';
import { funnel, rate as rateOf } from '../../analytics/funnel.ts';
import {
  byQuestion, countsByBucket, extremes, losingStages, sampledOneIn, timeAnalysis, totals, type BucketCounts, type Extreme,
} from '../../analytics/why/drop-off.ts';
import { comparables } from '../../analytics/why/comparables.ts';
import { errorCounts, type ErrorCount } from '../../analytics/why/error-patterns.ts';
import { factorsOf } from '../../analytics/why/factors.ts';
import { measure, type Measured } from '../../analytics/why/measured.ts';
import { priorities, recommend, type Recommendation } from '../../analytics/why/recommendations.ts';
import { pairText } from '../../analytics/why/selection.ts';
import { errorCategories, errorSeverities } from '../../domain/error-category.ts';
import { stages } from '../../domain/lifecycle.ts';
import { errorsBetween } from '../../stores/postgres/error-patterns.ts';
import { iso } from '../presentation.ts';
import { reportRoute, type ReportInput } from '../report-route.ts';
import {
  drill_down, FactorBasisWire, factorBasis, FactorWire, factorWire, RecommendationWire, recommendationWire,
} from '../why-wire.ts';
import { count, interval, minutes, rate, rateOrNull, time } from '../wire.ts';

const granularity = z.enum(['hourly', 'daily', 'weekly']).default('daily');
const bucketParameters = { granularity, week_start: z.enum(weekStarts).optional() };
/** More would be tens of megabytes of paths. */
const fullyLinkedBuckets = 2_000;
const factorsShown = 100;
const errorsShown = 20;

const links = z.record(z.string(), drill_down).optional().meta({
  description: `By figure; those that are 0 have none, and none has one in a report of more than ${fullyLinkedBuckets} buckets`,
});
const bucketWire = { label: z.string(), start: time, end: time, partial: z.boolean() };
const extremeWire = z.object({
  ...bucketWire, sessions_started: count, dropped: count, drop_off_rate: rate,
  drop_off_rate_at_most: rate.meta({ description: 'If all that is still open were lost too' }), drill_down,
  drill_downs: z.object({ dropped: drill_down }),
}).nullable();

const ErrorPatternWire = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('refusal'), question_id: z.string(), code: z.string(), occurrences: count, sessions: count, drill_down,
  }),
  z.object({ kind: z.literal('parked_task'), step: z.string(), category: z.string(), occurrences: count, sessions: count, drill_down }),
  z.object({
    kind: z.literal('error'), fingerprint: z.string(), task_name: z.string(), category: z.enum(errorCategories),
    severity: z.enum(errorSeverities), exception_type: z.string(), message: z.string(),
    occurrences: count.meta({ description: 'Of the whole tenant in the hours of the period, whatever else is filtered' }),
  }),
]);

export const whyRoutes = [
  reportRoute('/analytics/drop-off-heatmap', {
    id: 'DropOffHeatmap', summary: 'When, where and with what sessions are lost', query: bucketParameters,
    answer: {
      total_sessions: count, dropped_sessions: count, overall_drop_off_rate: rateOrNull, drill_down,
      drill_downs: z.object({ dropped_sessions: drill_down }),
      time_buckets: z.array(z.object({
        ...bucketWire, sessions_started: count, stage_counts: z.record(z.enum(stages), count),
        drop_offs_by_stage: z.record(z.enum(losingStages), count), still_open: count, completion_rate: rateOrNull, drill_down,
        drill_downs: links,
      })).readonly(),
      highest_drop_off_bucket: extremeWire, lowest_drop_off_bucket: extremeWire,
      by_question: z.array(z.object({
        question_id: z.string(), shown: count, answered: count, dropped: count, repeat_rate: rateOrNull,
        median_seconds: z.number().nullable(), drill_down,
        drill_downs: z.object({ answered: drill_down, dropped: drill_down, repeated: drill_down }),
      })).readonly(),
      median_sample_one_in: z.number().int().meta({ description: 'median_seconds are of every n-th session; 1: of all' }),
      error_patterns: z.array(ErrorPatternWire).readonly(),
      time_analysis: z.array(z.object({
        from_minutes: z.number().int(), to_minutes: z.number().int().nullable(), completed: count, dropped: count,
        drill_downs: z.object({ completed: drill_down, dropped: drill_down }),
      })).readonly(),
      factors: z.array(FactorWire).readonly(), factor_basis: FactorBasisWire,
    },
    compute: async (input) => {
      const { filters, period, now, services, links: to } = input;
      const db = services.reports.clickhouse;
      const buckets = await bucketsOf(input);
      const { sessions, dropped, rate: overall } = totals(buckets);
      const [questions, times, measured, patterns] = await Promise.all([
        byQuestion(db, filters, sessions, now), timeAnalysis(db, filters, now), measure(db, filters, period, now), errorPatterns(input),
      ]);
      const factors = factorsOf(measured.factors);
      const { highest, lowest } = extremes(buckets);
      return {
        total_sessions: sessions, dropped_sessions: dropped, overall_drop_off_rate: overall, drill_down: to.to(),
        drill_downs: { dropped_sessions: to.to({ outcome: 'dropped' }) },
        time_buckets: buckets.map((bucket) => bucketAnswer(bucket, to, buckets.length <= fullyLinkedBuckets)),
        highest_drop_off_bucket: extremeAnswer(highest, to), lowest_drop_off_bucket: extremeAnswer(lowest, to),
        by_question: questions.map(({ repeated, ...question }) => {
          const link = (outcome: 'shown' | 'answered' | 'left' | 'repeated'): string => (
            to.to({ stage: 'started', question_id: question.question_id, outcome })
          );
          return {
            ...question, repeat_rate: rateOf(repeated, question.shown), drill_down: link('shown'),
            drill_downs: { answered: link('answered'), dropped: link('left'), repeated: link('repeated') },
          };
        }),
        median_sample_one_in: sampledOneIn(sessions), error_patterns: patterns,
        time_analysis: times.map((band) => {
          const range = { minutes_from: band.from_minutes, minutes_to: band.to_minutes ?? undefined };
          return {
            ...band,
            drill_downs: { completed: to.to({ outcome: 'completed', ...range }), dropped: to.to({ outcome: 'dropped', ...range }) },
          };
        }),
        factors: factors.slice(0, factorsShown).map((factor) => factorWire(factor, measured, to)),
        factor_basis: factorBasis(measured, factors.length, now, to),
      };
    },
  }),

  reportRoute('/dashboard/heatmap', {
    id: 'Heatmap', summary: 'The drop-off heatmap for drawing: stages by time of start', query: bucketParameters,
    answer: {
      rows: z.array(z.enum(losingStages)).readonly(), columns: z.array(z.string()).readonly(),
      column_times: z.array(z.object({ start: time, end: time, partial: z.boolean() })).readonly(),
      cells: z.array(z.object({
        row: z.enum(losingStages), column: z.string(),
        value: rateOrNull.meta({ description: 'Share that was lost there, of the sessions that reached the stage; null: none did' }),
        count: count.meta({ description: 'Sessions that were lost there' }), reached: count,
        drill_down: drill_down.optional().meta({ description: `Left out where count is 0 and above ${fullyLinkedBuckets} columns` }),
      })).readonly(),
    },
    compute: async (input) => {
      const buckets = await bucketsOf(input);
      const linked = buckets.length <= fullyLinkedBuckets;
      return {
        rows: losingStages, columns: buckets.map(({ label }) => label),
        column_times: buckets.map(({ startMs, endMs, partial }) => ({ start: iso(startMs), end: iso(endMs), partial })),
        cells: losingStages.flatMap((row, index) => buckets.map((bucket) => {
          const [lost, reached] = [bucket.dropped[index] ?? 0, bucket.counts[index] ?? 0];
          return {
            row, column: bucket.label, value: rateOf(lost, reached), count: lost, reached,
            ...(lost === 0 || !linked ? {} : { drill_down: input.links.to({ stage: row, outcome: 'dropped' }, span(bucket)) }),
          };
        })),
      };
    },
  }),

  reportRoute('/analytics/recommendations', {
    id: 'AnalyticsRecommendations', summary: 'What to mend first, from measured drops, and what it would win',
    query: { priority: z.enum(priorities).optional(), min_confidence: z.coerce.number().min(0).max(1).default(0) },
    answer: {
      recommendations: z.array(RecommendationWire).readonly(), total_count: count,
      priority_counts: z.object({ critical: count, high: count, medium: count, low: count })
        .meta({ description: 'Of all with min_confidence, whatever priority is asked for' }),
      current_metrics: z.object({
        total_sessions: count, completed_sessions: count, dropped_sessions: count, open_sessions: count, conversion_rate: rateOrNull,
        conversion_interval: interval, drop_off_rate: rateOrNull, median_completion_time_minutes: minutes, drill_down,
        drill_downs: z.object({ completed_sessions: drill_down, dropped_sessions: drill_down, open_sessions: drill_down }),
      }),
    },
    compute: async (input) => {
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
    },
  }),
];

type Input = Pick<ReportInput<unknown>, 'filters' | 'period' | 'now' | 'services' | 'links'>;

/** All that are significant, the gravest first. */
export async function recommended(
  { filters, period, now, services }: Omit<Input, 'links'>,
): Promise<{ readonly measured: Measured; readonly recommendations: readonly Recommendation[] }> {
  const measured = await measure(services.reports.clickhouse, filters, period, now);
  const { stageCells, questionCells, factors } = measured;
  return { measured, recommendations: recommend(comparables(stageCells, questionCells, factors), factorsOf(factors)) };
}

async function currentMetrics({ filters, now, services, links: to }: Input) {
  const report = await funnel(services.reports.clickhouse, filters, now);
  return {
    total_sessions: report.total_sessions, completed_sessions: report.completed_sessions, dropped_sessions: report.abandoned_sessions,
    open_sessions: report.open_sessions, conversion_rate: report.overall_conversion_rate,
    conversion_interval: report.overall_conversion_interval, drop_off_rate: rateOf(report.abandoned_sessions, report.total_sessions),
    median_completion_time_minutes: report.median_completion_time_minutes, drill_down: to.to(),
    drill_downs: {
      completed_sessions: to.to({ outcome: 'completed' }), dropped_sessions: to.to({ outcome: 'dropped' }),
      open_sessions: to.to({ outcome: 'still_open' }),
    },
  };
}

interface BucketQuery { readonly granularity: Granularity; readonly week_start?: WeekStart | undefined }
type BucketInput = Input & { readonly query: BucketQuery };

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
    completion_rate: rateOf(counts.at(-1) ?? 0, started), drill_down: to.to({}, span(bucket)),
    ...(paths.length === 0 ? {} : { drill_downs: Object.fromEntries(paths) }),
  };
}

function extremeAnswer(extreme: Extreme | null, to: DrillDown): z.input<typeof extremeWire> {
  if (extreme === null) return null;
  const { label, startMs, endMs, partial, counts, dropped, drop_off_rate, drop_off_rate_at_most } = extreme;
  return {
    label, start: iso(startMs), end: iso(endMs), partial, sessions_started: counts[0] ?? 0,
    dropped: dropped.reduce((sum, number) => sum + number, 0), drop_off_rate, drop_off_rate_at_most,
    drill_down: to.to({}, span(extreme)), drill_downs: { dropped: to.to({ outcome: 'dropped' }, span(extreme)) },
  };
}

async function errorPatterns({ filters, now, services, links: to }: Input): Promise<readonly z.input<typeof ErrorPatternWire>[]> {
  const { tenant, startMs, endMs } = filters;
  const [counts, errors] = await Promise.all([
    errorCounts(services.reports.clickhouse, filters, now), errorsBetween(services.stores.db, tenant, startMs, endMs, errorsShown),
  ]);
  return [...counts.map((each) => countAnswer(each, to)), ...errors.map((error) => ({ kind: 'error' as const, ...error }))];
}

function countAnswer({ kind, place, code, occurrences, sessions }: ErrorCount, to: DrillDown): z.input<typeof ErrorPatternWire> {
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
