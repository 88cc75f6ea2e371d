/** Links that lead a person back: once, within their time, into one session, and into no log. */
import { randomUUID } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { decodeJwt } from 'jose';
import { databaseOf } from './support/instance-stores.ts';
import { base, cast, Person, person, type Body, type Reply } from './support/person.ts';
import { outputOf, sharedInstance } from './support/shared.ts';

const instance = await sharedInstance();

async function spend(secret: string, headers: Readonly<Record<string, string>> = {}): Promise<Reply> {
  const response = await fetch(`${instance.url}${base}/resume-links/spend/`, {
    method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify({ secret }),
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

const secretIn = (url: string): string => /^https?:\/\/[^#]+\/o\/#r=([\w-]{43})$/.exec(url)?.[1] ?? '';

async function linked(ana: Person, id: string, body: object = {}): Promise<string> {
  const reply = await ana.post(`/sessions/${id}/resume-link/`, body);
  expect(reply.status).toBe(201);
  return secretIn(reply.body.url as string);
}

test('Session resume: a link gives a token for its session, once, without a credential; of many at once one has it', async () => {
  const { ana, tenant } = await cast(instance);
  const { session_id: id } = await ana.start();
  await ana.gives(id, 'setup_urgency', 'immediate');
  const reply = await ana.post(`/sessions/${id}/resume-link/`, {});
  expect(Date.parse(reply.body.expires_at) - Date.now()).toBeGreaterThan(603_000_000);
  const secret = secretIn(reply.body.url as string);
  // a credential that is brought along is not looked at
  const spent = await Promise.all(Array.from({ length: 8 }, () => spend(secret, { authorization: 'Bearer nonsense' })));
  expect(spent.map(({ status }) => status).sort((a, b) => a - b)).toEqual([200, ...Array.from({ length: 7 }, () => 410)]);
  expect(spent.filter(({ status }) => status === 410).map(({ body }) => body.code)).toEqual(Array.from({ length: 7 }, () => 'link_used'));
  const given = spent.find(({ status }) => status === 200)?.body as Body;
  expect(given.session_id).toBe(id);
  const { sub, tenant: of, exp = 0, roles } = decodeJwt(given.token as string);
  expect([sub, of, roles]).toEqual(['ana', tenant, ['user']]);
  expect(exp * 1_000 - Date.now()).toBeLessThanOrEqual(3_600_000);
  const phone = new Person(instance.url, tenant, 'ana', given.token as string);
  expect((await phone.post(`/sessions/${id}/resume/`, {})).body.restored_data).toEqual({ setup_urgency: 'immediate' });
  await phone.gives(id, 'business_unit_type', 'office');
  // for its session alone, and it makes no links
  const other = await ana.post('/sessions/', { flow: 'site_survey' });
  for (const reply of [
    await phone.get('/sessions/'), await phone.get(`/sessions/${other.body.session_id}/`), await phone.get(`/sessions/${randomUUID()}/`),
    await phone.post(`/sessions/${id}/resume-link/`, {}), await phone.get('/admin/audit/'),
  ]) expect(reply.status).toBe(403);
});

test('a newer link ends the former, one whose time is over is told so, and an unknown one is 404', async () => {
  const { ana, tenant } = await cast(instance);
  const { session_id: id } = await ana.start();
  const [first, second] = [await linked(ana, id), await linked(ana, id)];
  expect([(await spend(first)).status, (await spend(first)).body.code]).toEqual([410, 'link_expired']);
  const db = await databaseOf(instance);
  await db.asTenant(tenant).query("UPDATE resume_links SET expires_at = now() - interval '1 ms' WHERE replaced_at IS NULL");
  expect([(await spend(second)).status, (await spend(second)).body.code]).toEqual([410, 'link_expired']);
  const unknown = await spend('x'.repeat(43));
  expect([unknown.status, unknown.body.code]).toEqual([404, 'not_found']);
  expect((await spend('short')).status).toBe(400);
  expect(unknown.headers.get('ratelimit-policy')).toContain('anonymous');
  // only one of many at once counts
  const many = await Promise.all(Array.from({ length: 6 }, () => linked(ana, id)));
  const [row] = await db.asTenant(tenant).query<{ n: number }>(
    'SELECT count(*)::int AS n FROM resume_links WHERE session_id = $1 AND used_at IS NULL AND replaced_at IS NULL', [id],
  );
  expect(row?.n).toBe(1);
  await db.close();
  const results = await Promise.all(many.map((secret) => spend(secret)));
  expect(results.map(({ status }) => status).sort((a, b) => a - b)).toEqual([200, 410, 410, 410, 410, 410]);
});

test('an admin makes one for the owner, a stranger and an ended session get none, and the secret is in no log and no table', async () => {
  const { ana, admin, tenant } = await cast(instance);
  const { session_id: id } = await ana.start();
  const eve = await person(instance, tenant, 'eve', 'user');
  expect((await eve.post(`/sessions/${id}/resume-link/`, {})).body.code).toBe('not_found');
  for (const bad of [{ ttl_seconds: 0 }, { ttl_seconds: 2_592_001 }, { ttl: 1 }]) {
    expect((await ana.post(`/sessions/${id}/resume-link/`, bad)).status).toBe(400);
  }
  const key = { headers: { 'idempotency-key': randomUUID() } };
  const made = await admin.post(`/sessions/${id}/resume-link/`, {}, key);
  const secret = secretIn(made.body.url as string);
  expect((await admin.post(`/sessions/${id}/resume-link/`, {}, key)).body.url).toBeNull();
  const { body } = await spend(secret);
  expect(decodeJwt(body.token as string).sub).toBe('ana');
  const { body: audit } = await admin.get('/admin/audit/?action=resume_link.create');
  expect(audit.results).toHaveLength(1);
  expect(JSON.stringify(audit)).not.toContain(secret);
  expect(await outputOf()).not.toContain(secret);
  const db = await databaseOf(instance);
  const rows = await db.asTenant(tenant).query('SELECT * FROM resume_links AS l, idempotency_keys AS k');
  expect(JSON.stringify(rows)).not.toContain(secret);
  await db.close();
  await ana.post(`/sessions/${id}/cancel/`, {});
  expect((await ana.post(`/sessions/${id}/resume-link/`, {})).body.code).toBe('wrong_state');
});
