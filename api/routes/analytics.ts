import { z } from 'zod';
import { funnel } from '../../analytics/funnel.ts';
import { readPeriod, type Period } from '../../analytics/period.ts';
import { segments } from '../../analytics/rows.ts';
import { stages } from '../../domain/lifecycle.ts';
import { knownFilters } from '../known-filters.ts';
import { iso } from '../presentation.ts';
import { Problem } from '../problem.ts';
import { ok, route } from '../route.ts';
import type { Services } from '../services.ts';
import { clientId, interval, rate, time } from '../wire.ts';

const PeriodWire = z.object({ start: time, end: time, timezone: z.string() }).meta({ id: 'Period' });
const FreshnessWire = z.object({ computed_at: time, cached: z.boolean(), data_through: time }).meta({ id: 'Freshness' });
const minutes = z.number().nullable();
const count = z.number().int().min(0);

/** What every report can be asked. */
const commonFilters = {
  ...clientId, start_date: z.string().max(40).optional(), end_date: z.string().max(40).optional(), timezone: z.string().max(64).optional(),
  flow: z.string().max(100).optional(), language: z.string().max(35).optional(), user_segment: z.enum(segments).optional(),
  fresh: z.enum(['true', 'false']).optional(),
};

const FunnelWire = z.object({
  period: PeriodWire, freshness: FreshnessWire, total_sessions: count, completed_sessions: count, abandoned_sessions: count,
  open_sessions: count,
  overall_conversion_rate: rate, overall_conversion_interval: interval, avg_completion_time_minutes: minutes,
  median_completion_time_minutes: minutes,
  stages: z.array(z.object({
    name: z.enum(stages), description: z.string(), count, conversion_rate: rate, conversion_from_start: rate, drop_off_rate: rate,
    dropped: count, still_open: count,
    confidence_interval: interval, avg_time_to_next_minutes: minutes, median_time_to_next_minutes: minutes,
    p90_time_to_next_minutes: minutes,
  })).readonly(),
  top_drop_off_points: z.array(z.object({
    from_stage: z.enum(stages), to_stage: z.enum(stages), drop_off_count: count, drop_off_rate: rate,
    impact_severity: z.enum(['critical', 'high', 'medium', 'low']),
  })).readonly(),
}).meta({ id: 'Funnel' });

export const analyticsRoutes = [
  route.get('/analytics/funnel', {
    summary: 'How many sessions reach each stage, and where they are lost', access: ['analyst'], limits: ['api'],
    query: z.strictObject(commonFilters), answers: { 200: FunnelWire },
    problems: ['invalid_period', 'unknown_flow', 'unknown_filter_value'],
    handler: async ({ query, call, services }) => {
      const now = services.now();
      const period = periodOf(query, now);
      const report = await funnel(services.reports.clickhouse, {
        tenant: call.actor.tenant, startMs: period.startMs, endMs: period.endMs, segment: query.user_segment,
        ...await knownFilters(services, call.actor.tenant, query),
      });
      return ok({
        period: { start: iso(period.startMs), end: iso(period.endMs), timezone: period.timezone }, freshness: freshness(services, now),
        ...report,
      });
    },
  }),
];

export function periodOf(
  query: { start_date?: string | undefined; end_date?: string | undefined; timezone?: string | undefined }, now: number, days = 7,
): Period {
  const period = readPeriod(query, now, days);
  if (!('problem' in period)) return period;
  const { pointer, message } = period.problem;
  const said = `${pointer.slice(1)} ${message}.`;
  throw new Problem('invalid_period', said, {
    errors: [
      { pointer, code: 'invalid_period', message: said, fix: 'Use dates like 2026-11-01, the end after the start, at most 400 days.' },
    ],
  });
}

/** A change of state is here at once, an answer within the flush interval: up to then everything is counted. */
function freshness(services: Services, now: number): z.input<typeof FreshnessWire> {
  return { computed_at: iso(now), cached: false, data_through: iso(now - services.reports.behindMs) };
}
