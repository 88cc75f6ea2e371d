/** Limits as callers and admins meet them: one Gangway with its own limits, and a language model that two calls an hour may go to. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { pageRoutes } from '../api/pages.ts';
import { routes } from '../api/routes/index.ts';
import { codecPathKey } from '../scripts/embedded/secrets.ts';
import { resourceNames } from '../stores/redis/limits/policy.ts';
import { says, startFakeModel, type FakeModel } from './support/fake-model.ts';
import { newFolder } from './support/folders.ts';
import { discard, startInstance, type Instance } from './support/instance.ts';
import { base, cast, newTenant, person, type Body, type Person, type Reply } from './support/person.ts';

let instance: Instance;
let fake: FakeModel;

beforeAll(async () => {
  fake = await startFakeModel();
  instance = await startInstance(await newFolder(), {
    GANGWAY_API_PER_MINUTE: '300', GANGWAY_API_PER_MINUTE_ADMIN: '1000', GANGWAY_ANONYMOUS_PER_HOUR: '60',
    OPENAI_BASE_URL: fake.url, OPENAI_API_KEY: 'sk-never-shown', CHAT_MODEL: 'small', GANGWAY_LLM_CALLS_PER_HOUR: '2',
  });
});
afterAll(async () => {
  await discard(instance);
  await fake.close();
});

async function metrics(headers: Readonly<Record<string, string>> = {}): Promise<{ readonly status: number; readonly text: string }> {
  const response = await fetch(`${instance.url}/metrics`, { headers });
  return { status: response.status, text: await response.text() };
}

async function counted(policy: string, outcome: string): Promise<number> {
  const { text } = await metrics();
  return Number(
    new RegExp(`^gangway_limit_decisions_total\\{policy="${policy}",outcome="${outcome}"\\} (\\d+)$`, 'm').exec(text)?.[1] ?? 0,
  );
}

const explained = async (admin: Person, question: object): Promise<Body> => (await admin.post('/admin/limits/explain/', question)).body;
const remaining = (reply: Reply): number => Number(/;r=(\d+)/.exec(reply.headers.get('ratelimit') ?? '')?.[1]);
const setBreaker = (admin: Person, state: string): Promise<Reply> => admin.post('/admin/breakers/limiter/', { state, reason: 'tried' });

test('every route has its policies, `api` before all others, and every page is exempt by name', () => {
  for (const { method, path, declaration } of routes) {
    expect([`${method} ${path}`, declaration.limits[0], declaration.limits.filter((name) => !(resourceNames as readonly string[])
      .includes(name))]).toEqual([`${method} ${path}`, 'api', []]);
  }
  const pages = pageRoutes({ readiness: () => Promise.resolve({ ready: true, checks: {} }) }, {}, null);
  for (const [path, { limits }] of pages) expect([path, limits]).toEqual([path, 'exempt']);
});

describe('a person who asks too much', () => {
  let ana: Person;
  let tenant: string;
  beforeAll(async () => {
    ({ ana, tenant } = await cast(instance));
    const before = await counted('api', 'denied');
    const replies = await Promise.all(Array.from({ length: 320 }, () => ana.get('/flows/')));
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(300);
    expect(replies.filter(({ status }) => status === 429)).toHaveLength(20);
    expect(await counted('api', 'denied') - before).toBe(20);
  });

  test('is told how long to wait, and every route there is refuses alike', async () => {
    for (const { method, path, declaration } of routes) {
      // what needs no credential counts on the address, whoever asks
      if (declaration.access === 'anyone') continue;
      const reply = await ana.call(
        method.toUpperCase(), `${path.replaceAll(/:\w+/g, () => randomUUID())}/`,
        method === 'get' || method === 'head' ? undefined : {},
      );
      // nothing is said by word of mouth to a HEAD
      const { code, violated_policies: violated } = method === 'head' ? { code: 'rate_limited', violated_policies: ['api'] } : reply.body;
      expect([`${method} ${path}`, reply.status, code, violated]).toEqual([`${method} ${path}`, 429, 'rate_limited', ['api']]);
      const wait = reply.headers.get('retry-after') ?? '';
      expect(wait).toMatch(/^[1-9]\d?$/);
      expect(reply.headers.get('ratelimit-policy')).toBe('"api";q=300;w=60');
      expect(reply.headers.get('ratelimit')).toBe(`"api";r=0;t=${wait}`);
    }
  });

  test('keeps nobody else from asking: not a colleague, not the same name elsewhere, not an admin', async () => {
    for (
      const other of [
        await person(instance, tenant, 'ben', 'user'), await person(instance, newTenant(), 'ana', 'user'),
        await person(instance, tenant, 'dee', 'admin'),
      ]
    ) {
      for (let times = 0; times < 5; times += 1) expect((await other.get('/flows/')).status).toBe(200);
    }
  });
});

test('limits are told on every kind of answer, errors included', async () => {
  const { ana } = await cast(instance);
  const session = await ana.start();
  const path = `/sessions/${session.session_id}`;
  const refused = await fetch(`${instance.url}${base}${path}/`);
  const cases: [number, Headers][] = [
    [401, refused.headers],
    ...await Promise.all([
      ana.get(`${path}/`), ana.get('/admin/audit/'), ana.get('/nothing/'), ana.call('DELETE', '/sessions/'), ana.post('/sessions/', {}),
      ana.post(`${path}/answers/`, { question_id: 'setup_urgency', value: 'immediate' }, { headers: { 'if-match': '"999"' } }),
      ana.post('/sessions/', { client_context: { text: 'x'.repeat(3_000_000) } }),
      ana.post('/sessions/', undefined, { raw: 'x', headers: { 'content-type': 'text/csv' } }),
      ana.post(`${path}/answers/`, { question_id: 'setup_urgency', value: 'castle' }), ana.post('/sessions/', undefined, { raw: '{' }),
    ]).then((replies) => replies.map(({ status, headers }): [number, Headers] => [status, headers])),
  ];
  expect(cases.map(([status]) => status)).toEqual([401, 200, 403, 404, 405, 409, 412, 413, 415, 422, 400]);
  for (const [status, headers] of cases) {
    expect([status, headers.get('ratelimit-policy')]).toEqual([status, status === 401 ? '"anonymous";q=60;w=3600' : '"api";q=300;w=60']);
    expect([status, headers.get('ratelimit')]).toEqual([status, expect.stringMatching(/^"(api|anonymous)";r=\d+;t=\d+$/)]);
  }
});

test('explain says what would be decided and by which policy, and counts nothing for whom it is about', async () => {
  const { ana, admin } = await cast(instance);
  const before = remaining(await ana.get('/flows/'));
  for (let times = 0; times < 10; times += 1) {
    expect(await explained(admin, { subject: 'ana', resource: 'api' })).toMatchObject({
      decision: 'allowed', source: 'redis', critical: false, violated_policies: [], retry_after_seconds: null,
    });
  }
  const over = await explained(admin, { subject: 'ana', resource: 'llm_calls', cost: { requests: 1, tokens: 10_001 } });
  expect(over).toMatchObject({
    decision: 'rate_limited', critical: true, violated_policies: ['llm_tokens_per_hour'], retry_after_seconds: expect.any(Number),
  });
  expect(over.policies.map(({ name, fits, remaining: left }: Body) => [name, fits, left])).toEqual([
    ['llm_calls_per_day', true, 100], ['llm_calls_per_hour', true, 2], ['llm_tokens_per_day', true, 50_000],
    ['llm_tokens_per_hour', false, 10_000], ['llm_cents_per_day', true, 1_000],
  ]);
  expect(await explained(admin, { subject: 'ana', resource: 'photo_uploads', cost: 11 })).toMatchObject({
    decision: 'rate_limited', violated_policies: ['photo_burst'],
  });
  expect(remaining(await ana.get('/flows/'))).toBe(before - 1);
  expect((await admin.post('/admin/limits/explain/', { subject: 'ana', resource: 'everything' })).status).toBe(400);
});

describe('the breaker of the limiter, opened by an admin', () => {
  let people: Awaited<ReturnType<typeof cast>>;
  beforeAll(async () => {
    people = await cast(instance);
    expect((await setBreaker(people.admin, 'open')).body).toMatchObject({ name: 'limiter', state: 'open', override: 'open' });
  });
  afterAll(() => setBreaker(people.admin, 'auto'));

  test('is listed, shown in the metrics with its transitions, and not there by another name', async () => {
    const { body } = await people.admin.get('/admin/breakers/');
    expect(body.results.map(({ name, state }: Body) => [name, state])).toEqual(expect.arrayContaining([
      ['limiter', 'open'], ['model', 'closed'],
    ]));
    const { text } = await metrics();
    expect(text).toContain('gangway_breaker_state{breaker="limiter"} 2');
    expect(text).toMatch(/^gangway_breaker_transitions_total\{breaker="limiter",to="open"\} [1-9]/m);
    expect((await people.admin.post('/admin/breakers/nothing/', { state: 'open' })).status).toBe(404);
  });

  test('leaves the API going on at its own limit, and no critical resource', async () => {
    const before = await counted('api', 'fallback_allowed');
    const replies = await Promise.all(Array.from({ length: 310 }, () => people.ana.get('/flows/')));
    expect([200, 429].map((status) => replies.filter((reply) => reply.status === status).length)).toEqual([300, 10]);
    expect(replies.every(({ headers }) => headers.get('ratelimit-policy') === '"api";q=300;w=60')).toBe(true);
    expect(await counted('api', 'fallback_allowed') - before).toBeGreaterThanOrEqual(300);
    expect(await explained(people.admin, { subject: 'ben', resource: 'llm_calls' })).toMatchObject({
      decision: 'limiter_unavailable', source: 'process', retry_after_seconds: 300,
    });
    expect(await explained(people.admin, { subject: 'ben', resource: 'knowledge_queries' })).toMatchObject(
      { decision: 'allowed', source: 'process' },
    );
  });

  test('lets nobody ask the model, whose words are then read by the script', async () => {
    fake.play(says({ value: 'this_month', confidence: 0.9 }));
    const ben = await person(instance, people.tenant, 'ben', 'user');
    const session = await ben.start();
    const reply = await ben.post(`/sessions/${session.session_id}/answers/`, { text: 'when the monsoon is over' });
    expect([reply.status, reply.body.code, fake.calls.length]).toEqual([422, 'answer_invalid', 0]);
  });

  test('set to auto it is closed, and Redis counts again', async () => {
    expect((await setBreaker(people.admin, 'auto')).body).toMatchObject({ state: 'closed', override: null, failures: 0 });
    expect(await explained(people.admin, { subject: 'ben', resource: 'llm_calls' })).toMatchObject(
      { decision: 'allowed', source: 'redis' },
    );
    expect((await metrics()).text).toContain('gangway_breaker_state{breaker="limiter"} 0');
  });
});

test('the model is asked as often as the budget of the person allows, and the API tells what the worker has counted', async () => {
  const { ana, ben, admin } = await cast(instance);
  const session = await ana.start();
  const say = (text: string): Promise<Reply> => ana.post(`/sessions/${session.session_id}/answers/`, { text });
  fake.play(says({ value: 'planned', confidence: 0.1 }));
  for (const text of ['the first of some odd words', 'the second of some odd words', 'the third of some odd words']) await say(text);
  expect(fake.calls).toHaveLength(2);
  const { decision, violated_policies, policies } = await explained(admin, { subject: 'ana', resource: 'llm_calls' });
  expect([decision, violated_policies]).toEqual(['rate_limited', ['llm_calls_per_hour']]);
  // what the model said it took: 49 tokens a call
  expect(policies.map(({ name, remaining: left }: Body) => [name, left])).toEqual(expect.arrayContaining([
    ['llm_calls_per_day', 98], ['llm_tokens_per_hour', 10_000 - 2 * 49],
  ]));
  expect((await explained(admin, { subject: ben.subject, resource: 'llm_calls' })).decision).toBe('allowed');
});

describe('somebody without a credential', () => {
  test('does not escape by naming other addresses, and shares nothing with those who have one', async () => {
    const spoofed = ['forwarded', 'x-real-ip', 'cf-connecting-ip', 'true-client-ip', 'x-client-ip', 'x-forwarded-for'];
    const statuses: number[] = [];
    for (let times = 0; times < 65; times += 1) {
      const name = spoofed[times % spoofed.length] ?? '';
      const address = `203.0.113.${times}`;
      const response = await fetch(`${instance.url}${base}/flows/`, {
        headers: { [name]: name === 'forwarded' ? `for=${address}` : name === 'x-forwarded-for' ? `${address}, 198.51.100.7` : address },
      });
      statuses.push(response.status);
    }
    // one was asked before
    expect(statuses.indexOf(429)).toBe(59);
    expect(new Set(statuses.slice(59))).toEqual(new Set([429]));
    const { ana } = await cast(instance);
    for (let times = 0; times < 20; times += 1) expect((await ana.get('/flows/')).status).toBe(200);
  });

  test('still reads health, documents, pages, metrics and the payloads of the Web UI, which count on nothing', async () => {
    const codec = `/codec/${await codecPathKey(instance.folder)}/decode`;
    for (const path of ['/livez', '/readyz', '/openapi.json', '/docs', '/docs/start.js', '/docs/swagger-ui.css', '/metrics', codec]) {
      const response = await fetch(
        `${instance.url}${path}`,
        path === codec ? { method: 'POST', body: '{"payloads":[]}', headers: { 'content-type': 'application/json' } } : {},
      );
      expect([path, response.status, response.headers.get('ratelimit-policy')]).toEqual([path, 200, '"exempt";q=1000000;w=1']);
      await response.text();
    }
    expect((await metrics({ 'x-forwarded-for': '203.0.113.9' })).status).toBe(429);
  });
});
