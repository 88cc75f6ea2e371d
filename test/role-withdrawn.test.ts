/** An approval counts only while its approver may approve: looked at again in the moment in which a changeset is applied. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { applyChanges } from '../stores/change-target/apply.ts';
import { createHttpTarget } from '../stores/change-target/http.ts';
import type { ChangeTarget } from '../stores/change-target/port.ts';
import type { Changeset } from '../domain/changeset.ts';
import { createTablesTarget } from '../stores/change-target/tables.ts';
import { findChangeset } from '../stores/postgres/changesets.ts';
import { createPost } from '../outside/request.ts';
import type { Database } from '../stores/postgres/database.ts';
import { databaseOf } from './support/instance-stores.ts';
import { base, cast, newTenant, person, type Body, type Person, type Reply } from './support/person.ts';
import { FakeSystem, secret, startReceiver } from './support/receiver.ts';
import { sharedInstance } from './support/shared.ts';

const instance = await sharedInstance();
let db: Database;
beforeAll(async () => { db = await databaseOf(instance); });
afterAll(() => db.close());

type Withdraw = readonly [how: string, sql: string];
/** Directly in the table: nobody can give a key other roles or another end by the API. */
const withdrawals: readonly Withdraw[] = [
  ['was revoked', 'UPDATE api_keys SET revoked_at = now() WHERE key_id = $1'],
  ['has expired', "UPDATE api_keys SET expires_at = now() - interval '1 second' WHERE key_id = $1"],
  ['no longer carries the role', "UPDATE api_keys SET roles = '{user,analyst}' WHERE key_id = $1"],
];

async function keyOf(tenant: string, roles = '{approver}'): Promise<string> {
  const id = randomUUID();
  await db.asTenant(tenant).query(
    "INSERT INTO api_keys (key_id, tenant, name, roles, secret_hash, created_by) VALUES ($1, $2, 'robot', $3, decode(repeat('00', 32), " +
    "'hex'), 'dee')",
    [id, tenant, roles],
  );
  return id;
}

const withdraw = (tenant: string, keyId: string, [, sql]: Withdraw): Promise<unknown> => db.asTenant(tenant).query(sql, [keyId]);

describe('at the moment of applying', () => {
  const system = new FakeSystem();
  let targets: readonly ChangeTarget[];
  let close: () => Promise<void>;
  beforeAll(async () => {
    const receiver = await startReceiver((request) => system.react(request));
    const post = createPost({ secret, timeoutMs: 20_000, maxAnswerBytes: 100_000, allowPrivate: true, now: Date.now });
    targets = [createTablesTarget(), createHttpTarget(`${receiver.url}/config/`, post)];
    close = () => receiver.close();
  });
  afterAll(() => close());

  function changeset(tenant: string, more: Partial<Changeset> = {}): Changeset {
    const id = randomUUID();
    return {
      changeset_id: id, tenant, session_id: randomUUID(), requested_by: 'ana', approved_by: 'ben', second_approved_by: null,
      approval_id: null, risk_score: 0,
      status: 'applied', ...more,
      changes: [{
        sequence: 1, recommendation_id: randomUUID(), target: `type_assist:${id}`, target_type: 'type_assist', target_key: id,
        operation: 'create', before: null,
        after: { code: 'a', label: 'A', category: 'site' },
      }],
    };
  }
  const statusOf = async ({ tenant, changeset_id: id }: Changeset): Promise<Body> => {
    const found = await findChangeset(db, tenant, id);
    return [found?.changeset.status, found?.changeset.failure, found?.progress.map(({ step }) => step)];
  };
  const refused = ['failed', 'an approver no longer holds the role', ['pending']];

  test.each(withdrawals)(
    'nothing is applied at either kind of target when the key of the first or second approver %s', async (...withdrawal) => {
      for (const target of targets) {
        const tenant = newTenant();
        const id = await keyOf(tenant);
        const mine = `key:${id}`;
        expect(await applyChanges(db, target, changeset(tenant, { approved_by: mine }))).toBe('applied');
        await withdraw(tenant, id, withdrawal);
        const approvals = [
          { approved_by: mine }, { approved_by: mine, second_approved_by: 'eve' }, { approved_by: 'ben', second_approved_by: mine },
        ];
        for (const approved of approvals) {
          const input = changeset(tenant, approved);
          // twice: a run that died after writing it down is repeated, and comes to the same
          expect([target.name, approved, await applyChanges(db, target, input), await applyChanges(db, target, input)]).toEqual(
            [target.name, approved, 'stale', 'stale'],
          );
          expect([target.name, approved, await statusOf(input)]).toEqual([target.name, approved, refused]);
          expect(system.at(tenant, `type_assist:${input.changeset_id}`)).toBeNull();
        }
      }
    },
  );

  test('a key of another tenant approves nothing here, and an admin key approves like an approver', async () => {
    for (const target of targets) {
      const tenant = newTenant();
      const foreign = changeset(tenant, { approved_by: `key:${await keyOf(newTenant())}` });
      expect([target.name, await applyChanges(db, target, foreign), await statusOf(foreign)]).toEqual([target.name, 'stale', refused]);
      expect(await applyChanges(db, target, changeset(tenant, { approved_by: `key:${await keyOf(tenant, '{admin}')}` }))).toBe('applied');
    }
  });

  test('what was applied before stays applied, and a rejection needs no role any more', async () => {
    for (const target of targets) {
      const tenant = newTenant();
      const id = await keyOf(tenant);
      const applied = changeset(tenant, { approved_by: `key:${id}` });
      await applyChanges(db, target, applied);
      await withdraw(tenant, id, withdrawals[0] ?? ['', '']);
      expect(await applyChanges(db, target, applied)).toBe('applied');
      expect(await applyChanges(db, target, changeset(tenant, { approved_by: `key:${id}`, second_approved_by: 'eve', status: 'rejected' })))
        .toBe('rejected');
    }
  });
});

describe('a decision that waits for its second approver', () => {
  const catalogue = {
    default_language: 'en', languages: ['en'], title: 'Fill the catalogue',
    questions: [{ id: 'name', type: 'text', prompt: 'Which catalogue?' }],
    recommendations: Array.from({ length: 11 }, (_, at) => ({
      id: `entry_${at + 1}`, target: { type: 'type_assist', key: `slug(name) + '-${at + 1}'` },
      values: { code: `'E${at + 1}'`, label: `'Entry ${at + 1}'`, category: "'catalogue'" }, confidence: 0.9,
      rationale: 'Part of every catalogue.',
    })),
  };

  const byKey = (key: string) => async (path: string, body?: unknown): Promise<Reply> => {
    const response = await fetch(`${instance.url}${base}${path}`, {
      method: body === undefined ? 'GET' : 'POST', headers: { 'x-api-key': key, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, headers: response.headers, body: await response.json() };
  };
  const byToken = (who: Person) => (path: string, body?: unknown): Promise<Reply> => (
    body === undefined ? who.get(path) : who.post(path, body)
  );

  async function decide(call: ReturnType<typeof byKey>, sessionId: string): Promise<Body> {
    const { body: proposal } = await call(`/sessions/${sessionId}/recommendations/`);
    const { body, status } = await call(`/sessions/${sessionId}/decision/`, {
      approved_items: proposal.recommendations.map((item: Body) => item.recommendation_id), proposal_hash: proposal.proposal_hash,
      dry_run: false,
    });
    expect([status, body.status]).toEqual([200, 'pending_second_approval']);
    return body;
  }

  test('is refused when the first one has lost the role, says why, and is decided anew by others', async () => {
    const { ana, ben, admin, tenant } = await cast(instance);
    const eve = await person(instance, tenant, 'eve', 'approver');
    await admin.call('PUT', '/admin/flows/catalogue/', catalogue);
    const { body: robot } = await admin.post('/admin/api-keys/', { name: 'robot', roles: ['approver'] });
    const answered = await ana.answerAll(await ana.start({ flow: 'catalogue' }), { name: 'Tools' });
    const { session_id: id } = await ana.inState(answered.session_id, 'awaiting_approval');
    const first = await decide(byKey(robot.key), id);
    expect((await admin.call('DELETE', `/admin/api-keys/${robot.key_id}/`)).status).toBe(200);

    const refused = await eve.post(`/approvals/${first.approval_id}/decide/`, { decision: 'approve' });
    expect([refused.status, refused.body.code, refused.body.errors[0].code]).toEqual([403, 'forbidden', 'role_withdrawn']);
    expect((await ben.get(`/changesets/${first.changeset_id}/`)).body).toMatchObject({
      status: 'failed', applied_at: null, failure: 'an approver no longer holds the role',
    });
    expect((await eve.post(`/approvals/${first.approval_id}/decide/`, { decision: 'approve' })).body.code).toBe('wrong_state');

    await ana.inState(id, 'awaiting_approval');
    const second = await decide(byToken(ben), id);
    expect((await eve.post(`/approvals/${second.approval_id}/decide/`, { decision: 'approve' })).body.status).toBe('applied');
    expect(await ana.inState(id, 'completed')).toMatchObject({ stage: 'completed' });
    const { body: list } = await ben.get(`/changesets/?session_id=${id}`);
    expect(list.results.map((row: Body) => row.status)).toEqual(['applied', 'failed']);
    const { body: audit } = await admin.get('/admin/audit/?action=approval.decide');
    expect(audit.total).toBe(3);
  });
});
