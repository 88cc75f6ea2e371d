/** The session as a workflow on the real engine: replay, restarts, continue-as-new. A worker of this process, a task queue of its own. */
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { WithStartWorkflowOperation, type Client, type Connection } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import fc from 'fast-check';
import type { AnswerBody, Message } from '../domain/message.ts';
import { readConfiguration } from '../service/configuration.ts';
import { loadFlowFolder } from '../flows/files.ts';
import { connectEngine } from '../engine/connection.ts';
import { workflowBundle } from '../service/workflow-bundle.ts';
import { startService, type Service } from '../service/service.ts';
import { answerQuestion, cancelSession, openSession, readAnswers, readEvents, readSession, sessionWorkflow, type SessionInput } from '../workflows/messages.ts';
import type { Flow } from '../domain/flow.ts';
import type { SessionEvent } from '../domain/session-state.ts';
import { createSealer, readCodecKeys } from '../encryption/sealer.ts';
import { createPayloadCodec } from '../engine/payload-codec.ts';
import { testCodecKeys } from './support/codec-keys.ts';
import { newFolder } from './support/folders.ts';
import { storesOf } from './support/instance-stores.ts';
import { sharedInstance } from './support/shared.ts';
import { until } from './support/until.ts';

const instance = await sharedInstance();
const taskQueue = `engine-test-${randomUUID()}`;
const sealer = createSealer(readCodecKeys(testCodecKeys));
const actor = { tenant: 'engine', subject: 'ana', roles: ['user'] } as const;

let client: Client;
let connection: Connection;
let worker: Service | undefined;
let folder: string;
let flow: Flow;

async function startWorker(): Promise<void> {
  const configuration = readConfiguration({ GANGWAY_TASK_QUEUE: taskQueue, LOG_LEVEL: 'silent', GANGWAY_DRAIN_SECONDS: '2' });
  worker = await startService({ configuration, urls: await storesOf(instance, folder), developmentKey: new Uint8Array(32), codecKeys: testCodecKeys, roles: ['worker'] });
}

async function stopWorker(): Promise<void> {
  await worker?.stop();
  worker = undefined;
}

beforeAll(async () => {
  folder = await newFolder();
  const stores = await storesOf(instance, folder);
  ({ client, connection } = await connectEngine({ address: stores.temporalAddress, namespace: 'default', sealer }));
  const found = (await loadFlowFolder('flows')).find((each) => each.id === 'business_unit_setup');
  if (found === undefined) throw new Error('The flow is missing.');
  flow = found;
  await startWorker();
}, 60_000);

afterAll(async () => {
  await stopWorker();
  await connection.close();
  await rm(folder, { recursive: true, force: true });
});

async function open(limits: Partial<SessionInput['limits']> = {}): Promise<string> {
  const sessionId = randomUUID();
  const input: SessionInput = {
    rules: flow.rules, state: null, limits: { idleAbandonedMs: 604_800_000, idleCancelMs: 7_776_000_000, flushAfterMs: 30_000, messagesPerRun: 100, proposalFallbackMs: 900_000, manualRetries: 3, ...limits },
    start: { session_id: sessionId, tenant: actor.tenant, owner: `${actor.subject}-${sessionId}`, language: 'en', segment: 'first_time', correlation_id: 'c', client_context: {} },
  };
  const startWorkflowOperation = new WithStartWorkflowOperation(sessionWorkflow, {
    workflowId: `session:engine:${sessionId}`, taskQueue, args: [input], workflowIdConflictPolicy: 'USE_EXISTING', workflowTaskTimeout: '2s',
  });
  await client.workflow.executeUpdateWithStart(openSession, { startWorkflowOperation, updateId: 'open' });
  return sessionId;
}

function messageOf(sessionId: string, questionId: string, value: string | number, id: string = randomUUID()): Message<AnswerBody> {
  return { id, fingerprint: `${questionId}=${value}`, actor: { ...actor, subject: `ana-${sessionId}` }, correlation_id: 'c', if_match: null, body: { question_id: questionId, value } };
}

const handleOf = (sessionId: string) => client.workflow.getHandle(`session:engine:${sessionId}`);

/** As the API does: resent with the same id until it is acknowledged. */
async function say(sessionId: string, message: Message<AnswerBody>): Promise<void> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    try {
      await client.withDeadline(Date.now() + 5_000, async () => handleOf(sessionId).executeUpdate(answerQuestion, { updateId: `answer:${message.id}`, args: [message] }));
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await sleep(100);
    }
  }
}

async function replay(sessionId: string): Promise<void> {
  const history = await handleOf(sessionId).fetchHistory();
  await Worker.runReplayHistory({ workflowBundle: { codePath: await workflowBundle() }, dataConverter: { payloadCodecs: [createPayloadCodec(sealer)] } }, history, `session:engine:${sessionId}`);
}

async function answersOf(sessionId: string): Promise<readonly { readonly question_id: string; readonly value: unknown }[]> {
  const read = await handleOf(sessionId).query(readAnswers, { ...actor, subject: `ana-${sessionId}` });
  return 'found' in read ? read.found.answers : [];
}

describe('restarts', () => {
  test('a worker that restarts twice around two messages in parallel on an untouched session leaves one that answers and replays', async () => {
    const sessions = await Promise.all([open(), open(), open()]);
    await stopWorker();
    await startWorker();
    await Promise.all(sessions.map((id) => Promise.all([say(id, messageOf(id, 'setup_urgency', 'immediate')), say(id, messageOf(id, 'setup_urgency', 'this_week'))])));
    await stopWorker();
    await startWorker();
    for (const id of sessions) {
      const read = await handleOf(id).query(readSession, { ...actor, subject: `ana-${id}` });
      expect(read).toMatchObject({ found: { state: 'in_progress', answers_count: 1 } });
      expect(await answersOf(id)).toHaveLength(2);
      await replay(id);
    }
  });

  test('the first workflow task of every run has a command, without which a run may never replay', async () => {
    const id = await open({ messagesPerRun: 3 });
    for (let at = 0; at < 8; at += 1) await say(id, messageOf(id, 'setup_urgency', at % 2 === 0 ? 'immediate' : 'planned'));
    const runs: string[] = [];
    for await (const each of client.workflow.list({ query: `WorkflowId = 'session:engine:${id}'` })) runs.push(each.runId);
    expect(runs.length).toBeGreaterThanOrEqual(2);
    for (const runId of runs) {
      const { events } = await client.workflow.getHandle(`session:engine:${id}`, runId).fetchHistory();
      const first = events?.find((event) => event.workflowTaskCompletedEventAttributes != null);
      const commands = events?.filter((event) => event.timerStartedEventAttributes != null && Number(event.timerStartedEventAttributes.workflowTaskCompletedEventId) === Number(first?.eventId));
      expect(commands?.length).toBeGreaterThanOrEqual(1);
    }
  });
});

describe('long sessions', () => {
  test('a worker that restarts over fifty sessions of the longest kind answers all of them', async () => {
    const sessions = await Promise.all(Array.from({ length: 50 }, () => open()));
    await Promise.all(sessions.map(async (id) => {
      for (let at = 0; at < 98; at += 1) await say(id, messageOf(id, 'setup_urgency', at % 2 === 0 ? 'immediate' : 'planned'));
    }));
    await stopWorker();
    await startWorker();
    // all at once: slots x replay of the longest history has to stay below the workflow task time-out
    await Promise.all(sessions.map((id) => say(id, messageOf(id, 'business_unit_type', 'office'))));
    for (const id of sessions) expect(await answersOf(id)).toHaveLength(99);
  }, 240_000);
});

describe('continue-as-new', () => {
  test('bursts over many runs lose no message and double none, and repeats in a later run get the first outcome', async () => {
    await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 1_000_000 }), async (seed) => {
      const id = await open({ messagesPerRun: 8 });
      await say(id, messageOf(id, 'setup_urgency', 'immediate'));
      await say(id, messageOf(id, 'business_unit_type', 'office'));
      await say(id, messageOf(id, 'business_unit_name', 'Depot'));
      const messages = Array.from({ length: 25 }, (_, at) => messageOf(id, 'expected_users', 1 + ((seed + at * 37) % 1_000), `m${at}`));
      await Promise.all(messages.map((message) => say(id, message)));
      // every one again, now that several runs have gone by
      await Promise.all(messages.map((message) => say(id, message)));
      const values = (await answersOf(id)).filter((entry) => entry.question_id === 'expected_users').map((entry) => entry.value);
      // equal neighbours are one answer; all others are there exactly once
      expect(values.length).toBeLessThanOrEqual(25);
      expect(new Set(values)).toEqual(new Set(messages.map((message) => ('value' in message.body ? message.body.value : null))));
      await replay(id);
    }), { numRuns: 3 });
  });
});

describe('ending', () => {
  test('a finished session has stored its copies before its workflow closes', async () => {
    const id = await open();
    await say(id, messageOf(id, 'setup_urgency', 'immediate'));
    await handleOf(id).executeUpdate(cancelSession, { updateId: 'c', args: [{ id: 'c', fingerprint: '', actor: { ...actor, subject: `ana-${id}` }, correlation_id: 'c', if_match: null, body: { reason: null } }] });
    expect(await handleOf(id).result()).toEqual({ state: 'cancelled', stage: 'engaged', answers: 1 });
    const { openDatabase } = await import('../stores/postgres/database.ts');
    const db = openDatabase({ url: (await storesOf(instance, folder)).databaseUrl, timeoutMs: 10_000, connections: 1 });
    const [row] = await db.asSystem().query<{ state: string; confirmed: boolean; kept: number }>('SELECT state, confirmed, (SELECT count(*)::int FROM checkpoints WHERE session_id = $1) AS kept FROM sessions WHERE session_id = $1', [id]);
    await db.close();
    expect(row).toMatchObject({ state: 'cancelled', confirmed: true });
    expect(row?.kept).toBeGreaterThanOrEqual(2);
    await replay(id);
  });

  test('an idle session is marked after its time, revived by an answer, and cancelled in the end', async () => {
    const [idleAbandonedMs, idleCancelMs] = [400, 10_000];
    const id = await open({ idleAbandonedMs, idleCancelMs });
    const eventsNamed = async (...names: string[]): Promise<SessionEvent[]> => {
      const read = await handleOf(id).query(readEvents, { ...actor, subject: `ana-${id}` }, 0);
      return 'found' in read ? read.found.events.filter(({ event }) => names.includes(event)) : [];
    };
    await say(id, messageOf(id, 'setup_urgency', 'immediate'));
    await until('it is marked', async () => (await eventsNamed('session_abandoned')).length > 0);
    await say(id, messageOf(id, 'business_unit_type', 'office'));
    expect(await handleOf(id).result()).toMatchObject({ state: 'cancelled', answers: 2 });
    const story = await eventsNamed('question_answered', 'session_abandoned', 'session_cancelled', 'state_changed');
    // marked a second time: only a session that was revived can be
    expect(story.map(({ event, properties }) => properties['to'] ?? event)).toEqual([
      'question_answered', 'in_progress', 'session_abandoned', 'question_answered', 'session_abandoned', 'cancelled',
    ]);
    const [first = 0, , marked = 0, second = 0, , cancelled = 0] = story.map(({ at }) => at);
    expect(marked - first).toBeGreaterThanOrEqual(idleAbandonedMs);
    expect(cancelled - second).toBeGreaterThanOrEqual(idleCancelMs);
  });
});
