import { randomUUID } from 'node:crypto';
import { request } from 'node:http';
import { describe, expect, test } from '@jest/globals';
import { decodeJwt, SignJWT } from 'jose';
import { routes } from '../api/routes/index.ts';
import { developmentKey } from '../scripts/embedded/secrets.ts';
import { base, cast, newTenant, person, proposed, tokenFor, type Body } from './support/person.ts';
import { sharedInstance } from './support/shared.ts';
import { until } from './support/until.ts';

const instance = await sharedInstance();
const at = (path: string): string => `${instance.url}${base}${path}`;
const filled = (path: string): string => `${path.replaceAll(/:\w+_id/g, (name) => (name === ':flow_id' ? 'nothing' : randomUUID()))}/`;

describe('credentials', () => {
  test('everything below the base answers 401 before anything else, on any path and method', async () => {
    for (
      const [method, path] of [
        ['GET', '/sessions/'], ['POST', '/nothing/'], ['GET', ''], ['DELETE', '/admin/'], ['PATCH', '/analytics/funnel'],
        ['POST', '/sessions/x/answers/'],
      ] as const
    ) {
      const response = await fetch(at(path), { method });
      expect([path, response.status]).toEqual([path, 401]);
      expect(response.headers.get('www-authenticate')).toContain('Bearer');
      expect(await response.json()).toMatchObject({ code: 'unauthenticated', status: 401 });
    }
  });

  test('a forged, cut, expired, foreign or unsigned token is 401', async () => {
    const key = await developmentKey(instance.folder);
    const good = await tokenFor(instance, 'acme', 'ana', ['user']);
    const [head = '', payload = ''] = good.split('.');
    const claims = () => new SignJWT({ tenant: 'acme', roles: ['user'] }).setSubject('ana').setIssuedAt();
    const none = `${Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url')}.${payload}.`;
    const bad: Record<string, string> = {
      none, 'none signed': `${none}abc`, cut: good.slice(0, -3), 'other signature': `${head}.${payload}.${'A'.repeat(43)}`,
      'other key': await claims().setProtectedHeader({ alg: 'HS256' })
        .setIssuer('gangway').setAudience('gangway').setExpirationTime('1h').sign(new Uint8Array(32)),
      expired: await claims().setProtectedHeader({ alg: 'HS256' })
        .setIssuer('gangway').setAudience('gangway').setExpirationTime('-1s').sign(key),
      issuer: await claims().setProtectedHeader({ alg: 'HS256' })
        .setIssuer('other').setAudience('gangway').setExpirationTime('1h').sign(key),
      audience: await claims().setProtectedHeader({ alg: 'HS256' })
        .setIssuer('gangway').setAudience('other').setExpirationTime('1h').sign(key),
      'no expiry': await claims().setProtectedHeader({ alg: 'HS256' }).setIssuer('gangway').setAudience('gangway').sign(key),
      'not before': await claims().setProtectedHeader({ alg: 'HS256' })
        .setIssuer('gangway').setAudience('gangway').setNotBefore('10m').setExpirationTime('1h').sign(key),
      'other algorithm': await claims()
        .setProtectedHeader({ alg: 'HS512' }).setIssuer('gangway').setAudience('gangway').setExpirationTime('1h').sign(new Uint8Array(64)),
      'no tenant': await new SignJWT({ roles: ['user'] })
        .setSubject('ana').setProtectedHeader({ alg: 'HS256' })
          .setIssuer('gangway').setAudience('gangway').setExpirationTime('1h').sign(key),
      empty: '', garbage: 'abc',
    };
    for (const [what, token] of Object.entries(bad)) {
      const response = await fetch(at('/sessions/'), { headers: { authorization: `Bearer ${token}` } });
      expect([what, response.status]).toEqual([what, 401]);
    }
    expect((await fetch(at('/sessions/'), { headers: { authorization: `Bearer ${good}` } })).status).toBe(200);
  });

  test('a token counts until it expires and not a second longer, although it is remembered', async () => {
    const token = await tokenFor(instance, newTenant(), 'ana', ['user'], 5);
    const expires = Number(decodeJwt(token).exp) * 1_000;
    const ask = async () => (await fetch(at('/sessions/'), { headers: { authorization: `Bearer ${token}` } })).status;
    let answered = 0;
    await until('its time is over', async () => {
      const status = await ask();
      if (Date.now() >= expires) return true;
      expect(status).toBe(200);
      answered += 1;
      return false;
    });
    expect(answered).toBeGreaterThan(0);
    expect(await ask()).toBe(401);
  });

  test('unknown roles grant nothing', async () => {
    const nobody = await person(instance, newTenant(), 'nil');
    const odd = await person(instance, newTenant(), 'odd', 'owner' as never);
    for (const each of [nobody, odd]) expect((await each.get('/sessions/')).status).toBe(403);
  });
});

describe('the access matrix', () => {
  const roleNames = ['user', 'approver', 'analyst', 'admin', 'platform'] as const;
  const grants: Record<(typeof roleNames)[number], readonly string[]> = {
    user: ['user'], approver: ['approver'], analyst: ['analyst'], admin: ['user', 'approver', 'analyst', 'admin'],
    platform: ['user', 'approver', 'analyst', 'admin'],
  };

  test.each(routes.map((route) => [`${route.method.toUpperCase()} ${route.path}`, route] as const))('%s lets in exactly the roles it ' +
    'declares', async (_, route) => {
    for (const role of roleNames) {
      const caller = await person(instance, newTenant(), 'x', role);
      const reply = await caller.call(
        route.method.toUpperCase(), filled(route.path), route.declaration.body === undefined ? undefined : {},
      );
      const { access } = route.declaration;
      const allowed = access === 'anyone' || access.some((needed) => grants[role].includes(needed));
      expect([role, reply.status === 403]).toEqual([role, !allowed]);
      expect(reply.status).toBeLessThan(500);
    }
  });

  test('below /admin, /analytics and /dashboard the role comes before existence', async () => {
    const { ana, cy, admin } = await cast(instance);
    for (const path of ['/admin/nothing/', '/analytics/nothing/', '/dashboard/nothing/', '/dashboard']) {
      expect([path, (await ana.get(path)).status]).toEqual([path, 403]);
    }
    expect((await cy.get('/analytics/nothing/')).status).toBe(404);
    expect((await cy.get('/admin/nothing/')).status).toBe(403);
    expect((await admin.get('/admin/nothing/')).status).toBe(404);
    expect((await ana.get('/nothing/')).status).toBe(404);
    const wrong = await ana.call('DELETE', '/sessions/');
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'POST, GET']);
  });

  test('only the platform role acts in another tenant, by naming it', async () => {
    const { ana, admin, tenant } = await cast(instance);
    const session = await ana.start();
    const platform = await person(instance, newTenant(), 'pat', 'platform');
    expect((await platform.get(`/sessions/${session.session_id}/`)).status).toBe(404);
    expect((await platform.get(`/sessions/${session.session_id}/?client_id=${tenant}`)).body.session_id).toBe(session.session_id);
    expect((await platform.get(`/sessions/?client_id=${tenant}`)).body.total).toBe(1);
    expect((await admin.get(`/sessions/?client_id=${tenant}`)).status).toBe(403);
  });
});

describe('every answer', () => {
  test('carries a correlation id (the well-formed one of the caller), limits, and problem details when it is an error', async () => {
    const { ana } = await cast(instance);
    const cases = [
      await ana.get('/sessions/'), await ana.get('/sessions/nonsense/'), await ana.get('/nothing/'), await ana.call('DELETE', '/sessions/'),
      await ana.get('/admin/x/'),
      await ana.get('/sessions/?limit=0'), await ana.post('/sessions/', { flow: 'x' }),
      await ana.post('/sessions/', undefined, { raw: '{"a":' }),
      await ana.post('/sessions/', undefined, { raw: 'x', headers: { 'content-type': 'text/csv' } }),
    ];
    expect(cases.map((reply) => reply.status)).toEqual([200, 404, 404, 405, 403, 400, 404, 400, 415]);
    for (const reply of cases) {
      expect(reply.headers.get('x-correlation-id')).toMatch(/^[0-9a-f-]{36}$/);
      expect(reply.headers.get('ratelimit-policy')).toMatch(/^"api";q=\d+;w=60$/);
      expect(reply.headers.get('ratelimit')).toMatch(/^"api";r=\d+;t=\d+$/);
      if (reply.status < 400) continue;
      expect(reply.headers.get('content-type')).toContain('application/problem+json');
      expect(reply.body).toMatchObject({
        type: expect.any(String), title: expect.any(String), status: reply.status, detail: expect.any(String), instance: expect.any(String),
        code: expect.any(String), correlation_id: reply.headers.get('x-correlation-id'), errors: expect.any(Array),
      });
    }
    const given = await ana.get('/sessions/', { headers: { 'x-correlation-id': 'order-12.a_b' } });
    expect(given.headers.get('x-correlation-id')).toBe('order-12.a_b');
    for (const bad of ['a b', 'x'.repeat(129), '<script>']) {
      expect((await ana.get('/sessions/', { headers: { 'x-correlation-id': bad } })).headers.get('x-correlation-id'))
        .toMatch(/^[0-9a-f-]{36}$/);
    }
  });

  test('an id in capitals names the same thing, and a path in capitals nothing', async () => {
    const { ana, admin } = await cast(instance);
    const { session_id: id } = await ana.start();
    const capitals = id.toUpperCase();
    await ana.gives(capitals, 'setup_urgency', 'immediate');
    expect((await ana.get(`/sessions/${capitals}/answers/`)).body).toEqual((await ana.get(`/sessions/${id}/answers/`)).body);
    const saved = await ana.post(`/sessions/${capitals}/checkpoint/`, { force: true });
    expect([saved.status, saved.body.session_id]).toEqual([201, id]);
    const replay = await admin.get(`/dashboard/session-replay/${capitals}/`);
    expect([replay.status, replay.body.session_id]).toEqual([200, id]);
    expect((await admin.get(`/admin/audit/?target=session:${id}`)).body.results).toMatchObject([{ action: 'session.replay' }]);
    const { ticket } = (await ana.post(`/sessions/${capitals}/events/ticket/`, {})).body;
    const stream = await fetch(at(`/sessions/${id}/events/?ticket=${ticket}`));
    expect(stream.status).toBe(200);
    await stream.body?.cancel();
    for (const path of ['/SESSIONS/', '/Admin/audit/', `/Sessions/${id}/`]) {
      expect([path, (await admin.get(path)).status]).toEqual([path, 404]);
    }
  });

  test('a trailing slash is optional everywhere', async () => {
    const { ana, cy } = await cast(instance);
    const session = await ana.start();
    for (
      const path of [
        '/sessions', `/sessions/${session.session_id}`, `/sessions/${session.session_id}/answers`, '/flows', '/flows/business_unit_setup',
      ]
    ) {
      const [without, having] = await Promise.all([ana.get(path), ana.get(`${path}/`)]);
      expect([path, without.status, without.body]).toEqual([path, 200, having.body]);
    }
    expect((await cy.get('/analytics/funnel')).status).toBe(200);
  });
});

describe('bad input is the contract\'s 4xx, never a 5xx', () => {
  test('unknown fields, wrong types and broken JSON name what is wrong and where', async () => {
    const { ana } = await cast(instance);
    const unknown = await ana.post('/sessions/', { flow: 'business_unit_setup', langauge: 'en' });
    expect(unknown.body).toMatchObject({
      status: 400, code: 'invalid_request', errors: [{ pointer: '/langauge', code: 'unknown_field', fix: expect.any(String) }],
    });
    const odd = await ana.post('/sessions/', { 'a/b~c': 1, ['x'.repeat(100_000)]: 1, client_context: { 'd/e': '\u0000' } });
    expect(odd.body.errors).toMatchObject([{ pointer: '/client_context/d~1e', code: 'malformed_text' }]);
    const long = await ana.post('/sessions/', { 'a/b~c': 1, ['x'.repeat(100_000)]: 1 });
    expect(long.body.errors.map((error: Body) => error.pointer)).toEqual(['/a~1b~0c', `/${'x'.repeat(80)}`]);
    const wrong = await ana.post('/sessions/', { flow: 7, client_context: [], resume_existing: 'yes' });
    expect(wrong.body.errors.map((error: Body) => error.pointer).sort()).toEqual(['/client_context', '/flow', '/resume_existing']);
    for (const raw of ['{', 'null', '[]', '"text"', '12', '{"flow":"business_unit_setup"} trailing', '\u0000']) {
      const reply = await ana.post('/sessions/', undefined, { raw });
      expect([raw, reply.status, reply.body.code]).toEqual([raw, 400, 'invalid_request']);
    }
    for (
      const body of [
        { flow: 'a\u0000b' }, { client_context: { note: 'x\ud800' } }, { client_context: { timezone: 'Mars/Base' } },
        { client_context: { big: 'x'.repeat(5_000) } },
      ]
    ) {
      expect((await ana.post('/sessions/', body)).status).toBe(400);
    }
    for (
      const path of [
        '/sessions/?limit=101', '/sessions/?limit=-1', '/sessions/?limit=ten', '/sessions/?state=asleep', '/sessions/?sort=up',
        '/sessions/?limit=1&limit=2',
      ]
    ) {
      expect([path, (await ana.get(path)).status]).toEqual([path, 400]);
    }
    expect((await ana.get('/sessions/')).body.total).toBe(0);
  });

  test('answers of any JSON type are judged by the question', async () => {
    const { ana } = await cast(instance);
    const session = await ana.start();
    for (
      const value of [
        12, true, null, [], {}, ['immediate'], { value: 'immediate' }, '', 'IMMEDIATE ', Array.from({ length: 200 }, () => 'x'),
        { __proto__: 1, constructor: 2 },
      ]
    ) {
      const reply = await ana.answer(session.session_id, 'setup_urgency', value);
      expect([JSON.stringify(value), reply.status, reply.body.code]).toEqual([JSON.stringify(value), 422, 'answer_invalid']);
    }
    for (
      const body of [
        {}, { question_id: 'setup_urgency' }, { value: 'immediate', text: 'now' }, { text: 7 }, { question_id: 1, value: 1 },
        { value: 'immediate', message_id: '' }, { value: 'immediate', message_id: 'x'.repeat(129) },
        { value: 'immediate', message_id: 'a\nb' }, { text: 'now', question_id: 'setup_urgency' },
      ]
    ) {
      const reply = await ana.post(`/sessions/${session.session_id}/answers/`, body);
      expect([JSON.stringify(body).slice(0, 60), reply.status, reply.body.code]).toEqual([
        JSON.stringify(body).slice(0, 60), 400, 'invalid_request',
      ]);
    }
    expect((await ana.get(`/sessions/${session.session_id}/`)).body.answers_count).toBe(0);
  });

  test('a body that is not UTF-8 is 400, wherever it is cut, and one that is comes through as it is', async () => {
    const { ana } = await cast(instance);
    const { session_id: id } = await ana.start();
    const send = async (bytes: Uint8Array): Promise<Response> => fetch(at(`/sessions/${id}/answers/`), {
      method: 'POST', body: bytes, headers: {
        authorization: `Bearer ${await tokenFor(instance, ana.tenant, 'ana', ['user'])}`, 'content-type': 'application/json',
      },
    });
    const bodyOf = (text: Uint8Array): Uint8Array => Buffer.concat([Buffer.from('{"text":"'), text, Buffer.from('"}')]);
    for (const bad of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe0, 0xa4], [0xf5, 0x80, 0x80, 0x80]]) {
      const reply = await send(bodyOf(Buffer.from(bad)));
      expect([bad, reply.status, await reply.json()]).toMatchObject([bad, 400, { errors: [{ fix: 'Send text as UTF-8.' }] }]);
    }
    // long enough to come in pieces, which part characters
    const long = await send(bodyOf(Buffer.from('अ'.repeat(200_000) + '\ufffd')));
    expect(await long.json()).toMatchObject({ code: 'invalid_request', errors: [{ pointer: '/text', code: 'too_big' }] });
    const said = await send(Buffer.from(JSON.stringify({ question_id: 'setup_urgency', value: '\ufffd🏢' })));
    expect([said.status, (await said.json() as Body).code]).toEqual([422, 'answer_invalid']);
  });

  test('a body of 3 MB is 413 and 100,000 nested brackets are 400, and the service lives on', async () => {
    const { ana } = await cast(instance);
    const big = await ana.post('/sessions/', { client_context: { text: 'x'.repeat(3_000_000) } });
    expect([big.status, big.body.code]).toEqual([413, 'payload_too_large']);
    const deep = await ana.post('/sessions/', undefined, { raw: '['.repeat(100_000) + ']'.repeat(100_000) });
    expect([deep.status, deep.body.code]).toEqual([400, 'invalid_request']);
    const inside = await ana.post('/sessions/', undefined, { raw: `{"client_context":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}` });
    expect([inside.status, inside.body.code]).toEqual([400, 'invalid_request']);
    const chunked = await new Promise<number>((resolve, reject) => {
      const sent = request(
        at('/sessions/'),
        { method: 'POST', headers: { authorization: 'Bearer x', 'content-type': 'application/json', 'transfer-encoding': 'chunked' } },
        (response) => { response.resume(); resolve(response.statusCode ?? 0); },
      );
      sent.once('error', reject);
      sent.end('{'.repeat(10));
    });
    expect(chunked).toBe(401);
    expect((await fetch(`${instance.url}/livez`)).status).toBe(200);
    expect((await ana.post('/sessions/', {})).status).toBe(201);
  });
});

describe('Idempotency-Key', () => {
  test('the same key and body get the first answer again, quoted or bare, in any order of members', async () => {
    const { ana } = await cast(instance);
    const key = randomUUID();
    const first = await ana.post('/sessions/', { flow: 'business_unit_setup', language: 'en' }, { headers: { 'idempotency-key': key } });
    expect(first.status).toBe(201);
    expect(first.headers.get('idempotency-replayed')).toBeNull();
    const again = await ana.post('/sessions', { language: 'en', flow: 'business_unit_setup' }, {
      headers: { 'idempotency-key': `"${key}"` },
    });
    expect(again.status).toBe(201);
    expect(again.body).toEqual(first.body);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(again.headers.get('etag')).toBe(first.headers.get('etag'));
  });

  test('another body under the key is 422, decided before the rules of the body', async () => {
    const { ana } = await cast(instance);
    const headers = { headers: { 'idempotency-key': randomUUID() } };
    await ana.post('/sessions/', {}, headers);
    for (const body of [{ language: 'hi' }, { nonsense: true }]) {
      const reply = await ana.post('/sessions/', body, headers);
      expect([reply.status, reply.body.code]).toEqual([422, 'idempotency_key_reused']);
    }
  });

  test('a refused request is replayed too, and counts per person and path', async () => {
    const { ana, tenant } = await cast(instance);
    const headers = { headers: { 'idempotency-key': 'k' } };
    const bad = await ana.post('/sessions/', { flow: 'castle' }, headers);
    const again = await ana.post('/sessions/', { flow: 'castle' }, headers);
    expect([again.status, again.body, again.headers.get('idempotency-replayed')]).toEqual([404, bad.body, 'true']);
    const eve = await person(instance, tenant, 'eve', 'user');
    const other = await eve.post('/sessions/', {}, headers);
    expect(other.status).toBe(201);
    const cancelled = await eve.post(`/sessions/${other.body.session_id}/cancel/`, {}, headers);
    expect([cancelled.status, cancelled.headers.get('idempotency-replayed')]).toEqual([200, null]);
    const repeated = await eve.post(`/sessions/${other.body.session_id}/cancel/`, {}, headers);
    expect([repeated.status, repeated.headers.get('idempotency-replayed')]).toEqual([200, 'true']);
  });

  test('ten at once: one is done, the others are told it is under way or get its answer, and there is one session', async () => {
    const { ana } = await cast(instance);
    const headers = { headers: { 'idempotency-key': randomUUID() } };
    const replies = await Promise.all(Array.from({ length: 10 }, () => ana.post('/sessions/', {}, headers)));
    const codes = replies.map((reply) => (reply.status === 201 ? 'created' : reply.body.code));
    expect(new Set(codes.filter((code) => code !== 'request_in_progress'))).toEqual(new Set(['created']));
    expect(new Set(replies.filter((reply) => reply.status === 201).map((reply) => reply.body.session_id)).size).toBe(1);
    expect((await ana.get('/sessions/')).body.total).toBe(1);
  });

  test('a keyed decision that is repeated is made once', async () => {
    const { ana, ben } = await cast(instance);
    const { session, items } = await proposed(ana, ben);
    const decide = () => ben.post(
      `/sessions/${session.session_id}/decision/`, { approved_items: items, dry_run: false }, { headers: { 'idempotency-key': 'once' } },
    );
    const first = await decide();
    const again = await decide();
    expect([first.status, again.status, again.body]).toEqual([200, 200, first.body]);
    expect((await ben.get('/changesets/')).body.total).toBe(1);
  });

  test('a malformed key is 400', async () => {
    const { ana } = await cast(instance);
    for (const key of ['""', 'x'.repeat(129), 'ü']) {
      expect([key, (await ana.post('/sessions/', {}, { headers: { 'idempotency-key': key } })).status]).toEqual([key, 400]);
    }
  });
});

describe('outside the base', () => {
  test('health, the OpenAPI document and its reader need no token', async () => {
    expect((await fetch(`${instance.url}/livez`)).status).toBe(200);
    const ready = await fetch(`${instance.url}/readyz`);
    expect(await ready.json()).toEqual({
      status: 'ready', checks: { engine: 'ok', worker: 'ok', postgresql: 'ok', redis: 'ok', clickhouse: 'ok', files: 'ok', sessions: 'ok' },
    });
    const page = await fetch(`${instance.url}/docs/`);
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    for (const asset of ['/docs/swagger-ui.css', '/docs/swagger-ui-bundle.js', '/docs/start.js']) {
      expect((await fetch(`${instance.url}${asset}`)).status).toBe(200);
    }
  });

  test('the OpenAPI document is 3.1 and has every route with its request, answers and problems', async () => {
    const document = await (await fetch(`${instance.url}/openapi.json`)).json() as Body;
    expect(document.openapi).toBe('3.1.0');
    for (const route of routes) {
      const operation = document.paths[`${base}${route.path.replaceAll(/:(\w+)/g, '{$1}')}/`]?.[route.method];
      expect([route.path, operation?.summary]).toEqual([route.path, route.declaration.summary]);
      for (const status of [...Object.keys(route.declaration.answers), '401', '403', '404', '429', '503']) {
        expect([route.path, status, operation.responses[status] !== undefined]).toEqual([route.path, status, true]);
      }
      if (route.declaration.body !== undefined) expect(operation.requestBody.content['application/json'].schema).toBeDefined();
    }
    expect(Object.keys(document.components.schemas)).toEqual(expect.arrayContaining([
      'Session', 'Question', 'Problem', 'Recommendations', 'Funnel',
    ]));
  });
});
