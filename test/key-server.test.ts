/** Only a token that was judged is a bad one: whatever becomes of the server with the keys, and of their rotation. */
import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Authentication } from '../api/authentication.ts';
import { IdentityKeys, IdentityUnavailableError } from '../api/identity-keys.ts';
import { Problem } from '../api/problem.ts';
import type { Database } from '../stores/postgres/database.ts';
import { newFolder } from './support/folders.ts';
import { discard, startInstance, type Instance } from './support/instance.ts';
import { faults, KeyServer, type Fault } from './support/key-server.ts';
import { base, newTenant, type Body } from './support/person.ts';
import { until } from './support/until.ts';

const patient = { refreshMs: 60_000, coolDownMs: 60_000, timeoutMs: 1_000 };
let server: KeyServer;
const opened: IdentityKeys[] = [];
beforeEach(async () => { server = await KeyServer.start(); });
afterEach(async () => {
  await Promise.all(opened.splice(0).map((keys) => keys.close()));
  await server.close();
});

async function identity(times: typeof patient = patient, outageMs = 60_000): Promise<IdentityKeys> {
  const keys = new IdentityKeys({ url: server.url, outageMs, times, onFailure: () => undefined });
  opened.push(keys);
  await keys.start();
  return keys;
}

/** What becomes of a token: who it is, its problem, or that nobody can tell. */
async function verdict(keys: IdentityKeys, token: string): Promise<string> {
  const authentication = new Authentication({
    issuer: 'gangway', audience: 'gangway', identity: keys, developmentKey: null, db: null as unknown as Database,
    sessionTokens: null, onVerified: () => undefined, now: Date.now,
  });
  try {
    return (await authentication.authenticate({ authorization: `Bearer ${token}`, apiKey: '' })).actor.subject;
  } catch (error) {
    if (error instanceof Problem) return error.code;
    if (error instanceof IdentityUnavailableError && error.retryAfterSeconds >= 1) return 'unavailable';
    throw error;
  }
}

describe('a key server that fails', () => {
  test.each(Object.keys(faults) as Fault[])('by "%s": keys that were fetched go on, and without any nobody is judged', async (fault) => {
    const keys = await identity();
    expect([await verdict(keys, await server.token('first')), keys.state]).toEqual(['ana', { ok: true, serves: true }]);
    server.fault = fault;
    await keys.start();
    expect([await verdict(keys, await server.token('first', { sub: 'ben' })), keys.state]).toEqual(['ben', { ok: false, serves: true }]);
    expect(await verdict(keys, 'eyJhbGciOiJub25lIn0.e30.x')).toBe('unauthenticated');

    const empty = await identity();
    expect([await verdict(empty, await server.token('first')), empty.state]).toEqual(['unavailable', { ok: false, serves: false }]);
  });

  test('keys go on for the time that is documented and no longer, and come back by themselves', async () => {
    const keys = await identity({ refreshMs: 20, coolDownMs: 20, timeoutMs: 1_000 }, 3_000);
    server.fault = 'status 500';
    await until('it has failed', () => !keys.state.ok);
    expect(await verdict(keys, await server.token('first'))).toBe('ana');
    await until('its time is over', () => !keys.state.serves);
    expect(await verdict(keys, await server.token('first'))).toBe('unavailable');
    server.fault = null;
    await until('it is back', () => keys.state.ok);
    expect(await verdict(keys, await server.token('first'))).toBe('ana');
  });

  test('is asked once for many, and not again within the cool-down', async () => {
    server.fault = 'status 500';
    const keys = await identity();
    const token = await server.token('first');
    const told = await Promise.all(Array.from({ length: 50 }, () => verdict(keys, token)));
    expect([new Set(told), server.requests]).toEqual([new Set(['unavailable']), 1]);
  });
});

describe('a key that nobody knows yet', () => {
  test('cannot be judged within the cool-down, is fetched after it, and is bad when it is not there then', async () => {
    const keys = await identity({ refreshMs: 60_000, coolDownMs: 2_000, timeoutMs: 1_000 });
    await server.addKey('second');
    await server.addKey('forged', false);
    const [token, forged] = [await server.token('second'), await server.token('forged')];
    expect([await verdict(keys, token), await verdict(keys, forged), server.requests]).toEqual(['unavailable', 'unavailable', 1]);
    await until('the new key is known', async () => await verdict(keys, token) === 'ana');
    await until('it was judged', async () => await verdict(keys, forged) === 'unauthenticated');
    expect(server.requests).toBe(3);
  });

  test('is fetched once for all who come with it at once', async () => {
    const keys = await identity({ refreshMs: 60_000, coolDownMs: 0, timeoutMs: 1_000 });
    await server.addKey('second');
    const token = await server.token('second');
    const told = await Promise.all(Array.from({ length: 50 }, () => verdict(keys, token)));
    expect([new Set(told), server.requests]).toEqual([new Set(['ana']), 2]);
  });

  test('counts no longer after it was withdrawn', async () => {
    const keys = await identity({ refreshMs: 60_000, coolDownMs: 0, timeoutMs: 1_000 });
    await server.addKey('second');
    const token = await server.token('first');
    server.keys = server.keys.filter(({ kid }) => kid !== 'first');
    await keys.start();
    expect(await verdict(keys, token)).toBe('unauthenticated');
  });
});

test('a forged signature is bad, and a key of the provider that is too weak is not the fault of who comes with it', async () => {
  const weak = generateKeyPairSync('rsa', { modulusLength: 1_024 });
  server.keys.push({ ...weak.publicKey.export({ format: 'jwk' }) as Body, kid: 'weak', alg: 'RS256' });
  const keys = await identity();
  const token = await server.token('first');
  const [head = '', claims = ''] = token.split('.');
  expect(await verdict(keys, `${head}.${claims}.${Buffer.alloc(64, 1).toString('base64url')}`)).toBe('unauthenticated');
  const body = `${Buffer.from('{"alg":"RS256","kid":"weak"}').toString('base64url')}.${claims}`;
  expect(await verdict(keys, `${body}.${sign('RSA-SHA256', Buffer.from(body), weak.privateKey).toString('base64url')}`))
    .toBe('unavailable');
});

test('a clock may be ahead by 30 seconds, and a token that has ended is over at once', async () => {
  const keys = await identity();
  const now = Math.floor(Date.now() / 1_000);
  const told = async (claims: { nbf?: number; exp?: number }): Promise<string> => verdict(keys, await server.token('first', claims));
  expect(await Promise.all([told({ nbf: now + 2 }), told({ nbf: now + 25 }), told({ nbf: now + 45 })])).toEqual(
    ['ana', 'ana', 'unauthenticated'],
  );
  expect(await Promise.all([told({ exp: now }), told({ exp: now - 5 }), told({ exp: now + 60 })])).toEqual([
    'unauthenticated', 'unauthenticated', 'ana',
  ]);
});

describe('behind one address', () => {
  const crowd = 70;
  let provider: KeyServer;
  let instance: Instance;
  beforeAll(async () => {
    provider = await KeyServer.start();
    provider.fault = 'reset';
    instance = await startInstance(await newFolder(), {
      JWKS_URL: provider.url, GANGWAY_PSEUDONYM_KEY: 'pseudonyms of a test', GANGWAY_ANONYMOUS_PER_HOUR: '60',
    });
  });
  afterAll(async () => {
    await discard(instance);
    await provider.close();
  });

  const ready = async (): Promise<{ status: number; identity: string }> => {
    const response = await fetch(`${instance.url}/readyz`);
    return { status: response.status, identity: (await response.json() as Body).checks.identity };
  };
  const asked = async (token: string): Promise<{ status: number; code: string | undefined; retryAfter: number }> => {
    const response = await fetch(`${instance.url}${base}/flows/`, { headers: { authorization: `Bearer ${token}` } });
    return { status: response.status, code: (await response.json() as Body).code, retryAfter: Number(response.headers.get('retry-after')) };
  };

  test('seventy people are told to come back and none is a guess; with keys they go on through the next failure', async () => {
    const tenant = newTenant();
    const tokens = await Promise.all(Array.from({ length: crowd }, (_, at) => provider.token('first', { sub: `person-${at}`, tenant })));
    expect(await ready()).toEqual({ status: 503, identity: 'unavailable' });
    for (const token of tokens) {
      const { retryAfter, ...told } = await asked(token);
      expect(told).toEqual({ status: 503, code: 'identity_unavailable' });
      expect(retryAfter).toBeGreaterThanOrEqual(1);
      expect(retryAfter).toBeLessThanOrEqual(10);
    }
    provider.fault = null;
    await until('the keys are there', async () => (await ready()).status === 200, 30_000);
    expect(await ready()).toEqual({ status: 200, identity: 'ok' });
    for (const token of tokens) expect((await asked(token)).status).toBe(200);

    provider.fault = 'hang';
    await provider.addKey('second', false);
    const unknown = await provider.token('second', { tenant });
    await until(
      'a fetch has failed',
      async () => (await asked(unknown)).code === 'identity_unavailable' && (await ready()).identity === 'unavailable', 30_000,
    );
    expect((await ready()).status).toBe(200);
    const late = await Promise.all(Array.from({ length: crowd }, (_, at) => provider.token('first', { sub: `late-${at}`, tenant })));
    for (const token of late) expect((await asked(token)).status).toBe(200);

    // none of all this has counted: bad tokens are refused sixty times before the address is
    const bad = Array.from({ length: 61 }, () => `e30.e30.${randomUUID()}`);
    const refused = [];
    for (const token of bad) refused.push((await asked(token)).status);
    expect(refused).toEqual([...Array.from({ length: 60 }, () => 401), 429]);
    expect((await asked(late[0] ?? '')).status).toBe(200);
  });
});
