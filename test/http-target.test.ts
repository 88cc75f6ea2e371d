/** Changes applied to a system of the caller's own that fails in every way it can: all of a changeset or nothing, once. */
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { applyChanges } from '../stores/change-target/apply.ts';
import { createHttpTarget } from '../stores/change-target/http.ts';
import type { ChangeTarget } from '../stores/change-target/port.ts';
import type { Changeset } from '../domain/changeset.ts';
import { rollBackChangeset } from '../stores/change-target/rollback.ts';
import { findChangeset } from '../stores/postgres/changesets.ts';
import { createPost } from '../outside/request.ts';
import type { Database } from '../stores/postgres/database.ts';
import { databaseOf } from './support/instance-stores.ts';
import { newFolder } from './support/folders.ts';
import { discard, startInstance, type Instance } from './support/instance.ts';
import { cast, newTenant, person, proposed, type Body } from './support/person.ts';
import { FakeSystem, isSigned, secret, startReceiver, type Reaction, type Receiver } from './support/receiver.ts';
import { sharedInstance } from './support/shared.ts';
import { until } from './support/until.ts';

let db: Database;
let system: FakeSystem;
let receiver: Receiver;
let target: ChangeTarget;

beforeAll(async () => { db = await databaseOf(await sharedInstance()); });
afterAll(() => db.close());
beforeEach(async () => {
  system = new FakeSystem();
  receiver = await startReceiver((request) => system.react(request));
  target = targetWithin(20_000);
});
afterEach(() => receiver.close());

/** The system, for a caller of so much patience. */
function targetWithin(timeoutMs: number): ChangeTarget {
  return createHttpTarget(`${receiver.url}/config/`, createPost({
    secret, timeoutMs, maxAnswerBytes: 100_000, allowPrivate: true, now: Date.now,
  }));
}

/** Only one that says nothing, or too late, is waited for; those who answer have time to. */
const impatientMs = 1_500;
const tooLate = { delayMs: 2 * impatientMs };
const targetThat = (does: string): ChangeTarget => (/hangs|too late/.test(does) ? targetWithin(impatientMs) : target);

const assist = (code: string, label = code) => ({ code, label, category: 'site' });

/** Creates of type assists with these keys, unless told otherwise. */
function changeset(keys: readonly string[], more: Partial<Changeset> = {}): Changeset {
  return {
    changeset_id: randomUUID(), tenant: newTenant(), session_id: randomUUID(), requested_by: 'ana', approved_by: 'ben',
    second_approved_by: null, approval_id: null,
    risk_score: 0, status: 'applied', ...more,
    changes: more.changes ?? keys.map((key, at) => ({
      sequence: at + 1, recommendation_id: randomUUID(), target: `type_assist:${key}`, target_type: 'type_assist', target_key: key,
      operation: 'create' as const, before: null, after: assist(key),
    })),
  };
}

const actions = (): string[] => receiver.requests.map(
  ({ body }) => `${body.action}${body.change === undefined ? '' : ` ${body.change.target_key}`}`,
);
const found = async (input: Changeset): Promise<Body> => findChangeset(db, input.tenant, input.changeset_id);
const held = (input: Changeset): Body[] => input.changes.map((change) => system.at(input.tenant, `type_assist:${change.target_key}`));
const nothing = [null, null, null];

describe('a changeset', () => {
  test('is prepared, applied in order and read back, each request signed and each change under its own key', async () => {
    const input = changeset(['a', 'b', 'c']);
    expect(await applyChanges(db, target, input)).toBe('applied');
    expect(actions()).toEqual(['prepare', 'apply a', 'apply b', 'apply c', 'read']);
    expect(receiver.requests.map((request) => request.path)).toEqual([
      '/config/prepare', '/config/apply', '/config/apply', '/config/apply', '/config/read',
    ]);
    expect(receiver.requests.every((request) => isSigned(request))).toBe(true);
    expect(receiver.requests.some((request) => isSigned(request, 'another secret, as long'))).toBe(false);
    const applies = receiver.requests.filter(({ body }) => body.action === 'apply');
    expect(applies.map(({ headers }) => headers['idempotency-key'])).toEqual(applies.map(({ body }) => body.change.change_id));
    expect(held(input)).toEqual([assist('a'), assist('b'), assist('c')]);
    const { changeset: row, progress } = await found(input);
    expect([row.status, ...progress.map((each: Body) => each.step)]).toEqual(['applied', 'applied', 'applied', 'applied']);
  });

  test.each<Reaction>(['unfinished', 'endless', { body: 'x'.repeat(300_000) }])('is applied once by a system whose answer to `apply` has ' +
    'a body that nobody needs: %s', async (reaction) => {
    const input = changeset(['a', 'b']);
    system.fault = ({ body }, effect) => {
      if (body.action !== 'apply') return null;
      effect();
      return reaction;
    };
    expect(await applyChanges(db, target, input)).toBe('applied');
    expect(actions()).toEqual(['prepare', 'apply a', 'apply b', 'read']);
  });

  test('is not begun by a system whose answer to `prepare` is too long to be read', async () => {
    const input = changeset(['a']);
    system.fault = ({ body }) => (body.action === 'prepare' ? { body: 'x'.repeat(300_000) } : null);
    await expect(applyChanges(db, target, input)).rejects.toThrow(/too_large/);
    expect(actions()).toEqual(['prepare']);
  });

  test('is not applied again when it is asked for again, also after it was rolled back', async () => {
    const input = changeset(['a']);
    await applyChanges(db, target, input);
    expect(await applyChanges(db, target, input)).toBe('applied');
    await rollBackChangeset(db, target, {
      tenant: input.tenant, changeset_id: input.changeset_id, by: 'dee', reason: 'r', force: false, tell: false,
    });
    expect(await applyChanges(db, target, input)).toBe('applied');
    expect(system.effects).toEqual(['apply type_assist:a', 'undo type_assist:a']);
  });

  test('is stale, with nothing asked for and nothing recorded, when a target holds something else', async () => {
    const input = changeset(['a', 'b', 'c']);
    system.put(input.tenant, 'type_assist:b', assist('b'));
    expect(await applyChanges(db, target, input)).toBe('stale');
    expect(actions()).toEqual(['prepare']);
    expect(await found(input)).toBeNull();
  });

  test('is not stale for fields of the system\'s own and for null in the place of an absent one', async () => {
    const before = { level: 'basic', gps_tracking: false, sleeping_guard_check: false };
    const input = changeset([], {
      changes: [
        {
          sequence: 1, recommendation_id: randomUUID(), target: 'security_setting:s', target_type: 'security_setting', target_key: 's',
          operation: 'update', before, after: { ...before, level: 'high' },
        },
      ],
    });
    system.put(input.tenant, 'security_setting:s', { ...before, permissible_distance_m: null, row_version: 7 });
    expect(await applyChanges(db, target, input)).toBe('applied');
  });
});

describe('when the system fails in the middle', () => {
  test('and says no, what was applied is undone in reverse, and a later run applies it all under new keys', async () => {
    const input = changeset(['a', 'b', 'c']);
    system.fault = ({ body }) => (body.action === 'apply' && body.change.target_key === 'c' ? { status: 422 } : null);
    await expect(applyChanges(db, target, input)).rejects.toMatchObject({ kind: 'refused', status: 422 });
    expect(actions()).toEqual(['prepare', 'apply a', 'apply b', 'apply c', 'undo b', 'undo a', 'read']);
    expect(held(input)).toEqual(nothing);
    const { changeset: row, progress } = await found(input);
    expect([row.status, ...progress.map((each: Body) => each.step)]).toEqual(['failed', 'undone', 'undone', 'failed']);
    expect(row.failure).toMatch(/type_assist:c.*422/);
    const keys = (): Set<unknown> => new Set(
      receiver.requests.filter(({ body }) => body.action === 'apply').map(({ headers }) => headers['idempotency-key']),
    );
    const first = keys();
    system.fault = () => null;
    expect(await applyChanges(db, target, input)).toBe('applied');
    expect(keys().size).toBe(first.size + 3);
    expect(held(input)).toEqual([assist('a'), assist('b'), assist('c')]);
    expect((await found(input)).changeset).toMatchObject({ status: 'applied', failure: null });
  });

  test.each([
    ['closes the connection after it has applied', (effect: () => void) => { effect(); return 'close' as const; }],
    ['answers too late', (effect: () => void) => { effect(); return tooLate; }],
    ['answers 503', () => ({ status: 503 })],
  ])('once, because it %s, the change is asked for again under the same key and happens once', async (does, fail) => {
    const input = changeset(['a', 'b', 'c']);
    let failures = 0;
    system.fault = ({ body }, effect) => (
      body.action === 'apply' && body.change.target_key === 'b' && (failures += 1) === 1 ? fail(effect) : null
    );
    expect(await applyChanges(db, targetThat(does), input)).toBe('applied');
    const keys = receiver.requests.filter(({ body }) => body.change?.target_key === 'b').map(({ headers }) => headers['idempotency-key']);
    expect([keys.length, new Set(keys).size]).toEqual([2, 1]);
    expect(system.effects).toEqual(['apply type_assist:a', 'apply type_assist:b', 'apply type_assist:c']);
  });

  test.each([
    ['hangs', () => 'hang' as const],
    ['closes the connection after it has applied', (effect: () => void) => { effect(); return 'close' as const; }],
    ['answers too late', (effect: () => void) => { effect(); return tooLate; }],
    ['answers 500', () => ({ status: 500 })],
    ['sends to another address', () => ({ status: 307, headers: { location: 'http://127.0.0.1:1/' } })],
  ])('for good, because it %s, everything is undone, also what may have been applied', async (does, fail) => {
    const input = changeset(['a', 'b', 'c']);
    system.fault = ({ body }, effect) => (body.action === 'apply' && body.change.target_key === 'b' ? fail(effect) : null);
    await expect(applyChanges(db, targetThat(does), input)).rejects.toMatchObject({ name: 'ChangeTargetError' });
    expect(held(input)).toEqual(nothing);
    expect((await found(input)).changeset.status).toBe('failed');
    system.fault = () => null;
    expect(await applyChanges(db, target, input)).toBe('applied');
  });

  test('and reads back other values than were asked for, everything is undone', async () => {
    const input = changeset(['a', 'b', 'c']);
    let reads = 0;
    system.fault = ({ body }) => {
      if (body.action === 'read' && (reads += 1) === 1) system.put(input.tenant, 'type_assist:b', assist('b', 'Something else'));
      return null;
    };
    await expect(applyChanges(db, target, input)).rejects.toMatchObject({ kind: 'wrong_answer' });
    expect(held(input)).toEqual(nothing);
    expect((await found(input)).changeset).toMatchObject({ status: 'failed', failure: expect.stringContaining('type_assist:b') });
  });

  test.each([['no JSON', 'certainly'], ['nothing of a target', { current: [] }], ['another form', { current: 'yes' }]])('an answer to ' +
    'prepare that is %s applies nothing', async (_, body) => {
    const input = changeset(['a']);
    system.fault = () => ({ body });
    await expect(applyChanges(db, target, input)).rejects.toMatchObject({ kind: 'wrong_answer' });
    expect([actions(), await found(input)]).toEqual([['prepare'], null]);
  });

  test('one that answers twice is heard once', async () => {
    const input = changeset(['a', 'b']);
    system.fault = ({ body }, effect) => {
      if (body.action !== 'apply') return null;
      effect();
      return 'twice';
    };
    expect(await applyChanges(db, target, input)).toBe('applied');
    expect(system.effects).toHaveLength(2);
  });

  test('and cannot be reached for the way back, the changeset stays open, keeps others off its targets, and is settled by the next run', async () => {
    const input = changeset(['a', 'b', 'c']);
    let down = false;
    system.fault = ({ body }) => {
      down ||= body.action === 'apply' && body.change.target_key === 'c';
      return down ? { status: 503 } : null;
    };
    await expect(applyChanges(db, target, input)).rejects.toMatchObject({ kind: 'unreachable' });
    expect((await found(input)).changeset.status).toBe('applying');
    system.fault = () => null;
    const other = changeset([], {
      tenant: input.tenant,
      changes: [
        {
          sequence: 1, recommendation_id: randomUUID(), target: 'type_assist:b', target_type: 'type_assist', target_key: 'b',
          operation: 'update', before: assist('b'), after: assist('b', 'New'),
        },
      ],
    });
    await expect(applyChanges(db, target, other)).rejects.toMatchObject({ kind: 'busy' });
    system.effects.length = 0;
    expect(await applyChanges(db, target, input)).toBe('applied');
    expect(system.effects).toEqual(
      ['b', 'a'].map((key) => `undo type_assist:${key}`).concat(['a', 'b', 'c'].map((key) => `apply type_assist:${key}`)),
    );
  });
});

describe('when a run dies between two steps', () => {
  /** A run that ends by something that is none of the target's errors records nothing more, as a killed one. */
  async function dies(input: Changeset, atKey: string, when: 'before' | 'after'): Promise<void> {
    if (target.isTransactional) throw new Error('These run against a remote target.');
    const { steps } = target;
    const killed: ChangeTarget = {
      name: 'http', isTransactional: false,
      steps: (scope) => ({
        ...steps(scope),
        apply: async (change) => {
          if (change.target_key === atKey && when === 'before') throw new Error('killed');
          await steps(scope).apply(change);
          if (change.target_key === atKey) throw new Error('killed');
        },
      }),
    };
    await expect(applyChanges(db, killed, input)).rejects.toThrow('killed');
  }

  test.each([
    'before', 'after',
  ] as const)('%s the system has heard of it, the next run goes on from there, and each change happens once', async (when) => {
    const input = changeset(['a', 'b', 'c']);
    await dies(input, 'b', when);
    expect((await found(input)).changeset.status).toBe('applying');
    expect(await applyChanges(db, target, input)).toBe('applied');
    expect(system.effects).toEqual(['apply type_assist:a', 'apply type_assist:b', 'apply type_assist:c']);
  });

  test('and somebody changes what was not reached yet, the next run takes back what was applied', async () => {
    const input = changeset(['a', 'b', 'c']);
    await dies(input, 'b', 'before');
    system.put(input.tenant, 'type_assist:c', assist('c', 'Mine'));
    expect(await applyChanges(db, target, input)).toBe('stale');
    expect(held(input)).toEqual([null, null, assist('c', 'Mine')]);
    expect((await found(input)).changeset.status).toBe('failed');
  });
});

describe('at once', () => {
  test('five runs of one changeset apply it once', async () => {
    const input = changeset(['a', 'b', 'c']);
    expect(await Promise.all(Array.from({ length: 5 }, () => applyChanges(db, target, input)))).toEqual(
      Array.from({ length: 5 }, () => 'applied'),
    );
    expect(system.effects).toHaveLength(3);
  });

  test('two changesets on one target: the second is stale', async () => {
    const one = changeset(['a']);
    const results = await Promise.all([one, changeset(['a'], { tenant: one.tenant })].map((input) => applyChanges(db, target, input)));
    expect(results.toSorted()).toEqual(['applied', 'stale']);
  });
});

describe('a rollback', () => {
  const rollBack = (input: Changeset, force = false) => rollBackChangeset(db, target, {
    tenant: input.tenant, changeset_id: input.changeset_id, by: 'dee', reason: 'wrong site', force, tell: false,
  });

  test('undoes in reverse, reads each back, and a second one does nothing', async () => {
    const input = changeset(['a', 'b', 'c']);
    await applyChanges(db, target, input);
    system.effects.length = 0;
    const first = await rollBack(input);
    expect(first).toEqual({ kind: 'done', status: 'rolled_back', rolled_back: 3, failed: [] });
    expect(system.effects).toEqual(['undo type_assist:c', 'undo type_assist:b', 'undo type_assist:a']);
    expect(held(input)).toEqual(nothing);
    const requests = receiver.requests.length;
    expect(await rollBack(input)).toEqual(first);
    expect(receiver.requests).toHaveLength(requests);
  });

  test('is refused, with nothing undone, when a target is no longer what the changeset left; by force it records what it overwrote', async () => {
    const input = changeset(['a', 'b']);
    await applyChanges(db, target, input);
    system.put(input.tenant, 'type_assist:a', assist('a', 'Mine'));
    expect(await rollBack(input)).toEqual({ kind: 'target_changed', targets: ['type_assist:a'] });
    expect(system.effects).toHaveLength(2);
    expect(await rollBack(input, true)).toMatchObject({ status: 'rolled_back' });
    expect(held(input)).toEqual([null, null]);
    const { changeset: row, progress } = await found(input);
    expect(row).toMatchObject({ status: 'rolled_back', rolled_back_by: 'dee', rollback_reason: 'wrong site', rollback_forced: true });
    expect(progress.map((each: Body) => each.overwritten)).toEqual([assist('a', 'Mine'), assist('b')]);
  });

  test('that fails half-way says so, leaves what comes before alone, and is finished by a repeat', async () => {
    const input = changeset(['a', 'b', 'c']);
    await applyChanges(db, target, input);
    system.fault = ({ body }) => (body.action === 'undo' && body.change.target_key === 'b' ? { status: 409 } : null);
    const first = await rollBack(input);
    expect(first).toMatchObject({ status: 'partially_rolled_back', rolled_back: 1 });
    expect(first.kind === 'done' && first.failed.map((each) => each.target)).toEqual(['type_assist:b', 'type_assist:a']);
    expect(held(input)).toEqual([assist('a'), assist('b'), null]);
    expect((await found(input)).changeset.status).toBe('partially_rolled_back');
    system.fault = () => null;
    expect(await rollBack(input)).toEqual({ kind: 'done', status: 'rolled_back', rolled_back: 3, failed: [] });
    expect(held(input)).toEqual(nothing);
    expect(system.effects.filter((effect) => effect.startsWith('undo'))).toHaveLength(3);
  });

  test('whose answer was lost is finished by a repeat: what is already undone is no change by somebody else', async () => {
    const input = changeset(['a', 'b']);
    await applyChanges(db, target, input);
    system.fault = ({ body }, effect) => {
      if (body.action !== 'undo') return null;
      effect();
      return 'close';
    };
    expect(await rollBack(input)).toMatchObject({ status: 'partially_rolled_back' });
    system.fault = () => null;
    expect(await rollBack(input)).toMatchObject({ status: 'rolled_back', rolled_back: 2 });
    expect(held(input)).toEqual([null, null]);
  });

  test('of a system that says yes and does nothing is not believed', async () => {
    const input = changeset(['a']);
    await applyChanges(db, target, input);
    system.fault = ({ body }) => (body.action === 'undo' ? {} : null);
    expect(await rollBack(input)).toMatchObject({ status: 'partially_rolled_back', failed: [{ target: 'type_assist:a' }] });
  });

  test('five at once have one effect', async () => {
    const input = changeset(['a', 'b']);
    await applyChanges(db, target, input);
    const results = await Promise.all(Array.from({ length: 5 }, () => rollBack(input)));
    expect(new Set(results.map((result) => JSON.stringify(result))).size).toBe(1);
    expect(system.effects.filter((effect) => effect.startsWith('undo'))).toHaveLength(2);
  });
});

describe('a service with CHANGE_TARGET_URL', () => {
  let instance: Instance | undefined;
  afterAll(() => discard(instance));

  test('applies decisions there, goes on by itself after SIGKILL in the middle, rolls back there, and looks there for before-images', async () => {
    const folder = await newFolder();
    const environment = {
      CHANGE_TARGET_URL: receiver.url, CHANGE_TARGET_SECRET: secret, GANGWAY_ALLOW_PRIVATE_URLS: 'true', GANGWAY_RETRY_DELAY_PERCENT: '10',
    };
    instance = await startInstance(folder, environment);
    const { ana, ben, tenant } = await cast(instance);
    const { session, items } = await proposed(ana, ben, { business_unit_name: 'North Depot' });
    let applies = 0;
    system.fault = ({ body }) => (body.action === 'apply' && (applies += 1) === 3 ? 'hang' : null);
    const decided = ben.post(`/sessions/${session.session_id}/decision/`, { approved_items: items, dry_run: false }).catch(() => null);
    await until('the third change is under way', () => applies === 3);
    await instance.kill();
    await decided;
    instance = await startInstance(folder, environment);
    const again = await person(instance, tenant, 'ana', 'user');
    await until(
      'the session is completed by itself', async () => (await again.get(`/sessions/${session.session_id}/`)).body.state === 'completed',
      150_000,
    );
    expect(system.effects).toHaveLength(items.length);
    expect(receiver.requests.every((request) => isSigned(request))).toBe(true);

    const admin = await person(instance, tenant, 'dee', 'admin');
    const eve = await person(instance, tenant, 'eve', 'user');
    const second = await proposed(eve, admin, { business_unit_name: 'North Depot', expected_users: 77 });
    const unit = second.proposal.recommendations.find((item: Body) => item.target.startsWith('business_unit:'));
    expect(unit).toMatchObject({ operation: 'update', before: { name: 'North Depot' } });

    const [{ changeset_id: id }] = (await admin.get('/changesets/')).body.results;
    system.fault = ({ body }) => (body.action === 'read' ? { status: 503 } : null);
    const unreachable = await admin.post(`/changesets/${id}/rollback/`, { reason: 'wrong site' });
    expect([unreachable.status, unreachable.body.code]).toEqual([503, 'store_unavailable']);
    system.fault = () => null;
    const rolledBack = await admin.post(`/changesets/${id}/rollback/`, { reason: 'wrong site' });
    expect(rolledBack.body).toEqual({
      changeset_id: id, status: 'rolled_back', rolled_back_changes: items.length, failed_rollbacks: 0, failures: [],
    });
    expect([...system.holds]).toEqual([]);
  });
});
