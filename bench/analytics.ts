/**
 * Reports over five million sessions: each beside `windowFunnel` over the same events in the same run, plainly, with aggregation in
 * order (the honest rival) and with `strict_increase`. Then what a kept report costs over HTTP.
 */
import { cohorts } from '../analytics/reports/cohorts.ts';
import { comparePeriods } from '../analytics/reports/comparison.ts';
import { stageSessions } from '../analytics/reports/followed.ts';
import { funnel } from '../analytics/reports/funnel.ts';
import { ownFunnel } from '../analytics/own-funnel/report.ts';
import { cohortOf, countsOf, type OwnFunnel } from '../analytics/own-funnel/cohort.ts';
import { sessionsIn, type SessionFilters } from '../analytics/sessions-in.ts';
import { byQuestion, countsByBucket } from '../analytics/why/drop-off.ts';
import { bucketsIn } from '../analytics/periods/buckets.ts';
import { stages } from '../domain/lifecycle.ts';
import { developmentToken } from '../scripts/development-token.ts';
import { developmentKey } from '../scripts/embedded/secrets.ts';
import { readConfiguration } from '../service/environment.ts';
import { migrateClickHouse, openClickHouse, type ClickHouse } from '../stores/clickhouse/client.ts';
import { fill, fillEvents, merge, symbolNumbers, yearEnd, yearStart, type Population } from './analytics-data.ts';
import { startHost } from './host-process.ts';
import { HttpClient } from './http-client.ts';
import type { Context, Figure, Goal, Outcome } from './part.ts';
import { asked } from './questions.ts';
import { median, percentile, range } from './statistics.ts';
import { numberText } from './table.ts';

/** Of the first population; the others are a fifth of it, since each takes as long to make. */
const sessions = Number(process.env['BENCH_SESSIONS'] ?? 5_000_000);
const few: Population = { tenant: 'few', sessions, clientNames: 0, versions: 1 };
const unique: Population = { tenant: 'unique', sessions: sessions / 5, clientNames: 40, versions: 1 };
const versions: Population = { tenant: 'versions', sessions: sessions / 5, clientNames: 0, versions: 5 };
const trials = 5;
const maxSeconds = 60;
const dayMs = 86_400_000;
/** Of funnels with a window: half an hour, longer than all of these sessions; ten minutes, shorter than two of five, and it cuts. */
const windowSeconds = 1_800;
const cuttingSeconds = 600;
const ownSteps = ['started', 'question_answered:q1', 'question_answered:q4', 'question_answered:q8', 'completed'];

interface Question { readonly name: string; readonly ask: () => Promise<unknown> }
type Times = ReadonlyMap<string, readonly number[]>;

export async function run({ folder, say }: Context): Promise<Outcome> {
  const seed = Date.now() % 2 ** 32;
  const db = await openClickHouse({ path: `${folder}/clickhouse` });
  let times: Times;
  try {
    await migrateClickHouse(db);
    for (const population of [few, unique]) await fill(db, population, say);
    for (const population of [few, unique]) await fillEvents(db, population, say);
    say('merging what a year of merges would have ...');
    await merge(db);
    await fill(db, versions, say);
    const questions = questionsOf(db);
    say(`${questions.length} questions, ${trials} times each, in random order, seed ${seed} ...`);
    times = await timesByName(questions, trials, seed);
  } finally {
    await db.close();
  }
  const served = await overHttp(`${folder}/service`, say);
  return outcome(times, served, seed);
}

function filtersOf(tenant: string, days = 365): SessionFilters {
  return { tenant, startMs: yearEnd - days * dayMs, endMs: yearEnd };
}

function own(tenant: string, window: number | null): OwnFunnel {
  return {
    filters: { ...filtersOf(tenant), startMs: yearStart }, now: yearEnd, symbols: { numbers: namedNumbers, full: false },
    definition: {
      steps: ownSteps.map((event) => ({ event, where: {}, optional: false })), order: 'ordered', window_seconds: window, consider: null,
      with: [], without: [],
    },
  };
}

const namedNumbers = new Map([...symbolNumbers].filter(([key]) => ownSteps.includes(key)));

/** `windowFunnel` over events, step by step; `mode` is one of its own. */
function rival(tenant: string, steps: readonly string[], window: number, settings: string, mode = ''): { sql: string; params: object } {
  const conditions = steps.map((step) => {
    const [name = '', question] = step.split(':');
    return question === undefined ? `name = '${name}'` : `(name = '${name}' AND question_id = '${question}')`;
  });
  return {
    sql: `SELECT level, count() AS sessions FROM (
        SELECT windowFunnel(${window * 1_000}${mode})(toUInt64(toUnixTimestamp64Milli(ts)), ${conditions.join(', ')}) AS level
        FROM events WHERE tenant = '${tenant}' GROUP BY tenant, toStartOfHour(session_started_at), session_id ${settings}
      ) WHERE level > 0 GROUP BY level`,
    params: {},
  };
}
const inOrder = 'SETTINGS optimize_aggregation_in_order = 1';
const noWindow = 34_560_000;

function stageCounts(tenant: string): { sql: string; params: ReturnType<typeof sessionsIn>['params'] } {
  const { from, params } = sessionsIn({ ...filtersOf(tenant), startMs: yearStart }, yearEnd);
  return { sql: `SELECT ${stages.map((_, index) => `countIf(stage >= ${index + 1})`).join(', ')} FROM ${from}`, params };
}

function questionsOf(db: ClickHouse): readonly Question[] {
  const query = (name: string, statement: { sql: string; params: object }): Question =>
    ({ name, ask: () => db.query(statement as never, { maxSeconds }) });
  const options = { maxSeconds };
  const week = filtersOf('few', 7);
  const buckets = bucketsIn({ ...week, timezone: 'UTC' }, { granularity: 'daily', now: yearEnd });
  return [
    query('stage counts, a year', stageCounts('few')),
    query('stage counts, five versions unmerged', stageCounts('versions')),
    query('windowFunnel of the stages, plain', rival('few', stages, noWindow, '')),
    query('windowFunnel of the stages, in order', rival('few', stages, noWindow, inOrder)),
    query('windowFunnel of the stages, strict_increase', rival('few', stages, noWindow, '', ", 'strict_increase'")),
    { name: 'own funnel, how far each came', ask: () => counted(db, own('few', null)) },
    { name: 'own funnel, the whole report', ask: () => ownFunnel(db, own('few', null), null, options) },
    { name: 'own funnel within half an hour', ask: () => counted(db, own('few', windowSeconds)) },
    { name: 'own funnel within ten minutes', ask: () => counted(db, own('few', cuttingSeconds)) },
    query('windowFunnel of its steps, plain', rival('few', ownSteps, noWindow, '')),
    query('windowFunnel of its steps, in order', rival('few', ownSteps, noWindow, inOrder)),
    query('windowFunnel of its steps within half an hour, in order', rival('few', ownSteps, windowSeconds, inOrder)),
    query('windowFunnel of its steps within ten minutes, in order', rival('few', ownSteps, cuttingSeconds, inOrder)),
    { name: 'own funnel, nearly unique histories', ask: () => counted(db, own('unique', null)) },
    query('windowFunnel, nearly unique histories, in order', rival('unique', ownSteps, noWindow, inOrder)),
    { name: 'counts per question, a year',
      ask: () => byQuestion(db, { ...filtersOf('few'), startMs: yearStart }, few.sessions, yearEnd, options) },
    { name: 'stage funnel with medians, a year', ask: () => funnel(db, filtersOf('few'), yearEnd, options) },
    { name: 'stage funnel with medians, a week', ask: () => funnel(db, week, yearEnd) },
    { name: 'comparison of two weeks', ask: () => compareWeeks(db) },
    { name: 'cohorts by flow, a week',
      ask: () => cohorts(db, week, 'flow', yearEnd, { buckets: [], follow: { followUpMs: 0, now: yearEnd } }) },
    { name: 'drop-off by day, a week', ask: () => countsByBucket(db, week, buckets, yearEnd) },
    { name: 'counts per question, a week', ask: () => byQuestion(db, week, few.sessions / 52, yearEnd) },
  ];
}

/** How many came how far, of one's own funnel. */
async function counted(db: ClickHouse, funnelOfOnesOwn: OwnFunnel): Promise<unknown> {
  return countsOf(db, await cohortOf(db, funnelOfOnesOwn, { maxSeconds }), { maxSeconds });
}

async function compareWeeks(db: ClickHouse): Promise<unknown> {
  const [after, before] = [filtersOf('few', 7), { ...filtersOf('few', 14), endMs: yearEnd - 7 * dayMs }];
  const week = (filters: SessionFilters) => ({ sessions: stageSessions(filters, yearEnd), days: 7 });
  return comparePeriods(db, week(before), week(after), yearEnd);
}

async function timesByName(questions: readonly Question[], times: number, seed: number): Promise<Times> {
  const found = await asked(questions, { warmUp: 1, trials: times }, seed);
  return new Map([...found].map(([{ name }, took]) => [name, took]));
}

interface Served { readonly times: Times; readonly runs: number; readonly dashboards: number }

/** A small tenant, made by import: kept reports cost the same whatever they were worked out from. */
async function overHttp(folder: string, say: (line: string) => void): Promise<Served> {
  say('starting the service ...');
  const host = await startHost(folder, { GANGWAY_API_PER_MINUTE_ADMIN: '100000000' });
  const http = new HttpClient(host.url);
  try {
    const token = await developmentToken(
      { tenant: 'bench', sub: 'cy', roles: ['analyst', 'user'], ttlSeconds: 3_600 }, await developmentKey(folder), readConfiguration({}),
    );
    const get = async (path: string): Promise<unknown> => {
      const { status, body } = await http.get(`/api/v1/onboarding${path}`, { authorization: `Bearer ${token}` });
      if (status !== 200) throw new Error(`${path}: ${status}`);
      return body;
    };
    const reports = ['/analytics/funnel/', '/analytics/drop-off-heatmap/', '/analytics/comparison/', '/dashboard/overview/'];
    const computed = new Set<unknown>();
    const dashboards = 100;
    for (const body of await Promise.all(Array.from({ length: dashboards }, () => get('/analytics/funnel/?language=en')))) {
      computed.add((body as { freshness: { computed_at: string } }).freshness.computed_at);
    }
    const questions = [...reports, '/flows/'].map((path) => ({ name: path, ask: () => get(path) }));
    say('kept reports over HTTP ...');
    return { times: await timesByName(questions, 200, 1), runs: computed.size, dashboards };
  } finally {
    http.close();
    await host.stop();
  }
}

function outcome(times: Times, { times: served, runs, dashboards }: Served, seed: number): Outcome {
  const of = (name: string, among: Times = times): readonly number[] => among.get(name) ?? [];
  const figure = (name: string, goal: Goal | null, among: Times = times): Figure =>
    ({ name, value: median(of(name, among)), range: range(of(name, among)), unit: 'ms', goal });
  const ratio = (name: string, slow: string, fast: string, atLeast: number): Figure =>
    ({ name, value: median(of(slow)) / median(of(fast)), unit: '', goal: { atLeast } });
  const flows = median(of('/flows/', served));
  return {
    title: `Reports over ${few.sessions} sessions of a year (${unique.sessions} with nearly unique histories, `
      + `${versions.sessions} in five versions)`,
    notes: [
      `chdb, one question at a time, ${trials} times each in random order after a first round; medians.`,
      '× is the time of windowFunnel with aggregation in order over the same events, divided by ours.',
      'Rows are merged, as ClickHouse has done with all but the newest after a while; those in five versions are not.',
      'Kept reports: 200 times each over HTTP, of a tenant without sessions, beside GET /flows/.',
    ],
    tables: [{
      head: ['', 'p50', 'least', 'most'],
      rows: [...times].map(([name, all]) => [name, ...[median(all), ...range(all)].map((ms) => `${numberText(ms)} ms`)]),
    }],
    figures: [
      figure('stage counts, a year', { atMost: 100 }),
      ratio('× of stage counts', 'windowFunnel of the stages, in order', 'stage counts, a year', 50),
      figure('own funnel, how far each came', { atMost: 300 }), figure('own funnel, the whole report', null),
      ratio('× of an own funnel', 'windowFunnel of its steps, in order', 'own funnel, how far each came', 10),
      ratio(
        '× of an own funnel within half an hour', 'windowFunnel of its steps within half an hour, in order',
        'own funnel within half an hour', 2,
      ),
      ratio(
        '× of an own funnel within ten minutes', 'windowFunnel of its steps within ten minutes, in order',
        'own funnel within ten minutes', 2,
      ),
      ratio('× with nearly unique histories', 'windowFunnel, nearly unique histories, in order', 'own funnel, nearly unique histories', 1),
      figure('counts per question, a year', { atMost: 300 }), figure('stage funnel with medians, a year', { atMost: 500 }),
      ...['stage funnel with medians, a week', 'comparison of two weeks', 'cohorts by flow, a week', 'drop-off by day, a week',
        'counts per question, a week'].map((name) => figure(name, { atMost: 200 })),
      ...[...served.keys()].filter((name) => name !== '/flows/').flatMap((name) => [
        { ...figure(name, { atMost: 10 }, served), name: `kept ${name}` },
        { name: `kept ${name} ÷ GET /flows/`, value: median(of(name, served)) / flows, unit: '' as const, goal: { atMost: 1.5 } },
      ]),
      { name: `runs for ${dashboards} dashboards opened at once`, value: runs, unit: '', goal: { atMost: 1 } },
    ],
    details: {
      seed, trials, p99_ms: Object.fromEntries([...served].map(([name, all]) => [name, percentile(all, 0.99)])),
      times_ms: Object.fromEntries([...times].map(([name, all]) => [name, all.map(Math.round)])),
    },
  };
}
