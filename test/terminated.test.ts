/** Terminate, and the loss of a run: a session goes on from where it stood, or has ended for everybody; nobody is locked out. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Client, Connection, WorkflowHandle } from '@temporalio/client';
import { createSealer, readCodecKeys } from '../encryption/sealer.ts';
import { connectEngine } from '../engine/connection.ts';
import { openPayload } from '../engine/payload-codec.ts';
import { readState, sessionWorkflow, type SessionInput } from '../workflows/messages.ts';
import { sessionWorkflowId } from '../workflows/workflow-ids.ts';
import { testCodecKeys } from './support/codec-keys.ts';
import { hanging, says, startFakeModel, status, type FakeModel } from './support/fake-model.ts';
import { newFolder } from './support/folders.ts';
import { discard, startInstance, type Instance } from './support/instance.ts';
import { databaseOf } from './support/instance-stores.ts';
import { cast, person, proposed, type Body, type Person } from './support/person.ts';
import { FakeSystem, secret, startReceiver, type Receiver } from './support/receiver.ts';
import { until } from './support/until.ts';

let fake: FakeModel;
let receiver: Receiver;
const system = new FakeSystem();
const working = says({ proposals: [] });

const sealer = createSealer(readCodecKeys(testCodecKeys));

interface Gangway { readonly instance: Instance; readonly client: Client; readonly connection: Connection }
const running: Gangway[] = [];

async function start(environment: Readonly<Record<string, string>>): Promise<Gangway> {
  // a flush long after the answers: what the archive does not have yet must come back as well. Two minutes and more would be at once,
  // since the list of sessions at risk could be wrong for as long
  const instance = await startInstance(await newFolder(), {
    OPENAI_BASE_URL: fake.url, OPENAI_API_KEY: 'test', CHAT_MODEL: 'test', GANGWAY_CODEC_KEYS: testCodecKeys, GANGWAY_FLUSH_SECONDS: '90',
    CHANGE_TARGET_URL: receiver.url, CHANGE_TARGET_SECRET: secret, GANGWAY_ALLOW_PRIVATE_URLS: 'true', ...environment,
  });
  const { urls } = await instance.runFile();
  const { client, connection } = await connectEngine({
    address: urls.temporalAddress, namespace: 'default', sealer,
  });
  const gangway = { instance, client, connection };
  running.push(gangway);
  return gangway;
}

beforeAll(async () => {
  fake = await startFakeModel();
  receiver = await startReceiver((request) => system.react(request));
});
beforeEach(() => {
  fake.play(working);
  system.fault = () => null;
});
afterAll(async () => {
  for (const { instance, connection } of running) {
    await connection.close();
    await discard(instance);
  }
  await receiver.close();
  await fake.close();
});

const rowOf = async ({ instance }: Gangway, tenant: string, id: string): Promise<Body> => {
  const db = await databaseOf(instance);
  const [row] = await db.asTenant(tenant).query<Body>(
    'SELECT state, ended_at, snapshot IS NOT NULL AS sealed FROM sessions WHERE session_id = $1', [id],
  );
  await db.close();
  return row;
};
const inRow = (gangway: Gangway, tenant: string, id: string, state: string): Promise<void> => until(
  `the row of ${id} says ${state}`, async () => (await rowOf(gangway, tenant, id))?.state === state, 30_000,
);

describe('a session that is terminated goes on by its next message', () => {
  let gangway: Gangway;
  let handle: (tenant: string, id: string) => WorkflowHandle;
  beforeAll(async () => {
    // nobody looks: only messages bring a session back
    gangway = await start({ GANGWAY_STOPPED_SECONDS: '86400' });
    handle = (tenant, id) => gangway.client.workflow.getHandle(sessionWorkflowId(tenant, id));
  });

  test('with every acknowledged answer, archived or not, and repeats are answered, not applied', async () => {
    const { ana, tenant } = await cast(gangway.instance);
    const { session_id: id } = await ana.start();
    const message = randomUUID();
    await ana.gives(id, 'setup_urgency', 'immediate', message);
    await ana.gives(id, 'business_unit_type', 'office');
    const before = (await ana.get(`/sessions/${id}/`)).body;
    await handle(tenant, id).terminate();
    // eight at once find out: one run serves them all
    const answer = async (): Promise<number> => ((reply) => (reply.status === 503 ? answer() : reply.status))(
      await ana.answer(id, 'business_unit_name', 'Depot', 'one'),
    );
    expect(new Set(await Promise.all(Array.from({ length: 8 }, answer)))).toEqual(new Set([200]));
    expect((await handle(tenant, id).describe()).status.name).toBe('RUNNING');
    await ana.gives(id, 'setup_urgency', 'immediate', message);
    const after = (await ana.get(`/sessions/${id}/`)).body;
    expect(after).toMatchObject({ answers_count: 3, created_at: before.created_at });
    // one more when this took longer than the 30 s after which what is unsaved is saved
    expect(after.checkpoint_version).toBeGreaterThanOrEqual(before.checkpoint_version);
    expect((await ana.get(`/sessions/${id}/answers/`)).body.answers).toHaveLength(3);
    await ana.answerAll(after);
    await ana.inState(id, 'awaiting_approval');
  });

  test('also when it is terminated once more before its new run has done anything, and so answers no question about itself', async () => {
    const { ana, tenant } = await cast(gangway.instance);
    const { session_id: id } = await ana.start();
    const message = randomUUID();
    await ana.gives(id, 'setup_urgency', 'immediate', message);
    const stood = await handle(tenant, id).query(readState);
    const { events } = await handle(tenant, id).fetchHistory();
    const [payload] = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
    const input = JSON.parse(Buffer.from(openPayload(sealer, payload ?? {}).data ?? []).toString('utf8')) as SessionInput;
    await handle(tenant, id).terminate();
    await gangway.client.workflow.start(sessionWorkflow, {
      workflowId: sessionWorkflowId(tenant, id), taskQueue: 'nobody-works-here', args: [{ ...input, start: null, state: stood.state }],
    });
    await handle(tenant, id).terminate();
    await until('it goes on', async () => (await ana.answer(id, 'business_unit_type', 'office', 'second')).status === 200);
    await ana.gives(id, 'setup_urgency', 'immediate', message);
    expect((await ana.get(`/sessions/${id}/`)).body).toMatchObject({ answers_count: 2, stale: false });
    await ana.answerAll((await ana.get(`/sessions/${id}/`)).body);
    await ana.inState(id, 'awaiting_approval');
  });

  test('and by being looked at: what a GET shows is a session that runs; strangers bring nothing back', async () => {
    const { ana, tenant } = await cast(gangway.instance);
    const eve = await person(gangway.instance, tenant, 'eve', 'user');
    const { session_id: id } = await ana.start();
    await handle(tenant, id).terminate();
    expect((await eve.get(`/sessions/${id}/`)).status).toBe(404);
    expect((await eve.answer(id, 'setup_urgency', 'immediate')).status).toBe(404);
    expect((await handle(tenant, id).describe()).status.name).toBe('TERMINATED');
    expect((await ana.get(`/sessions/${id}/`)).body).toMatchObject({ state: 'started', stale: false });
    expect((await handle(tenant, id).describe()).status.name).toBe('RUNNING');
  });

  test('and by a start: it names the session that goes on, and resume_existing gives it', async () => {
    const { ana, tenant } = await cast(gangway.instance);
    const { session_id: id } = await ana.start();
    await ana.gives(id, 'setup_urgency', 'immediate');
    await handle(tenant, id).terminate();
    const again = await ana.post('/sessions/', { resume_existing: true });
    expect([again.status, again.body.session_id, again.body.state]).toEqual([200, id, 'in_progress']);
    await ana.gives(id, 'business_unit_type', 'office');
  });

  test('in the middle of a decision: the approver gets the answer, and every change is applied once', async () => {
    const { ana, ben, tenant } = await cast(gangway.instance);
    const { session: { session_id: id }, items } = await proposed(ana, ben);
    const hasBegun = system.holdFirstApply(1_000);
    const decision = ben.post(`/sessions/${id}/decision/`, { approved_items: items, dry_run: false });
    await until('the first change is applied', hasBegun);
    await handle(tenant, id).terminate();
    let { status: code, body } = await decision;
    // as clients do: a 503 says that nothing was lost
    if (code === 503) ({ status: code, body } = await ben.post(`/sessions/${id}/decision/`, { approved_items: items, dry_run: false }));
    expect([200, 409]).toContain(code);
    if (code === 200) expect(['applied', 'applying']).toContain(body.status);
    await ana.inState(id, 'completed');
    const mine = system.effects.filter((effect) => effect.startsWith('apply '));
    expect(new Set(mine).size).toBe(mine.length);
  });

  test('while its task is parked: it is still the one that is told', async () => {
    const { ana, admin, tenant } = await cast(gangway.instance);
    fake.play(status(401));
    const { session_id: id } = await ana.answerAll(await ana.start());
    let task: Body;
    await until('it is parked', async () => {
      [task] = (await admin.get(`/admin/dlq/tasks/?session_id=${id}`)).body.results;
      return task !== undefined;
    });
    await handle(tenant, id).terminate();
    expect((await ana.get(`/sessions/${id}/`)).body.state).toBe('generating');
    fake.play(working);
    expect((await admin.post(`/admin/dlq/tasks/${task.task_id}/retry/`, { reason: 'the model is back' })).status).toBe(202);
    await ana.inState(id, 'awaiting_approval');
  });

  test('one that was terminated as it ended has ended: its copies are stored after all', async () => {
    const { ana, tenant } = await cast(gangway.instance);
    const { session_id: id } = await ana.start();
    await handle(tenant, id).cancel();
    await handle(tenant, id).terminate().catch(() => undefined);
    await until(
      'it is cancelled for everybody',
      async () => (await ana.get(`/sessions/${id}/`)).body.state === 'cancelled'
        && (await rowOf(gangway, tenant, id)).state === 'cancelled',
    );
    await until('the claim is free', async () => (await ana.post('/sessions/', {})).status === 201);
  });

  test('one of which neither history nor archive has anything is cancelled, and a new one can be started', async () => {
    const { ana, tenant } = await cast(gangway.instance);
    const { session_id: id } = await ana.start();
    await gangway.connection.workflowService.deleteWorkflowExecution({
      namespace: 'default', workflowExecution: { workflowId: sessionWorkflowId(tenant, id) },
    });
    await until('the engine has forgotten it', async () => handle(tenant, id).describe().then(() => false, () => true), 60_000);
    expect((await rowOf(gangway, tenant, id)).sealed).toBe(false);
    expect((await ana.post('/sessions/', {})).status).toBe(201);
    expect((await ana.get(`/sessions/${id}/`)).body).toMatchObject({ state: 'cancelled', question: null });
    expect((await ana.answer(id, 'setup_urgency', 'immediate')).status).toBe(404);
  });

  test('one whose history this code cannot replay comes back from the archive', async () => {
    const { ana, tenant } = await cast(gangway.instance);
    const { session_id: id } = await ana.start();
    await ana.gives(id, 'setup_urgency', 'immediate');
    await ana.post(`/sessions/${id}/checkpoint/`, { label: 'here' });
    await until('it is archived', async () => (await rowOf(gangway, tenant, id)).sealed === true);
    await handle(tenant, id).terminate();
    // no start that a session could begin with: every workflow task fails
    await gangway.client.workflow.start(sessionWorkflow, {
      workflowId: sessionWorkflowId(tenant, id), taskQueue: 'gangway', args: [{ start: null, state: null }],
    });
    await until('its tasks fail', async () => ((await handle(tenant, id).describe()).raw.pendingWorkflowTask?.attempt ?? 0) > 1, 30_000);
    await handle(tenant, id).terminate();
    await until('an answer gets through', async () => (await ana.answer(id, 'business_unit_type', 'office', 'm')).status === 200, 30_000);
    expect((await ana.get(`/sessions/${id}/answers/`)).body.answers).toHaveLength(2);
  });

  test('a redrive that is terminated is shown as aborted', async () => {
    const { ana, admin, tenant } = await cast(gangway.instance);
    fake.play(status(401));
    const { session_id: id } = await ana.answerAll(await ana.start());
    await until('it is parked', async () => (await admin.get(`/admin/dlq/tasks/?session_id=${id}`)).body.results.length === 1);
    fake.play(hanging);
    const { body: { redrive_id: redrive } } = await admin.post('/admin/dlq/redrives/', { filter: {}, confirm: 'all', reason: 'again' });
    await until('it is under way', () => fake.calls.length > 0);
    await gangway.client.workflow.getHandle(`redrive:${tenant}:${redrive}`).terminate();
    expect((await admin.get(`/admin/dlq/redrives/${redrive}/`)).body).toMatchObject({
      status: 'aborted', note: expect.stringContaining('Temporal'),
    });
    expect((await admin.post(`/admin/dlq/redrives/${redrive}/abort/`, { reason: 'is it over' })).body).toMatchObject({ status: 'aborted' });
    expect((await admin.post(`/admin/dlq/redrives/${redrive}/pause/`, { reason: 'is it over' })).status).toBe(409);
  });
});

describe('sessions that were terminated and get no message', () => {
  test('are begun again by themselves: one that generated gets its proposal', async () => {
    const gangway = await start({ GANGWAY_STOPPED_SECONDS: '2' });
    const { ana, tenant } = await cast(gangway.instance);
    fake.play(hanging);
    const { session_id: id } = await ana.answerAll(await ana.start());
    await until('the model is asked', () => fake.calls.length > 0);
    fake.play(working);
    await gangway.client.workflow.getHandle(sessionWorkflowId(tenant, id)).terminate();
    await inRow(gangway, tenant, id, 'awaiting_approval');
  });

  test('have ended for everybody where it is so set: person, list, claim and engine', async () => {
    const gangway = await start({ GANGWAY_STOPPED_SECONDS: '2', GANGWAY_TERMINATED: 'end' });
    const { ana, ben, tenant } = await cast(gangway.instance);
    const eve = await person(gangway.instance, tenant, 'eve', 'user');
    const { session: { session_id: waiting } } = await proposed(ana, ben);
    const { session_id: asked } = await eve.start();
    await eve.gives(asked, 'setup_urgency', 'immediate');
    const handleOf = (id: string) => gangway.client.workflow.getHandle(sessionWorkflowId(tenant, id));
    await Promise.all([waiting, asked].map((id) => handleOf(id).terminate()));
    const late = await eve.answer(asked, 'business_unit_type', 'office');
    expect([late.status, late.body.code]).toEqual([409, 'wrong_state']);
    await inRow(gangway, tenant, waiting, 'cancelled');
    const ends: readonly [Person, string][] = [[ana, waiting], [eve, asked]];
    for (const [who, id] of ends) {
      expect((await who.get(`/sessions/${id}/`)).body).toMatchObject({ state: 'cancelled', question: null });
      expect(await handleOf(id).result()).toMatchObject({ state: 'cancelled' });
      expect((await who.post('/sessions/', {})).status).toBe(201);
    }
  });
});
