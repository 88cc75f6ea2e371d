import { z } from 'zod';
import { weekStarts } from '../../analytics/periods/buckets.ts';
import { losingStages } from '../../analytics/why/drop-off.ts';
import { priorities } from '../../analytics/why/recommendations.ts';
import { errorCategories, errorSeverities } from '../../domain/error-category.ts';
import { stages } from '../../domain/lifecycle.ts';
import { annotationsWire } from '../annotations.ts';
import { reportRoute } from '../report-route.ts';
import { drawingAnswer, fullyLinkedBuckets, heatmapAnswer, recommendationsAnswer } from '../why-reports.ts';
import { FactorBasisWire, FactorWire, RecommendationWire } from '../why-wire.ts';
import { count, drill_down, interval, minutes, rate, rateOrNull, time } from '../wire.ts';

const granularity = z.enum(['hourly', 'daily', 'weekly']).default('daily');
const bucketParameters = { granularity, week_start: z.enum(weekStarts).optional() };

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
        question_id: z.string(), shown: count, answered: count, dropped: count, repeated: count, repeat_rate: rateOrNull,
        median_seconds: z.number().nullable(), drill_down,
        drill_downs: z.object({ answered: drill_down, dropped: drill_down, repeated: drill_down }),
      })).readonly(),
      median_sample_one_in: z.number().int().meta({ description: 'median_seconds are of every n-th session; 1: of all' }),
      error_patterns: z.array(ErrorPatternWire).readonly(),
      time_analysis: z.array(z.object({
        from_minutes: z.number().int(), to_minutes: z.number().int().nullable(), completed: count, dropped: count,
        drill_downs: z.object({ completed: drill_down, dropped: drill_down }),
      })).readonly(),
      factors: z.array(FactorWire).readonly(), factor_basis: FactorBasisWire, ...annotationsWire,
    },
    table: 'time_buckets', compute: heatmapAnswer,
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
    table: 'cells', compute: drawingAnswer,
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
    table: 'recommendations', compute: recommendationsAnswer,
  }),
];
