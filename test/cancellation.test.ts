/** Request Cancellation and the other buttons of Temporal's own page: each is an operator's word, and none breaks a session. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { ScheduleOverlapPolicy, type Client, type Connection, type WorkflowHandle } from '@temporalio/client';
import { createSealer, readCodecKeys } from '../encryption/sealer.ts';
import { connectEngine } from '../engine/connection.ts';
import { readTask } from '../workflows/task-messages.ts';
import { sessionWorkflowId } from '../workflows/workflow-ids.ts';
import { testCodecKeys } from './support/codec-keys.ts';
import { hanging, says, startFakeModel, status, type FakeModel } from './support/fake-model.ts';
import { whileFrozen } from './support/frozen.ts';
import { newFolder } from './support/folders.ts';
import { discard, startInstance, type Instance } from './support/instance.ts';
import { databaseOf } from './support/instance-stores.ts';
import { cast, person, proposed, type Body, type Person } from './support/person.ts';
import { pendingSecond } from './support/pending-second.ts';
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
  ({ client, connection } = await connectEngine({
    address: urls.temporalAddress, namespace: 'default', sealer: createSealer(readCodecKeys(testCodecKeys)),
  }));
});
beforeEach(() => {
  fake.play(working);
  system.fault = () => null;
});
afterAll(async () => {
  await connection.close();
  await discard(instance);
  await receiver.close();
  await fake.close();
});

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
  const [row] = await db.asTenant(ana.tenant).query<{ state: string; sealed: boolean }>(
    'SELECT state, snapshot IS NOT NULL AS sealed FROM sessions WHERE session_id = $1', [id],
  );
  await db.close();
  expect(row).toEqual({ state: 'cancelled', sealed: true });
  expect((await ana.post('/sessions/', {})).status).toBe(201);
}

async function parked(admin: Person, id: string): Promise<Body> {
  let task: Body;
  await until(`a task of session ${id} is parked`, async () => {
    [task] = (await admin.get(`/admin/dlq/tasks/?session_id=${id}`)).body.results;
    return task !== undefined;
  }, 240_000);
  return task;
}

const taskHandle = async (admin: Person, task: Body): Promise<WorkflowHandle> => client.workflow.getHandle(
  (await admin.get(`/admin/dlq/tasks/${task.task_id}/`)).body.workflow_id as string,
);

describe('Request Cancellation ends a session as cancelSession does, and its copies are stored,', () => {
  test('before anything was said, and twice at once', async () => {
    const { ana, tenant } = await cast(instance);
    const { session_id: id } = await ana.start();
    await Promise.all([handleOf(tenant, id).cancel(), handleOf(tenant, id).cancel()]);
    await isCancelled(ana, id, 'started');
  });

  test('between two answers, together with a cancel by the API', async () => {
    const { ana, tenant } = await cast(instance);
    const { session_id: id } = await ana.start();
    await ana.gives(id, 'setup_urgency', 'immediate');
    const [, reply] = await Promise.all([handleOf(tenant, id).cancel(), ana.post(`/sessions/${id}/cancel/`, {})]);
    expect([200, 409]).toContain(reply.status);
    await isCancelled(ana, id, 'engaged');
  });

  test('right at a new run, with messages on their way', async () => {
    const { ana, tenant } = await cast(instance);
    const { session_id: id } = await ana.start();
    const answers = Array.from({ length: 12 }, (_, at) => {
      const send = () => ana.answer(id, 'setup_urgency', at % 2 === 0 ? 'immediate' : 'planned', `m${at}`);
      // as clients do: a 503 says to send it again
      const sent = async (): Promise<number> => ((reply) => (reply.status === 503 ? sent() : reply.status))(await send());
      return sent();
    });
    await Promise.race(answers);
    await handleOf(tenant, id).cancel();
    for (const status of await Promise.all(answers)) expect([200, 409]).toContain(status);
    await isCancelled(ana, id, 'engaged');
  });

  test('while a text is being read: the person is told that the session has ended', async () => {
    const { ana, tenant } = await cast(instance);
    const { session_id: id } = await ana.start();
    await ana.gives(id, 'setup_urgency', 'immediate');
    fake.play(hanging);
    const reading = ana.post(`/sessions/${id}/answers/`, { text: 'hmm, this will take a story' });
    await until('the model is asked', () => fake.calls.length === 1);
    await handleOf(tenant, id).cancel();
    expect((await reading).body.code).toBe('wrong_state');
    await isCancelled(ana, id, 'engaged');
  });

  test('while the model proposes', async () => {
    const { ana, tenant } = await cast(instance);
    fake.play(hanging);
    const { session_id: id } = await ana.answerAll(await ana.start());
    await until('the model is asked', () => fake.calls.length > 0);
    await handleOf(tenant, id).cancel();
    await isCancelled(ana, id, 'engaged');
  });

  test('while its proposal is parked: nobody waits for that task any more', async () => {
    const { ana, admin, tenant } = await cast(instance);
    fake.play(status(401));
    const { session_id: id } = await ana.answerAll(await ana.start());
    const task = await parked(admin, id);
    await handleOf(tenant, id).cancel();
    await isCancelled(ana, id, 'engaged');
    await until('the task is superseded', async () => (await admin.get(`/admin/dlq/tasks/${task.task_id}/`)).body.status === 'discarded');
  });

  test('while it waits for an approver', async () => {
    const { ana, ben, tenant } = await cast(instance);
    const { session: { session_id: id } } = await proposed(ana, ben);
    await handleOf(tenant, id).cancel();
    await isCancelled(ana, id, 'recommendations_generated');
  });

  test('while it waits for a second approver', async () => {
    const people = await cast(instance);
    const { session_id: id } = await pendingSecond(people);
    await handleOf(people.tenant, id).cancel();
    await isCancelled(people.ana, id, 'approval_decision');
  });

  test('while it is escalated', async () => {
    const { ana, admin, tenant } = await cast(instance);
    const { session_id: id } = await ana.start();
    expect((await admin.post(`/sessions/${id}/escalate/`, { reason: 'a person helps', urgency: 'high' })).status).toBe(200);
    await handleOf(tenant, id).cancel();
    await isCancelled(ana, id);
  });

  test('while PostgreSQL is frozen in the middle of a flush', async () => {
    const { ana, tenant } = await cast(instance);
    const { session_id: id } = await ana.start();
    await ana.gives(id, 'setup_urgency', 'immediate');
    await whileFrozen(instance, 'postgres', async () => {
      // the first answer may have been stored before
      expect((await ana.answer(id, 'business_unit_type', 'office')).status).toBe(200);
      await until(
        'a flush is under way',
        async () => (await handleOf(tenant, id)
          .describe()).raw.pendingActivities?.some((activity) => activity.activityType?.name === 'flushSession') === true,
      );
      await handleOf(tenant, id).cancel();
      await ana.inState(id, 'cancelled');
    });
    await isCancelled(ana, id, 'engaged');
  });

  test('but not in the middle of its changeset: what is being applied is applied, and the session completed', async () => {
    const { ana, ben, tenant } = await cast(instance);
    const { session: { session_id: id }, items } = await proposed(ana, ben);
    const hasBegun = system.holdFirstApply(1_500);
    const decision = ben.post(`/sessions/${id}/decision/`, { approved_items: items, dry_run: false });
    await until('the first change is applied', hasBegun);
    await handleOf(tenant, id).cancel();
    expect((await decision).body).toMatchObject({ status: 'applied' });
    await ana.inState(id, 'completed');
  });

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
  });
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
    expect((await admin.get('/admin/dlq/tasks/?status=discarded')).body.results).toMatchObject([
      { task_id: task.task_id, status: 'discarded' },
    ]);
  });

  test.each([['a success counts', working, 'completed'], ['a failure discards it', status(401), 'discarded']] as const)('that is being ' +
    'retried lets the round end: %s', async (_, outcome, becomes) => {
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
    await until(
      'the engine has it',
      async () => (await handle.fetchHistory()).events?.some(
        (event) => event.workflowExecutionCancelRequestedEventAttributes != null,
      ) === true,
    );
    answer();
    expect(await handle.result()).toBe(becomes);
    await ana.inState(id, 'awaiting_approval');
  });
});

test('Request Cancellation of a redrive aborts it: what had begun ends as it may, the others stay parked', async () => {
  const { tenant, ana, admin } = await cast(instance);
  fake.play(status(401));
  const tasks: Body[] = [];
  for (const who of [ana, await person(instance, tenant, 'eve', 'user')]) {
    tasks.push(await parked(admin, (await who.answerAll(await who.start())).session_id));
  }
  let answer = (): void => undefined;
  fake.play((response, request) => { answer = () => { status(401)(response, request); }; });
  const { body: { redrive_id: redrive } } = await admin.post('/admin/dlq/redrives/', {
    filter: {}, confirm: 'all', reason: 'again', rate_per_second: 0.1,
  });
  await until('the first is under way', () => fake.calls.length === 1);
  const handle = client.workflow.getHandle(`redrive:${tenant}:${redrive}`);
  await handle.cancel();
  await until('it is aborted', async () => (await admin.get(`/admin/dlq/redrives/${redrive}/`)).body.status === 'aborted');
  answer();
  expect(await handle.result()).toMatchObject({ status: 'aborted', results: [{ result: 'failed' }] });
  expect((await admin.get('/admin/dlq/tasks/?status=parked')).body.total).toBe(tasks.length);
});

test('Request Cancellation of an upkeep run ends that run alone: the schedule goes on', async () => {
  const schedules: string[] = [];
  for await (const { scheduleId } of client.schedule.list()) schedules.push(scheduleId);
  const schedule = client.schedule.getHandle(schedules.find((id) => id.endsWith(':reconcile')) ?? '');
  const runs = async (state: string): Promise<string[]> => {
    const ids: string[] = [];
    for await (const { workflowId } of client.workflow.list({ query: `TemporalScheduledById = '${schedule.scheduleId}' AND ` +
      `ExecutionStatus = '${state}'` })) ids.push(workflowId);
    return ids;
  };
  await whileFrozen(instance, 'postgres', async () => {
    await schedule.trigger(ScheduleOverlapPolicy.ALLOW_ALL);
    await until('a run is under way', async () => (await runs('Running')).length > 0);
    const [running = ''] = await runs('Running');
    await client.workflow.getHandle(running).cancel();
    await until('it has ended', async () => (await client.workflow.getHandle(running).describe()).status.name === 'CANCELLED');
  });
  const before = (await runs('Completed')).length;
  await schedule.trigger(ScheduleOverlapPolicy.ALLOW_ALL);
  await until('the next run has done its work', async () => (await runs('Completed')).length > before);
});

describe('what else can be sent to a workflow by its page or by the command line', () => {
  /** As `temporal workflow signal`, which encrypts nothing. */
  const signalled = async (workflowId: string, name: string, ...payloads: unknown[]): Promise<void> => {
    await connection.workflowService.signalWorkflowExecution({
      namespace: 'default', workflowExecution: { workflowId }, signalName: name, requestId: randomUUID(),
      input: {
        payloads: payloads.map((value) => ({
          metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from(JSON.stringify(value)),
        })),
      },
    });
  };
  const malformed: readonly unknown[][] = [
    [], [null], ['text'], [{}], [{ task_id: 1, outcome: 'x' }], [{ task_id: 'x', outcome: { kind: 'completed' } }],
  ];

  test('signals that nobody knows, or without what belongs in them, change nothing in a session that waits for its task', async () => {
    const { ana, admin, tenant } = await cast(instance);
    fake.play(status(401));
    const { session_id: id } = await ana.answerAll(await ana.start());
    const task = await parked(admin, id);
    for (const name of ['taskDone', 'nobodyKnowsThis']) {
      for (const payloads of malformed) await signalled(sessionWorkflowId(tenant, id), name, ...payloads);
    }
    await signalled(sessionWorkflowId(tenant, id), 'taskDone', { task_id: task.task_id, outcome: null });
    await signalled(sessionWorkflowId(tenant, id), 'taskDone', {
      task_id: task.task_id, outcome: { kind: 'completed', output: 'nonsense' },
    });
    expect((await ana.get(`/sessions/${id}/`)).body.state).toBe('generating');
    fake.play(working);
    expect((await admin.post(`/admin/dlq/tasks/${task.task_id}/retry/`, { reason: 'the model is back' })).status).toBe(202);
    await ana.inState(id, 'awaiting_approval');
  });

  test('and in a parked task and a redrive neither', async () => {
    const { ana, admin, tenant } = await cast(instance);
    fake.play(status(401));
    const { session_id: id } = await ana.answerAll(await ana.start());
    const task = await parked(admin, id);
    let answer = (): void => undefined;
    fake.play((response, request) => { answer = () => { status(401)(response, request); }; });
    const { body: { redrive_id: redrive } } = await admin.post('/admin/dlq/redrives/', { filter: {}, confirm: 'all', reason: 'again' });
    await until('it is under way', () => fake.calls.length === 1);
    const workflows = {
      task: (await admin.get(`/admin/dlq/tasks/${task.task_id}/`)).body.workflow_id as string, redrive: `redrive:${tenant}:${redrive}`,
    };
    for (const payloads of malformed) {
      for (const name of ['redriveTask', 'rewriteTask', 'nobodyKnowsThis']) await signalled(workflows.task, name, ...payloads);
      for (const name of ['taskRedriven', 'nobodyKnowsThis']) await signalled(workflows.redrive, name, ...payloads);
    }
    answer();
    await until(
      'the redrive tells how it ended', async () => (await admin.get(`/admin/dlq/redrives/${redrive}/`)).body.status === 'completed',
    );
    const { body } = await admin.get(`/admin/dlq/tasks/${task.task_id}/`);
    expect([body.status, body.manual_retries]).toEqual(['parked', 1]);
  });

  test('Updates and Queries that nobody knows, or without what belongs in them, are refused, and the session takes the next answer', async () => {
    const { ana, tenant } = await cast(instance);
    const { session_id: id } = await ana.start();
    const handle = handleOf(tenant, id);
    for (const name of ['answerQuestion', 'cancelSession', 'decideProposal', 'saveCheckpoint', 'nobodyKnowsThis']) {
      const owner = { tenant, subject: 'ana', roles: ['user', 'admin', 'approver'] };
      const half = { id: 'x', fingerprint: '', correlation_id: 'c', if_match: null, actor: owner };
      const given: readonly unknown[][] = [
        [], [null], ['text'], [{}], [half], [{ ...half, body: null }], [{ ...half, body: 'text' }], [{ ...half, id: { x: 1 }, body: {} }],
      ];
      for (const args of given) {
        await expect(client.withDeadline(Date.now()
          + 3_000, () => handle.executeUpdate<unknown, [unknown]>(name, { args: args as [unknown] }))).rejects.toMatchObject(
            { name: 'WorkflowUpdateFailedError' },
          );
      }
    }
    for (const name of ['readSession', 'nobodyKnowsThis']) {
      await expect(handle.query(name)).rejects.toMatchObject({ name: 'QueryNotRegisteredError' });
    }
    expect((await ana.answer(id, 'setup_urgency', 'immediate')).status).toBe(200);
  });

  test('Reset takes a session back to an earlier moment, and it goes on from there to its end', async () => {
    const { ana, ben, tenant } = await cast(instance);
    const { session_id: id } = await ana.start();
    for (const value of ['immediate', 'planned', 'this_week']) await ana.answer(id, 'setup_urgency', value);
    const { events = [] } = await handleOf(tenant, id).fetchHistory();
    const second = events?.filter((event) => event.workflowTaskCompletedEventAttributes != null)[1];
    await connection.workflowService.resetWorkflowExecution({
      namespace: 'default', workflowExecution: { workflowId: sessionWorkflowId(tenant, id) }, reason: 'a test', requestId: randomUUID(),
      workflowTaskFinishEventId: second?.eventId ?? null,
    });
    let session = (await ana.get(`/sessions/${id}/`)).body;
    expect(session).toMatchObject({ state: 'in_progress' });
    // what was said since then is said again
    await until('the messages are taken once more', async () => (await ana.get(`/sessions/${id}/answers/`)).body.answers.length === 3);
    session = await ana.answerAll(session);
    await ana.inState(id, 'awaiting_approval');
    const { body: proposal } = await ben.get(`/sessions/${id}/recommendations/`);
    const items = proposal.recommendations.map((item: Body) => item.recommendation_id);
    expect((await ben.post(`/sessions/${id}/decision/`, { approved_items: items, dry_run: false })).body.status).toBe('applied');
    await ana.inState(id, 'completed');
  });
});
