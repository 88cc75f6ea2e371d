/** API keys: made, shown once, used, rotated and revoked. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { makeKey, readPresentedKey } from '../api/api-key.ts';
import { grantable } from '../api/routes/admin-api-keys.ts';
import { holds } from '../domain/message.ts';
import { whileFrozen } from './support/frozen.ts';
import { databaseOf } from './support/instance-stores.ts';
import type { InstanceAddress } from './support/instance.ts';
import { base, cast, newTenant, person, tokenFor, type Body, type Person, type Reply } from './support/person.ts';
import { leaseInstance, leaseMs, sharedInstance, type Lease } from './support/shared.ts';
import type { Database } from '../stores/postgres/database.ts';

const shared = await sharedInstance();
let db: Database;

beforeAll(async () => { db = await databaseOf(shared); });
afterAll(() => db.close());

async function byKey(
  key: string, method: string, path: string, body?: unknown, instance: InstanceAddress = shared, headers: Record<string, string> = {},
): Promise<Reply> {
  const response = await fetch(`${instance.url}${base}${path}`, {
    method, headers: { 'x-api-key': key, 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

async function newKey(admin: Person, body: object = {}): Promise<Body> {
  const reply = await admin.post('/admin/api-keys/', { name: 'robot', roles: ['user'], ...body });
  if (reply.status !== 201) throw new Error(`${reply.status} ${JSON.stringify(reply.body)}`);
  return reply.body;
}

describe('making a key', () => {
  test('shows it once; afterwards it is in no list and no table, only its hash is', async () => {
    const { admin, tenant } = await cast(shared);
    const made = await newKey(admin, { name: '  importer  ', roles: ['user', 'analyst'] });
    expect(made).toMatchObject({
      name: 'importer', roles: ['user', 'analyst'], created_by: 'dee', expires_at: null, last_used_at: null, revoked_at: null,
    });
    expect(made.key).toMatch(/^gw_[0-9a-f]{32}_[0-9a-f]{64}_[0-9a-f]{8}$/);
    const { body: list } = await admin.get('/admin/api-keys/');
    expect(list).toMatchObject({ total: 1, next_cursor: null, results: [{ key_id: made.key_id, name: 'importer' }] });
    const secret = made.key.split('_')[2];
    expect(JSON.stringify(list)).not.toContain(secret);
    for (const table of ['api_keys', 'audit', 'idempotency_keys', 'audit_begun']) {
      const rows = await db.asTenant(tenant).query(`SELECT t::text AS whole FROM ${table} AS t`);
      expect([table, JSON.stringify(rows).includes(secret)]).toEqual([table, false]);
    }
  });

  test('repeated by Idempotency-Key makes one key and does not show it again', async () => {
    const { admin, tenant } = await cast(shared);
    const headers = { headers: { 'idempotency-key': randomUUID() } };
    const first = await admin.post('/admin/api-keys/', { name: 'once', roles: ['user'] }, headers);
    const again = await admin.post('/admin/api-keys/', { name: 'once', roles: ['user'] }, headers);
    expect([first.status, again.status, again.headers.get('idempotency-replayed')]).toEqual([201, 201, 'true']);
    expect(again.body).toEqual({ ...first.body, key: null });
    expect((await byKey(first.body.key, 'GET', '/sessions/')).status).toBe(200);
    expect((await admin.get('/admin/api-keys/')).body.total).toBe(1);
    const kept = await db.asTenant(tenant).query('SELECT body FROM idempotency_keys');
    expect(JSON.stringify(kept)).not.toContain(first.body.key.split('_')[2]);
  });

  test('gives at most what the maker holds, and never platform', async () => {
    const { admin, tenant } = await cast(shared);
    for (
      const [roles, status] of [
        [['platform'], 400], [['owner'], 400], [[], 400], [['user', 'user'], 400], [['admin'], 201], [['user', 'approver', 'analyst'], 201],
      ] as const
    ) {
      expect([roles, (await admin.post('/admin/api-keys/', { name: 'x', roles })).status]).toEqual([roles, status]);
    }
    expect(grantable.every((role) => holds({ tenant, subject: 'dee', roles: ['admin'] }, role))).toBe(true);
    const platform = await person(shared, newTenant(), 'pat', 'platform');
    const made = await platform.post(`/admin/api-keys/?client_id=${tenant}`, { name: 'x', roles: ['admin'] });
    expect([made.status, made.body.roles, (await byKey(made.body.key, 'GET', '/admin/api-keys/')).status]).toEqual([201, ['admin'], 200]);
    for (
      const body of [
        { roles: ['user'] }, { name: '', roles: ['user'] }, { name: 'x'.repeat(129), roles: ['user'] },
        { name: 'x', roles: ['user'], expires_at: '2020-01-01T00:00:00Z' }, { name: 'x', roles: ['user'], expires_at: 'soon' },
        { name: 'x', roles: ['user'], more: 1 },
      ]
    ) {
      expect([body, (await admin.post('/admin/api-keys/', body)).body.code]).toEqual([body, 'invalid_request']);
    }
  });
});

describe('using a key', () => {
  test('acts as key:<id> in its tenant with its roles and no others', async () => {
    const { admin, tenant } = await cast(shared);
    const { key, key_id: id } = await newKey(admin, { roles: ['user'] });
    const started = await byKey(key, 'POST', '/sessions/', {});
    expect([started.status, started.body.owner, started.body.tenant]).toEqual([201, `key:${id}`, tenant]);
    expect((await byKey(key, 'GET', '/changesets/')).status).toBe(403);
    expect((await byKey(key, 'GET', '/admin/api-keys/')).status).toBe(403);
    expect((await byKey(key, 'GET', `/sessions/?client_id=${newTenant()}`)).status).toBe(403);
    expect((await admin.get(`/sessions/${started.body.session_id}/`)).body.owner).toBe(`key:${id}`);
    const other = await person(shared, newTenant(), 'dee', 'admin');
    expect((await other.get(`/sessions/${started.body.session_id}/`)).status).toBe(404);
  });

  test('anything but a whole, right key is 401', async () => {
    const { admin } = await cast(shared);
    const { key } = await newKey(admin);
    const flipped = `${key.slice(0, 50)}${key[50] === '0' ? '1' : '0'}${key.slice(51)}`;
    const body = `gw_${randomUUID().replaceAll('-', '')}`;
    for (const [what, bad] of Object.entries({
      cut: key.slice(0, -1), longer: `${key}0`, upper: key.toUpperCase(), typo: flipped, 'other id': makeKey(randomUUID()).key,
      word: 'secret', start: body, 'other secret': makeKey(readPresentedKey(key)?.keyId ?? '').key,
    })) {
      const reply = await byKey(bad, 'GET', '/sessions/');
      expect([what, reply.status, reply.body.code, reply.headers.get('www-authenticate') !== null]).toEqual(
        [what, 401, 'unauthenticated', true],
      );
    }
    expect(readPresentedKey(flipped)).toBeNull();
    expect((await byKey(key, 'GET', '/sessions/')).status).toBe(200);
  });

  test('together with a token is 400, whichever of the two is right', async () => {
    const { admin, tenant } = await cast(shared);
    const { key } = await newKey(admin);
    const token = await tokenFor(shared, tenant, 'ana', ['user']);
    for (const [one, other] of [[key, token], ['bad', token], [key, 'bad']] as const) {
      const reply = await byKey(one, 'GET', '/sessions/', undefined, shared, { authorization: `Bearer ${other}` });
      expect([reply.status, reply.body.code, reply.body.errors[0].code]).toEqual([400, 'invalid_request', 'two_credentials']);
    }
  });

  test('nobody with a token can pass for a key', async () => {
    const { admin, tenant } = await cast(shared);
    const { key_id: id } = await newKey(admin);
    expect((await (await person(shared, tenant, `key:${id}`, 'user')).get('/sessions/')).status).toBe(401);
  });

  test('is noted at most every 5 minutes', async () => {
    const { admin, tenant } = await cast(shared);
    const { key, key_id: id } = await newKey(admin);
    const lastUse = async (): Promise<string> => (await admin.get('/admin/api-keys/')).body.results[0].last_used_at;
    await Promise.all(Array.from({ length: 5 }, () => byKey(key, 'GET', '/flows/')));
    const first = await lastUse();
    expect(Date.parse(first)).toBeGreaterThan(Date.now() - 60_000);
    await byKey(key, 'GET', '/flows/');
    expect(await lastUse()).toBe(first);
    await db.asTenant(tenant).query("UPDATE api_keys SET last_used_at = now() - interval '301 seconds' WHERE key_id = $1", [id]);
    await byKey(key, 'GET', '/flows/');
    expect(Date.parse(await lastUse())).toBeGreaterThanOrEqual(Date.parse(first));
  });

  test('ends when it expires', async () => {
    const { admin, tenant } = await cast(shared);
    const { key, key_id: id } = await newKey(admin, { expires_at: new Date(Date.now() + 3_600_000).toISOString() });
    expect((await byKey(key, 'GET', '/sessions/')).status).toBe(200);
    await db.asTenant(tenant).query("UPDATE api_keys SET expires_at = now() - interval '1 millisecond' WHERE key_id = $1", [id]);
    const reply = await byKey(key, 'GET', '/sessions/');
    expect([reply.status, reply.body.detail]).toEqual([401, 'The API key has expired. Make a new one.']);
    expect((await admin.post(`/admin/api-keys/${id}/rotate/`, {})).body.code).toBe('wrong_state');
  });
});

describe('revoking and rotating', () => {
  test('a revoked key is 401 at the very next request; revoking again changes nothing', async () => {
    const { admin } = await cast(shared);
    for (let round = 0; round < 10; round += 1) {
      const { key, key_id: id } = await newKey(admin, { roles: ['admin'] });
      expect((await byKey(key, 'GET', '/admin/api-keys/')).status).toBe(200);
      const revoked = await admin.call('DELETE', `/admin/api-keys/${id}/`);
      const next = await byKey(key, 'GET', '/admin/api-keys/');
      expect([revoked.status, next.status, next.body.detail]).toEqual([200, 401, 'The API key was revoked.']);
      const again = await admin.call('DELETE', `/admin/api-keys/${id}/`);
      expect([again.status, again.body.revoked_at]).toEqual([200, revoked.body.revoked_at]);
    }
  });

  test('a rotated key keeps its id; the secret before counts for the overlap and not without one', async () => {
    const { admin, tenant } = await cast(shared);
    const { key: first, key_id: id } = await newKey(admin);
    const session = (await byKey(first, 'POST', '/sessions/', {})).body;
    const { body: second } = await admin.post(`/admin/api-keys/${id}/rotate/`, { overlap_seconds: 600 });
    expect(second.key_id).toBe(id);
    for (const key of [first, second.key]) expect((await byKey(key, 'GET', `/sessions/${session.session_id}/`)).status).toBe(200);
    await db.asTenant(tenant).query("UPDATE api_keys SET previous_until = now() - interval '1 millisecond' WHERE key_id = $1", [id]);
    expect((await byKey(first, 'GET', '/sessions/')).status).toBe(401);
    const { body: third } = await admin.post(`/admin/api-keys/${id}/rotate/`);
    for (const [key, status] of [[first, 401], [second.key, 401], [third.key, 200]] as const) {
      expect((await byKey(key, 'GET', '/sessions/')).status).toBe(status);
    }
    for (const body of [{ overlap_seconds: -1 }, { overlap_seconds: 604_801 }, { overlap_seconds: 0.5 }]) {
      expect((await admin.post(`/admin/api-keys/${id}/rotate/`, body)).status).toBe(400);
    }
    await admin.call('DELETE', `/admin/api-keys/${id}/`);
    expect((await byKey(third.key, 'GET', '/sessions/')).status).toBe(401);
  });

  test('a key of another tenant is the same 404 as a missing one, and stays as it was', async () => {
    const [{ admin }, { admin: foreign }] = await Promise.all([cast(shared), cast(shared)]);
    const { key, key_id: id } = await newKey(admin);
    const without = ({ body }: Reply): Body => ({ ...body, instance: null, correlation_id: null });
    for (const [method, suffix] of [['DELETE', ''], ['POST', 'rotate/']] as const) {
      const [theirs, missing] = await Promise.all([
        foreign.call(method, `/admin/api-keys/${id}/${suffix}`, {}), foreign.call(method, `/admin/api-keys/${randomUUID()}/${suffix}`, {}),
      ]);
      expect([theirs.status, without(theirs)]).toEqual([404, without(missing)]);
    }
    expect((await foreign.get('/admin/api-keys/')).body.total).toBe(0);
    expect((await byKey(key, 'GET', '/sessions/')).status).toBe(200);
  });
});

describe('PostgreSQL is away', () => {
  let lease: Lease;
  beforeAll(async () => { lease = await leaseInstance('outage'); }, leaseMs);
  afterAll(() => { lease.end(); });

  test('a key cannot be verified: 503 and not 401; what is no key is still 401, and tokens go on', async () => {
    const own = lease.instance;
    const { ana, admin } = await cast(own);
    const { key } = await newKey(admin);
    const session = await ana.start();
    await whileFrozen(own, 'postgres', async () => {
      const away = await byKey(key, 'GET', '/flows/', undefined, own);
      expect([away.status, away.body.code, away.headers.get('retry-after'), away.headers.get('ratelimit') !== null]).toEqual(
        [503, 'store_unavailable', '2', true],
      );
      expect((await byKey(`${key.slice(0, -1)}x`, 'GET', '/flows/', undefined, own)).status).toBe(401);
      expect((await ana.get(`/sessions/${session.session_id}/`)).status).toBe(200);
    });
    expect((await byKey(key, 'GET', '/flows/', undefined, own)).status).toBe(200);
  });
});
