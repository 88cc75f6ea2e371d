/** Request Cancellation and the other buttons of Temporal's own page: each is an operator's word, and none breaks a session. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Client, Connection, WorkflowHandle } from '@temporalio/client';
import { createSealer, readCodecKeys } from '../encryption/sealer.ts';
import { connectEngine } from '../engine/connection.ts';
import { readTask } from '../workflows/task-messages.ts';
import { sessionWorkflowId } from '../workflows/workflow-ids.ts';
import { testCodecKeys } from './support/codec-keys.ts';
import { hanging, says, startFakeModel, status, type FakeModel } from './support/fake-model.ts';
import { whileFrozen } from './support/frozen.ts';
import { discard, newFolder, startInstance, type Instance } from './support/instance.ts';
import { databaseOf } from './support/instance-stores.ts';
import { cast, proposed, type Body, type Person } from './support/person.ts';
import { FakeSystem, secret, startReceiver, type Receiver } from './support/receiver.ts';
import { until } from './support/until.ts';

let fake: FakeModel;
let receiver: Receiver;
let instance: Instance;
let client: Client;
let connection: Connection;
const system = new FakeSystem();
const working = says({ proposals: [] });

beforeAll(async () => {
  fake = await startFakeModel();
  receiver = await startReceiver((request) => system.react(request));
  instance = await startInstance(await newFolder(), {
    OPENAI_BASE_URL: fake.url, OPENAI_API_KEY: 'test', CHAT_MODEL: 'test', GANGWAY_CODEC_KEYS: testCodecKeys, GANGWAY_UPDATES_PER_RUN: '4',
    CHANGE_TARGET_URL: receiver.url, CHANGE_TARGET_SECRET: secret, GANGWAY_ALLOW_PRIVATE_URLS: 'true', GANGWAY_FLUSH_SECONDS: '2',
  });
  const { urls } = await instance.runFile();
  ({ client, connection } = await connectEngine({ address: urls.temporalAddress, namespace: 'default', sealer: createSealer(readCodecKeys(testCodecKeys)) }));
}, 120_000);
beforeEach(() => {
  fake.play(working);
  system.fault = () => null;
});
afterAll(async () => {
  await connection.close();
  await discard(instance);
  await receiver.close();
  await fake.close();
}, 60_000);

const handleOf = (tenant: string, id: string): WorkflowHandle => client.workflow.getHandle(sessionWorkflowId(tenant, id));

/** Cancelled for everybody: the person, the list, the claim of the one open session, the copy, and the engine. */
async function isCancelled(ana: Person, id: string, stage?: string): Promise<void> {
  const session = await ana.inState(id, 'cancelled');
  expect(session).toMatchObject({ question: null, notice: null, ...(stage === undefined ? {} : { stage }) });
  expect(await handleOf(ana.tenant, id).result()).toMatchObject({ state: 'cancelled' });
  const late = await ana.answer(id, 'setup_urgency', 'immediate');
  expect([late.status, late.body.code]).toEqual([409, 'wrong_state']);
  expect((await ana.get('/sessions/?state=cancelled')).body.results.map((row: Body) => row.session_id)).toContain(id);
  const db = await databaseOf(instance);
  const [row] = await db.asTenant(ana.tenant).query<{ state: string; sealed: boolean }>('SELECT state, snapshot IS NOT NULL AS sealed FROM sessions WHERE session_id = $1', [id]);
  await db.close();
  expect(row).toEqual({ state: 'cancelled', sealed: true });
  expect((await ana.post('/sessions/', {})).status).toBe(201);
}

async function parked(admin: Person, id: string): Promise<Body> {
  let task: Body;
  await until(`a task of session ${id} is parked`, async () => {
    [task] = (await admin.get(`/admin/dlq/tasks/?session_id=${id}`)).body.results;
    return task !== undefined;
  }, 60_000);
  return task;
}

const taskHandle = async (admin: Person, task: Body): Promise<WorkflowHandle> => client.workflow.getHandle((await admin.get(`/admin/dlq/tasks/${task.task_id}/`)).body.workflow_id as string);

describe('Request Cancellation ends a session as cancelSession does, and its copies are stored,', () => {
  test('before anything was said, and twice at once', async () => {
    const { ana, tenant } = await cast(instance);
    const { session_id: id } = await ana.start();
    await Promise.all([handleOf(tenant, id).cancel(), handleOf(tenant, id).cancel()]);
    await isCancelled(ana, id, 'started');
  }, 60_000);

  test('between two answers, together with a cancel by the API', async () => {
    const { ana, tenant } = await cast(instance);
    const { session_id: id } = await ana.start();
    await ana.answer(id, 'setup_urgency', 'immediate');
    const [, reply] = await Promise.all([handleOf(tenant, id).cancel(), ana.post(`/sessions/${id}/cancel/`, {})]);
    expect([200, 409]).toContain(reply.status);
    await isCancelled(ana, id, 'engaged');
  }, 60_000);

  test('right at a new run, with messages on their way', async () => {
    const { ana, tenant } = await cast(instance);
    const { session_id: id } = await ana.start();
    const answers = Array.from({ length: 12 }, (_, at) => ana.answer(id, 'setup_urgency', at % 2 === 0 ? 'immediate' : 'planned'));
    await Promise.race(answers);
    await handleOf(tenant, id).cancel();
    for (const reply of await Promise.all(answers)) expect([200, 409]).toContain(reply.status);
    await isCancelled(ana, id, 'engaged');
  }, 60_000);

  test('while a text is being read: the person is told that the session has ended', async () => {
    const { ana, tenant } = await cast(instance);
    const { session_id: id } = await ana.start();
    await ana.answer(id, 'setup_urgency', 'immediate');
    fake.play(hanging);
    const reading = ana.post(`/sessions/${id}/answers/`, { text: 'hmm, where shall I begin' });
    await until('the model is asked', () => fake.calls.length === 1);
    await handleOf(tenant, id).cancel();
    expect((await reading).body.code).toBe('wrong_state');
    await isCancelled(ana, id, 'engaged');
  }, 60_000);

  test('while the model proposes', async () => {
    const { ana, tenant } = await cast(instance);
    fake.play(hanging);
    const { session_id: id } = await ana.answerAll(await ana.start());
    await until('the model is asked', () => fake.calls.length > 0);
    await handleOf(tenant, id).cancel();
    await isCancelled(ana, id, 'engaged');
  }, 60_000);

  test('while its proposal is parked: nobody waits for that task any more', async () => {
    const { ana, admin, tenant } = await cast(instance);
    fake.play(status(401));
    const { session_id: id } = await ana.answerAll(await ana.start());
    const task = await parked(admin, id);
    await handleOf(tenant, id).cancel();
    await isCancelled(ana, id, 'engaged');
    await until('the task is superseded', async () => (await admin.get(`/admin/dlq/tasks/${task.task_id}/`)).body.status === 'discarded');
  }, 60_000);

  test('while it waits for an approver, and for a second one', async () => {
    for (const answers of [{}, { security_level: 'high', expected_users: 900 }]) {
      const { ana, ben, tenant } = await cast(instance);
      const { session: { session_id: id }, items } = await proposed(ana, ben, answers);
      if ('security_level' in answers) await ben.post(`/sessions/${id}/decision/`, { approved_items: items, dry_run: false });
      await handleOf(tenant, id).cancel();
      await isCancelled(ana, id);
    }
  }, 60_000);

  test('while it is escalated', async () => {
    const { ana, admin, tenant } = await cast(instance);
    const { session_id: id } = await ana.start();
    expect((await admin.post(`/sessions/${id}/escalate/`, { reason: 'a person helps', urgency: 'high' })).status).toBe(200);
    await handleOf(tenant, id).cancel();
    await isCancelled(ana, id);
  }, 60_000);

  test('while PostgreSQL is frozen in the middle of a flush', async () => {
    const { ana, tenant } = await cast(instance);
    const { session_id: id } = await ana.start();
    await ana.answer(id, 'setup_urgency', 'immediate');
    await whileFrozen(instance, 'postgres', async () => {
      await until('a flush is under way', async () => (await handleOf(tenant, id).describe()).raw.pendingActivities?.some((activity) => activity.activityType?.name === 'flushSession') === true);
      await handleOf(tenant, id).cancel();
      await ana.inState(id, 'cancelled');
    });
    await isCancelled(ana, id, 'engaged');
  }, 60_000);

  test('but not in the middle of its changeset: what is being applied is applied, and the session completed', async () => {
    const { ana, ben, tenant } = await cast(instance);
    const { session: { session_id: id }, items } = await proposed(ana, ben);
    let begun = false;
    system.fault = ({ body }, effect) => {
      if (body.action !== 'apply' || begun) return null;
      begun = true;
      effect();
      return { delayMs: 1_500 };
    };
    const decision = ben.post(`/sessions/${id}/decision/`, { approved_items: items, dry_run: false });
    await until('the first change is applied', () => begun);
    await handleOf(tenant, id).cancel();
    expect((await decision).body).toMatchObject({ status: 'applied' });
    await ana.inState(id, 'completed');
  }, 60_000);

  test('and one whose changeset is parked is cancelled when that task is, with what was applied rolled back', async () => {
    const { ana, ben, admin, tenant } = await cast(instance);
    const { session: { session_id: id }, items } = await proposed(ana, ben);
    let applies = 0;
    system.fault = ({ body }) => (body.action === 'apply' && (applies += 1) >= 3 ? { status: 400 } : null);
    await ben.post(`/sessions/${id}/decision/`, { approved_items: items, dry_run: false });
    const task = await parked(admin, id);
    await handleOf(tenant, id).cancel();
    expect((await ana.get(`/sessions/${id}/`)).body.state).toBe('awaiting_approval');
    await (await taskHandle(admin, task)).cancel();
    await isCancelled(ana, id, 'approval_decision');
    expect([...system.holds.keys()].filter((key) => key.startsWith(`${tenant} `))).toEqual([]);
  }, 60_000);
});

describe('Request Cancellation of a parked task', () => {
  test('discards it, as temporal-ui, and the session that waits goes on by the rules', async () => {
    const { ana, admin } = await cast(instance);
    fake.play(status(401));
    const { session_id: id } = await ana.answerAll(await ana.start());
    const task = await parked(admin, id);
    const handle = await taskHandle(admin, task);
    await handle.cancel();
    expect(await handle.result()).toBe('discarded');
    expect(await handle.query(readTask)).toMatchObject({ discarded: { actor: 'temporal-ui', reason: 'cancelled in Temporal' } });
    await ana.inState(id, 'awaiting_approval');
    expect((await admin.get('/admin/dlq/tasks/?status=discarded')).body.results).toMatchObject([{ task_id: task.task_id, status: 'discarded' }]);
  }, 60_000);

  test.each([['a success counts', working, 'completed'], ['a failure discards it', status(401), 'discarded']] as const)('that is being retried lets the round end: %s', async (_, outcome, becomes) => {
    const { ana, admin } = await cast(instance);
    fake.play(status(401));
    const { session_id: id } = await ana.answerAll(await ana.start());
    const task = await parked(admin, id);
    let answer = (): void => undefined;
    fake.play((response, request) => { answer = () => { outcome(response, request); }; });
    await admin.post(`/admin/dlq/tasks/${task.task_id}/retry/`, { reason: 'again' });
    await until('the model is asked', () => fake.calls.length > 0);
    const handle = await taskHandle(admin, task);
    await handle.cancel();
    await until('the engine has it', async () => (await handle.fetchHistory()).events?.some((event) => event.workflowExecutionCancelRequestedEventAttributes != null) === true);
    answer();
    expect(await handle.result()).toBe(becomes);
    await ana.inState(id, 'awaiting_approval');
  }, 60_000);
});

test('Request Cancellation of a redrive aborts it: what had begun tells how it ended, the others stay parked', async () => {
  const { ana, admin } = await cast(instance);
  fake.play(status(401));
  const { session_id: id } = await ana.answerAll(await ana.start());
  await parked(admin, id);
  const { body: { redrive_id: redrive } } = await admin.post('/admin/dlq/redrives/', { confirm: 'all', reason: 'again', rate_per_second: 1, canary: 0 });
  const handle = client.workflow.getHandle(`redrive:${ana.tenant}:${redrive}`);
  await handle.cancel();
  expect(await handle.result()).toMatchObject({ redrive_id: redrive, status: expect.stringMatching(/aborted|completed/) });
}, 60_000);

test('Request Cancellation of an upkeep run ends that run alone: the schedule goes on', async () => {
  const { urls } = await instance.runFile();
  const schedules = [];
  for await (const schedule of client.schedule.list()) schedules.push(schedule.scheduleId);
  const name = schedules.find((id) => id.endsWith(':reconcile') || id.includes('reconcile'));
  expect(urls).toBeDefined();
  if (name === undefined) throw new Error(`No schedule reconciles: ${schedules.join(', ')}`);
  const schedule = client.schedule.getHandle(name);
  let cancelled = 0;
  await whileFrozen(instance, 'postgres', async () => {
    await schedule.trigger();
    let running: string | undefined;
    await until('a run is under way', async () => {
      const { info } = await schedule.describe();
      running = info.runningActions[0]?.workflow.workflowId;
      return running !== undefined;
    });
    await client.workflow.getHandle(running ?? '').cancel();
    await until('it has ended', async () => (await client.workflow.getHandle(running ?? '').describe()).status.name !== 'RUNNING');
    cancelled += 1;
  });
  expect(cancelled).toBe(1);
  await schedule.trigger();
  await until('the next run has done its work', async () => {
    const last = (await schedule.describe()).info.recentActions.at(-1);
    if (last === undefined) return false;
    return (await client.workflow.getHandle(last.action.workflow.workflowId, last.action.workflow.firstExecutionRunId).describe()).status.name === 'COMPLETED';
  });
}, 90_000);
