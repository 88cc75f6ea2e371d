/** The session as a workflow on the real engine: replay, restarts, continue-as-new. A worker of this process, a task queue of its own. */
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Client, Connection } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import fc from 'fast-check';
import { readConfiguration } from '../service/environment.ts';
import { connectEngine } from '../engine/connection.ts';
import { workflowBundle } from '../service/workflow-bundle.ts';
import { developmentCodecKeys } from '../scripts/embedded/secrets.ts';
import { startService, type Service } from '../service/service.ts';
import { workflowTaskSlots } from '../service/worker.ts';
import { cancelSession, readAnswers, readSession } from '../workflows/messages.ts';
import { createSealer, readCodecKeys } from '../encryption/sealer.ts';
import { createPayloadCodec } from '../engine/payload-codec.ts';
import { defaultMessagesPerRun, EngineSessions } from './support/engine-sessions.ts';
import { newFolder } from './support/folders.ts';
import { storesOf } from './support/instance-stores.ts';
import { sharedInstance } from './support/shared.ts';

const instance = await sharedInstance();
const taskQueue = `engine-test-${randomUUID()}`;
const codecKeys = await developmentCodecKeys(instance.folder);
const sealer = createSealer(readCodecKeys(codecKeys));

let client: Client;
let connection: Connection;
let sessions: EngineSessions;
let worker: Service | undefined;
let folder: string;

async function startWorker(): Promise<void> {
  const configuration = readConfiguration({ GANGWAY_TASK_QUEUE: taskQueue, LOG_LEVEL: 'silent', GANGWAY_DRAIN_SECONDS: '2' });
  worker = await startService({
    configuration, urls: await storesOf(instance, folder), developmentKey: new Uint8Array(32), codecKeys, roles: ['worker'],
  });
}

async function stopWorker(): Promise<void> {
  await worker?.stop();
  worker = undefined;
}

beforeAll(async () => {
  folder = await newFolder();
  const stores = await storesOf(instance, folder);
  ({ client, connection } = await connectEngine({ address: stores.temporalAddress, namespace: 'default', sealer }));
  sessions = await EngineSessions.on(client, taskQueue);
  await startWorker();
});

afterAll(async () => {
  await stopWorker();
  await connection.close();
  await rm(folder, { recursive: true, force: true });
});

async function replay(sessionId: string): Promise<void> {
  const history = await sessions.handleOf(sessionId).fetchHistory();
  await Worker.runReplayHistory(
    { workflowBundle: { codePath: await workflowBundle() }, dataConverter: { payloadCodecs: [createPayloadCodec(sealer)] } }, history,
    sessions.workflowId(sessionId),
  );
}

async function answersOf(sessionId: string): Promise<readonly { readonly question_id: string; readonly value: unknown }[]> {
  const read = await sessions.handleOf(sessionId).query(readAnswers, sessions.ownerOf(sessionId));
  return 'found' in read ? read.found.answers : [];
}

describe('restarts', () => {
  test('a worker that restarts twice around two messages in parallel on an untouched session leaves one that answers and replays', async () => {
    const ids = await Promise.all([1, 2, 3].map(() => sessions.open()));
    await stopWorker();
    await startWorker();
    await Promise.all(ids.map((id) => Promise.all(['immediate', 'this_week'].map((value) => sessions.answer(id, 'setup_urgency', value)))));
    await stopWorker();
    await startWorker();
    for (const id of ids) {
      const read = await sessions.handleOf(id).query(readSession, sessions.ownerOf(id));
      expect(read).toMatchObject({ found: { state: 'in_progress', answers_count: 1 } });
      expect(await answersOf(id)).toHaveLength(2);
      await replay(id);
    }
  });

  test('the first workflow task of every run has a command, without which a run may never replay', async () => {
    const id = await sessions.open({ messagesPerRun: 3 });
    for (let at = 0; at < 8; at += 1) await sessions.answer(id, 'setup_urgency', at % 2 === 0 ? 'immediate' : 'planned');
    const runs: string[] = [];
    for await (const each of client.workflow.list({ query: `WorkflowId = '${sessions.workflowId(id)}'` })) runs.push(each.runId);
    expect(runs.length).toBeGreaterThanOrEqual(2);
    for (const runId of runs) {
      const { events } = await client.workflow.getHandle(sessions.workflowId(id), runId).fetchHistory();
      const first = events?.find((event) => event.workflowTaskCompletedEventAttributes != null);
      const commands = events?.filter(
        (event) => event.timerStartedEventAttributes != null
          && Number(event.timerStartedEventAttributes.workflowTaskCompletedEventId) === Number(first?.eventId),
      );
      expect(commands?.length).toBeGreaterThanOrEqual(1);
    }
  });
});

test('nobody notes the stacks of promises: the query of the Web UI for them answers, with none', async () => {
  const id = await sessions.open();
  expect(await sessions.handleOf(id).query('__stack_trace')).toBe('');
});

describe('long sessions', () => {
  test('a worker that restarts over three times as many sessions of the longest kind as it has slots answers all of them', async () => {
    const longest = defaultMessagesPerRun - 2;
    const ids = await Promise.all(Array.from({ length: 3 * workflowTaskSlots }, () => sessions.open()));
    await Promise.all(ids.map(async (id) => {
      for (let at = 0; at < longest; at += 1) await sessions.answer(id, 'setup_urgency', at % 2 === 0 ? 'immediate' : 'planned');
    }));
    await stopWorker();
    await startWorker();
    // all at once, so that some wait for others to be replayed
    await Promise.all(ids.map((id) => sessions.answer(id, 'business_unit_type', 'office')));
    for (const id of ids) expect(await answersOf(id)).toHaveLength(longest + 1);
  }, 900_000);
});

describe('continue-as-new', () => {
  test('bursts over many runs lose no message and double none, and repeats in a later run get the first outcome', async () => {
    await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 1_000_000 }), async (seed) => {
      const id = await sessions.open({ messagesPerRun: 8 });
      await sessions.answer(id, 'setup_urgency', 'immediate');
      await sessions.answer(id, 'business_unit_type', 'office');
      await sessions.answer(id, 'business_unit_name', 'Depot');
      const messages = Array.from(
        { length: 25 }, (_, at) => sessions.messageOf(id, 'expected_users', 1 + ((seed + at * 37) % 1_000), `m${at}`),
      );
      await Promise.all(messages.map((message) => sessions.say(id, message)));
      // every one again, now that several runs have gone by
      await Promise.all(messages.map((message) => sessions.say(id, message)));
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
    const id = await sessions.open();
    await sessions.answer(id, 'setup_urgency', 'immediate');
    await sessions.handleOf(id).executeUpdate(cancelSession, {
      updateId: 'c',
      args: [{ id: 'c', fingerprint: '', actor: sessions.ownerOf(id), correlation_id: 'c', if_match: null, body: { reason: null } }],
    });
    expect(await sessions.handleOf(id).result()).toEqual({ state: 'cancelled', stage: 'engaged', answers: 1 });
    const { openDatabase } = await import('../stores/postgres/database.ts');
    const db = openDatabase({ url: (await storesOf(instance, folder)).databaseUrl, timeoutMs: 10_000, connections: 1 });
    const [row] = await db.asSystem().query<{ state: string; confirmed: boolean; kept: number }>(
      'SELECT state, confirmed, (SELECT count(*)::int FROM checkpoints WHERE session_id = $1) AS kept FROM sessions WHERE session_id = $1',
      [id],
    );
    await db.close();
    expect(row).toMatchObject({ state: 'cancelled', confirmed: true });
    expect(row?.kept).toBeGreaterThanOrEqual(2);
    await replay(id);
  });
});
