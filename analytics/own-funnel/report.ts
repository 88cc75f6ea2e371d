/** The figures of a funnel of one's own, in the form of the stage funnel. */
import type { ClickHouse, QueryOptions } from '../../stores/clickhouse/client.ts';
import { stages as stageNames, type StageName } from '../../domain/lifecycle.ts';
import { completionFrom, endsQuery, leftMs, type CompletionTimes } from '../reports/completion.ts';
import { list, rate, reportOf, stageDescriptions, type FunnelReport, type FunnelRow, type FunnelStage } from '../reports/funnel.ts';
import { sum, wilson } from '../statistics/proportions.ts';
import { cohortAnalysis, type AnalysedCohort } from '../why/cohort-analysis.ts';
import { labelOf, partsMax, type Breakdown } from './breakdown.ts';
import { countsOf, inCohorts, type Cohort, type Counted, type HistoryBounds, type OwnCohort, type OwnFunnel } from './cohort.ts';
import type { FunnelDefinition, FunnelStep } from './definition.ts';
import { bitOf, has } from './marks.ts';

/** 10 and 30 seconds, 1, 2, 5, 10 and 30 minutes, 1, 2 and 6 hours, 1, 2, 7 and 30 days. */
export const edgesSeconds = [10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 21_600, 86_400, 172_800, 604_800, 2_592_000] as const;

/** From the first to the last step, of those who made all. Quantiles in seconds; null: nobody did. */
export interface TimeToConvert {
  readonly edges_seconds: readonly number[];
  /** One more than there are edges: below the first, from each edge to below the next, from the last on. */
  readonly counts: readonly number[];
  readonly p25: number | null;
  readonly median: number | null;
  readonly p90: number | null;
}

export interface PartStage {
  readonly name: string;
  readonly count: number;
  readonly dropped: number;
  readonly still_open: number;
  readonly conversion_rate: number | null;
  readonly conversion_from_start: number | null;
}

/** `other`: what is in none of the largest parts. */
export interface Part {
  readonly label: string;
  readonly is_other: boolean;
  readonly sessions: number;
  readonly stages: readonly PartStage[];
}

export interface OwnStage extends FunnelStage { readonly optional: boolean }
export interface OwnFunnelReport extends FunnelReport, CompletionTimes {
  readonly stages: readonly OwnStage[];
  readonly time_to_convert: TimeToConvert;
  readonly breakdown?: readonly Part[];
  readonly cohort_analysis: readonly AnalysedCohort[];
}

interface Counts { readonly counts: readonly number[]; readonly dropped: readonly number[]; readonly still_open: readonly number[] }
/** Of those who made the steps. */
type Times = Omit<FunnelRow, keyof Counts>;

/** Throws TooManyHistories. */
export function ownFunnel(
  db: ClickHouse, funnel: OwnFunnel, breakdown: Breakdown | null, options: QueryOptions = {}, bounds?: HistoryBounds,
): Promise<OwnFunnelReport> {
  return inCohorts(db, [funnel] as const, (cohort) => countedIn(db, cohort, funnel, breakdown, options), options, bounds);
}

async function countedIn(
  db: ClickHouse, cohort: OwnCohort, funnel: OwnFunnel, breakdown: Breakdown | null, options: QueryOptions,
): Promise<OwnFunnelReport> {
  const { definition, filters } = funnel;
  const required = requiredSteps(definition);
  const [counted, [times], completion, convert, cohort_analysis, breakdowns] = await Promise.all([
    countsOf(db, cohort, options), db.query<Times>(timesQuery(cohort, required.length), options),
    completionFrom(db, endsOf(cohort, definition), options),
    timeToConvert(db, cohort, required.length, options),
    cohortAnalysis(db, { ...cohort, completed: `level = ${required.length}` }, options),
    breakdown === null ? {} : partsIn(db, cohort, { names: required.map(({ name }) => name), flow: filters.flow, breakdown }, options)
      .then((parts) => ({ breakdown: parts })),
  ]);
  if (times === undefined) throw new Error('An aggregate without GROUP BY answers one row');
  const report = reportOf(required, { ...times, ...countsIn(counted, required.length) });
  const stages = withOptional(report.stages, counted, definition);
  return { ...report, ...completion, stages, time_to_convert: convert, cohort_analysis, ...breakdowns };
}

/** What may be left out is in no comparison: nobody is lost there. */
export function requiredSteps(definition: FunnelDefinition): readonly Named[] {
  return requiredOf(definition).map(({ step, place }) => named(step, place, definition));
}

/** Of those in the cohort who made all of its steps. */
export async function timeToConvert(
  db: ClickHouse, { sql, params }: Cohort, required: number, options: QueryOptions = {},
): Promise<TimeToConvert> {
  const [lasted, converted] = [`(${took(1, required)})`, `level = ${required}`];
  const edges = edgesSeconds.map((edge) => edge * 1_000);
  const bins = [null, ...edges].map((from, index) => [
    converted, ...from === null ? [] : [`${lasted} >= ${from}`], ...edges[index] === undefined ? [] : [`${lasted} < ${edges[index]}`],
  ].join(' AND '));
  const [row] = await db.query<{ histogram: number[]; quantiles: (number | null)[] }>({
    sql: `SELECT ${list(bins.map((condition) => `countIf(${condition})`))} AS histogram,
      quantilesExactInclusiveIf(0.25, 0.5, 0.9)(${lasted}, ${converted}) AS quantiles FROM (${sql})`,
    params,
  }, options);
  if (row === undefined) throw new Error('An aggregate without GROUP BY answers one row');
  const [p25, median, p90] = row.quantiles;
  return { edges_seconds: edgesSeconds, counts: row.histogram, p25: seconds(p25), median: seconds(median), p90: seconds(p90) };
}

export interface Divided {
  /** Of the required steps. */
  readonly names: readonly string[];
  /** All sessions have this flow. */
  readonly flow: string | undefined;
  readonly breakdown: Breakdown;
}

export async function partsIn(db: ClickHouse, cohort: Cohort, divided: Divided, options: QueryOptions = {}): Promise<readonly Part[]> {
  const rows = await db.query<Counts & { label: string }>(partsQuery(cohort, divided.names.length, divided), options);
  return partsOf(rows, divided.names);
}

/** What the columns of a cohort count, step by step. */
const countColumns = (required: number): Readonly<Record<keyof Counts, string>> => {
  const steps = Array.from({ length: required }, (_, index) => index + 1);
  const stayed = (condition: string): string =>
    list(steps.map((step) => (step === required ? 'toUInt64(0)' : `countIf(level = ${step} AND ${condition})`)));
  return { counts: list(steps.map((step) => `countIf(level >= ${step})`)), dropped: stayed('is_left'), still_open: stayed('NOT is_left') };
};

function countsIn(counted: readonly Counted[], required: number): Counts {
  const steps = Array.from({ length: required }, (_, index) => index + 1);
  const of = (isOne: (each: Counted) => boolean): number => sum(counted.filter(isOne), ({ sessions }) => sessions);
  const stayed = (left: boolean): readonly number[] =>
    steps.map((step) => (step === required ? 0 : of((each) => each.level === step && each.is_left === left)));
  return { counts: steps.map((step) => of(({ level }) => level >= step)), dropped: stayed(true), still_open: stayed(false) };
}

function timesQuery({ sql, params }: Cohort, required: number): Cohort {
  const next = Array.from({ length: required - 1 }, (_, index) => [`(${took(index + 1, index + 2)})`, `level >= ${index + 2}`] as const);
  const [convert, converted] = [`(${took(1, required)})`, `level = ${required}`];
  const columns = {
    mean_ms: typed(next.map(([ms, condition]) => `avgIf(${ms}, ${condition})`)),
    step_quantiles: typed(next.map(([ms, condition]) => `quantilesExactInclusiveIf(0.5, 0.9)(${ms}, ${condition})`), 'Array(Float64)'),
    median_ms: 'arrayMap(pair -> pair[1], step_quantiles)', p90_ms: 'arrayMap(pair -> pair[2], step_quantiles)',
    completion_mean_ms: `avgIf(${convert}, ${converted})`,
    completion_median_ms: `quantileExactInclusiveIf(0.5)(${convert}, ${converted})`,
  };
  return { sql: `SELECT\n${selected(columns)}\nFROM (${sql})`, params };
}

/** From where a session opened its first attempt: until it made every step, until it left, or until now. */
function endsOf({ sql, params }: Cohort, definition: FunnelDefinition): Cohort {
  const required = requiredOf(definition).length;
  const opened = 'toInt64(history_ms[opens])';
  const leftAfter = `toUnixTimestamp64Milli(started_at) + toInt64(${leftMs}) - ${opened}`;
  return endsQuery({
    params,
    sql: `SELECT level = ${required} AS is_completed, is_left,
      toUInt64(greatest(0, multiIf(is_completed, toInt64(history_ms[at_${required}]) - ${opened}, is_left, ${leftAfter},
        {now_ms:Int64} - ${opened}))) AS ms
      FROM (${sql})`,
  });
}

/** Each part with its counts, the largest first. `required`: how many steps the cohort has. */
export function partsQuery({ sql, params }: Cohort, required: number, { flow, breakdown }: Pick<Divided, 'flow' | 'breakdown'>): Cohort {
  const label = labelOf(breakdown, flow);
  const columns = { label: label.sql, ...countColumns(required) };
  return {
    sql: `SELECT\n${selected(columns)}\nFROM (${sql})\nGROUP BY label ORDER BY counts[1] DESC, label`,
    params: { ...params, ...label.params },
  };
}

function partsOf(rows: readonly (Counts & { label: string })[], names: readonly string[]): readonly Part[] {
  const largest = rows.slice(0, partsMax).map((row) => ({ ...row, is_other: false }));
  const rest = rows.slice(partsMax);
  const sums = (name: keyof Counts): readonly number[] =>
    names.map((_, index) => rest.reduce((sum, row) => sum + (row[name][index] ?? 0), 0));
  const other = { label: 'other', is_other: true, counts: sums('counts'), dropped: sums('dropped'), still_open: sums('still_open') };
  return [...largest, ...rest.length === 0 ? [] : [other]].map(({ label, is_other, counts, dropped, still_open: open }) => ({
    label, is_other, sessions: counts[0] ?? 0,
    stages: names.map((name, index) => ({
      name, count: counts[index] ?? 0, dropped: dropped[index] ?? 0, still_open: open[index] ?? 0,
      conversion_rate: rate(counts[index] ?? 0, counts[Math.max(index - 1, 0)] ?? 0),
      conversion_from_start: rate(counts[index] ?? 0, counts[0] ?? 0),
    })),
  }));
}

/** Optional steps in their places. Nobody is lost at one: whoever goes on without it has left nothing out. */
function withOptional(
  required: readonly FunnelStage[], counted: readonly Counted[], definition: FunnelDefinition,
): readonly OwnStage[] {
  const left = [...required];
  const total = sum(counted, ({ sessions }) => sessions);
  let before = 0;
  return definition.steps.map((step, place) => {
    const stage = step.optional ? undefined : left.shift();
    if (stage !== undefined) {
      before = stage.count;
      return { ...stage, optional: false };
    }
    const count = sum(counted.filter(({ optional }) => has(optional, bitOf.step(place))), ({ sessions }) => sessions);
    return {
      ...named(step, place, definition), count, conversion_rate: rate(count, before),
      conversion_from_start: rate(count, total), drop_off_rate: rate(0, count), dropped: 0, still_open: 0,
      confidence_interval: wilson(count, before), avg_time_to_next_minutes: null, median_time_to_next_minutes: null,
      p90_time_to_next_minutes: null, optional: true,
    };
  });
}

interface Named { readonly name: string; readonly description: string }
interface PlacedStep { readonly step: FunnelStep; readonly place: number }

function requiredOf({ steps }: FunnelDefinition): readonly PlacedStep[] {
  return steps.flatMap((step, place) => (step.optional ? [] : [{ step, place }]));
}

/** Unordered, a number of steps was done, and nothing says which. */
function named(step: FunnelStep, place: number, definition: FunnelDefinition): Named {
  if (definition.order === 'unordered' && !step.optional) {
    const required = requiredOf(definition);
    const number = required.findIndex((each) => each.place === place) + 1;
    return { name: `${number} of ${required.length} steps`, description: `At least ${number} of the ${required.length} steps, whichever` };
  }
  return { name: step.event, description: descriptionOf(step) };
}

function descriptionOf({ event, where }: FunnelStep): string {
  const having = Object.entries(where).map(([key, value]) => `${key} = ${value}`);
  const plain = isStage(event) ? stageDescriptions[event] : `The event ${event}`;
  return having.length === 0 ? plain : `${plain}, with ${having.join(', ')}`;
}

function isStage(event: string): event is StageName {
  return (stageNames as readonly string[]).includes(event);
}

/** Times do not run backwards along an attempt. */
function took(from: number, to: number): string {
  return `history_ms[at_${to}] - history_ms[at_${from}]`;
}

/** With a type also where it is empty: a funnel of one required step. */
function typed(expressions: readonly string[], of = 'Float64'): string {
  return `CAST(${list(expressions)}, 'Array(${of})')`;
}

function selected(columns: Readonly<Record<string, string>>): string {
  return Object.entries(columns).map(([name, expression]) => `  ${expression} AS ${name}`).join(',\n');
}

function seconds(ms: number | null | undefined): number | null {
  return ms === null || ms === undefined ? null : Math.round(ms) / 1_000;
}
