/** Programs in browsers: which pages may use the API, and streams without a header. One Gangway that allows one origin. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { exposedHeaders } from '../api/cross-origin.ts';
import { whileFrozen } from './support/frozen.ts';
import { newFolder } from './support/folders.ts';
import { discard, startInstance, type Instance } from './support/instance.ts';
import { base, cast, Person, tokenFor, type Body, type Reply } from './support/person.ts';
import { sharedInstance } from './support/shared.ts';
import { openStream, type StreamReader } from './support/stream-reader.ts';
import { until } from './support/until.ts';

const app = 'https://app.example.com';
/** Ten without a valid credential: fewer than what is asked below. */
const guesses = 10;
let instance: Instance;
beforeAll(async () => {
  instance = await startInstance(await newFolder(), {
    GANGWAY_ALLOWED_ORIGINS: `${app}, http://localhost:5173`, GANGWAY_ANONYMOUS_PER_HOUR: String(guesses), LOG_LEVEL: 'trace',
  });
});
const open: StreamReader[] = [];
afterAll(async () => {
  for (const reader of open) reader.close();
  await discard(instance);
});

const allowHeaders = (headers: Headers): string[] => [...headers.keys()].filter((name) => name.startsWith('access-control-'));

function preflight(origin: string, path = '/sessions/', url = instance.url): Promise<Response> {
  return fetch(`${url}${base}${path}`, {
    method: 'OPTIONS',
    headers: {
      origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization,content-type,idempotency-key',
    },
  });
}

describe('a page of an allowed origin', () => {
  test('is answered its preflight on any path, without a credential', async () => {
    for (const path of ['/sessions/', `/sessions/${randomUUID()}/answers/`, '/admin/audit/', '/nothing/there']) {
      const reply = await preflight(app, path);
      expect([path, reply.status, reply.headers.get('access-control-allow-origin')]).toEqual([path, 204, app]);
      expect(reply.headers.get('access-control-allow-methods')?.split(', ').sort()).toEqual([
        'DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT',
      ]);
      const allowed = reply.headers.get('access-control-allow-headers')?.toLowerCase().split(', ') ?? [];
      const sent = ['authorization', 'x-api-key', 'content-type', 'idempotency-key', 'if-match', 'last-event-id', 'x-correlation-id'];
      for (const name of sent) expect(allowed).toContain(name);
      expect(reply.headers.get('vary')?.toLowerCase()).toContain('origin');
    }
    expect((await preflight('http://localhost:5173')).headers.get('access-control-allow-origin')).toBe('http://localhost:5173');
  });

  test('may read answers and refusals, and of their headers those that clients act on', async () => {
    const { ana } = await cast(instance);
    const from = { headers: { origin: app } };
    const started = await ana.post('/sessions/', {}, from);
    const refused = await ana.post('/sessions/', { nonsense: true }, from);
    const stranger = await fetch(`${instance.url}${base}/sessions/`, from);
    expect([started.status, refused.status, stranger.status]).toEqual([201, 400, 401]);
    for (const { headers } of [started, refused, stranger]) {
      expect(headers.get('access-control-allow-origin')).toBe(app);
      expect(headers.get('access-control-expose-headers')?.split(', ')).toEqual([...exposedHeaders]);
      expect(headers.get('access-control-allow-credentials')).toBeNull();
      expect(headers.get('vary')?.toLowerCase()).toContain('origin');
    }
    for (const name of ['ETag', 'Retry-After', 'RateLimit', 'RateLimit-Policy', 'X-Correlation-Id', 'Idempotency-Replayed', 'Location']) {
      expect(exposedHeaders).toContain(name);
    }
  });
});

describe('a page of any other origin', () => {
  const others = [
    'https://app.example.com.evil.test', 'http://app.example.com', 'https://APP.example.com', 'https://app.example.com:8443',
    'https://evil.test', 'null', '*',
  ];

  test('gets no header that would let it read anything, and learns nothing of those that are allowed', async () => {
    const { ana } = await cast(instance);
    for (const origin of others) {
      for (const reply of [await preflight(origin), await ana.get('/sessions/', { headers: { origin } })]) {
        expect([origin, allowHeaders(reply.headers)]).toEqual([origin, []]);
        expect(JSON.stringify([...reply.headers])).not.toContain(app);
      }
    }
  });

  test('no origin is allowed unless it is configured', async () => {
    const { url } = await sharedInstance();
    for (const origin of [app, url, 'http://localhost:5173']) {
      expect([origin, allowHeaders((await preflight(origin, '/sessions/', url)).headers)]).toEqual([origin, []]);
    }
  });
});

test('preflights use up no limit, so that a page that is opened often locks nobody out', async () => {
  const { cy } = await cast(instance);
  const before = await fetch(`${instance.url}${base}/sessions/`);
  const left = Number(/;r=(\d+)/.exec(before.headers.get('ratelimit') ?? '')?.[1]);
  const replies = await Promise.all(Array.from({ length: 4 * guesses }, (_, at) => preflight(at % 2 === 0 ? app : 'https://evil.test')));
  expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([204]));
  expect(replies[0]?.headers.get('ratelimit-policy')).toContain('exempt');
  const after = await fetch(`${instance.url}${base}/sessions/`);
  expect([after.status, Number(/;r=(\d+)/.exec(after.headers.get('ratelimit') ?? '')?.[1])]).toEqual([401, left - 1]);
  expect((await cy.get('/flows/')).status).toBe(200);
});

describe('a ticket', () => {
  const ticketOf = async (who: Person, sessionId: string): Promise<string> => {
    const reply = await who.post(`/sessions/${sessionId}/events/ticket/`, {});
    expect([reply.status, reply.body]).toEqual([201, { ticket: expect.stringMatching(/^[\w-]{43}$/), expires_in: 60 }]);
    return reply.body.ticket as string;
  };
  /** As an EventSource asks: an address, and no header of one's own. */
  const follow = async (sessionId: string, query: string): Promise<StreamReader> => {
    const reader = await openStream(`${instance.url}${base}/sessions/${sessionId}/events/?${query}`, {
      accept: 'text/event-stream', origin: app,
    });
    open.push(reader);
    return reader;
  };
  const redis = async <T>(work: (client: Redis) => Promise<T>): Promise<T> => {
    const client = new Redis((await instance.runFile()).urls.redisUrl);
    try {
      return await work(client);
    } finally {
      client.disconnect();
    }
  };

  test('opens one stream of its session without a header, once, and resumes by the query', async () => {
    const { ana } = await cast(instance);
    const session = await ana.start();
    const ticket = await ticketOf(ana, session.session_id);
    const reader = await follow(session.session_id, `ticket=${ticket}`);
    expect([reader.status, reader.headers['access-control-allow-origin']]).toEqual([200, app]);
    await until('the session is told', () => reader.events.length === 1);
    await ana.gives(session.session_id, 'setup_urgency', 'immediate');
    await until('the answer is told', () => reader.events.some(({ data }) => data.event === 'question_answered'));
    const again = await follow(session.session_id, `ticket=${ticket}`);
    await until('it is refused', () => again.ended());
    expect([again.status, JSON.parse(again.text())]).toMatchObject([401, { code: 'unauthenticated' }]);
    const seen = reader.events[0]?.id ?? 0;
    const resumed = await follow(session.session_id, `ticket=${await ticketOf(ana, session.session_id)}&last_event_id=${seen}`);
    await until('what was missed is told', () => resumed.events.some(({ data }) => data.event === 'question_answered'));
    expect(resumed.events[0]?.id).toBe(seen + 1);
  });

  test('two that come with it at once: one is served', async () => {
    const { ana } = await cast(instance);
    const session = await ana.start();
    const ticket = await ticketOf(ana, session.session_id);
    const readers = await Promise.all(Array.from({ length: 4 }, () => follow(session.session_id, `ticket=${ticket}`)));
    expect(readers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 401, 401, 401]);
  });

  test('counts for its session and for streams only, and is given to the owner alone', async () => {
    const { ana, admin } = await cast(instance);
    const session = await ana.start();
    const { ana: eve } = await cast(instance);
    const other = await eve.start();
    expect((await follow(other.session_id, `ticket=${await ticketOf(ana, session.session_id)}`)).status).toBe(401);
    const ticket = await ticketOf(ana, session.session_id);
    for (
      const [method, path] of [
        ['GET', `/sessions/${session.session_id}/`], ['GET', '/sessions/'], ['POST', `/sessions/${session.session_id}/events/`],
      ] as const
    ) {
      expect([path, (await fetch(`${instance.url}${base}${path}?ticket=${ticket}`, { method })).status]).toEqual([path, 401]);
    }
    for (const who of [admin, eve]) expect((await who.post(`/sessions/${session.session_id}/events/ticket/`, {})).status).toBe(404);
    const both = await ana.get(`/sessions/${session.session_id}/events/?ticket=${ticket}`);
    expect([both.status, both.body.errors[0].code]).toEqual([400, 'two_credentials']);
    expect((await follow(session.session_id, `ticket=${ticket}`)).status).toBe(200);
  });

  test('is gone after a minute', async () => {
    const { ana } = await cast(instance);
    const session = await ana.start();
    await ticketOf(ana, session.session_id);
    const lives = await redis(async (client) => Promise.all((await client.keys('ticket:*')).map((key) => client.pttl(key))));
    expect(lives.length).toBeGreaterThan(0);
    for (const ms of lives) {
      expect(ms).toBeGreaterThan(0);
      expect(ms).toBeLessThanOrEqual(60_000);
    }
  });

  test('that was used counts as no guess: a page whose browser comes back with it locks nobody out', async () => {
    const { ana } = await cast(instance);
    const session = await ana.start();
    const ticket = await ticketOf(ana, session.session_id);
    expect((await follow(session.session_id, `ticket=${ticket}`)).status).toBe(200);
    for (let again = 0; again < 2 * guesses; again += 1) expect((await follow(session.session_id, `ticket=${ticket}`)).status).toBe(401);
    expect((await follow(session.session_id, `ticket=${await ticketOf(ana, session.session_id)}`)).status).toBe(200);
  });

  test('ends with the credential behind it: its stream closes with the token, and a revoked key opens none', async () => {
    const { ana, admin, tenant } = await cast(instance);
    const session = await ana.start();
    const brief = new Person(instance.url, tenant, 'ana', await tokenFor(instance, tenant, 'ana', ['user'], 4));
    const reader = await follow(session.session_id, `ticket=${await ticketOf(brief, session.session_id)}`);
    expect(reader.status).toBe(200);
    expect(reader.ended()).toBe(false);
    await until('the stream has ended', () => reader.ended(), 15_000);
    const { body: made } = await admin.post('/admin/api-keys/', { name: 'kiosk', roles: ['user'] });
    const keyed = (path: string): Promise<Reply> => ana.post(path, {}, { headers: { authorization: '', 'x-api-key': made.key as string } });
    const { body: own } = await keyed('/sessions/');
    const { body: given } = await keyed(`/sessions/${own.session_id}/events/ticket/`);
    expect((await follow(own.session_id as string, `ticket=${given.ticket}`)).status).toBe(200);
    const { body: late } = await keyed(`/sessions/${own.session_id}/events/ticket/`);
    await admin.call('DELETE', `/admin/api-keys/${made.key_id}/`);
    expect((await follow(own.session_id as string, `ticket=${late.ticket}`)).status).toBe(401);
  });

  test('stands in no log, metric, audit entry, error or store, and is shown once', async () => {
    const { ana, admin } = await cast(instance);
    const session = await ana.start();
    const key = { headers: { 'idempotency-key': randomUUID() } };
    const first = await ana.post(`/sessions/${session.session_id}/events/ticket/`, {}, key);
    const again = await ana.post(`/sessions/${session.session_id}/events/ticket/`, {}, key);
    expect([again.status, again.body.ticket, again.headers.get('idempotency-replayed')]).toEqual([201, null, 'true']);
    const ticket = first.body.ticket as string;
    const dump = async (client: Redis): Promise<string> => {
      const keys = await client.keys('ticket:*');
      return JSON.stringify([keys, await Promise.all(keys.map(async (name) => (await client.getBuffer(name))?.toString('latin1')))]);
    };
    const stored = await redis(dump);
    expect(stored).not.toContain(ticket);
    expect(stored).not.toContain('ana');
    const reader = await follow(session.session_id, `ticket=${ticket}`);
    const refused = await follow(session.session_id, `ticket=${ticket}`);
    await until('it is refused', () => refused.ended());
    expect(JSON.parse(refused.text()).instance).toBe(`${base}/sessions/${session.session_id}/events/`);
    expect([reader.headers['referrer-policy'], refused.headers['referrer-policy']]).toEqual(['no-referrer', 'no-referrer']);
    reader.close();
    const correlation = String(refused.headers['x-correlation-id']);
    await until('the request is logged', () => instance.output().includes(correlation));
    const metrics = await (await fetch(`${instance.url}/metrics`)).text();
    const audit = JSON.stringify((await admin.get('/admin/audit/?limit=100')).body);
    for (const text of [instance.output(), metrics, audit, refused.text()]) expect(text).not.toContain(ticket);
  });

  test('without Redis none is given or taken: 503 with Retry-After, which counts as no guess', async () => {
    const { ana } = await cast(instance);
    const session = await ana.start();
    const ticket = await ticketOf(ana, session.session_id);
    await whileFrozen(instance, 'redis', async () => {
      const asked = await ana.post(`/sessions/${session.session_id}/events/ticket/`, {});
      expect([asked.status, asked.body.code, Number(asked.headers.get('retry-after'))]).toEqual([503, 'store_unavailable', 2]);
      const taken = await follow(session.session_id, `ticket=${ticket}`);
      await until('it is answered', () => taken.ended());
      expect([taken.status, JSON.parse(taken.text()).code, taken.headers['retry-after']]).toEqual([503, 'store_unavailable', '2']);
      expect(taken.headers['ratelimit-policy']).toMatch(/^"api"/);
      const body: Body = (await ana.answer(session.session_id, 'setup_urgency', 'immediate')).body;
      expect(body.answers_count).toBe(1);
    });
  });
});
