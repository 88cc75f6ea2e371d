/** A redrive against a model that has come back and can take little: no faster than asked for, canary first, and whatever dies meanwhile. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { says, startFakeModel, status, type Behaviour, type FakeModel } from './support/fake-model.ts';
import { newFolder } from './support/folders.ts';
import { discard, startInstance, type Instance } from './support/instance.ts';
import { cast, person, type Body, type Person } from './support/person.ts';
import { until } from './support/until.ts';

let fake: FakeModel;
let instance: Instance;
const settings = (): Record<string, string> => ({ OPENAI_BASE_URL: fake.url, OPENAI_API_KEY: 'test', CHAT_MODEL: 'test', GANGWAY_MODEL_TIMEOUT_MS: '3000' });
const working = says({ proposals: [] });

beforeAll(async () => {
  fake = await startFakeModel();
  instance = await startInstance(await newFolder(), settings());
}, 120_000);
afterAll(async () => {
  await discard(instance);
  await fake.close();
}, 60_000);

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

describe('a redrive', () => {
  test('whose canary fails stops there, says why, and leaves the others untouched', async () => {
    const queue = await parkedSessions(6);
    fake.play(status(401));
    const id = await begin(queue, { canary: 3, rate_per_second: 20 });
    await until('it has stopped', async () => (await redriveOf(queue.admin, id)).status === 'stopped');
    expect(await redriveOf(queue.admin, id)).toMatchObject({ matched: 6, succeeded: 0, failed: 3, remaining: 3, note: expect.stringContaining('3 of 3') });
    expect(fake.calls.length).toBe(3);
    await until('the three are in the list as they were', async () => {
      const { body: { results } } = await queue.admin.get('/admin/dlq/tasks/');
      return results.filter((task: Body) => task.status === 'parked' && task.manual_retries === 0).length === 3 && results.length === 6;
    });
  }, 90_000);

  test('keeps to its rate, goes on after everything was killed in the middle, and ends each session once; those who answer meanwhile do not wait behind it', async () => {
    const queue = await parkedSessions(12);
    const calls: number[] = [];
    const timed: Behaviour = (response, request) => {
      calls.push(Date.now());
      working(response, request);
    };
    fake.play(timed);
    const id = await begin(queue, { canary: 2, rate_per_second: 2 });
    await until('some have gone', () => calls.length >= 5);
    await instance.kill();
    instance = await startInstance(instance.folder, settings());
    const admin = await person(instance, queue.admin.tenant, 'dee', 'admin');
    const fresh = await person(instance, queue.admin.tenant, 'eve', 'user');
    const answered = await fresh.answerAll(await fresh.start());
    await fresh.inState(answered.session_id as string, 'awaiting_approval');
    await until('it is over', async () => (await redriveOf(admin, id)).status === 'completed', 60_000);
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
    // begun at most twice a second: of any four neighbours the last comes at least a second after the first, and the fresh one is not the redrive's
    const gaps = calls.slice(3).map((at, index) => at - (calls[index] ?? 0));
    expect(gaps.filter((gap) => gap < 400).length).toBeLessThanOrEqual(2);
  }, 180_000);
});
