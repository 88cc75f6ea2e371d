/** Why people leave: the three reports as the contract has them, every number with the list of as many sessions behind it. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { sessionsPath } from '../analytics/drill-down.ts';
import { tables } from '../analytics/rows.ts';
import { sessionsIn, type Selection, type SessionFilters } from '../analytics/sessions-in.ts';
import { routes } from '../api/routes/index.ts';
import type { Call } from '../api/call.ts';
import type { Services } from '../api/services.ts';
import { seeded } from '../scripts/demo/random.ts';
import { migrateClickHouse } from '../stores/clickhouse/client.ts';
import { openTestClickHouse, type TestClickHouse } from '../stores/clickhouse/testing.ts';
import type { Database } from '../stores/postgres/database.ts';
import { addErrors } from '../stores/postgres/error-patterns.ts';
import { databaseOf } from './support/instance-stores.ts';
import { cast, newTenant, type Body } from './support/person.ts';
import { dayMs } from './support/plain-sessions.ts';
import { anyVisit, visitEvents, visitRow, type PlainVisit } from './support/plain-why.ts';
import { sharedInstance } from './support/shared.ts';
import { until } from './support/until.ts';

const instance = await sharedInstance();
let clickhouse: TestClickHouse;
let db: Database;
beforeAll(async () => {
  [clickhouse, db] = await Promise.all([openTestClickHouse(), databaseOf(instance)]);
  await migrateClickHouse(clickhouse);
});
afterAll(() => Promise.all([clickhouse.close(), db.close()]));

const now = Date.UTC(2026, 9, 30);

/** The route itself, on stores that a test has filled; its answer fits its schema. */
async function ask(tenant: string, path: string, query: Readonly<Record<string, unknown>> = {}): Promise<Body> {
  const route = routes.find((each) => each.path === path);
  if (route === undefined) throw new Error(`There is no ${path}`);
  const { declaration } = route;
  const services = { reports: { clickhouse, behindMs: 0 }, stores: { db }, now: () => now } as unknown as Services;
  const input = { params: {}, query: declaration.query?.parse(query), body: {}, call: { actor: { tenant } } as Call, services };
  const answer = await declaration.handler(input as never);
  if (!('body' in answer)) throw new Error('A report answers a body');
  declaration.answers[200]?.parse(answer.body);
  return JSON.parse(JSON.stringify(answer.body));
}

async function store(tenant: string, visits: readonly PlainVisit[]): Promise<void> {
  await clickhouse.insert(tables.sessions, visits.map((each) => visitRow(tenant, each)));
  await clickhouse.insert(tables.events, visits.flatMap((each) => visitEvents(tenant, each)));
}

/** How many sessions the list of a path has, as GET /analytics/sessions/ reads it. */
async function listed(tenant: string, path: string): Promise<number> {
  const [address, text] = path.split('?');
  expect(address).toBe(sessionsPath);
  const { start_date: start, end_date: end, user_segment: segment, answer, ...rest } = Object.fromEntries(new URLSearchParams(text));
  const numbers = ['flow_version', 'within_seconds', 'started_from_ms', 'started_before_ms', 'minutes_from', 'minutes_to'];
  const read = Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, numbers.includes(name) ? Number(value) : value]));
  const filters = { ...read, tenant, startMs: Date.parse(start ?? ''), endMs: Date.parse(end ?? ''), segment } as unknown as SessionFilters;
  expect(answer).toBeUndefined();
  const { from, params } = sessionsIn(filters, now, read as Selection);
  const [row] = await clickhouse.query<{ n: number }>({ sql: `SELECT count() AS n FROM ${from}`, params });
  return row?.n ?? -1;
}

/** The figure that `drill_down` stands beside. */
const mainFigures = ['total_sessions', 'sessions_started', 'sessions', 'shown', 'count'];

/** Every number of an answer that has a list, with its path. */
function figures(node: Body, found: { at: string; figure: number; path: string }[] = [], at = ''): typeof found {
  if (typeof node !== 'object' || node === null) return found;
  if (typeof node.drill_down === 'string') {
    const name = mainFigures.find((each) => each in node) ?? '';
    found.push({ at: `${at}.${name}`, figure: node[name], path: node.drill_down });
  }
  for (const [name, path] of Object.entries<string>(node.drill_downs ?? {})) {
    const figure = name.split('.').reduce((value: Body, part) => value?.[part], node);
    // of a question the share is shown, and the list is of those
    found.push({ at: `${at}.${name}`, figure: name === 'repeated' ? Math.round(node.repeat_rate * node.shown) : figure, path });
  }
  for (const [name, value] of Object.entries<Body>(node)) if (!name.startsWith('drill_')) figures(value, found, `${at}.${name}`);
  return found;
}

const start = now - 20 * dayMs;
const asked = { start_date: new Date(start).toISOString(), end_date: new Date(now).toISOString() };

/** In hi fewer come to their first answer; where an answer to hours is refused, fewer finish. */
function planted(seed: number): readonly PlainVisit[] {
  const random = seeded(seed);
  const [base] = fc.sample(anyVisit(start, now), { numRuns: 1, seed });
  if (base === undefined) throw new Error('One was asked for');
  return Array.from({ length: 1_200 }, (_, index): PlainVisit => {
    const language = random.chance(0.5) ? 'hi' : 'en';
    const refused = random.chance(0.3);
    const engaged = random.chance(language === 'hi' ? 0.5 : 0.8);
    const finishes = engaged && random.chance(refused ? 0.3 : 0.7);
    const ms = (minutes: number): number => minutes * 60_000;
    return {
      ...base, id: randomUUID(), startedAt: start - 20 * dayMs + Math.floor(random.next() * 40 * dayMs), language, flow: 'clinic',
      flowVersion: 1, device: 'phone', segment: 'first_time', imported: false, answers: { size: [random.pick(['small', 'large'])] },
      reached: finishes ? [ms(1), ms(5), ms(20), ms(21 + index % 40)] : engaged ? [ms(1)] : [],
      left: finishes || random.chance(0.2) ? null : 'cancelled', parked: random.chance(0.1) ? [{ step: 'propose', category: 'network' }] : [],
      questions: [
        { id: 'name', ms: engaged ? ms(1) : null, repeats: 0, refused: [] },
        ...engaged ? [{ id: 'hours', ms: finishes ? ms(2) : null, repeats: refused ? 1 : 0, refused: refused ? ['too_long'] : [] }] : [],
      ],
      lastMs: ms(30),
    };
  });
}

describe('Recommendations', () => {
  test('from planted drops: the language and the refusals that do worse are found, and nothing else', async () => {
    const tenant = newTenant();
    await store(tenant, planted(11));
    const body = await ask(tenant, '/analytics/recommendations', asked);
    const found = body.recommendations.map((each: Body) => [each.type, each.evidence.group.label, each.evidence.place.at]);
    expect(found).toEqual(expect.arrayContaining([['language', 'hi', 'step'], ['refusal', 'with', 'finish']]));
    expect(new Set(found.map(([type]: [string]) => type))).toEqual(new Set(['language', 'refusal', 'repeat']));
    const hindi = body.recommendations.find((each: Body) => each.type === 'language' && each.evidence.place.from_stage === 'started');
    const { group, comparison } = hindi.evidence;
    expect(hindi.expected_gain.value).toBeCloseTo(group.sessions * (comparison.rate - group.rate), 3);
    expect(hindi.description).toContain(`${group.got_past} of ${group.sessions} sessions`);
    const refusal = body.recommendations.find((each: Body) => each.type === 'refusal');
    expect(refusal.evidence.factors).toMatchObject([{ kind: 'refusal', question_id: 'hours', significant: true }]);
    expect(body.total_count).toBe(body.recommendations.length);
    expect(Object.values<number>(body.priority_counts).reduce((sum, number) => sum + number, 0)).toBe(body.total_count);
  });

  test('priority and min_confidence leave out, and the counts by priority are of all that are sure enough', async () => {
    const tenant = newTenant();
    await store(tenant, planted(12));
    const all = await ask(tenant, '/analytics/recommendations', asked);
    const [{ priority: worst }] = all.recommendations;
    const one = await ask(tenant, '/analytics/recommendations', { ...asked, priority: worst });
    expect(one.recommendations).toEqual(all.recommendations.filter((each: Body) => each.priority === worst));
    expect(one.priority_counts).toEqual(all.priority_counts);
    const none = await ask(tenant, '/analytics/recommendations', { ...asked, min_confidence: '1' });
    expect(none.recommendations).toEqual(all.recommendations.filter((each: Body) => each.confidence >= 1));
  });

  test('a tenant without sessions gets none, and rates that are null', async () => {
    expect(await ask(newTenant(), '/analytics/recommendations', asked)).toMatchObject({
      recommendations: [], total_count: 0, current_metrics: { total_sessions: 0, conversion_rate: null, drop_off_rate: null },
    });
  });
});

describe('Drop-off identification', () => {
  test('behind every number of the three reports is a list of exactly as many sessions', async () => {
    const tenant = newTenant();
    const strangers = fc.sample(anyVisit(start - 20 * dayMs, now), { numRuns: 400, seed: 5 });
    await store(tenant, [...planted(13), ...strangers]);
    for (const path of ['/analytics/drop-off-heatmap', '/dashboard/heatmap', '/analytics/recommendations']) {
      const found = figures(await ask(tenant, path, { ...asked, granularity: 'weekly' }).catch(() => ask(tenant, path, asked)));
      expect(found.length).toBeGreaterThan(10);
      for (const { at, figure, path: list } of found) expect([path, at, await listed(tenant, list)]).toEqual([path, at, figure]);
    }
  });

  test('400 days by the hour are 9,600 buckets, whose sessions sum to the total', async () => {
    const tenant = newTenant();
    await store(tenant, planted(14));
    const body = await ask(tenant, '/analytics/drop-off-heatmap', {
      granularity: 'hourly', start_date: new Date(now - 400 * dayMs).toISOString(), end_date: asked.end_date,
    });
    expect(body.time_buckets).toHaveLength(9_600);
    expect(body.time_buckets.reduce((sum: number, { sessions_started: some }: Body) => sum + some, 0)).toBe(1_200);
    expect([body.total_sessions, body.time_buckets.some((bucket: Body) => 'drill_downs' in bucket)]).toEqual([1_200, false]);
  });

  test('the drawing has a cell for each stage and bucket, with the numbers of the heatmap', async () => {
    const tenant = newTenant();
    await store(tenant, planted(15));
    const [drawn, heatmap] = await Promise.all([ask(tenant, '/dashboard/heatmap', asked), ask(tenant, '/analytics/drop-off-heatmap', asked)]);
    expect(drawn.cells).toHaveLength(drawn.rows.length * drawn.columns.length);
    for (const { row, column, count, value, reached } of drawn.cells) {
      const bucket = heatmap.time_buckets.find(({ label }: Body) => label === column);
      expect([count, reached]).toEqual([bucket.drop_offs_by_stage[row], bucket.stage_counts[row]]);
      expect(value).toBe(reached === 0 ? null : count / reached);
    }
  });

  test('errors of the error log are there with what happened in the hours of the period, and never those of another tenant', async () => {
    const [tenant, other] = [newTenant(), newTenant()];
    const error = (hour: number, count: number, of = tenant) => ({
      tenant: of, fingerprint: `f-${of}`, hour, task_name: 'applyChangeset', category: 'network', severity: 'medium', exception_type: 'Refused',
      message: 'refused', count, first_seen: hour, last_seen: hour, sessions: new Set<string>(),
    } as const);
    const hourMs = 3_600_000;
    const begin = Math.floor(start / hourMs) * hourMs;
    const errors = [error(begin, 3), error(begin - hourMs, 100), error(now - hourMs, 4), error(now, 100), error(begin, 50, other)];
    for (const each of errors) await addErrors(db, randomUUID(), [each]);
    expect((await ask(tenant, '/analytics/drop-off-heatmap', asked)).error_patterns).toEqual([{
      kind: 'error', fingerprint: `f-${tenant}`, task_name: 'applyChangeset', category: 'network', severity: 'medium',
      exception_type: 'Refused', message: 'refused', occurrences: 7,
    }]);
  });
});

describe('on a running service', () => {
  test('a refused answer and the question where somebody gave up are in the heatmap', async () => {
    const { ana, cy } = await cast(instance);
    const session = await ana.start({ client_context: { device: 'tablet' } });
    expect((await ana.answer(session.session_id, 'setup_urgency', 'never')).status).toBe(422);
    await ana.post(`/sessions/${session.session_id}/cancel/`, {});
    let body: Body;
    await until('the session is in the heatmap as lost', async () => {
      body = (await cy.get('/analytics/drop-off-heatmap/?fresh=true&device=tablet')).body;
      return body.dropped_sessions === 1 && body.error_patterns.length > 0;
    });
    expect(body).toMatchObject({
      total_sessions: 1, overall_drop_off_rate: 1, by_question: [{ question_id: 'setup_urgency', shown: 1, answered: 0, dropped: 1, repeat_rate: 1 }],
      error_patterns: [{ kind: 'refusal', question_id: 'setup_urgency', sessions: 1, occurrences: 1 }],
      factors: [], highest_drop_off_bucket: null,
    });
  });

  test.each([
    ['/analytics/drop-off-heatmap/?granularity=minute', 400, 'invalid_request'],
    ['/analytics/drop-off-heatmap/?granularity=hourly&start_date=2025-01-01&end_date=2026-02-07', 400, 'invalid_period'],
    ['/analytics/drop-off-heatmap/?timezone=Mars/Base', 400, 'invalid_period'],
    ['/dashboard/heatmap/?week_start=friday', 400, 'invalid_request'],
    ['/dashboard/heatmap/?flow=castle', 404, 'unknown_flow'],
    ['/analytics/recommendations/?min_confidence=2', 400, 'invalid_request'],
    ['/analytics/recommendations/?priority=urgent', 400, 'invalid_request'],
    ['/analytics/recommendations/?answer=setup_urgency:never', 400, 'unknown_filter_value'],
  ])('%s is %i %s and says how to mend it', async (path, status, code) => {
    const { cy } = await cast(instance);
    const { status: answered, body } = await cy.get(path);
    expect([answered, body.code]).toEqual([status, code]);
    expect(body.errors).toMatchObject([{ fix: expect.stringMatching(/./) }]);
  });
});
