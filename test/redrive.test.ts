/**
 * A redrive against a model that has come back and can take little: no faster than asked for, canary first, and whatever dies
 * meanwhile.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createSealer, readCodecKeys } from '../encryption/sealer.ts';
import { connectEngine } from '../engine/connection.ts';
import { testCodecKeys } from './support/codec-keys.ts';
import { says, startFakeModel, status, type FakeModel } from './support/fake-model.ts';
import { newFolder } from './support/folders.ts';
import { discard, startInstance, type Instance } from './support/instance.ts';
import { cast, person, type Body, type Person } from './support/person.ts';
import { until } from './support/until.ts';

let fake: FakeModel;
let instance: Instance;
const settings = (): Record<string, string> => ({
  OPENAI_BASE_URL: fake.url, OPENAI_API_KEY: 'test', CHAT_MODEL: 'test', GANGWAY_CODEC_KEYS: testCodecKeys,
  GANGWAY_RETRY_DELAY_PERCENT: '10',
});
const working = says({ proposals: [] });

beforeAll(async () => {
  fake = await startFakeModel();
  instance = await startInstance(await newFolder(), settings());
});
afterAll(async () => {
  await discard(instance);
  await fake.close();
});

interface Queue { readonly admin: Person; readonly sessions: readonly string[]; readonly fingerprint: string }

/** Sessions of several people of one tenant, whose proposals are parked with one fingerprint. */
async function parkedSessions(count: number): Promise<Queue> {
  fake.play(status(401));
  const { admin, tenant } = await cast(instance);
  const sessions: string[] = [];
  for (let n = 0; n < count; n += 1) {
    const someone = await person(instance, tenant, `ana-${n}`, 'user');
    sessions.push((await someone.answerAll(await someone.start())).session_id as string);
  }
  await until('all of them are in the list', async () => (await admin.get('/admin/dlq/tasks/')).body.total === count);
  const { body: { results: [group] } } = await admin.get('/admin/dlq/groups/');
  expect(group).toMatchObject({ count, sessions: count, task_name: 'proposeRecommendations' });
  return { admin, sessions, fingerprint: group.fingerprint as string };
}

const begin = async ({ admin, fingerprint }: Queue, how: object): Promise<string> => {
  const { body } = await admin.post('/admin/dlq/redrives/', { filter: { fingerprint }, reason: 'the model is back', ...how });
  return body.redrive_id as string;
};
const redriveOf = async (admin: Person, id: string): Promise<Body> => (await admin.get(`/admin/dlq/redrives/${id}/`)).body;

/** When the redrive sent off each task, by the engine's own record: milliseconds since 1970. */
async function momentsOfBeginning(tenant: string, id: string): Promise<number[]> {
  const { urls } = await instance.runFile();
  const { client, connection } = await connectEngine({
    address: urls.temporalAddress, namespace: 'default', sealer: createSealer(readCodecKeys(testCodecKeys)),
  });
  const { events } = await client.workflow.getHandle(`redrive:${tenant}:${id}`).fetchHistory();
  await connection.close();
  const sent = (events ?? []).filter((event) => event.signalExternalWorkflowExecutionInitiatedEventAttributes != null);
  return sent.map(({ eventTime }) => Number(eventTime?.seconds ?? 0) * 1_000 + (eventTime?.nanos ?? 0) / 1e6);
}

describe('a redrive', () => {
  test('whose canary fails stops there, says why, and leaves the others untouched', async () => {
    const queue = await parkedSessions(6);
    fake.play(status(401));
    const id = await begin(queue, { canary: 3, rate_per_second: 20 });
    await until('it has stopped', async () => (await redriveOf(queue.admin, id)).status === 'stopped');
    expect(await redriveOf(queue.admin, id)).toMatchObject({
      matched: 6, succeeded: 0, failed: 3, remaining: 3, note: expect.stringContaining('3 of 3'),
    });
    expect(fake.calls.length).toBe(3);
    await until('the three are in the list as they were', async () => {
      const { body: { results } } = await queue.admin.get('/admin/dlq/tasks/');
      return results.filter((task: Body) => task.status === 'parked' && task.manual_retries === 0).length === 3 && results.length === 6;
    });
  });

  test('keeps to its rate, goes on after everything was killed in the middle, and ends each session once; those who answer meanwhile do ' +
    'not wait behind it', async () => {
    const queue = await parkedSessions(12);
    fake.play(working);
    const id = await begin(queue, { canary: 2, rate_per_second: 2 });
    await until('some have gone', () => fake.calls.length >= 5);
    expect((await redriveOf(queue.admin, id)).status).toBe('running');
    await instance.kill();
    instance = await startInstance(instance.folder, settings());
    const admin = await person(instance, queue.admin.tenant, 'dee', 'admin');
    const fresh = await person(instance, queue.admin.tenant, 'eve', 'user');
    const answered = await fresh.answerAll(await fresh.start());
    await fresh.inState(answered.session_id as string, 'awaiting_approval');
    await until('it is over', async () => (await redriveOf(admin, id)).status === 'completed');
    expect(await redriveOf(admin, id)).toMatchObject({ matched: 12, succeeded: 12, failed: 0, remaining: 0 });
    for (const session of queue.sessions) {
      const owner = await person(instance, queue.admin.tenant, `ana-${queue.sessions.indexOf(session)}`, 'user');
      await owner.inState(session, 'awaiting_approval');
    }
    const completed = async (): Promise<Body> => (await admin.get('/admin/dlq/tasks/?status=completed&limit=50')).body;
    // rows follow their tasks
    await until('all of them are in the list', async () => (await completed()).total === 12);
    const { results } = await completed();
    expect(results.map((task: Body) => task.manual_retries)).toEqual(Array.from({ length: 12 }, () => 1));
    const begun = await momentsOfBeginning(queue.admin.tenant, id);
    expect(begun).toHaveLength(12);
    // two a second: never two within half a second of each other, but for what the clocks of engine and worker differ
    const gaps = begun.slice(1).map((at, index) => at - (begun[index] ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(480);
  });
});
