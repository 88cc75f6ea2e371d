/** The workflow that looks into an upload, on the real engine: a worker of this process with a task that does as the test says. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ApplicationFailure } from '@temporalio/common';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { createPayloadCodec } from '../engine/payload-codec.ts';
import { createUploadWorkflows } from '../engine/upload-workflows.ts';
import { developmentCodecKeys } from '../scripts/embedded/secrets.ts';
import { createSealer, readCodecKeys } from '../encryption/sealer.ts';
import { workflowBundle } from '../service/workflow-bundle.ts';
import { readEvents } from '../workflows/messages.ts';
import { discardTask, parkedTaskWorkflow, readTask, retryTask } from '../workflows/task-messages.ts';
import { uploadWorkflowId } from '../workflows/workflow-ids.ts';
import { EngineSessions } from './support/engine-sessions.ts';
import { runFileOf } from './support/instance-stores.ts';
import { engineOf } from './support/sending.ts';
import { sharedInstance } from './support/shared.ts';
import { until } from './support/until.ts';

interface Look { readonly object_id: string; readonly last: boolean }

const instance = await sharedInstance();
const taskQueue = `uploads-test-${randomUUID()}`;
const sealer = createSealer(readCodecKeys(await developmentCodecKeys(instance.folder)));
/** What the task does for each try of an upload. */
const looks = new Map<string, (look: Look) => unknown>();
let engine: Awaited<ReturnType<typeof engineOf>>;
let sessions: EngineSessions;
let worker: Worker;
let running: Promise<void>;
let connection: NativeConnection;

beforeAll(async () => {
  // of what the test lets fail it would tell with every line of the stack
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  engine = await engineOf(instance);
  sessions = await EngineSessions.on(engine.client, taskQueue);
  connection = await NativeConnection.connect({ address: (await runFileOf(instance)).urls.temporalAddress });
  worker = await Worker.create({
    connection, taskQueue, workflowBundle: { codePath: await workflowBundle() },
    dataConverter: { payloadCodecs: [createPayloadCodec(sealer)] },
    activities: {
      processUpload: (look: Look) => looks.get(look.object_id)?.(look), flushSession: () => undefined, writeTask: () => undefined,
    },
  });
  running = worker.run();
});
afterAll(async () => {
  worker.shutdown();
  await running;
  await connection.close();
  await engine.connection.close();
});

const refuses = (): never => { throw ApplicationFailure.create({ type: 'database', message: 'it is away', nonRetryable: true }); };

async function begun(look: (look: Look) => unknown, limits = { unknownForMs: 60_000, unknownPauseMs: 100 }) {
  const session_id = await sessions.open();
  const { tenant, subject: owner } = sessions.ownerOf(session_id);
  const upload = { tenant, session_id, upload_id: randomUUID(), object_id: randomUUID(), owner, kind: 'photo' } as const;
  looks.set(upload.object_id, look);
  const workflows = createUploadWorkflows({
    client: engine.client, taskQueue, timeoutMs: 20_000, limits: { manualRetries: 3, ...limits }, newId: randomUUID,
  });
  await workflows.start(upload);
  const handle = engine.client.workflow.getHandle(uploadWorkflowId(tenant, upload.object_id));
  /** Status and reason of each word that the session was told. */
  const told = async (): Promise<string[]> => {
    const read = await sessions.handleOf(session_id).query(readEvents, sessions.ownerOf(session_id), 0);
    if (!('found' in read)) throw new Error(read.message);
    return read.found.events.filter(({ event }) => event === 'upload')
      .map(({ properties }) => [properties['status'], properties['reason']].filter((word) => word !== undefined).join(' '));
  };
  return { upload, handle, told, again: () => workflows.start(upload) };
}

/** The parked task of a session, once it is listed. */
async function parkedOf(sessionId: string) {
  let workflowId = '';
  await until('the task is parked', async () => {
    const query = `WorkflowType = '${parkedTaskWorkflow}' AND GwSession = '${sessionId}'`;
    for await (const each of engine.client.workflow.list({ query })) {
      workflowId = each.workflowId;
    }
    return workflowId !== '';
  });
  return engine.client.workflow.getHandle(workflowId);
}

describe('an upload is looked into', () => {
  test('again while the scanner cannot say anything, and the session is told the verdict alone', async () => {
    const seen: boolean[] = [];
    const { handle, told } = await begun(({ last }) => {
      seen.push(last);
      return seen.length < 3 ? { status: 'unknown' } : { status: 'clean', reason: null };
    });
    expect(await handle.result()).toEqual({ status: 'clean', reason: null });
    expect([seen, await told()]).toEqual([[false, false, false], ['clean']]);
  });

  test('for the last time when the time for that is over: then it is parked, and the person is told that it takes longer', async () => {
    const { upload, handle, told } = await begun(
      ({ last }) => (last ? refuses() : { status: 'unknown' }), { unknownForMs: 350, unknownPauseMs: 200 },
    );
    const task = await parkedOf(upload.session_id);
    const { task_name, input, reply_to, context } = await task.query(readTask);
    expect({ task_name, input, reply_to, context }).toMatchObject({
      task_name: 'processUpload', reply_to: handle.workflowId, context: { session_id: upload.session_id, user: upload.owner },
      input: { upload_id: upload.upload_id, object_id: upload.object_id, last: true },
    });
    await until('the person is told', async () => (await told()).length === 1);
    expect(await told()).toEqual(['quarantined delayed']);

    // an operator retries: the verdict comes as if nothing had been
    looks.set(upload.object_id, () => ({ status: 'rejected', reason: 'infected' }));
    await task.executeUpdate(retryTask, { args: [{ actor: 'dee' }] });
    expect(await handle.result()).toEqual({ status: 'rejected', reason: 'infected' });
    expect(await told()).toEqual(['quarantined delayed', 'rejected infected']);
    await Worker.runReplayHistory(
      { workflowBundle: { codePath: await workflowBundle() }, dataConverter: { payloadCodecs: [createPayloadCodec(sealer)] } },
      await handle.fetchHistory(), handle.workflowId,
    );
  });

  test('no more when an operator discards its task: it stays in quarantine, and the person is told that it could not be checked', async () => {
    const { upload, handle, told } = await begun(refuses);
    const task = await parkedOf(upload.session_id);
    await task.executeUpdate(discardTask, { args: [{ actor: 'dee', reason: 'the scanner is gone for good' }] });
    expect(await handle.result()).toBeNull();
    expect(await told()).toEqual(['quarantined delayed', 'quarantined not_checked']);
  });

  test('once, however often it is asked for, also after its end; one that was terminated begins again', async () => {
    let times = 0;
    const { handle, again, told } = await begun(() => {
      times += 1;
      return { status: 'clean', reason: null };
    });
    await Promise.all([again(), again()]);
    await handle.result();
    await again();
    expect([times, await told()]).toEqual([1, ['clean']]);

    let release = (): void => undefined;
    const first = await begun(() => new Promise((resolve) => { release = () => { resolve({ status: 'clean', reason: null }); }; }));
    await first.handle.terminate('by hand');
    looks.set(first.upload.object_id, () => ({ status: 'clean', reason: null }));
    await first.again();
    expect(await first.handle.result()).toEqual({ status: 'clean', reason: null });
    release();
  });

  test('of which there is none any more: nobody is told anything', async () => {
    const { handle, told } = await begun(() => ({ status: 'gone' }));
    expect(await handle.result()).toEqual({ status: 'gone' });
    expect(await told()).toEqual([]);
  });
});
