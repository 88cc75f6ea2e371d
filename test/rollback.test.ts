/** Rolling back in the built-in tables: all or nothing, in reverse, not over others' changes, once. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { currentValues } from '../stores/change-target/port.ts';
import { createTablesTarget } from '../stores/change-target/tables.ts';
import type { Database } from '../stores/postgres/database.ts';
import { StoreUnavailableError } from '../stores/unavailable.ts';
import { databaseOf } from './support/instance-stores.ts';
import { newFolder } from './support/folders.ts';
import { discard, startInstance, type Instance } from './support/instance.ts';
import { cast, newTenant, person, proposed, type Body, type Person } from './support/person.ts';
import { sharedInstance } from './support/shared.ts';
import { until } from './support/until.ts';

const instance = await sharedInstance();
let db: Database;
beforeAll(async () => { db = await databaseOf(instance); });
afterAll(() => db.close());

/** A changeset that was applied, and the names of its targets. */
async function applied(
  owner: Person, ben: Person, answers: Readonly<Record<string, unknown>>,
): Promise<{ id: string; targets: string[]; sessionId: string }> {
  const { session, items } = await proposed(owner, ben, answers);
  const { status, body } = await ben.post(`/sessions/${session.session_id}/decision/`, { approved_items: items, dry_run: false });
  if (status !== 200 || body.status !== 'applied') throw new Error(`decision: ${status} ${JSON.stringify(body)}`);
  return { id: body.changeset_id, targets: body.changes.map((change: Body) => change.target), sessionId: session.session_id };
}

async function configured(database: Database, tenant: string, targets: readonly string[]): Promise<Body> {
  const refs = targets.map((target) => ({
    target_type: target.slice(0, target.indexOf(':')), target_key: target.slice(target.indexOf(':') + 1),
  }));
  return Object.fromEntries(await currentValues(database, createTablesTarget(), tenant, refs));
}

const gone = (targets: readonly string[]): Body => Object.fromEntries(targets.map((target) => [target, null]));
const unitOf = (targets: readonly string[]): string => targets.find((target) => target.startsWith('business_unit:')) ?? '';

/** Two sessions of one tenant that set up the same unit, one after the other. */
async function twoOnOne(
  users: readonly [number, number] = [10, 20],
): Promise<{ tenant: string; admin: Person; first: Body; second: Body; unit: string }> {
  const { ana, ben, admin, tenant } = await cast(instance);
  const eve = await person(instance, tenant, 'eve', 'user');
  const first = await applied(ana, ben, { business_unit_name: 'North Depot', expected_users: users[0] });
  const second = await applied(eve, ben, { business_unit_name: 'North Depot', expected_users: users[1] });
  return { tenant, admin, first, second, unit: unitOf(first.targets) };
}

const rollBack = (admin: Person, id: string, body: object = {}) => admin.post(
  `/changesets/${id}/rollback/`, { reason: 'the wrong site', ...body },
);

describe('a rollback', () => {
  test('removes what the changeset created, says who did it, when and why, and leaves the session as it is', async () => {
    const { ana, ben, admin, tenant } = await cast(instance);
    const { id, targets, sessionId } = await applied(ana, ben, { business_unit_name: 'North Depot' });
    expect(Object.values(await configured(db, tenant, targets)).every((values) => values !== null)).toBe(true);
    const { status, body } = await rollBack(admin, id);
    expect([status, body]).toEqual([
      200, { changeset_id: id, status: 'rolled_back', rolled_back_changes: targets.length, failed_rollbacks: 0, failures: [] },
    ]);
    expect(await configured(db, tenant, targets)).toEqual(gone(targets));
    const changeset = (await ben.get(`/changesets/${id}/`)).body;
    expect(changeset).toMatchObject({
      status: 'rolled_back', rolled_back_by: 'dee', rollback_reason: 'the wrong site', rollback_forced: false,
      rolled_back_at: expect.any(String),
    });
    expect(changeset.progress.map((each: Body) => each.step)).toEqual(targets.map(() => 'undone'));
    expect((await ben.get('/changesets/?status=rolled_back')).body.total).toBe(1);
    expect((await ana.get(`/sessions/${sessionId}/`)).body.state).toBe('completed');
  });

  test('is refused with every target that was changed since and touches nothing; in the reverse order both can be rolled back', async () => {
    const { tenant, admin, first, second, unit } = await twoOnOne();
    const before = await configured(db, tenant, first.targets);
    const refused = await rollBack(admin, first.id);
    expect([refused.status, refused.body.code]).toEqual([409, 'target_changed']);
    expect(refused.body.errors.map((error: Body) => error.message).join()).toContain(unit);
    expect(await configured(db, tenant, first.targets)).toEqual(before);
    expect((await rollBack(admin, second.id)).status).toBe(200);
    expect((await configured(db, tenant, [unit]))[unit]).toMatchObject({ expected_users: 10 });
    expect((await rollBack(admin, first.id)).body).toMatchObject({ status: 'rolled_back', rolled_back_changes: first.targets.length });
    expect(await configured(db, tenant, first.targets)).toEqual(gone(first.targets));
  });

  test('of what is rolled back already gives the same result and changes nothing', async () => {
    const { ana, ben, admin, tenant } = await cast(instance);
    const { id, targets } = await applied(ana, ben, { business_unit_name: 'North Depot' });
    const first = await rollBack(admin, id);
    // set up anew by somebody else: a repeated rollback must not take that away
    const again = await applied(await person(instance, tenant, 'eve', 'user'), ben, { business_unit_name: 'North Depot' });
    const second = await rollBack(admin, id, { reason: 'once more', force: true });
    expect([second.status, second.body]).toEqual([200, first.body]);
    expect((await ben.get(`/changesets/${id}/`)).body.rollback_reason).toBe('the wrong site');
    expect(Object.values(await configured(db, tenant, again.targets)).every((values) => values !== null)).toBe(true);
    expect(again.targets).toEqual(targets);
  });

  test('by force overwrites what was changed since, and records what that was', async () => {
    const { tenant, admin, first, unit } = await twoOnOne();
    expect((await rollBack(admin, first.id, { force: true })).body).toMatchObject({ status: 'rolled_back', failed_rollbacks: 0 });
    expect(await configured(db, tenant, [unit])).toEqual({ [unit]: null });
    const { changes, progress, ...changeset } = (await admin.get(`/changesets/${first.id}/`)).body;
    expect(changeset.rollback_forced).toBe(true);
    const at = changes.find((change: Body) => change.target === unit).sequence;
    expect(progress.find((each: Body) => each.sequence === at).overwritten).toMatchObject({ expected_users: 20 });
  });

  test('five at once have one effect, and all are told the same', async () => {
    const { tenant, admin, second, unit } = await twoOnOne();
    const replies = await Promise.all(Array.from({ length: 5 }, () => rollBack(admin, second.id)));
    expect(new Set(replies.map((reply) => JSON.stringify([reply.status, reply.body]))).size).toBe(1);
    expect(replies[0]?.status).toBe(200);
    expect((await configured(db, tenant, [unit]))[unit]).toMatchObject({ expected_users: 10 });
  });

  test('of a changeset that was rejected is wrong_state, of an unknown or foreign one not_found, and only for admins', async () => {
    const { ana, ben, admin } = await cast(instance);
    const { session, items } = await proposed(ana, ben);
    const rejected = await ben.post(`/sessions/${session.session_id}/decision/`, { rejected_items: items, dry_run: false });
    const never = await rollBack(admin, rejected.body.changeset_id);
    expect([never.status, never.body.code]).toEqual([409, 'wrong_state']);
    const stranger = await person(instance, newTenant(), 'dee', 'admin');
    const foreign = await rollBack(stranger, rejected.body.changeset_id);
    const unknown = await rollBack(stranger, randomUUID());
    expect([foreign.status, unknown.status, foreign.body.code, foreign.body.detail]).toEqual([404, 404, 'not_found', unknown.body.detail]);
    for (const who of [ana, ben]) expect((await rollBack(who, rejected.body.changeset_id)).status).toBe(403);
  });

  test('needs a reason of 1 to 1,000 characters', async () => {
    const { admin } = await cast(instance);
    for (
      const body of [{}, { reason: '' }, { reason: '   ' }, { reason: 'x'.repeat(1_001) }, { reason: 7 }, { reason: 'r', forced: true }]
    ) {
      const { status, body: problem } = await admin.post(`/changesets/${randomUUID()}/rollback/`, body);
      expect([JSON.stringify(body).slice(0, 30), status, problem.code]).toEqual([
        JSON.stringify(body).slice(0, 30), 400, 'invalid_request',
      ]);
    }
  });
});

describe('a service that is killed', () => {
  let own: Instance | undefined;
  afterAll(() => discard(own));

  /** Kills it while the change of this sequence is its turn to be undone, with those after it undone and nothing committed. */
  async function killAt(running: Instance, admin: Person, changesetId: string, sequence: number): Promise<void> {
    const [holder, watcher] = [await databaseOf(running), await databaseOf(running)];
    const held = holder.asTenant(admin.tenant).transaction(async (tx) => {
      await tx.query(
        'SELECT FROM changes WHERE tenant = $1 AND changeset_id = $2 AND sequence = $3 FOR UPDATE', [admin.tenant, changesetId, sequence],
      );
      const rolling = rollBack(admin, changesetId).catch(() => 'killed');
      const waiting: { pid: number; table: string }[] = [];
      await until(`the rollback waits at change ${sequence}`, async () => {
        // it has written to a table of the configuration, and waits for a row of a change
        waiting.push(...await watcher.query<{ pid: number; table: string }>(
          `SELECT pid, relation::regclass::text AS table FROM pg_stat_activity JOIN pg_locks USING (pid)
           WHERE wait_event_type = 'Lock' AND query LIKE 'UPDATE changes SET overwritten%' AND mode = 'RowExclusiveLock'
             AND relation::regclass::text LIKE 'configuration.%'`,
        ));
        return waiting.length > 0;
      });
      await running.kill();
      expect(await rolling).toBe('killed');
    });
    // PostgreSQL goes with the service, and what held the change up with it
    await held.catch((error: unknown) => { if (!(error instanceof StoreUnavailableError)) throw error; });
    await Promise.all([holder.close(), watcher.close()]);
  }

  test.each([['the second', -1], ['the last', 1]])('at %s of the changes that a rollback undoes has undone none of them, and a repeat ' +
    'undoes all', async (_, at) => {
    const folder = own?.folder ?? await newFolder();
    // whoever waits for the change that is held up waits until the kill
    const settings = { GANGWAY_DATABASE_TIMEOUT_MS: '30000' };
    own ??= await startInstance(folder, settings);
    const { ana, ben, admin, tenant } = await cast(own);
    const { id, targets } = await applied(ana, ben, { business_unit_name: 'North Depot' });
    const before = await configuredAt(own, tenant, targets);
    expect(Object.values(before)).not.toContain(null);
    await killAt(own, admin, id, at > 0 ? at : targets.length + at);
    own = await startInstance(folder, settings);
    expect(await configuredAt(own, tenant, targets)).toEqual(before);
    const repeated = await rollBack(await person(own, tenant, 'dee', 'admin'), id);
    expect([repeated.status, repeated.body.status, repeated.body.rolled_back_changes]).toEqual([200, 'rolled_back', targets.length]);
    expect(await configuredAt(own, tenant, targets)).toEqual(gone(targets));
  });

  async function configuredAt(running: Instance, tenant: string, targets: readonly string[]): Promise<Body> {
    const stores = await databaseOf(running);
    try {
      return await configured(stores, tenant, targets);
    } finally {
      await stores.close();
    }
  }
});
