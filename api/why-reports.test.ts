/** Why people leave: the reports on many sessions, every number with the list of as many sessions behind it. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { drillDown, sessionsPath } from '../analytics/reports/drill-down.ts';
import { tables } from '../analytics/rows.ts';
import { sessionsIn, type Selection, type SessionFilters } from '../analytics/sessions-in.ts';
import { seeded } from '../scripts/demo/random.ts';
import { migrateClickHouse } from '../stores/clickhouse/client.ts';
import { openTestClickHouse, type TestClickHouse } from '../stores/clickhouse/testing.ts';
import { newTenant, type Body } from '../test/support/person.ts';
import { dayMs } from '../test/support/plain-sessions.ts';
import { anyVisit, visitEvents, visitRow, type PlainVisit } from '../test/support/plain-why.ts';
import { funnelReasons, reasonsWire } from './funnel-reasons.ts';
import { whyRoutes } from './routes/analytics-why.ts';
import type { Services } from './services.ts';
import { drawingAnswer, heatmapAnswer, recommendationsAnswer, type WhyInput } from './why-reports.ts';

let clickhouse: TestClickHouse;
beforeAll(async () => {
  clickhouse = await openTestClickHouse();
  await migrateClickHouse(clickhouse);
});
afterAll(() => clickhouse.close());

const now = Date.UTC(2026, 9, 30);
const answers = {
  '/analytics/drop-off-heatmap': heatmapAnswer, '/dashboard/heatmap': drawingAnswer, '/analytics/recommendations': recommendationsAnswer,
  '/analytics/funnel': (input: WhyInput) => funnelReasons(input, 1),
} as const;

/** What the route computes, on a ClickHouse that a test has filled and for a tenant without errors and annotations. */
async function ask(tenant: string, path: keyof typeof answers, query: Readonly<Record<string, unknown>> = {}): Promise<Body> {
  const filters = { tenant, startMs: start, endMs: now, ...(query['hours'] === undefined ? {} : { startMs: now - 400 * dayMs }) };
  const none = () => Promise.resolve([]);
  const nothing = { query: none, asTenant: () => ({ query: none }) };
  const input = {
    filters, period: { startMs: filters.startMs, endMs: now, timezone: 'Europe/Berlin' }, now, links: drillDown(filters),
    services: { reports: { clickhouse }, stores: { db: nothing } } as unknown as Services,
    query: { granularity: 'daily', min_confidence: 0, ...query },
  } as const;
  const answer = JSON.parse(JSON.stringify(await answers[path](input as never))) as Body;
  const wire = path === '/analytics/funnel' ? z.strictObject(reasonsWire) : wireOf(path);
  // what the route would send, with nothing in it that the document does not name
  expect(wire.parse(answer)).toEqual(answer);
  return answer;
}

function wireOf(path: string): z.ZodObject {
  const schema = whyRoutes.find((route) => route.path === path)?.declaration.answers[200];
  if (!(schema instanceof z.ZodObject)) throw new Error(`${path} answers no object`);
  return schema.omit({ period: true, freshness: true });
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
    found.push({ at: `${at}.${name}`, figure, path });
  }
  for (const [name, value] of Object.entries<Body>(node)) if (!name.startsWith('drill_')) figures(value, found, `${at}.${name}`);
  return found;
}

const start = now - 20 * dayMs;

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
      left: finishes || random.chance(0.2) ? null : 'cancelled',
      parked: random.chance(0.1) ? [{ step: 'propose', category: 'network' }] : [],
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
    const body = await ask(tenant, '/analytics/recommendations');
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
    const all = await ask(tenant, '/analytics/recommendations');
    const [{ priority: worst }] = all.recommendations;
    const one = await ask(tenant, '/analytics/recommendations', { priority: worst });
    expect(one.recommendations).toEqual(all.recommendations.filter((each: Body) => each.priority === worst));
    expect(one.priority_counts).toEqual(all.priority_counts);
    const none = await ask(tenant, '/analytics/recommendations', { min_confidence: 1 });
    expect(none.recommendations).toEqual(all.recommendations.filter((each: Body) => each.confidence >= 1));
  });

  test('a tenant without sessions gets none, and rates that are null', async () => {
    expect(await ask(newTenant(), '/analytics/recommendations')).toMatchObject({
      recommendations: [], total_count: 0, current_metrics: { total_sessions: 0, conversion_rate: null, drop_off_rate: null },
    });
  });
});

describe('Drop-off identification', () => {
  test('behind every number of the reports is a list of exactly as many sessions', async () => {
    const tenant = newTenant();
    const strangers = fc.sample(anyVisit(start - 20 * dayMs, now), { numRuns: 400, seed: 5 });
    await store(tenant, [...planted(13), ...strangers]);
    for (const path of ['/analytics/drop-off-heatmap', '/dashboard/heatmap', '/analytics/recommendations', '/analytics/funnel'] as const) {
      const found = figures(await ask(tenant, path, { granularity: 'weekly' }));
      expect(found.length).toBeGreaterThan(10);
      for (const { at, figure, path: list } of found) expect([path, at, await listed(tenant, list)]).toEqual([path, at, figure]);
    }
  });

  test('400 days by the hour are 9,600 buckets, whose sessions sum to the total', async () => {
    const tenant = newTenant();
    await store(tenant, planted(14));
    const body = await ask(tenant, '/analytics/drop-off-heatmap', {
      granularity: 'hourly', hours: 400 * 24,
    });
    expect(body.time_buckets).toHaveLength(9_600);
    expect(body.time_buckets.reduce((sum: number, { sessions_started: some }: Body) => sum + some, 0)).toBe(1_200);
    expect([body.total_sessions, body.time_buckets.some((bucket: Body) => 'drill_downs' in bucket)]).toEqual([1_200, false]);
  });

  test('the drawing has a cell for each stage and bucket, with the numbers of the heatmap', async () => {
    const tenant = newTenant();
    await store(tenant, planted(15));
    const [drawn, heatmap] = await Promise.all([ask(tenant, '/dashboard/heatmap'), ask(tenant, '/analytics/drop-off-heatmap')]);
    expect(drawn.cells).toHaveLength(drawn.rows.length * drawn.columns.length);
    for (const { row, column, count, value, reached } of drawn.cells) {
      const bucket = heatmap.time_buckets.find(({ label }: Body) => label === column);
      expect([count, reached]).toEqual([bucket.drop_offs_by_stage[row], bucket.stage_counts[row]]);
      expect(value).toBe(reached === 0 ? null : count / reached);
    }
  });
});
