/**
 * A report as a route: the filters that every report takes, the period, freshness, the links to what stands behind its numbers,
 * and its answer as a table. A report says what it needs beyond and computes its answer from filters that are known and canonical;
 * for how long an answer is kept, and who waits for whose run, it need not know (stores/redis/reports/).
 */
import { z } from 'zod';
import { drillDown, sessionsPath, type DrillDown } from '../analytics/reports/drill-down.ts';
import { readPeriod, type Period } from '../analytics/periods/period.ts';
import { keyedPeriod, reportKey } from '../analytics/reports/report-key.ts';
import { figuresOf, parquetOf, tableOf, type ReportTable } from '../analytics/reports/report-table.ts';
import { segments } from '../analytics/rows.ts';
import type { SessionFilters } from '../analytics/sessions-in.ts';
import { devices } from '../domain/device.ts';
import { cacheStatus } from './cache-status.ts';
import type { Call } from './call.ts';
import { csv } from './csv.ts';
import { columnsOf } from './table-columns.ts';
import { download, formatParameter, tableTypes } from './table-download.ts';
import { knownFilters } from './known-filters.ts';
import { iso } from './presentation.ts';
import { Problem, type ProblemCode } from './problem.ts';
import { ok, route, type Answer, type Download, type Route } from './route.ts';
import type { Served } from '../stores/redis/reports/report-cache.ts';
import type { Services } from './services.ts';
import { clientId, time } from './wire.ts';

export const PeriodWire = z.object({ start: time, end: time, timezone: z.string() }).meta({ id: 'Period' });
export const FreshnessWire = z.object({ computed_at: time, cached: z.boolean(), data_through: time }).meta({ id: 'Freshness' });

/** 0: of another system's sessions that said none. */
export const flowVersion = z.number().int().min(0).max(1_000_000);
/** Which sessions a report counts. */
export const sessionFilters = {
  flow: z.string().max(100).optional(), flow_version: z.coerce.number().pipe(flowVersion).optional(),
  language: z.string().max(100).optional(), user_segment: z.enum(segments).optional(), device: z.enum(devices).optional(),
  answer: z.string().max(200).optional().meta({ description: 'QUESTION_ID:VALUE of a closed question' }),
};
export const periodParameters = {
  start_date: z.string().max(40).optional(), end_date: z.string().max(40).optional(), timezone: z.string().max(64).optional(),
};
/** How a report is answered: nothing of it changes a figure. */
export const howAnswered = {
  fresh: z.enum(['true', 'false']).optional().meta({ description: 'true: of a run that began after the request, or 2 s before at most' }),
  format: formatParameter,
};
/** What every report can be asked. */
export const commonFilters = { ...clientId, ...periodParameters, ...sessionFilters, ...howAnswered };
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

/** What is known of a request before it is computed. */
export interface Checked<Query> extends Pick<ReportInput<Query>, 'query' | 'services'> {
  readonly filters: Pick<SessionFilters, 'tenant' | 'flow'>;
}

export interface ReportDeclaration<Query extends z.ZodRawShape, Answer extends z.ZodRawShape> {
  readonly summary: string;
  /** Beside the common filters. */
  readonly query?: Query;
  /** Without `period` and `freshness`, which every report has. */
  readonly answer: Answer;
  /** Of the component in the document. */
  readonly id: string;
  /** The answer as a table: the name of a list in it, or what makes one of it. Without it every figure is a row. */
  readonly table?: keyof z.output<z.ZodObject<Answer>> | ((answer: z.output<z.ZodObject<Answer>>) => ReportTable);
  /** Length of the period when none is asked for. */
  readonly days?: number;
  /** How long it is kept, where that is not the usual time. */
  readonly keep?: { readonly freshMs: number; readonly staleMs: number };
  readonly problems?: readonly ProblemCode[];
  /** Refuses by a Problem what cannot be computed, before anybody waits for it. */
  readonly check?: (asked: Checked<z.output<z.ZodObject<Query>>>) => Promise<void>;
  readonly compute: (input: ReportInput<z.output<z.ZodObject<Query>>>) => Promise<z.input<z.ZodObject<Answer>>>;
}

/** GET `path` as a report. */
export function reportRoute<Query extends z.ZodRawShape, Answer extends z.ZodRawShape>(
  path: string, report: ReportDeclaration<Query, Answer>,
): Route {
  const answer = z.object({ period: PeriodWire, freshness: FreshnessWire, ...report.answer }).meta({ id: report.id });
  const query = z.strictObject({ ...commonFilters, ...report.query });
  return route.get(path, {
    summary: report.summary, access: ['analyst'], limits: ['api'], query, answers: { 200: answer }, ...reportAnswers,
    problems: ['invalid_period', 'unknown_flow', 'unknown_filter_value', ...report.problems ?? []],
    handler: async ({ query: asked, call, services }) => (
      answered(report, { name: `GET ${path}`, path, query: asked as CommonQuery & z.output<z.ZodObject<Query>>, call, services })
    ),
  });
}

/** What a route declares that answers by `answered`. */
export const reportAnswers = {
  sends: tableTypes, headers: { answer: { 'Cache-Status': 'What came of the cache (RFC 9211)' } },
};

export interface AskedReport<Query> {
  /** Method and path: reports of different names share nothing that is kept. */
  readonly name: string;
  readonly path: string;
  readonly query: CommonQuery & Query;
  readonly call: Pick<Call, 'actor' | 'receivedAt' | 'method'>;
  readonly services: Services;
}

/** What is kept of a run: all that can be said of it whoever asks. */
interface Run { readonly period: z.input<typeof PeriodWire>; readonly data_through: string; readonly computed: object }

/** Of a declaration what answers; `answer` where the list that is the table may be empty. */
export type Answering<Query extends z.ZodRawShape, Body extends z.ZodRawShape> =
  Pick<ReportDeclaration<Query, Body>, 'check' | 'compute' | 'days' | 'table' | 'keep'>
  & Partial<Pick<ReportDeclaration<Query, Body>, 'answer'>>;

/** The answer that is kept for these parameters, or of one run for all who ask. Throws as knownFilters and periodOf do. */
export async function answered<Query extends z.ZodRawShape, Body extends z.ZodRawShape, Result>(
  report: Answering<Query, Body>, asked: AskedReport<z.output<z.ZodObject<Query>>>,
): Promise<Answer<Result> | Download> {
  const { name, call, query, services } = asked;
  const served = await servedRun(report, asked);
  const headers = { 'Cache-Status': cacheStatus(served, query.fresh === 'true'), 'Cache-Control': 'private, no-cache' };
  if (query.format === 'csv' || query.format === 'parquet') {
    const table = tableIn(report, served.value.computed);
    return download({
      name: name.replace(/^\w+ \//, '').replaceAll('/', '-'), format: query.format, headers, method: call.method,
      bytes: query.format === 'csv'
        ? () => Promise.resolve(csv(table.columns.map((column) => column.name), table.rows))
        : () => services.reports.clickhouse.export(parquetOf(table), 'Parquet'),
    });
  }
  return ok(bodyOf(served, query.client_id) as Result, headers);
}

export async function servedRun<Query extends z.ZodRawShape, Body extends z.ZodRawShape>(
  report: Omit<Answering<Query, Body>, 'table'>, { name, path, query, call, services }: AskedReport<z.output<z.ZodObject<Query>>>,
): Promise<Served<Run>> {
  const { tenant } = call.actor;
  const { client_id: _client, start_date: start, end_date: end, fresh, format: _format, ...rest } = query as CommonQuery;
  const { timezone: _timezone, user_segment: _segment, ...parameters } = rest;
  const period = periodOf(query, services.now(), report.days);
  const known = await knownFilters(services, tenant, query);
  await report.check?.({ query, services, filters: { tenant, flow: known.flow } });
  const key = reportKey({
    report: name, period: keyedPeriod({ start_date: start, end_date: end }, period, report.days ?? defaultDays),
    parameters: { ...parameters, ...known },
  });
  const request = { name: { tenant, key }, report: path, receivedAt: call.receivedAt, fresh: fresh === 'true', keep: report.keep };
  return services.reports.cache.get(request, async (): Promise<Run> => {
    const now = services.now();
    const { startMs, endMs, timezone } = periodOf(query, now, report.days);
    const filters: SessionFilters = { tenant, startMs, endMs, ...known };
    // before the figures: what comes meanwhile may be in them or not
    const through = await services.reports.dataThrough.of(tenant, now);
    const computed = await report.compute({
      filters, period: { startMs, endMs, timezone }, query, tenant, now, services, links: drillDown(filters),
    });
    return { period: { start: iso(startMs), end: iso(endMs), timezone }, data_through: iso(through), computed };
  });
}

/** As it is answered. `client`: the tenant, where a platform names it. */
export function bodyOf({ value, startedAt, outcome }: Served<Run>, client: string | undefined): object {
  const freshness = {
    computed_at: iso(startedAt), cached: outcome === 'hit' || outcome === 'stale', data_through: value.data_through,
  };
  return { period: value.period, freshness, ...linkedFor(value.computed, client) };
}

function tableIn<Query extends z.ZodRawShape, Body extends z.ZodRawShape>(
  { table, answer }: Pick<Answering<Query, Body>, 'table' | 'answer'>, computed: object,
): ReportTable {
  if (typeof table === 'function') return table(computed as never);
  const list: unknown = table === undefined ? undefined : Reflect.get(computed, table);
  if (!Array.isArray(list)) return figuresOf(computed);
  const schema = answer?.[table as string];
  return list.length === 0 && schema !== undefined ? { columns: columnsOf(schema as z.ZodType), rows: [] } : tableOf(list as object[]);
}

/** Kept answers are the tenant's: whoever names it says so in every link too. */
function linkedFor<T>(value: T, client: string | undefined): T {
  if (client === undefined) return value;
  const named = `client_id=${encodeURIComponent(client)}`;
  return JSON.parse(JSON.stringify(value), (_key, member: unknown) => (
    typeof member === 'string' && member.startsWith(`${sessionsPath}?`) ? member.replace('?', `?${named}&`) : member
  )) as T;
}

const defaultDays = 7;

/** `named`: what start and end are called in the request. */
export function periodOf(
  query: z.output<z.ZodObject<typeof periodParameters>>, now: number, days = defaultDays,
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
