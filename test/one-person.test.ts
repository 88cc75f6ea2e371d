/** A person is a human, not a credential: where two people are demanded, a human and all keys of theirs are one. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Changeset } from '../domain/changeset.ts';
import { applyChanges } from '../stores/change-target/apply.ts';
import { createTablesTarget } from '../stores/change-target/tables.ts';
import { findChangeset } from '../stores/postgres/changesets.ts';
import type { Database } from '../stores/postgres/database.ts';
import { notePeople } from '../stores/postgres/people.ts';
import type { Role } from '../domain/message.ts';
import { databaseOf } from './support/instance-stores.ts';
import { base, cast, newTenant, person, type Body, type Person, type Reply } from './support/person.ts';
import { sharedInstance } from './support/shared.ts';
import { until } from './support/until.ts';

const instance = await sharedInstance();
let db: Database;
beforeAll(async () => { db = await databaseOf(instance); });
afterAll(() => db.close());

/** Twelve changes: one approver is not enough. */
const catalogue = {
  default_language: 'en', languages: ['en'], title: 'Fill the catalogue',
  questions: [{ id: 'name', type: 'text', prompt: 'Which catalogue?' }],
  recommendations: Array.from({ length: 12 }, (_, at) => ({
    id: `entry_${at + 1}`, target: { type: 'type_assist', key: `slug(name) + '-${at + 1}'` },
    values: { code: `'E${at + 1}'`, label: `'Entry ${at + 1}'`, category: "'catalogue'" }, confidence: 0.9,
    rationale: 'Part of every catalogue.',
  })),
};

type Call = (method: string, path: string, body?: unknown) => Promise<Reply>;

const withToken = (who: Person): Call => (method, path, body) => who.call(method, path, body);
const withKey = (key: string): Call => async (method, path, body) => {
  const response = await fetch(`${instance.url}${base}${path}`, {
    method, headers: { 'x-api-key': key, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
};

interface MadeKey { readonly id: string; readonly person: string; readonly call: Call }
async function keyBy(maker: Call, roles: readonly Role[], query = ''): Promise<MadeKey> {
  const { status, body } = await maker('POST', `/admin/api-keys/${query}`, { name: 'robot', roles });
  if (status !== 201) throw new Error(`${status} ${JSON.stringify(body)}`);
  return { id: body.key_id, person: body.person, call: withKey(body.key) };
}

/** A session whose owner has answered everything and whose proposal is there. */
async function proposedBy(owner: Call): Promise<string> {
  const { body: session } = await owner('POST', '/sessions/', { flow: 'catalogue' });
  await owner('POST', `/sessions/${session.session_id}/answers/`, {
    question_id: 'name', value: `Catalogue ${session.session_id.slice(0, 8)}`, message_id: randomUUID(),
  });
  await until(
    'the proposal is there', async () => (await owner('GET', `/sessions/${session.session_id}/`)).body.state === 'awaiting_approval',
  );
  return session.session_id;
}

async function decide(who: Call, sessionId: string, query = ''): Promise<Reply> {
  const { body: proposal } = await who('GET', `/sessions/${sessionId}/recommendations/${query}`);
  return who('POST', `/sessions/${sessionId}/decision/${query}`, {
    approved_items: proposal.recommendations.map((item: Body) => item.recommendation_id), proposal_hash: proposal.proposal_hash,
    dry_run: false,
  });
}

const approve = (who: Call, approvalId: string, query = ''): Promise<Reply> => who(
  'POST', `/approvals/${approvalId}/decide/${query}`, { decision: 'approve' },
);
const told = ({ status, body }: Reply): unknown => [status, status === 200 ? body.status : body.code];
const same = [403, 'same_person'];

/** Somebody with three roles, others with one, and the flow of twelve changes. */
async function people(): Promise<{ tenant: string; gil: Call; ana: Call; ben: Call; eve: Call }> {
  const { tenant, ana, ben, admin } = await cast(instance);
  await admin.call('PUT', '/admin/flows/catalogue/', catalogue);
  const [gil, eve] = await Promise.all([
    person(instance, tenant, 'gil', 'user', 'approver', 'admin'), person(instance, tenant, 'eve', 'approver'),
  ]);
  return { tenant, gil: withToken(gil), ana: withToken(ana), ben: withToken(ben), eve: withToken(eve) };
}

describe('a human and the keys that act for them are one person', () => {
  test('as owner, as first and as second approver, also through a key that was made by a key', async () => {
    const { tenant, gil, ana, ben, eve } = await people();
    const first = await keyBy(gil, ['user', 'approver', 'admin']);
    const second = await keyBy(gil, ['approver']);
    const third = await keyBy(first.call, ['user', 'approver']);
    expect([first.person, second.person, third.person]).toEqual(Array.from({ length: 3 }, () => `${tenant}/gil`));
    const hands = [gil, first.call, second.call, third.call];

    for (const owner of [gil, third.call]) {
      const session = await proposedBy(owner);
      for (const hand of hands) expect(told(await decide(hand, session))).toEqual(same);
      const { body } = await decide(ben, session);
      for (const hand of hands) expect(told(await approve(hand, body.approval_id))).toEqual(same);
      expect(told(await approve(eve, body.approval_id))).toEqual([200, 'applied']);
    }

    const session = await proposedBy(ana);
    const { body } = await decide(first.call, session);
    expect(body.status).toBe('pending_second_approval');
    for (const hand of hands) expect(told(await approve(hand, body.approval_id))).toEqual(same);
    expect((await ben('GET', `/changesets/${body.changeset_id}/`)).body.status).toBe('pending_second_approval');
    expect(told(await approve(eve, body.approval_id))).toEqual([200, 'applied']);
  });

  test('also in a dry run, and after the key was given another secret', async () => {
    const { gil } = await people();
    const key = await keyBy(gil, ['approver']);
    const { body: rotated } = await gil('POST', `/admin/api-keys/${key.id}/rotate/`, {});
    expect(rotated.person).toBe(key.person);
    const session = await proposedBy(gil);
    const { body: proposal } = await gil('GET', `/sessions/${session}/recommendations/`);
    const approved_items = proposal.recommendations.map((item: Body) => item.recommendation_id);
    expect(told(await withKey(rotated.key)('POST', `/sessions/${session}/decision/`, { approved_items }))).toEqual(same);
  });

  test('and one of another tenant is not the one of the same name here', async () => {
    const { tenant, ana, gil } = await people();
    const foreign = withToken(await person(instance, newTenant(), 'gil', 'platform'));
    const there = `?client_id=${tenant}`;
    const key = await keyBy(foreign, ['approver'], there);
    expect(key.person).toMatch(/^t-\w+\/gil$/);
    expect(key.person).not.toBe(`${tenant}/gil`);
    const session = await proposedBy(ana);
    const { body } = await decide(key.call, session);
    expect(body.status).toBe('pending_second_approval');
    expect(told(await approve(foreign, body.approval_id, there))).toEqual(same);
    expect(told(await approve(gil, body.approval_id))).toEqual([200, 'applied']);
  });

  test('in the audit log, beside the credential that acted', async () => {
    const { tenant, gil, ana } = await people();
    const key = await keyBy(gil, ['approver']);
    const { status } = await decide(key.call, await proposedBy(ana));
    expect(status).toBe(200);
    const { body } = await gil('GET', `/admin/audit/?person=${encodeURIComponent(`${tenant}/gil`)}&limit=10`);
    expect(body.results.map((entry: Body) => [entry.action, entry.actor, entry.person])).toEqual([
      ['proposal.decide', `key:${key.id}`, `${tenant}/gil`], ['proposal.read', `key:${key.id}`, `${tenant}/gil`],
      ['api_key.create', 'gil', `${tenant}/gil`],
    ]);
    expect((await gil('GET', '/admin/audit/?person=nobody')).body.total).toBe(0);
  });
});

describe('what was begun before it was known who stands behind a key', () => {
  const target = createTablesTarget();
  const changesetOf = (tenant: string, more: Partial<Changeset>): Changeset => {
    const id = randomUUID();
    return {
      changeset_id: id, tenant, session_id: randomUUID(), requested_by: 'ana', approved_by: 'ben', second_approved_by: null,
      approval_id: null, risk_score: 0, status: 'applied',
      changes: [{
        sequence: 1, recommendation_id: randomUUID(), target: `type_assist:${id}`, target_type: 'type_assist', target_key: id,
        operation: 'create', before: null,
        after: { code: 'a', label: 'A', category: 'site' },
      }], ...more,
    };
  };

  test('is looked at again in the moment of applying: nothing is applied on the words of one person', async () => {
    const { tenant, gil } = await people();
    const [one, other] = [await keyBy(gil, ['admin']), await keyBy(gil, ['approver'])];
    const [first, second] = [`key:${one.id}`, `key:${other.id}`];
    await gil('DELETE', `/admin/api-keys/${other.id}/`);
    for (const words of [
      { approved_by: first, second_approved_by: 'gil' }, { approved_by: 'gil', second_approved_by: first },
      { requested_by: second, approved_by: 'gil' },
      { requested_by: 'gil', approved_by: first }, { requested_by: first, approved_by: 'ben', second_approved_by: 'gil' },
      {
        approved_by: first, second_approved_by: 'ben',
        people: { requested_by: `${tenant}/gil`, approved_by: null, second_approved_by: null },
      },
    ]) {
      const input = changesetOf(tenant, words);
      expect([words, await applyChanges(db, target, input)]).toEqual([words, 'stale']);
      const found = await findChangeset(db, tenant, input.changeset_id);
      expect([found?.changeset.status, found?.changeset.failure]).toEqual([
        'failed', 'two of those who have to be different people are one person',
      ]);
    }
    expect(await applyChanges(db, target, changesetOf(tenant, { approved_by: first, second_approved_by: 'ben' }))).toBe('applied');
  });

  test('keys that are there already get their person through any chain, from wherever it began, and a broken chain is nobody', async () => {
    const { tenant, gil } = await people();
    const platform = withToken(await person(instance, newTenant(), 'pat/1%', 'platform'));
    const root = await keyBy(gil, ['admin', 'approver']);
    const child = await keyBy(root.call, ['admin', 'approver']);
    const leaf = await keyBy(child.call, ['approver']);
    const foreign = await keyBy(platform, ['admin'], `?client_id=${tenant}`);
    const grandchild = await keyBy(foreign.call, ['approver']);
    const made = [root, child, leaf, foreign, grandchild];
    const lost = randomUUID();
    const scope = db.asTenant(tenant);
    await scope.query(
      `INSERT INTO api_keys (key_id, tenant, name, roles, secret_hash, created_by) VALUES ($1, $2, 'orphan', '{approver}', ` +
      `decode(repeat('00', 32), 'hex'), $3)`,
      [lost, tenant, `key:${randomUUID()}`],
    );
    const personsNow = async (): Promise<unknown> => {
      const rows = await scope.query<{ key_id: string; person: string | null }>('SELECT key_id, person FROM api_keys');
      return Object.fromEntries(rows.map((row) => [row.key_id, row.person]));
    };
    const expected = { ...Object.fromEntries(made.map((key) => [key.id, key.person])), [lost]: null };
    expect(new Set(made.map((key) => key.person)).size).toBe(2);
    expect(foreign.person).toMatch(/^t-\w+\/pat%2F1%25$/);
    expect(await personsNow()).toEqual(expected);
    await scope.query('UPDATE api_keys SET person = NULL');
    expect((await leaf.call('GET', '/flows/')).status).toBe(401);
    await db.asSystem().query('SELECT resolve_key_people()');
    expect(await personsNow()).toEqual(expected);
    expect((await leaf.call('GET', '/flows/')).status).toBe(200);
  });
});

describe('a role that its maker has lost', () => {
  test('is lost to the key and to what that key has made; a role that is given back is back', async () => {
    const { tenant, gil } = await people();
    const key = await keyBy(gil, ['admin']);
    const child = await keyBy(key.call, ['approver', 'analyst']);
    const allowed = async (call: Call, path: string): Promise<boolean> => (await call('GET', path)).status === 200;
    const now = (): Promise<boolean[]> => Promise.all([
      allowed(key.call, '/admin/api-keys/'), allowed(key.call, '/changesets/'), allowed(child.call, '/changesets/'),
      allowed(child.call, '/analytics/funnel/'),
    ]);
    const seenWith = async (expected: boolean[], ...roles: Role[]): Promise<void> => {
      await (await person(instance, tenant, 'gil', ...roles)).get('/flows/');
      await until(
        `the keys have what a maker with ${roles.join()} has`, async () => JSON.stringify(await now()) === JSON.stringify(expected),
      );
    };
    expect(await now()).toEqual([true, true, true, true]);
    await seenWith([false, true, true, false], 'approver');
    const refused = await key.call('POST', '/admin/api-keys/', { name: 'more', roles: ['admin'] });
    expect([refused.status, refused.body.code]).toEqual([403, 'forbidden']);
    await seenWith([false, false, false, false], 'user');
    await seenWith([true, true, true, true], 'admin');
  });

  test('is known by the newest token, whichever is seen last, and of nobody who never had more than the role user', async () => {
    const tenant = newTenant();
    const names = Array.from({ length: 3 }, (_, at) => `${tenant}/p${at}`);
    const note = (at: number, issuedAt: number, ...roles: Role[]): Promise<void> => notePeople(db, [
      { person: names[at] ?? '', tenant, roles, issuedAt },
    ]);
    await note(0, 2_000, 'approver');
    await note(0, 1_000, 'admin');
    await note(1, 1_000, 'user');
    await note(2, 1_000, 'admin', 'user');
    await note(2, 1_000);
    const rows = await db.asTenant(tenant).query<{ person: string }>('SELECT person, roles, issued_at FROM people ORDER BY person');
    expect(rows).toEqual([
      { person: names[0], roles: ['approver'], issued_at: new Date(2_000) }, { person: names[2], roles: [], issued_at: new Date(1_000) },
    ]);
    await expect(db.query('SELECT FROM people')).resolves.toEqual([]);
  });

  test('is lost to the key of somebody of another tenant with the platform role, who is nothing here without it', async () => {
    const { tenant } = await people();
    const home = newTenant();
    const platform = await person(instance, home, 'pat', 'platform');
    const key = await keyBy(withToken(platform), ['admin'], `?client_id=${tenant}`);
    expect((await key.call('GET', '/admin/api-keys/')).status).toBe(200);
    await (await person(instance, home, 'pat', 'admin')).get('/flows/');
    await until('the key is nothing', async () => (await key.call('GET', '/admin/api-keys/')).status === 403);
  });

  test('takes with it what was approved with the role and waits for another', async () => {
    const { tenant, ana, ben, eve } = await people();
    for (const who of ['token', 'key'] as const) {
      const kim = await person(instance, tenant, `kim-${who}`, 'admin');
      const hand = who === 'token' ? withToken(kim) : (await keyBy(withToken(kim), ['approver'])).call;
      const session = await proposedBy(ana);
      const { body } = await decide(hand, session);
      await (await person(instance, tenant, `kim-${who}`, 'user')).get('/flows/');
      await until(
        'it is known',
        async () => (await db.asTenant(tenant)
          .query('SELECT FROM people WHERE person = $1 AND roles = $2', [`${tenant}/kim-${who}`, ['user']])).length === 1,
      );
      const refused = await approve(eve, body.approval_id);
      expect([who, refused.status, refused.body.errors[0].code]).toEqual([who, 403, 'role_withdrawn']);
      await until('there is a new proposal', async () => (await ana('GET', `/sessions/${session}/`)).body.state === 'awaiting_approval');
      const again = await decide(ben, session);
      expect(told(await approve(eve, again.body.approval_id))).toEqual([200, 'applied']);
    }
  });
});
