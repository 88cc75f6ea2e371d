/** A session whose workflow tasks fail again and again: operators are told of it, and the command they are given heals it. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Client, Connection } from '@temporalio/client';
import { createSealer, readCodecKeys } from '../encryption/sealer.ts';
import { connectEngine } from '../engine/connection.ts';
import { StuckWorkflows } from '../engine/stuck-workflows.ts';
import { sessionWorkflow } from '../workflows/messages.ts';
import { sessionAttributes } from '../workflows/search-attributes.ts';
import { sessionWorkflowId } from '../workflows/workflow-ids.ts';
import { testCodecKeys } from './support/codec-keys.ts';
import { newFolder } from './support/folders.ts';
import { discard, startInstance, type Instance } from './support/instance.ts';
import { databaseOf } from './support/instance-stores.ts';
import { cast, person, type Body, type Person } from './support/person.ts';
import { secret, startReceiver, type Receiver } from './support/receiver.ts';
import { until } from './support/until.ts';

let receiver: Receiver;
let instance: Instance;
let client: Client;
let connection: Connection;
let people: Awaited<ReturnType<typeof cast>>;
let id: string;

const checks = async (): Promise<Body> => {
  const response = await fetch(`${instance.url}/readyz`);
  return { code: response.status, ...await response.json() as object };
};
const metric = async (name: string): Promise<number | undefined> => {
  const line = (await (await fetch(`${instance.url}/metrics`)).text()).split('\n').find((text) => text.startsWith(name));
  return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(' ') + 1));
};
const list = (who: Person): Promise<Body> => who.get('/admin/sessions/stuck/').then(({ body }) => body);

beforeAll(async () => {
  receiver = await startReceiver(() => ({}));
  instance = await startInstance(await newFolder(), {
    GANGWAY_CODEC_KEYS: testCodecKeys, GANGWAY_STOPPED_SECONDS: '2', GANGWAY_DLQ_ALERT_SECONDS: '2', GANGWAY_ALLOW_PRIVATE_URLS: 'true',
    ALERT_WEBHOOK_URL: receiver.url, ALERT_WEBHOOK_SECRET: secret,
  });
  const { urls } = await instance.runFile();
  ({ client, connection } = await connectEngine({
    address: urls.temporalAddress, namespace: 'default', sealer: createSealer(readCodecKeys(testCodecKeys)),
  }));
  people = await cast(instance);
});
afterAll(async () => {
  await connection.close();
  await discard(instance);
  await receiver.close();
});

/** An archived session whose run cannot even begin: nothing that a newer version of the code would mend either. */
beforeAll(async () => {
  const { ana, tenant } = people;
  ({ session_id: id } = await ana.start());
  await ana.gives(id, 'setup_urgency', 'immediate');
  await ana.post(`/sessions/${id}/checkpoint/`, { label: 'here' });
  const db = await databaseOf(instance);
  await until(
    'it is archived',
    async () => (await db.asTenant(tenant).query('SELECT FROM sessions WHERE session_id = $1 AND snapshot IS NOT NULL', [id])).length === 1,
  );
  await db.close();
  const workflowId = sessionWorkflowId(tenant, id);
  await client.workflow.start(sessionWorkflow, {
    workflowId, taskQueue: 'gangway', args: [{ start: null, state: null }], workflowIdConflictPolicy: 'TERMINATE_EXISTING',
    typedSearchAttributes: [{ key: sessionAttributes.tenant, value: tenant }], workflowTaskTimeout: '2s',
  });
});

describe('a session that cannot move', () => {
  test('is told by /readyz in a check of its own, without taking the process out of service', async () => {
    await until('the check says so', async () => (await checks()).checks.sessions === 'stuck', 30_000);
    expect(await checks()).toMatchObject({ code: 200, status: 'ready', checks: { engine: 'ok', worker: 'ok' } });
  });

  test('is counted, and each failing task is logged with its workflow and the kind of its failure', async () => {
    expect(await metric('gangway_stuck_workflows')).toBe(1);
    const lines = instance.output().split('\n').filter((line) => line.includes('Failing workflow task')).map(
      (line) => JSON.parse(line) as Body,
    );
    expect(lines.length).toBeGreaterThanOrEqual(1);
    for (const line of lines) expect(line).toMatchObject({ workflow_id: sessionWorkflowId(people.tenant, id), failure_type: 'Error' });
    expect(await metric('gangway_workflow_task_failures_total{failure="Error"}')).toBe(lines.length);
  });

  test('is listed for the admin of its tenant and for the platform, and for nobody else', async () => {
    const { admin, ana, tenant } = people;
    const { results, total } = await list(admin);
    expect([total, results.length]).toEqual([1, 1]);
    expect(results[0]).toMatchObject({
      session_id: id, workflow_id: sessionWorkflowId(tenant, id), failure_type: 'WorkflowWorkerUnhandledFailure',
    });
    expect(Math.abs(Date.now() - Date.parse(results[0].since))).toBeLessThan(120_000);
    const stranger = await person(instance, 't-other', 'dee', 'admin');
    expect(await list(stranger)).toEqual({ results: [], total: 0, next_cursor: null });
    const platform = await person(instance, 't-other', 'pat', 'platform');
    expect((await list(platform)).results.map((one: Body) => one.session_id)).toEqual([id]);
    expect((await platform.get('/admin/sessions/stuck/?client_id=t-other')).body.total).toBe(0);
    expect((await ana.get('/admin/sessions/stuck/')).status).toBe(403);
  });

  test('is alerted once', async () => {
    await until('the alert has come', () => receiver.requests.some(({ body }) => body.data?.kind === 'session_stuck'));
    expect(receiver.requests.filter(({ body }) => body.data?.kind === 'session_stuck')
      .map(({ body }) => [body.event, body.tenant, body.data.facts.stuck])).toEqual([['alert_raised', people.tenant, 1]]);
  });

  test('goes on with every archived answer after the command of the list, and then all is quiet', async () => {
    const { admin, ana } = people;
    const { results: [{ heal }] } = await list(admin);
    await promisify(execFile)('sh', ['-c', heal as string]);
    await until('it answers', async () => (await ana.answer(id, 'business_unit_type', 'office', 'm')).status === 200, 30_000);
    expect((await ana.get(`/sessions/${id}/answers/`)).body.answers).toHaveLength(2);
    await until(
      'nothing is stuck',
      async () => (await list(admin)).total === 0 && (await checks()).checks.sessions === 'ok'
        && await metric('gangway_stuck_workflows') === 0,
    );
    await until(
      'the alert is over',
      () => receiver.requests.some(({ body }) => body.event === 'alert_recovered' && body.data.kind === 'session_stuck'),
    );
  });
});

test('a server that does not know of such workflows is no reason for alarm: nothing is told, and nothing fails', async () => {
  const refuses = {
    workflow: {
      count: () => Promise.reject(Object.assign(new Error('invalid search attribute'), { code: 3, details: '', metadata: {} })),
      list: () => { throw Object.assign(new Error('invalid search attribute'), { code: 3, details: '', metadata: {} }); },
    },
    withDeadline: (_: number, work: () => Promise<unknown>) => work(),
  };
  const stuck = new StuckWorkflows({
    client: refuses as unknown as Client, taskQueue: 'q', timeoutMs: 1_000, now: () => performance.now(),
  });
  expect(await stuck.count()).toBeNull();
  expect(await stuck.tally()).toBeNull();
  expect(await stuck.list(null, 10)).toEqual({ total: 0, results: [] });
});
