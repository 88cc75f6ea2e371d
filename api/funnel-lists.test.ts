/** Funnels and the lists behind their figures, as routes, over a real ClickHouse; the dictionary of histories stands in memory. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { later, symbolOf } from '../analytics/history.ts';
import { stages } from '../domain/lifecycle.ts';
import type { ClickHouse, QueryOptions, Statement } from '../stores/clickhouse/client.ts';
import { figuresWithLists } from '../test/support/drill-downs.ts';
import { openTold, type Told, type ToldRow } from '../test/support/told-sessions.ts';
import { Problem } from './problem.ts';
import { querySchema, type Route } from './route.ts';
import { analyticsRoutes } from './routes/analytics-funnel.ts';
import { eventCatalogueRoutes } from './routes/analytics-events.ts';
import { countedSessionRoutes } from './routes/analytics-sessions.ts';
import { validated } from './validation.ts';

const began = Date.UTC(2026, 2, 1);
const now = began + 86_400_000;
let told: Told;
beforeAll(async () => { told = await openTold(); });
afterAll(async () => { await told.close(); });

// oxlint-disable-next-line typescript/no-explicit-any -- a test reads JSON of many shapes and compares it at once
type Body = any;
const all: readonly Route[] = [...analyticsRoutes, ...countedSessionRoutes, ...eventCatalogueRoutes];

/** In place of the real one. */
let clickhouse: ClickHouse | undefined;
afterEach(() => { clickhouse = undefined; });

function services(): never {
  const numbers = [...told.numbers].map(([key, number]) => ({ key, number, keys: 0 }));
  return {
    now: () => now,
    flows: { filterable: () => Promise.resolve({ versions: [{ flow_id: 'clinic', version: 1 }], questions: [] }),
      all: () => Promise.resolve([{ id: 'clinic', languages: ['en', ...Array.from({ length: 23 }, (_, at) => `l${at}`)] }]) },
    stores: { db: { asTenant: () => ({ query: () => Promise.resolve([...numbers, { key: null, number: 0, keys: numbers.length }]) }) } },
    reports: {
      clickhouse: clickhouse ?? told.db, dataThrough: { of: () => Promise.resolve(now) },
      cache: { get: async (_: unknown, run: () => Promise<unknown>) => ({ value: await run(), startedAt: now, outcome: 'miss' }) },
    },
  } as never;
}

async function ask(method: 'get' | 'post', path: string, tenant: string, body?: object): Promise<Body> {
  const url = new URL(path, 'http://gangway');
  const found = all.find((route) => route.method === method && `${route.path}/` === url.pathname);
  if (found === undefined) throw new Error(`No route ${method} ${path}`);
  const { declaration } = found;
  const query = validated(querySchema(declaration), Object.fromEntries(url.searchParams), 'query');
  const given = declaration.body === undefined ? {} : validated(declaration.body, body, 'body');
  const call = { actor: { tenant, subject: 'cy', roles: ['analyst'] }, receivedAt: now, method: method.toUpperCase() };
  const answer = await declaration.handler({ params: {}, query, body: given, call, services: services() } as never);
  if ('bytes' in answer) {
    const pieces: Uint8Array[] = [];
    for await (const piece of answer.bytes ?? []) pieces.push(piece);
    return Buffer.concat(pieces).toString('utf8');
  }
  if (!('body' in answer)) throw new Error('It answers no body');
  expect(declaration.answers[200]?.safeParse(answer.body).error).toBeUndefined();
  return answer.body;
}

const refusalOf = async (path: string): Promise<unknown> => {
  const problem: unknown = await ask('get', path, 'nobody').catch((error: unknown) => error);
  return problem instanceof Problem ? [problem.status, problem.code, problem.errors[0]?.pointer] : problem;
};

async function followAll(tenant: string, report: Body): Promise<number> {
  const figures = figuresWithLists(report);
  for (const { place, number, path } of figures) {
    const body = await ask('get', `${path.slice('/api/v1/onboarding'.length)}&limit=100`, tenant);
    expect([place, path, body.total, body.results.length]).toEqual([place, path, number, Math.min(number, 100)]);
  }
  return figures.length;
}

const period = 'start_date=2026-03-01&end_date=2026-03-02';
const session = (label: string, names: readonly string[], left: boolean): ToldRow => ({
  label, left, stages: true, events: names.map((key, index) => ({ key, ms: began + index * 20_000, properties: { part: label } })),
});

/** Paths, and what is said in other words. */
const notCompared = ['drill_down', 'drill_downs', 'optional', 'recommendations'];

describe('every figure of a funnel', () => {
  test('leads to a list of exactly as many sessions, of parts and the rest too', async () => {
    const tenant = await told.store(Array.from({ length: 40 }, (_, index) =>
      session(`l${(index * index) % 23}`, ['started', ...(index % 4 === 0 ? ['help'] : []), ...stages.slice(1, 1 + (index % 5))],
        index % 3 === 0)));
    const stageFunnel = await ask('get', `/analytics/funnel/?${period}&breakdown=language`, tenant);
    expect(stageFunnel.breakdown.at(-1)).toMatchObject({ label: 'other', is_other: true });
    expect(await followAll(tenant, stageFunnel)).toBeGreaterThan(150);
    const own = await ask('get', `/analytics/funnel/?${period}&steps=started,engaged,completed&without=help&breakdown=language`, tenant);
    expect(await followAll(tenant, own)).toBeGreaterThan(60);
    const posted = await ask('post', '/analytics/funnel/', tenant, {
      steps: [{ event: 'started' }, { event: 'help', optional: true, where: { part: 'l0' } }, { event: 'engaged' }, { event: 'completed' }],
      start_date: '2026-03-01', end_date: '2026-03-02', window_seconds: 60, order: 'unordered', breakdown: 'user_segment',
    });
    expect(posted.stages.map(({ name, optional }: Body) => [name, optional])).toEqual([
      ['1 of 3 steps', false], ['help', true], ['2 of 3 steps', false], ['3 of 3 steps', false],
    ]);
    expect(posted.stages[1].count).toBeGreaterThan(0);
    expect(await followAll(tenant, posted)).toBeGreaterThan(20);
  });

  test('of the five stages as steps is the stage funnel\'s', async () => {
    const tenant = await told.store(Array.from({ length: 40 },
      (_, index) => session('en', stages.slice(0, 1 + (index % 5)), index % 3 === 0)));
    const plain = (body: Body): Body => JSON.parse(JSON.stringify(body, (key, value: unknown) =>
      (notCompared.includes(key) ? undefined : value)));
    const [byStages, bySteps] = await Promise.all([
      ask('get', `/analytics/funnel/?${period}&breakdown=language`, tenant),
      ask('get', `/analytics/funnel/?${period}&breakdown=language&steps=${stages.join(',')}`, tenant),
    ]);
    expect(plain(bySteps)).toEqual(plain(byStages));
    expect(byStages.total_sessions).toBe(40);
  });
});

describe('a funnel compared with the period before', () => {
  const compared = 'start_date=2026-02-28T12:00:00Z&end_date=2026-03-01T12:00:00Z';
  const earlier = 30 * 3_600_000;
  /** Two days, and fewer go on in the second. */
  const twoDays = (): ToldRow[] => Array.from({ length: 160 }, (_, index) => {
    const isEarlier = index % 2 === 0;
    const far = (isEarlier ? index % 3 > 0 : index % 5 === 0) ? 5 : 1 + (index % 4);
    const told = session('en', ['started', ...(index % 4 === 0 ? ['help'] : []), ...stages.slice(1, far)], index % 3 === 0);
    const from = began - (isEarlier ? earlier : 0);
    return { ...told, events: told.events.map((each, at) => ({ ...each, ms: from + at * 900_000 })) };
  });

  test('has for the five stages as steps the comparison of the stage funnel, verdict and p values and all', async () => {
    const tenant = await told.store(twoDays());
    const [byStages, bySteps] = await Promise.all(['', `&steps=${stages.join(',')}`].map((steps) =>
      ask('get', `/analytics/funnel/?${compared}&compare=previous${steps}`, tenant)));
    const plain = (body: Body): Body => JSON.parse(JSON.stringify(body.comparison, (key, value: unknown) =>
      (key === 'drill_down' ? undefined : value)));
    expect(plain(bySteps)).toEqual(plain(byStages));
    expect(bySteps.comparison.stages.at(-1).period2.count).toBeGreaterThan(5);
    expect(bySteps.comparison.stages.at(-1).period1.count).toBeGreaterThan(bySteps.comparison.stages.at(-1).period2.count);
    expect(bySteps.comparison.verdict).toBe('worse');
  });

  test('leads from every count to its list, also where it was posted with an optional step and a window', async () => {
    const tenant = await told.store(twoDays());
    const body = {
      steps: [{ event: 'started' }, { event: 'help', optional: true }, { event: 'engaged' }, { event: 'completed' }],
      window_seconds: 7_200, start_date: '2026-02-28T12:00:00Z', end_date: '2026-03-01T12:00:00Z', compare: 'previous',
    };
    const posted = await ask('post', '/analytics/funnel/', tenant, body);
    expect(posted.comparison.stages.map(({ name }: Body) => name)).toEqual(['started', 'engaged', 'completed']);
    expect(posted.comparison).toMatchObject({ excluded_young: 0, period: { start: '2026-02-27T12:00:00.000Z' } });
    expect(await followAll(tenant, posted.comparison)).toBe(6);
    expect((await ask('post', '/analytics/funnel/', tenant, { ...body, compare: 'none' })).comparison).toBeNull();
    const year = await ask('post', '/analytics/funnel/', tenant, { ...body, compare: 'year' });
    expect(year.comparison).toMatchObject({ verdict: 'too_few', period: { start: '2025-02-28T12:00:00.000Z' } });
  });
});

describe('the reasons of a funnel of one\'s own', () => {
  /** In l1 fewer come to their first answer. */
  const planted = (): ToldRow[] => Array.from({ length: 300 }, (_, index) => {
    const language = index % 2 === 0 ? 'l1' : 'en';
    const engaged = language === 'en' || index % 3 === 0;
    return session(language, ['started', ...(engaged ? stages.slice(1, 2 + (Math.floor(index / 6) % 4)) : [])], index % 5 === 0);
  });

  test('are for the five stages as steps those of the stage funnel: cohorts, and what to mend at which step', async () => {
    const tenant = await told.store(planted());
    const [byStages, bySteps] = await Promise.all(['', `&steps=${stages.join(',')}`].map((steps) =>
      ask('get', `/analytics/funnel/?${period}${steps}`, tenant)));
    const numbers = (body: Body): Body => body.cohort_analysis.map(({ drill_down: _list, drill_downs: _lists, ...cohort }: Body) => cohort);
    expect(numbers(bySteps)).toEqual(numbers(byStages));
    const found = ({ recommendations }: Body): Body => recommendations.map(({ type, evidence, expected_gain: gain, priority }: Body) => [
      type, priority, gain, evidence.p_adjusted, evidence.place.from_stage, evidence.place.to_stage, evidence.group.label,
      evidence.group.sessions, evidence.group.got_past, evidence.comparison.got_past,
    ]);
    expect(found(bySteps)).toEqual(found(byStages));
    expect(bySteps.recommendations).toMatchObject([{
      type: 'language', title: 'Language l1 in clinic: fewer sessions get to engaged than with en',
      evidence: { place: { at: 'own_step', from_stage: 'started', to_stage: 'engaged', step: 1 }, group: { sessions: 150, got_past: 50 } },
    }]);
    expect(bySteps.recommendations_left_out).toBe(false);
    expect(await followAll(tenant, { cohorts: bySteps.cohort_analysis, found: bySteps.recommendations })).toBeGreaterThan(12);
  });

  test('lead to their lists, also of a step that is named twice and of unordered ones', async () => {
    const tenant = await told.store(planted().map((each, index) =>
      ({ ...each, events: [...each.events, { key: 'started', ms: began + (index % 2) * 1_000 + 5_000, properties: {} }] })));
    for (const [steps, titles] of [
      ['steps=started,started,engaged', ['engaged']], ['steps=started,engaged,completed&order=unordered', ['2 of 3 steps']],
    ] as const) {
      const body = await ask('get', `/analytics/funnel/?${period}&${steps}`, tenant);
      expect(body.recommendations.map(({ evidence }: Body) => evidence.place.to_stage)).toEqual(titles);
      expect(await followAll(tenant, { cohorts: body.cohort_analysis, found: body.recommendations })).toBeGreaterThan(10);
    }
  });
});

describe('a list of a funnel of one\'s own', () => {
  /** Right after the histories were read one session goes on, to one that nobody had. */
  function goingOn(tenant: string): ClickHouse {
    let goes = true;
    return {
      ...told.db,
      query: async <T>(statement: Statement, options?: QueryOptions): Promise<T[]> => {
        const rows = await told.db.query<T>(statement, options);
        if (goes && statement.sql.includes('GROUP BY history')) {
          goes = false;
          const engaged = symbolOf(told.numbers.get('engaged') ?? 0);
          await told.db.command(`INSERT INTO sessions SELECT * REPLACE (version + 1 AS version,
            concat(trail, '${later}${engaged}') AS trail, arrayPushBack(trail_ms, trail_ms[-1] + 1000) AS trail_ms,
            last_ms + 1000 AS last_ms)
            FROM sessions FINAL WHERE tenant = '${tenant}' AND language = 'l1'`);
        }
        return rows;
      },
    };
  }

  test.each([['json', 2], ['csv', 2]])('has the sessions as they are when it is sent, as %s too', async (format, reached) => {
    const tenant = await told.store([session('en', ['started', 'help', 'engaged'], false), session('l1', ['started'], false)]);
    clickhouse = goingOn(tenant);
    const list = await ask('get', `/analytics/sessions/?${period}&steps=started,engaged&level=2&format=${format}`, tenant);
    expect(format === 'json' ? list.total : list.trim().split('\r\n').length - 1).toBe(reached);
  });
});

describe('a funnel that cannot be', () => {
  const many = Array.from({ length: 21 }, (_, at) => `s${at}`).join(',');
  test.each([
    ['steps=a', 'invalid_steps', '/steps'], [`steps=${many}`, 'invalid_steps', '/steps'], ['steps=a,,b', 'invalid_steps', '/steps/1'],
    ['steps=', 'invalid_steps', '/steps/0'], ['steps=a,b&window_seconds=0', 'invalid_window', '/window_seconds'],
    ['steps=a,b&window_seconds=34560001', 'invalid_window', '/window_seconds'],
      ['steps=a,b&window_seconds=1.5', 'invalid_window', '/window_seconds'],
    ['steps=a,b&window_seconds=-1', 'invalid_window', '/window_seconds'], ['steps=a,b&consider=x', 'invalid_steps', '/consider'],
    ['order=strict', 'invalid_steps', '/steps'], ['steps=a,b&order=backwards', 'invalid_request', '/order'],
    ['steps=a,b&breakdown=mood', 'unknown_filter_value', '/breakdown'], ['breakdown=answer:nothing', 'unknown_filter_value', '/breakdown'],
  ])('is refused, and told where: %s', async (query, code, pointer) => {
    expect(await refusalOf(`/analytics/funnel/?${query}`)).toEqual([400, code, pointer]);
  });

  test('of a list too: a level beyond its steps, a cursor of another list', async () => {
    expect(await refusalOf('/analytics/sessions/?steps=a,b&level=3')).toEqual([400, 'invalid_request', '/level']);
    const foreign = Buffer.from('{"at":"2026-01-01 00:00:00+00","id":"0b0e7a52-6f1c-4d0a-9a3e-0c8f5b7f2d11"}').toString('base64url');
    expect(await refusalOf(`/analytics/sessions/?cursor=${foreign}`)).toEqual([400, 'invalid_request', '/cursor']);
    expect(await refusalOf('/analytics/sessions/?steps_json=%7B')).toEqual([400, 'invalid_steps', '/steps_json']);
  });
});
