import { z } from 'zod';
import { errorCategories } from '../../domain/error-category.ts';
import { taskStatuses } from '../../domain/parked-task.ts';
import { taskGroups, taskStats, taskTrends, trendHours, type TaskStats } from '../../stores/postgres/task-reports.ts';
import { iso } from '../presentation.ts';
import { ok, route } from '../route.ts';
import { clientId, paging, rate, time } from '../wire.ts';

const count = z.number().int();
const counts = z.record(z.string(), count);

const Stats = z.object({
  total_tasks: count.meta({ description: 'Parked in the time, whatever has become of them' }),
  tasks_by_status: z.object(Object.fromEntries(taskStatuses.map((status) => [status, count]))),
  tasks_by_category: z.object(Object.fromEntries(errorCategories.map((category) => [category, count]))),
  tasks_by_name: counts, tasks_by_exception: counts.meta({ description: 'The most frequent 100' }),
  oldest_task_age_seconds: count.nullable().meta({ description: 'Of the open ones, whenever they were parked; null: there is none' }),
  capacity: z.object({
    used: count.meta({ description: 'Open, whenever they were parked. Nothing is dropped beyond the limit' }), limit: count,
    percent: z.number(),
  }),
  retry_statistics: z.object({
    total_retries: count.meta({ description: 'Rounds that somebody asked for' }), successful: count,
    failed: count.meta({ description: 'Without those still under way' }),
    success_rate: rate.meta({ description: 'Of those that ended; 0 when none has' }),
  }),
  automatic_recovery_rate: rate.meta({
    description: 'Of tasks that failed at first, those that went well by themselves, by whole hours; 0 when none failed',
  }),
  median_seconds_to_resolution: z.number().nullable().meta({
    description: 'From parking to completion or discarding; null: none has ended',
  }),
  time_range: z.object({ hours: count, from: time, to: time }), last_updated: time,
}).meta({ id: 'TaskStats' });

export const Groups = z.object({
  results: z.array(z.object({
    fingerprint: z.string(), task_name: z.string(), category: z.enum(errorCategories),
    message: z.string().meta({ description: 'Of the newest, scrubbed' }), count,
    sessions: count.meta({ description: 'That wait for one of them' }), first_seen: time, last_seen: time,
    trend: z.enum(taskTrends).meta({
      description: `Newer against older half of the last ${trendHours} hours, whatever became of the tasks: half as many again, and two ` +
        `at least`,
    }),
  })),
  total: count.meta({ description: 'Groups, also those beyond the limit' }),
}).meta({ id: 'TaskGroups' });

export const dlqReportRoutes = [
  route.get('/admin/dlq/stats', {
    summary: 'The dead letter queue in numbers', access: ['admin'], limits: ['api'], audit: 'dlq.stats', answers: { 200: Stats },
    query: z.strictObject({ ...clientId, time_range_hours: z.coerce.number().int().min(1).max(9_600).default(24) }),
    handler: async ({ query, call, services }) => {
      const now = services.now();
      const from = now - query.time_range_hours * 3_600_000;
      const stats = await taskStats(services.stores.db, call.actor.tenant, new Date(from));
      return ok(presentStats(stats, services.deadLetters.capacity, { hours: query.time_range_hours, from, now }));
    },
  }),
  route.get('/admin/dlq/groups', {
    summary: 'Open tasks by what went wrong, the largest groups first', access: ['admin'], limits: ['api'], audit: 'dlq.groups',
    answers: { 200: Groups }, query: z.strictObject({ ...clientId, limit: paging.limit }),
    handler: async ({ query, call, services }) => {
      const { groups, total } = await taskGroups(services.stores.db, call.actor.tenant, new Date(services.now()), query.limit);
      const results = groups.map((group) => ({
        ...group, first_seen: group.first_seen.toISOString(), last_seen: group.last_seen.toISOString(),
      }));
      return ok({ results, total });
    },
  }),
];

interface TimeRange { readonly hours: number; readonly from: number; readonly now: number }

function presentStats(stats: TaskStats, limit: number, { hours, from, now }: TimeRange): z.input<typeof Stats> {
  const { total, successful, failed } = stats.retries;
  const zeros = <Name extends string>(names: readonly Name[], found: Readonly<Partial<Record<Name, number>>>): Record<Name, number> =>
    Object.fromEntries(names.map((name) => [name, found[name] ?? 0])) as Record<Name, number>;
  return {
    total_tasks: stats.total, tasks_by_status: zeros(taskStatuses, stats.by_status),
    tasks_by_category: zeros(errorCategories, stats.by_category),
    tasks_by_name: stats.by_name, tasks_by_exception: stats.by_exception,
    oldest_task_age_seconds: stats.oldest_open_at === null ? null : Math.max(0, Math.round((now - stats.oldest_open_at.getTime()) / 1_000)),
    capacity: { used: stats.open, limit, percent: Math.round(stats.open / limit * 1_000) / 10 },
    retry_statistics: { total_retries: total, successful, failed, success_rate: share(successful, successful + failed) },
    automatic_recovery_rate: share(stats.recovered, stats.recovered + stats.total),
    median_seconds_to_resolution: stats.median_seconds_to_resolution, time_range: { hours, from: iso(from), to: iso(now) },
    last_updated: iso(now),
  };
}

/** 0 of 0 is 0. */
function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}
