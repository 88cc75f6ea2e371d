/** A changeset that cannot be applied: its decision stands, an operator retries or discards it, and no target is left half changed. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { InstanceAddress } from './support/instance.ts';
import { cast, proposed, type Body, type Person } from './support/person.ts';
import { FakeSystem, startReceiver, type Receiver } from './support/receiver.ts';
import { leaseInstance, leaseMs, type Lease } from './support/shared.ts';
import { until } from './support/until.ts';

let instance: InstanceAddress;
let lease: Lease;
let receiver: Receiver;
const system = new FakeSystem();

beforeAll(async () => {
  receiver = await startReceiver((request) => (request.path.startsWith('/target/') ? system.react(request) : {}));
  lease = await leaseInstance('outside', receiver.port);
  instance = lease.instance;
}, leaseMs);
afterEach(() => { system.fault = () => null; });
afterAll(async () => {
  lease.end();
  await receiver.close();
});

interface Stuck {
  readonly ana: Person;
  readonly admin: Person;
  readonly sessionId: string;
  readonly decision: Body;
  readonly task: Body;
  readonly changeset: () => Promise<Body>;
}

/** A decision whose third change is refused for good. */
async function stuck(how: () => void): Promise<Stuck> {
  const { ana, ben, admin } = await cast(instance);
  const { session, items } = await proposed(ana, ben);
  how();
  const { body: decision } = await ben.post(`/sessions/${session.session_id}/decision/`, { approved_items: items, dry_run: false });
  let task: Body;
  await until('its task is parked', async () => {
    [task] = (await admin.get(`/admin/dlq/tasks/?session_id=${session.session_id}`)).body.results;
    return task !== undefined;
  });
  return {
    ana, admin, sessionId: session.session_id, decision, task,
    changeset: async () => (await admin.get(`/changesets/?session_id=${session.session_id}`)).body.results[0],
  };
}

const refuseThird = (): void => {
  let applies = 0;
  system.fault = ({ body }) => (body.action === 'apply' && (applies += 1) >= 3 ? { status: 400 } : null);
};

describe('a target that says no for good', () => {
  test('is not asked again and again: the decision is answered, its changeset waits, and the person is told', async () => {
    const { ana, decision, task, sessionId, changeset } = await stuck(refuseThird);
    expect(decision).toMatchObject({ dry_run: false, status: 'applying' });
    expect(task).toMatchObject({ task_name: 'applyChangeset', status: 'parked', category: 'external_api', attempts: 1 });
    expect((await ana.get(`/sessions/${sessionId}/`)).body).toMatchObject({
      state: 'awaiting_approval', notice: { title: expect.any(String) },
    });
    expect(await changeset()).toMatchObject({ status: 'failed', failure: expect.any(String) });
  });

  test('and has changed its mind when an operator retries: everything is applied once, and the session is completed', async () => {
    const { ana, admin, sessionId, task, changeset } = await stuck(refuseThird);
    system.fault = () => null;
    expect((await admin.post(`/admin/dlq/tasks/${task.task_id}/retry/`, { reason: 'the target takes it now' })).status).toBe(202);
    await ana.inState(sessionId, 'completed');
    expect(await changeset()).toMatchObject({ status: 'applied' });
  });

  test('what was approved cannot be amended on the way: 422, and nothing is applied', async () => {
    const { admin, task, changeset } = await stuck(refuseThird);
    system.fault = () => null;
    const { input } = (await admin.get(`/admin/dlq/tasks/${task.task_id}/`)).body;
    const amendments: readonly object[] = [{ changes: input.changes.slice(1) }, { tenant: 'other' }, { approved_by: 'eve' }];
    for (const amendment of amendments) {
      const reply = await admin.post(`/admin/dlq/tasks/${task.task_id}/retry/`, { input: { ...input, ...amendment } });
      expect([reply.status, reply.body.code, reply.body.errors[0].pointer]).toEqual([
        422, 'input_invalid', `/input/${Object.keys(amendment)[0]}`,
      ]);
    }
    expect(await changeset()).toMatchObject({ status: 'failed' });
    expect((await admin.post(`/admin/dlq/tasks/${task.task_id}/retry/`, { input })).status).toBe(202);
  });

  test('and is left alone: discarded, the session ends in error, and nothing of it is at its targets', async () => {
    const { ana, admin, sessionId, task, changeset } = await stuck(refuseThird);
    expect((await admin.call('DELETE', `/admin/dlq/tasks/${task.task_id}/?reason=not%20wanted`)).body)
      .toMatchObject({ status: 'discarded' });
    const session = await ana.inState(sessionId, 'error');
    expect(session).toMatchObject({ notice: null, question: null });
    expect(await changeset()).toMatchObject({ status: 'failed' });
    expect([...system.holds.keys()].filter((key) => key.startsWith(`${session.tenant} `))).toEqual([]);
  });
});

describe('a target that goes away in the middle', () => {
  test('and comes back after the task was discarded: what had been applied is taken back', async () => {
    let applies = 0;
    let away = false;
    const { ana, admin, sessionId, task, changeset } = await stuck(() => {
      system.fault = ({ body }) => {
        if (body.action === 'apply' && (applies += 1) >= 3) away = true;
        return away ? { status: 503 } : null;
      };
    });
    const { tenant } = ana;
    expect([...system.holds.keys()].filter((key) => key.startsWith(`${tenant} `))).toHaveLength(2);
    expect(await changeset()).toMatchObject({ status: 'applying' });
    system.fault = () => null;
    await admin.call('DELETE', `/admin/dlq/tasks/${task.task_id}/delete/`);
    await ana.inState(sessionId, 'error');
    expect([...system.holds.keys()].filter((key) => key.startsWith(`${tenant} `))).toEqual([]);
    expect(await changeset()).toMatchObject({ status: 'failed', failure: 'discarded by an operator' });
  });
});
