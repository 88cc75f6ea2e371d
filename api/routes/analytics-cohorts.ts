import { z } from 'zod';
import { bucketsIn, weekStarts } from '../../analytics/periods/buckets.ts';
import { trends } from '../../analytics/reports/comparison.ts';
import { cohortKinds, cohorts, insightKinds } from '../../analytics/reports/cohorts.ts';
import { cohortTrends, volumeTrends } from '../../analytics/reports/cohort-trends.ts';
import { followUpOf, stageSessions } from '../../analytics/reports/followed.ts';
import { stages } from '../../domain/lifecycle.ts';
import { annotationsOf, annotationsWire } from '../annotations.ts';
import { differenceInterval, followedLinks, lastStage, stageLists } from '../compared-periods.ts';
import { iso } from '../presentation.ts';
import { reportRoute } from '../report-route.ts';
import { count, drill_down, interval, minutes, rate, rateOrNull, time } from '../wire.ts';

const week_start = z.enum(weekStarts).default('monday');

const CohortWire = z.object({
  label: z.string(), sessions: count, compared_sessions: count, completed_sessions: count,
  stages: z.array(z.object({ name: z.enum(stages), count, conversion_rate: rateOrNull, drill_down })).readonly(),
  conversion_rate: rateOrNull, interval, avg_completion_time_minutes: minutes, sufficient_data: z.boolean(), drill_down,
  drill_downs: z.object({ compared_sessions: drill_down, completed_sessions: drill_down }),
}).meta({ id: 'Cohort' });

export const cohortRoutes = [
  reportRoute('/analytics/cohort-comparison', {
    id: 'CohortComparison', summary: 'Cohorts side by side, every pair tested, with p values adjusted for their number',
    query: { cohort_by: z.enum(cohortKinds).default('week'), week_start },
    answer: {
      cohort_by: z.enum(cohortKinds), cohorts: z.array(CohortWire).readonly(), omitted_cohorts: count,
      follow_up_seconds: z.number().int().nullable().meta({ description: 'Weeks are compared at equal maturity; null: of other cohorts' }),
      best_cohort: z.string().nullable(), worst_cohort: z.string().nullable(),
      tests: z.array(z.object({
        a: z.string(), b: z.string(), difference: z.number(), interval: differenceInterval, p_value: rate, p_adjusted: rate,
        significant: z.boolean(),
      })).readonly(),
      insights: z.array(z.object({ kind: z.enum(insightKinds), text: z.string(), cohorts: z.array(z.string()).readonly() })).readonly(),
      ...annotationsWire,
    },
    table: 'cohorts',
    compute: async ({ filters, period, query: { cohort_by: kind, week_start: weekStart }, tenant, now, services, links }) => {
      const { clickhouse } = services.reports;
      const buckets = kind === 'week' ? bucketsIn(period, { granularity: 'weekly', weekStart, now }) : [];
      const follow = { followUpMs: kind === 'week' ? await followUpOf(clickhouse, [stageSessions(filters, now)]) : 0, now };
      const [report, annotations] = await Promise.all([
        cohorts(clickhouse, filters, kind, now, { buckets, follow }), annotationsOf(services, tenant, period),
      ]);
      return {
        ...report, cohort_by: kind, follow_up_seconds: kind === 'week' ? follow.followUpMs / 1_000 : null, annotations,
        cohorts: report.cohorts.map(({ narrowed, ...cohort }) => {
          const list = stageLists(links, narrowed);
          const { followed, reached } = kind === 'week' ? followedLinks(list, follow)
            : { followed: list({}), reached: (step: number) => list({ step }) };
          return {
            ...cohort, stages: cohort.stages.map((stage, step) => ({ ...stage, drill_down: reached(step) })), drill_down: list({}),
            drill_downs: { compared_sessions: followed, completed_sessions: reached(lastStage) },
          };
        }),
      };
    },
  }),
  reportRoute('/dashboard/cohort-trends', {
    id: 'CohortTrends', summary: 'Sessions by when they started, and whether conversion or volume has a trend', days: 30,
    query: { cohort_type: z.enum(['daily', 'weekly', 'monthly']).default('weekly'), week_start },
    answer: {
      cohorts: z.array(z.object({
        cohort_label: z.string(), start_date: time, end_date: time, partial: z.boolean(), total_sessions: count, completed_sessions: count,
        conversion_rate: rateOrNull, interval, avg_completion_time_minutes: minutes,
        followed_sessions: count, completed_in_follow_up: count, drill_down,
        drill_downs: z.object({ completed_sessions: drill_down, followed_sessions: drill_down, completed_in_follow_up: drill_down }),
      })).readonly(),
      trends: z.object({
        conversion_trend: z.enum(trends), conversion_change: z.number().nullable(), p_value: rate,
        follow_up_seconds: z.number().int(), excluded_young: count,
        volume_trend: z.enum(volumeTrends), volume_change_percent: z.number().nullable(), volume_p_value: rate,
      }),
      ...annotationsWire,
    },
    table: 'cohorts',
    compute: async ({ filters, period, query: { cohort_type: granularity, week_start: weekStart }, tenant, now, services, links }) => {
      const { clickhouse } = services.reports;
      const buckets = bucketsIn(period, { granularity, weekStart, now });
      const follow = { followUpMs: await followUpOf(clickhouse, [stageSessions(filters, now)]), now };
      const [report, annotations] = await Promise.all([
        cohortTrends(clickhouse, filters, buckets, follow), annotationsOf(services, tenant, period),
      ]);
      return {
        trends: report.trends, annotations,
        cohorts: report.cohorts.map(({ bucket, ...cohort }) => {
          const { startMs, endMs } = bucket;
          const { all, followed, reached } = followedLinks(stageLists(links, { startMs, endMs }), follow);
          return {
            cohort_label: bucket.label, start_date: iso(startMs), end_date: iso(endMs), partial: bucket.partial, ...cohort,
            drill_down: all,
            drill_downs: {
              completed_sessions: links.to({ outcome: 'completed' }, { startMs, endMs }),
              followed_sessions: followed, completed_in_follow_up: reached(lastStage),
            },
          };
        }),
      };
    },
  }),
];
