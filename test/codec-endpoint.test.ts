/** The codec endpoint, as the Temporal Web UI and its command line ask it. */
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { bounds } from '../domain/bounds.ts';
import { codecPathKey } from '../scripts/embedded/secrets.ts';
import { payloadsIn, sealedFor } from '../engine/payload-codec.ts';
import { connectEngine } from '../engine/connection.ts';
import { sharedInstance } from './support/shared.ts';
import { runFileOf } from './support/instance-stores.ts';
import { cast, newTenant, person, tokenFor, type Body } from './support/person.ts';
import { until } from './support/until.ts';

const instance = await sharedInstance();
interface Wire { readonly metadata: Readonly<Record<string, string>>; readonly data: string }
const base64 = (text: Uint8Array | string): string => Buffer.from(text).toString('base64');
const plain: Wire = { metadata: { encoding: base64('json/plain') }, data: base64('"hello"') };

let tenant: string;
let payloads: Wire[];
let path: string;
let uiOrigin: string;

beforeAll(async () => {
  const people = await cast(instance);
  ({ tenant } = people);
  const session = await people.ana.start();
  await people.ana.answer(session.session_id, 'setup_urgency', 'planned');
  payloads = await payloadsOf(tenant, session.session_id);
  path = `/codec/${await codecPathKey(instance.folder)}/decode`;
  const { temporalUiUrl } = JSON.parse(await readFile(join(instance.folder, 'run.json'), 'utf8')) as { temporalUiUrl: string };
  uiOrigin = new URL(temporalUiUrl).origin;
});

async function payloadsOf(of: string, sessionId: string): Promise<Wire[]> {
  const run = await runFileOf(instance);
  const { client, connection } = await connectEngine({ address: run.urls.temporalAddress, namespace: 'default' });
  const history = await client.workflow.getHandle(`session:${of}:${sessionId}`).fetchHistory();
  await connection.close();
  return [...payloadsIn(history)].filter((payload) => sealedFor(payload) !== null).map((payload) => ({
    metadata: Object.fromEntries(Object.entries(payload.metadata ?? {}).map(([name, value]) => [name, base64(value)])),
    data: base64(payload.data ?? ''),
  }));
}

async function decode(
  at: string, body: unknown, headers: Readonly<Record<string, string>> = {},
): Promise<{ status: number; body: Body; headers: Headers }> {
  const response = await fetch(`${instance.url}${at}`, {
    method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json', ...headers },
  });
  return { status: response.status, headers: response.headers, body: JSON.parse(await response.text()) };
}

/** The status for a body that is announced and never sent. */
function statusForDeclared(bytes: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const announced = request(`${instance.url}${path}`, {
      method: 'POST', headers: { 'content-type': 'application/json', 'content-length': bytes },
    }, (response) => {
      resolve(response.statusCode);
      announced.destroy();
    });
    announced.on('error', reject);
    announced.flushHeaders();
  });
}
const textOf = (payload: Wire): string => Buffer.from(payload.data, 'base64').toString();

describe('for the Web UI', () => {
  test('opens what is ours, in order, and passes through what is not; the query string counts for nothing', async () => {
    const asked = [plain, ...payloads, plain];
    const { status, body, headers } = await decode(`${path}?preserveStorageRefs=true`, { payloads: asked }, { 'x-namespace': 'default' });
    expect(status).toBe(200);
    expect(body.payloads).toHaveLength(asked.length);
    expect([body.payloads[0], body.payloads.at(-1)]).toEqual([plain, plain]);
    expect(body.payloads.map(textOf).join('\n')).toContain('"value":"planned"');
    for (const payload of body.payloads) {
      expect(Buffer.from(payload.metadata.encoding, 'base64').toString()).toMatch(/^(json|binary)\/(plain|null)$/);
    }
    expect(headers.get('cache-control')).toBe('no-store');
  });

  test('an empty list arrives without payloads and gets an empty list', async () => {
    expect(await decode(path, {})).toMatchObject({ status: 200, body: { payloads: [] } });
  });

  test('another key, and a request that was forwarded from elsewhere, find nothing there', async () => {
    expect((await decode('/codec/wrong/decode', { payloads })).status).toBe(404);
    expect((await decode(path, { payloads }, { 'x-forwarded-for': '203.0.113.9' })).status).toBe(404);
    for (const work of ['encode', 'recode', '']) {
      expect((await decode(`/codec/wrong/${work}`, { payloads })).status).toBe(404);
    }
    expect((await decode(path.replace('decode', 'encode'), { payloads: [plain] }, { 'x-forwarded-for': '203.0.113.9' })).status).toBe(404);
    expect((await decode(path.replace('decode', 'recode'), { payloads })).status).toBe(404);
  });

  test('seals what an operator types as nobody\'s, leaves what is sealed, and opens it again', async () => {
    const encode = path.replace('decode', 'encode');
    const { status, body, headers } = await decode(`${encode}?x=1`, { payloads: [plain, payloads[0]] });
    expect([status, headers.get('cache-control'), body.payloads[1]]).toEqual([200, 'no-store', payloads[0]]);
    const [sealed] = body.payloads;
    expect(textOf(sealed)).not.toContain('hello');
    expect(Buffer.from(sealed.metadata['gangway-tenant'], 'base64').toString()).toBe('');
    expect((await decode(path, { payloads: [sealed] })).body.payloads).toEqual([plain]);
    expect((await decode(encode, {})).body).toEqual({ payloads: [] });
    const large = { ...plain, data: base64(Buffer.alloc(bounds.payload + 1)) };
    expect(await decode(encode, { payloads: [large] })).toMatchObject({ status: 413, body: { code: 'payload_too_large' } });
    const preflight = await fetch(`${instance.url}${encode}`, {
      method: 'OPTIONS', headers: { origin: uiOrigin, 'access-control-request-method': 'POST' },
    });
    expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([204, uiOrigin]);
  });

  test('the browser page of the Web UI may ask, with credentials, and no other page', async () => {
    const preflight = async (origin: string) => (await fetch(`${instance.url}${path}`, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type,x-namespace' },
    })).headers;
    const allowed = await preflight(uiOrigin);
    expect(allowed.get('access-control-allow-origin')).toBe(uiOrigin);
    expect(allowed.get('access-control-allow-credentials')).toBe('true');
    for (const name of ['content-type', 'x-namespace', 'authorization', 'authorization-extras']) {
      expect(allowed.get('access-control-allow-headers')).toContain(name);
    }
    expect((await decode(path, { payloads: [] }, { origin: uiOrigin })).headers.get('access-control-allow-origin')).toBe(uiOrigin);
    expect((await preflight('http://127.0.0.1:1')).get('access-control-allow-origin')).toBeNull();
  });

  test('a damaged payload is refused, and too many or too large ones are not read', async () => {
    const [first] = payloads;
    const cut = { ...first, data: (first as Wire).data.slice(0, -12) };
    expect(await decode(path, { payloads: [cut] })).toMatchObject({ status: 503, body: { code: 'key_unavailable' } });
    expect((await decode(path, { payloads: Array.from({ length: 1_001 }, () => plain) })).status).toBe(400);
    expect(await statusForDeclared(9_000_000)).toBe(413);
  });
});

describe('elsewhere', () => {
  const as = async (at: string, ...roles: Parameters<typeof tokenFor>[3]) => decode('/codec/decode', { payloads }, {
    authorization: `Bearer ${await tokenFor(instance, at, 'dee', roles)}`,
  });

  test('no token is 401; users, approvers and analysts 403; an admin reads the own tenant only, platform all', async () => {
    expect((await decode('/codec/decode', { payloads })).status).toBe(401);
    for (const role of ['user', 'approver', 'analyst'] as const) expect((await as(tenant, role)).status).toBe(403);
    const foreign = await as(newTenant(), 'admin');
    expect(foreign.status).toBe(403);
    expect(JSON.stringify(foreign.body)).not.toContain(tenant);
    for (const reply of [await as(tenant, 'admin'), await as('operator', 'platform')]) {
      expect(reply.status).toBe(200);
      expect(reply.body.payloads.map(textOf).join('\n')).toContain('"value":"planned"');
    }
  });

  test('a payload whose tenant was rewritten does not open for the admin of that tenant', async () => {
    const other = newTenant();
    const rewritten = payloads.map((payload) => ({ ...payload, metadata: { ...payload.metadata, 'gangway-tenant': base64(other) } }));
    const reply = await decode('/codec/decode', { payloads: rewritten }, {
      authorization: `Bearer ${await tokenFor(instance, other, 'dee', ['admin'])}`,
    });
    expect(reply.status).toBe(503);
  });

  test('an argument is sealed for the tenant of the admin who types it; nobody else may have it sealed or opened', async () => {
    const encoded = async (at: string, ...roles: Parameters<typeof tokenFor>[3]) => decode('/codec/encode', { payloads: [plain] }, {
      authorization: `Bearer ${await tokenFor(instance, at, 'dee', roles)}`,
    });
    expect((await decode('/codec/encode', { payloads: [plain] })).status).toBe(401);
    expect((await encoded(tenant, 'approver')).status).toBe(403);
    const { body } = await encoded(tenant, 'admin');
    const opened = async (at: string) => decode('/codec/decode', body, {
      authorization: `Bearer ${await tokenFor(instance, at, 'dee', ['admin'])}`,
    });
    expect((await opened(tenant)).body.payloads).toEqual([plain]);
    expect((await opened(newTenant())).status).toBe(403);
  });

  test('many readings of one page are one entry in the audit log of the tenant that was read: who, whose and how many, never what', async () => {
    const own = await cast(instance);
    const { session_id: id } = await own.ana.start();
    const read = await payloadsOf(own.tenant, id);
    const authorization = `Bearer ${await tokenFor(instance, own.tenant, 'dee', ['admin'])}`;
    for (let at = 0; at < 20; at += 1) expect((await decode('/codec/decode', { payloads: read }, { authorization })).status).toBe(200);
    for (let at = 0; at < 20; at += 1) expect((await decode(path, { payloads: read })).status).toBe(200);
    const admin = await person(instance, own.tenant, 'dee', 'admin');
    const entries = async (actor: string): Promise<Body[]> => (
      await admin.get(`/admin/audit/?action=payload.decode&actor=${actor}`)
    ).body.results;
    for (const actor of ['dee', 'temporal-ui']) {
      await until('the look is over', async () => (await entries(actor)).length > 0);
      const found = await entries(actor);
      expect(found.map(({ details }) => details.payloads).reduce((sum, count) => sum + count)).toBe(20 * read.length);
      // more than one only where this machine was quiet for long in between
      expect(found.length).toBeLessThan(4);
      expect(found[0]).toMatchObject({
        actor, result: 'allowed', status: 200, target: `session:${id}`,
        details: { workflows: `session:${own.tenant}:${id}`, since: expect.any(String), until: expect.any(String) },
      });
      expect(JSON.stringify(found)).not.toContain('business_unit');
    }
  });
});
