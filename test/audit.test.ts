/** The audit log: every act of admins and approvers, once, allowed and refused, and nothing in it that should not be. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { routes } from '../api/routes/index.ts';
import { beginAudit, settleCutOffAudits, type AuditEntry } from '../stores/postgres/audit.ts';
import { whileFrozen } from './support/frozen.ts';
import { databaseOf } from './support/instance-stores.ts';
import { cast, newTenant, person, proposed, tokenFor, type Body, type Person, type Reply } from './support/person.ts';
import { leaseInstance, leaseMs, sharedInstance, type Lease } from './support/shared.ts';
import type { Database } from '../stores/postgres/database.ts';
import { sqlState } from '../stores/postgres/sql-states.ts';

const shared = await sharedInstance();
let db: Database;

beforeAll(async () => { db = await databaseOf(shared); });
afterAll(() => db.close());

/** Entries of a tenant, oldest first, but for the reading of the log itself. */
async function entriesOf(admin: Person): Promise<Body[]> {
  const { body } = await admin.get('/admin/audit/?limit=100');
  return body.results.filter((entry: Body) => entry.action !== 'audit.list').reverse();
}

const correlation = (reply: Reply): string | null => reply.headers.get('x-correlation-id');

describe('every act has one entry', () => {
  test('decisions and what leads to them: who, what, on what, why, how it ended, and the correlation id of the answer', async () => {
    const { ana, ben, admin } = await cast(shared);
    const { session, proposal, items } = await proposed(ana, ben);
    const path = `/sessions/${session.session_id}/decision/`;
    const reasons = { [items[0] ?? '']: 'as agreed on the phone' };
    const preview = await ben.post(path, { approved_items: items, reasons, proposal_hash: proposal.proposal_hash });
    const refused = await ana.post(path, { approved_items: items, dry_run: false });
    const stale = await ben.post(path, { approved_items: items, dry_run: false, proposal_hash: 'another' });
    const decided = await ben.post(path, { approved_items: items, dry_run: false, reasons, proposal_hash: proposal.proposal_hash });
    const again = await ben.post(path, { approved_items: items, dry_run: false });
    expect([preview.status, refused.status, stale.status, decided.status, again.status]).toEqual([200, 403, 409, 200, 409]);
    const target = `session:${session.session_id}`;
    const entries = await entriesOf(admin);
    expect(entries.map((entry) => [entry.action, entry.actor, entry.target, entry.result, entry.status])).toEqual([
      ['proposal.read', 'ben', target, 'allowed', 200],
      ['proposal.decide', 'ben', target, 'allowed', 200], ['proposal.decide', 'ana', target, 'refused', 403],
      ['proposal.decide', 'ben', target, 'refused', 409],
      ['proposal.decide', 'ben', target, 'allowed', 200], ['proposal.decide', 'ben', target, 'refused', 409],
    ]);
    expect(entries.slice(1).map((entry) => entry.correlation_id)).toEqual([preview, refused, stale, decided, again].map(correlation));
    expect(entries.slice(1).map((entry) => entry.reason)).toEqual(['as agreed on the phone', null, null, 'as agreed on the phone', null]);
    expect(entries[1].details).toMatchObject({ dry_run: true, approved_items: items.length, rejected_items: 0 });
    expect(entries[2]).toMatchObject({ roles: ['user'], details: { code: 'forbidden' } });
    expect(entries[4].details).toMatchObject({ dry_run: false, changeset_id: decided.body.changeset_id });
    expect(await db.asTenant(ana.tenant).query('SELECT id FROM audit_begun')).toEqual([]);
  });

  test('keys: made, listed, rotated, revoked, refused; the key itself is nowhere', async () => {
    const { ana, admin } = await cast(shared);
    const made = await admin.post('/admin/api-keys/', { name: 'robot', roles: ['user'] });
    const key = made.body.key as string;
    const keyPath = `/admin/api-keys/${made.body.key_id}/`;
    await admin.get('/admin/api-keys/');
    const rotated = await admin.post(`${keyPath}rotate/`, {});
    await ana.post('/admin/api-keys/', { name: 'mine', roles: ['user'] });
    await admin.post('/admin/api-keys/', { name: 'x', roles: ['platform'] });
    await admin.call('DELETE', `/admin/api-keys/${key}/?reason=${encodeURIComponent(`leaked: ${key}`)}`);
    await admin.call('DELETE', `${keyPath}?reason=leaked`);
    const entries = await entriesOf(admin);
    expect(entries.map((entry) => [entry.action, entry.actor, entry.result, entry.target])).toEqual([
      ['api_key.create', 'dee', 'allowed', `key:${made.body.key_id}`], ['api_key.list', 'dee', 'allowed', null],
      ['api_key.rotate', 'dee', 'allowed', `key:${made.body.key_id}`], ['api_key.create', 'ana', 'refused', null],
      ['api_key.create', 'dee', 'refused', null],
      ['api_key.revoke', 'dee', 'refused', 'key:gw_…'], ['api_key.revoke', 'dee', 'allowed', `key:${made.body.key_id}`],
    ]);
    expect(entries.map((entry) => entry.reason)).toEqual([null, null, null, null, null, 'leaked: gw_…', 'leaked']);
    for (const secret of [key, rotated.body.key as string]) expect(JSON.stringify(entries)).not.toContain(secret.split('_')[2]);
  });

  test('reading what is somebody else\'s counts, reading one\'s own does not, and no answer is in the log', async () => {
    const { ana, admin } = await cast(shared);
    const session = await ana.start();
    await ana.gives(session.session_id, 'setup_urgency', 'immediate');
    const own = await admin.start();
    const paths = (id: string): string[] => [`/sessions/${id}/`, `/sessions/${id}/answers/`, `/sessions/${id}/recommendations/`];
    for (const path of [...paths(session.session_id), '/sessions/']) await ana.get(path);
    for (const path of [...paths(own.session_id), '/sessions/?owner=dee']) expect((await admin.get(path)).status).toBe(200);
    expect(await entriesOf(admin)).toEqual([]);
    for (const path of [...paths(session.session_id), '/sessions/']) expect((await admin.get(path)).status).toBe(200);
    expect((await admin.get(`/sessions/${randomUUID()}/`)).status).toBe(404);
    await admin.post(`/sessions/${own.session_id}/cancel/`, {});
    await admin.post(`/sessions/${session.session_id}/cancel/`, { reason: 'asked by phone' });
    const entries = await entriesOf(admin);
    expect(entries.map((entry) => [entry.action, entry.result, entry.reason])).toEqual([
      ['session.read', 'allowed', null], ['answers.read', 'allowed', null], ['proposal.read', 'allowed', null],
      ['session.list', 'allowed', null],
      ['session.read', 'refused', null], ['session.cancel', 'allowed', 'asked by phone'],
    ]);
    expect(JSON.stringify(entries)).not.toContain('immediate');
    expect(await db.asTenant(admin.tenant).query('SELECT id FROM audit_begun')).toEqual([]);
  });

  test('a door that was tried: every refusal below /admin, also of what does not exist', async () => {
    const { ana, cy, admin } = await cast(shared);
    for (const [who, path] of [[ana, '/admin/audit/'], [cy, '/admin/nothing/'], [ana, '/admin']] as const) {
      expect((await who.get(path)).status).toBe(403);
    }
    const token = await tokenFor(shared, ana.tenant, 'ana', ['user']);
    await ana.get(`/admin/${token}`);
    expect((await admin.get('/admin/nothing/')).status).toBe(404);
    expect((await admin.get(`/sessions/?client_id=${ana.tenant}`)).status).toBe(403);
    const { body } = await admin.get('/admin/audit/');
    expect(body.results.reverse().map((entry: Body) => [entry.action, entry.actor, entry.target, entry.status])).toEqual([
      ['audit.list', 'ana', null, 403], ['admin.unknown', 'cy', '/admin/nothing/', 403], ['admin.unknown', 'ana', '/admin', 403],
      ['admin.unknown', 'ana', '/admin/eyJ…', 403],
      ['session.list', 'dee', null, 403],
    ]);
  });

  test('a repeat by Idempotency-Key is no second act', async () => {
    const { admin } = await cast(shared);
    const headers = { headers: { 'idempotency-key': randomUUID() } };
    for (const body of [{ name: 'one', roles: ['user'] }, { name: 'one', roles: ['user'] }]) {
      expect((await admin.post('/admin/api-keys/', body, headers)).status).toBe(201);
    }
    const wrong = { headers: { 'idempotency-key': randomUUID() } };
    for (let times = 0; times < 2; times += 1) expect((await admin.post('/admin/api-keys/', { name: '' }, wrong)).status).toBe(400);
    expect((await entriesOf(admin)).map((entry) => [entry.action, entry.result, entry.details.code])).toEqual([
      ['api_key.create', 'allowed', undefined], ['api_key.create', 'refused', 'invalid_request'],
    ]);
  });

  test('the platform role is written down in the tenant it acts in, with where it is from', async () => {
    const { admin, tenant } = await cast(shared);
    const platform = await person(shared, newTenant(), 'pat', 'platform');
    await platform.get(`/sessions/?client_id=${tenant}`);
    await platform.post(`/admin/api-keys/?client_id=${tenant}`, { name: 'x', roles: ['user'] });
    const entries = await entriesOf(admin);
    expect(entries.map((entry) => [entry.action, entry.actor, entry.roles, entry.details.actor_tenant])).toEqual([
      ['session.list', 'pat', ['platform'], platform.tenant], ['api_key.create', 'pat', ['platform'], platform.tenant],
    ]);
    expect(await entriesOf(platform)).toEqual([]);
  });

  test('every route that only approvers or admins may call names its act', () => {
    const silent = routes.filter(
      ({ path, declaration }) => declaration.audit === undefined && (
        path.startsWith('/admin')
          || (declaration.access !== 'anyone' && declaration.access.every((role) => role === 'approver' || role === 'admin'))
      ),
    );
    expect(silent.map(({ method, path }) => `${method} ${path}`)).toEqual([]);
  });
});

describe('the log', () => {
  test('is the tenant\'s own and for admins alone, and no method changes it', async () => {
    const [one, other] = await Promise.all([cast(shared), cast(shared)]);
    await one.admin.get('/admin/api-keys/');
    expect(await entriesOf(one.admin)).toHaveLength(1);
    expect(await entriesOf(other.admin)).toEqual([]);
    for (const who of [one.ana, one.ben, one.cy]) expect((await who.get('/admin/audit/')).status).toBe(403);
    for (const method of ['PUT', 'PATCH', 'DELETE', 'POST']) {
      expect([method, (await one.admin.call(method, '/admin/audit/', {})).status]).toEqual([method, 405]);
    }
    const scope = db.asTenant(one.tenant);
    for (const sql of ["UPDATE audit SET actor = 'nobody'", 'DELETE FROM audit']) {
      await expect(scope.query(sql)).rejects.toMatchObject({ code: '42501' });
    }
    const truncated: unknown = await db.asSystem().query('TRUNCATE audit').catch((error: unknown) => error);
    expect(truncated).toMatchObject({ code: '42501', message: expect.stringContaining('only ever added to') });
    expect(sqlState(null)).toBeNull();
  });

  test('is filtered by who, what, on what, how it ended and when', async () => {
    const { ana, admin } = await cast(shared);
    const made = await admin.post('/admin/api-keys/', { name: 'x', roles: ['user'] });
    await ana.get('/admin/api-keys/');
    const [first, second] = await entriesOf(admin);
    const found = async (query: string): Promise<string[]> => (await admin.get(`/admin/audit/?${query}`)).body.results
      .filter((entry: Body) => entry.action !== 'audit.list').map((entry: Body) => entry.id);
    expect(await found('actor=ana')).toEqual([second.id]);
    expect(await found('action=api_key.create')).toEqual([first.id]);
    expect(await found(`target=key:${made.body.key_id}`)).toEqual([first.id]);
    expect(await found('result=refused')).toEqual([second.id]);
    expect(await found(`until=${first.at}`)).toEqual([]);
    expect(await found(`since=${second.at}&actor=ana`)).toEqual([second.id]);
    expect(await found('since=2030-01-01T00:00:00Z')).toEqual([]);
    expect(await found('actor=ana&result=allowed')).toEqual([]);
    for (
      const query of [
        'result=perhaps', 'since=yesterday', 'since=0000-01-01T00:00:00Z', 'limit=0', 'cursor=x', 'actor=', 'actor=%00', 'order=asc',
      ]
    ) {
      const reply = await admin.get(`/admin/audit/?${query}`);
      expect([query, reply.status, reply.body.code]).toEqual([query, 400, 'invalid_request']);
    }
  });

  test('is paged without a gap or a double while entries are added', async () => {
    const { admin } = await cast(shared);
    for (let at = 0; at < 12; at += 1) await admin.get('/admin/api-keys/');
    const before = (await admin.get('/admin/audit/?limit=100')).body.results.map((entry: Body) => entry.id);
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const { body }: Reply = await admin.get(`/admin/audit/?limit=5${cursor === null ? '' : `&cursor=${cursor}`}`);
      seen.push(...body.results.map((entry: Body) => entry.id as string));
      cursor = body.next_cursor as string | null;
      await admin.get('/admin/api-keys/');
    } while (cursor !== null);
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.filter((id) => before.includes(id))).toEqual(before);
  });
});

describe('an act that was cut off', () => {
  test('ends in the log as failed, without a status, once', async () => {
    const { admin, tenant } = await cast(shared);
    const entry: AuditEntry = {
      id: randomUUID(), tenant, actor: 'dee', person: null, roles: ['admin'], action: 'api_key.create', target: null, reason: 'why not',
      result: 'failed', status: null, correlation_id: 'c-1', details: { name: 'x' },
    };
    await beginAudit(db, entry);
    await settleCutOffAudits(db, 120);
    expect(await entriesOf(admin)).toEqual([]);
    await db.asTenant(tenant).query("UPDATE audit_begun SET begun_at = now() - interval '121 seconds'");
    await settleCutOffAudits(db, 120);
    await settleCutOffAudits(db, 120);
    const { tenant: _, ...shown } = entry;
    const entries = await entriesOf(admin);
    expect(entries).toEqual([{ ...shown, at: expect.any(String) }]);
    expect(Date.parse(entries[0].at)).toBeLessThan(Date.now() - 100_000);
  });
});

describe('PostgreSQL is away', () => {
  let lease: Lease;
  beforeAll(async () => { lease = await leaseInstance('outage'); }, leaseMs);
  afterAll(() => { lease.end(); });

  test('an act that cannot be audited does not happen, a reading is not shown, a refusal is still told, and owners go on', async () => {
    const { ana, ben, admin } = await cast(lease.instance);
    const { session, items } = await proposed(ana, ben);
    const path = `/sessions/${session.session_id}/`;
    await whileFrozen(lease.instance, 'postgres', async () => {
      const [decided, read, cancelled, refused, mine] = await Promise.all([
        ben.post(`${path}decision/`, { approved_items: items, dry_run: false }), admin.get(path), admin.post(`${path}cancel/`, {}),
        ana.get('/admin/audit/'), ana.get(path),
      ]);
      expect([decided, read, cancelled, refused, mine].map((reply) => [reply.status, reply.body.code])).toEqual([
        [503, 'store_unavailable'], [503, 'store_unavailable'], [503, 'store_unavailable'], [403, 'forbidden'], [200, undefined],
      ]);
    });
    expect((await ana.get(path)).body).toMatchObject({ state: 'awaiting_approval' });
    expect((await ben.post(`${path}decision/`, { approved_items: items, dry_run: false })).status).toBe(200);
  });
});
