/**
 * A report as a route: the filters that every report takes, the period, freshness, and the links to what stands behind its
 * numbers. A report says what it needs beyond and computes its answer from filters that are known and canonical.
 */
import { z } from 'zod';
import { drillDown, type DrillDown } from '../analytics/drill-down.ts';
import { readPeriod, type Period } from '../analytics/period.ts';
import { segments } from '../analytics/rows.ts';
import type { SessionFilters } from '../analytics/sessions-in.ts';
import { devices } from '../domain/device.ts';
import { knownFilters } from './known-filters.ts';
import { iso } from './presentation.ts';
import { Problem, type ProblemCode } from './problem.ts';
import { ok, route, type Route } from './route.ts';
import type { Services } from './services.ts';
import { clientId, time } from './wire.ts';

export const PeriodWire = z.object({ start: time, end: time, timezone: z.string() }).meta({ id: 'Period' });
const FreshnessWire = z.object({ computed_at: time, cached: z.boolean(), data_through: time }).meta({ id: 'Freshness' });

/** Which sessions a report counts. */
export const sessionFilters = {
  flow: z.string().max(100).optional(), flow_version: z.coerce.number().int().min(1).max(1_000_000).optional(),
  language: z.string().max(35).optional(), user_segment: z.enum(segments).optional(), device: z.enum(devices).optional(),
  answer: z.string().max(200).optional().meta({ description: 'QUESTION_ID:VALUE of a closed question' }),
};
export const periodParameters = {
  start_date: z.string().max(40).optional(), end_date: z.string().max(40).optional(), timezone: z.string().max(64).optional(),
};
/** What every report can be asked. */
export const commonFilters = { ...clientId, ...periodParameters, ...sessionFilters, fresh: z.enum(['true', 'false']).optional() };
const CommonQuery = z.strictObject(commonFilters);
export type CommonQuery = z.output<typeof CommonQuery>;

export interface ReportInput<Query> {
  readonly filters: SessionFilters;
  readonly period: Period;
  /** What the report takes beside the common filters, and those as they were asked. */
  readonly query: CommonQuery & Query;
  readonly tenant: string;
  /** Epoch ms. */
  readonly now: number;
  readonly services: Services;
  /** Paths to the lists behind its numbers. */
  readonly links: DrillDown;
}

export interface ReportDeclaration<Query extends z.ZodRawShape, Answer extends z.ZodRawShape> {
  readonly summary: string;
  /** Beside the common filters. */
  readonly query?: Query;
  /** Without `period` and `freshness`, which every report has. */
  readonly answer: Answer;
  /** Of the component in the document. */
  readonly id: string;
  /** Length of the period when none is asked for. */
  readonly days?: number;
  readonly problems?: readonly ProblemCode[];
  readonly compute: (input: ReportInput<z.output<z.ZodObject<Query>>>) => Promise<z.input<z.ZodObject<Answer>>>;
}

/** GET `path` as a report. */
export function reportRoute<Query extends z.ZodRawShape, Answer extends z.ZodRawShape>(
  path: string, report: ReportDeclaration<Query, Answer>,
): Route {
  const answer = z.object({ period: PeriodWire, freshness: FreshnessWire, ...report.answer }).meta({ id: report.id });
  const query = z.strictObject({ ...commonFilters, ...report.query });
  return route.get(path, {
    summary: report.summary, access: ['analyst'], limits: ['api'], query, answers: { 200: answer },
    problems: ['invalid_period', 'unknown_flow', 'unknown_filter_value', ...report.problems ?? []],
    handler: async ({ query: asked, call, services }) => {
      const now = services.now();
      const common = asked as CommonQuery & z.output<z.ZodObject<Query>>;
      const period = periodOf(common, now, report.days);
      const { tenant } = call.actor;
      const known = await knownFilters(services, tenant, common);
      const filters: SessionFilters = { tenant, startMs: period.startMs, endMs: period.endMs, ...known };
      const links = drillDown(filters, common.client_id);
      const computed = await report.compute({ filters, period, query: common, tenant, now, services, links });
      return ok({
        period: { start: iso(period.startMs), end: iso(period.endMs), timezone: period.timezone }, freshness: freshness(services, now),
        ...computed,
      } as unknown as z.input<typeof answer>);
    },
  });
}

/** `named`: what start and end are called in the request. */
export function periodOf(
  query: z.output<z.ZodObject<typeof periodParameters>>, now: number, days = 7,
  named: PeriodNames = { start_date: 'start_date', end_date: 'end_date' },
): Period {
  const period = readPeriod(query, now, days);
  if (!('problem' in period)) return period;
  const inRequest = (text: string): string => text.replaceAll(/start_date|end_date/g, (name) => named[name as keyof PeriodNames]);
  const pointer = inRequest(period.problem.pointer);
  const said = `${inRequest(period.problem.message)}.`;
  throw new Problem('invalid_period', said, {
    errors: [
      { pointer, code: 'invalid_period', message: said, fix: 'Use dates like 2026-11-01, the end after the start, at most 400 days.' },
    ],
  });
}

export type PeriodNames = Readonly<Record<'start_date' | 'end_date', string>>;

/** A change of state is here at once, an answer within the flush interval: up to then everything is counted. */
function freshness(services: Services, now: number): z.input<typeof FreshnessWire> {
  return { computed_at: iso(now), cached: false, data_through: iso(now - services.reports.behindMs) };
}
