/** Events to EVENT_WEBHOOK_URL: at least once, in order, signed, under the same id at each repeat, and never in a session's way. */
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Attempt } from '../domain/attempts.ts';
import { nextDelay } from '../domain/back-off.ts';
import { startDelivery, type DeliveryOptions, type RunningDelivery } from '../activities/outbox/delivery.ts';
import { derivedId } from '../domain/derived-id.ts';
import { claimEvents, queueEvents } from '../stores/postgres/outgoing-events.ts';
import { createPost } from '../outside/request.ts';
import type { Database } from '../stores/postgres/database.ts';
import { databaseOf } from './support/instance-stores.ts';
import { newFolder } from './support/folders.ts';
import { discard, startInstance, type Instance } from './support/instance.ts';
import { cast, newTenant, person, proposed, type Body } from './support/person.ts';
import { isSigned, secret, startReceiver, type Reaction, type Received, type Receiver } from './support/receiver.ts';
import { leaseInstance, leaseMs, sharedInstance, type Lease } from './support/shared.ts';
import { until } from './support/until.ts';

const noLog = { debug: () => undefined, warn: () => undefined } as unknown as DeliveryOptions['log'];

const postWithin = (timeoutMs: number) => createPost({ secret, timeoutMs, maxAnswerBytes: 1_000, allowPrivate: true, now: Date.now });

describe('the outbox', () => {
  let db: Database;
  let receiver: Receiver;
  let react: (request: Received) => Reaction;
  const running: RunningDelivery[] = [];
  const parked: { event_id: string; attempts: readonly Attempt[] }[] = [];

  beforeAll(async () => { db = await databaseOf(await sharedInstance()); });
  afterAll(() => db.close());
  beforeEach(async () => {
    react = () => ({});
    receiver = await startReceiver((request) => react(request));
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((each) => each.stop()));
    await receiver.close();
    parked.length = 0;
    await db.asSystem().query('DELETE FROM outgoing_events');
  });

  function deliver(more: Partial<DeliveryOptions> = {}): void {
    running.push(startDelivery({
      db, url: `${receiver.url}/hook`, post: postWithin(20_000), log: noLog,
      parallel: 4, pollMs: 20, timeoutMs: 20_000, keepDays: 7, tries: 3, firstDelayMs: 40, capMs: 1_000, retryAfterCapMs: 5_000,
      random: () => 0.5, now: Date.now, prepare: (event) => Promise.resolve(event),
      park: (event, attempts) => {
        parked.push({ event_id: event.event_id, attempts });
        return Promise.resolve();
      },
      ...more,
    }));
  }

  async function queue(count: number, sessionId: string = randomUUID()): Promise<string[]> {
    const ids = Array.from({ length: count }, (_, at) => derivedId(sessionId, at));
    await db.asSystem().transaction((tx) => queueEvents(tx, ids.map((event_id, at) => ({
      event_id, event: 'state_changed', occurred_at: new Date(1_000 * at), tenant: 'acme', session_id: sessionId, data: { at },
    }))));
    return ids;
  }

  const ids = (): string[] => receiver.requests.map(({ body }) => body.event_id);
  const statuses = async (): Promise<Body[]> => db.asSystem().query(
    'SELECT event_id, status, attempts, last_error FROM outgoing_events ORDER BY position',
  );
  const settled = () => until('nothing is pending', async () => (await statuses()).every((row) => row.status !== 'pending'));

  test('sends each event once when all is well, in the order of its session, signed, and writing one again adds nothing', async () => {
    const [one, other] = [randomUUID(), randomUUID()];
    const [first, second] = [await queue(5, one), await queue(5, other)];
    await queue(5, one);
    deliver();
    deliver();
    await settled();
    expect(ids()).toHaveLength(10);
    for (const [session, expected] of [[one, first], [other, second]] as const) {
      expect(receiver.requests.filter(({ body }) => body.session_id === session).map(({ body }) => body.event_id)).toEqual(expected);
    }
    expect(receiver.requests.every((request) => isSigned(request) && request.headers['idempotency-key'] === request.body.event_id))
      .toBe(true);
    expect(receiver.requests[0]?.body).toEqual({
      event_id: expect.any(String), event: 'state_changed', occurred_at: expect.stringMatching(/Z$/), tenant: 'acme',
      session_id: expect.any(String), data: { at: 0 },
    });
  });

  test.each<[string, Reaction]>([
    ['hangs', 'hang'], ['closes the connection', 'close'], ['answers 500', { status: 500 }],
    ['sends elsewhere', { status: 302, headers: { location: '/other' } }],
  ])(
    'repeats what a receiver that %s did not take, under the same id, and nothing of the session overtakes it', async (_, reaction) => {
      let failures = 0;
      react = () => ((failures += 1) <= 2 ? reaction : {});
      const [first, second] = await queue(2);
      // only one that says nothing is waited for, and those who answer have time to
      deliver(reaction === 'hang' ? { timeoutMs: 1_500, post: postWithin(1_500) } : {});
      await settled();
      expect(ids()).toEqual([first, first, first, second]);
      expect((await statuses()).map((row) => [row.status, row.attempts])).toEqual([['delivered', 3], ['delivered', 1]]);
    },
  );

  test('parks an event after its last try and goes on with the next one of the session', async () => {
    const [first, second] = await queue(2);
    react = ({ body }) => (body.event_id === first ? { status: 410 } : {});
    deliver();
    await settled();
    expect(ids()).toEqual([first, first, first, second]);
    expect((await statuses())[0]).toEqual({ event_id: first, status: 'parked', attempts: 3, last_error: 'status 410' });
    expect(parked).toEqual([
      {
        event_id: first,
        attempts: [1, 2, 3].map((number) => expect.objectContaining({
          number, error: 'status 410', delay_seconds: number === 3 ? null : expect.any(Number), at: expect.any(Number),
        })),
      },
    ]);
  });

  test('goes on trying an event for as long as nobody can take it as a parked task', async () => {
    react = () => ({ status: 410 });
    let refusals = 0;
    deliver({ park: () => (refusals += 1) < 3 ? Promise.reject(new Error('the engine is away')) : Promise.resolve(), capMs: 30 });
    await queue(1);
    await settled();
    expect((await statuses())[0]).toMatchObject({ status: 'parked', attempts: 5 });
  });

  test('waits as long as Retry-After says', async () => {
    await queue(1);
    react = () => (receiver.requests.length === 1 ? { status: 429, headers: { 'retry-after': '1' } } : {});
    deliver();
    await settled();
    const [first, second] = receiver.requests;
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(990);
  });

  test.each<Reaction>(['unfinished', 'endless', 'cut', { body: 'x'.repeat(300_000) }])('a 2xx is a delivery whatever becomes of its ' +
    'body: %s', async (reaction) => {
    const [first] = await queue(1);
    react = () => reaction;
    deliver({ timeoutMs: 5_000, post: createPost({ secret, timeoutMs: 5_000, maxAnswerBytes: 1_000, allowPrivate: true, now: Date.now }) });
    await settled();
    expect([ids(), await statuses()]).toEqual([[first], [expect.objectContaining({ status: 'delivered', last_error: null })]]);
  });

  test('and so is any other status an answer, with its Retry-After, however long its body', async () => {
    await queue(1);
    react = () => (receiver.requests.length === 1 ? { status: 503, headers: { 'retry-after': '1' }, body: 'x'.repeat(300_000) } : {});
    deliver();
    await until('it was tried', async () => (await statuses())[0]?.last_error === 'status 503');
    await settled();
    expect((receiver.requests[1]?.at ?? 0) - (receiver.requests[0]?.at ?? 0)).toBeGreaterThanOrEqual(990);
  });

  test('sends again what somebody claimed and died with', async () => {
    const [first] = await queue(1);
    expect(await claimEvents(db.asSystem(), 10, 200)).toHaveLength(1);
    deliver();
    await settled();
    expect(ids()).toEqual([first]);
  });

  test('counts no try for what a shutdown broke off', async () => {
    await queue(1);
    react = () => 'hang';
    deliver();
    await until('it is under way', () => receiver.requests.length === 1);
    await running.pop()?.stop();
    expect((await statuses())[0]).toMatchObject({ status: 'pending', attempts: 0 });
  });

  test('forgets delivered events after their days, and parked ones never', async () => {
    const [first, second] = await queue(2);
    await db.asSystem().query(
      "UPDATE outgoing_events SET status = 'delivered', delivered_at = now() - interval '8 days' WHERE event_id = $1", [first],
    );
    await db.asSystem().query(
      "UPDATE outgoing_events SET status = 'parked', created_at = now() - interval '80 days' WHERE event_id = $1", [second],
    );
    deliver();
    await until('the delivered one is gone', async () => (await statuses()).length === 1);
    expect((await statuses())[0]?.event_id).toBe(second);
  });
});

test('pauses double from 5 s with 20 % of jitter up to 90 s, Retry-After wins, and after three tries there is none', () => {
  const options = { tries: 3, firstDelayMs: 5_000, capMs: 90_000, retryAfterCapMs: 3_600_000 };
  expect([0, 0.5, 1].map((random) => nextDelay({ ...options, random: () => random }, 1, null))).toEqual([4_000, 5_000, 6_000]);
  const many = { ...options, tries: 99, random: () => 0.5 };
  expect([2, 3, 6].map((failed) => nextDelay(many, failed, null))).toEqual([10_000, 20_000, 90_000]);
  expect([
    nextDelay(many, 1, 12_000), nextDelay(many, 1, 99_999_999), nextDelay(many, 1, 0),
    nextDelay({ ...options, random: () => 0 }, 3, 12_000),
  ]).toEqual([12_000, 3_600_000, 0, null]);
});

describe('a service with EVENT_WEBHOOK_URL', () => {
  let instance: Instance | undefined;
  let receiver: Receiver | undefined;
  afterAll(async () => {
    await discard(instance);
    await receiver?.close();
  });

  test('never makes a session wait, and after the receiver was down and the service was killed it hears everything in order, without an ' +
    'answer in it', async () => {
    // a port where nobody listens yet
    const empty = await startReceiver(() => ({}));
    await empty.close();
    const folder = await newFolder();
    const environment = {
      EVENT_WEBHOOK_URL: `http://127.0.0.1:${empty.port}/hook`, EVENT_WEBHOOK_SECRET: secret, GANGWAY_ALLOW_PRIVATE_URLS: 'true',
      GANGWAY_EVENT_FIRST_DELAY_MS: '100', GANGWAY_EVENT_DELAY_CAP_SECONDS: '1', GANGWAY_EVENT_TRIES: '1000', GANGWAY_EVENT_POLL_MS: '50',
    };
    instance = await startInstance(folder, environment);
    const { ana, ben, admin, tenant } = await cast(instance);
    const { session, items } = await proposed(ana, ben, { business_unit_name: 'Confidential Depot' });
    const decided = await ben.post(`/sessions/${session.session_id}/decision/`, { approved_items: items, dry_run: false });
    expect(decided.body.status).toBe('applied');
    expect((await admin.post(`/changesets/${decided.body.changeset_id}/rollback/`, { reason: 'wrong site' })).status).toBe(200);
    const stores = await databaseOf(instance);
    const waiting = async (): Promise<number> => (await stores.asTenant(tenant)
      .query("SELECT FROM outgoing_events WHERE status = 'pending'")).length;
    await until('all of it waits in the outbox', async () => await waiting() === 7);
    await stores.close();
    await instance.kill();

    let refused = 0;
    const heard = await startReceiver(() => ((refused += 1) % 3 === 0 ? { status: 503 } : {}), empty.port);
    receiver = heard;
    instance = await startInstance(folder, environment);
    const told = (): Body[] => [...new Map(heard.requests.map(({ body }) => [body.event_id, body])).values()];
    await until('everything was told', () => told().length === 7 && heard.requests.length > 7);
    const order = told().map(({ event, data }) => (event === 'state_changed' ? data.to : event));
    expect(order.filter((event) => event !== 'changeset_rolled_back')).toEqual([
      'in_progress', 'generating', 'awaiting_approval', 'decision_taken', 'changeset_applied', 'completed',
    ]);
    expect(order).toContain('changeset_rolled_back');
    expect(told().filter(({ event }) => /decision|changeset/.test(event)).map(({ data }) => data.changeset_id)).toEqual(
      Array.from({ length: 3 }, () => decided.body.changeset_id),
    );
    expect(heard.requests.every((request) => isSigned(request) && request.body.tenant === tenant
      && request.body.session_id === session.session_id)).toBe(true);
    expect(JSON.stringify(heard.requests)).not.toContain('Confidential');

    const [stranger] = await Promise.all([person(instance, newTenant(), 'eve', 'user')]);
    const cancelled = await stranger.start();
    await stranger.post(`/sessions/${cancelled.session_id}/cancel/`, { reason: 'enough' });
    await until(
      'a cancelled session is told of',
      () => heard.requests.some(({ body }) => body.session_id === cancelled.session_id && body.data.to === 'cancelled'),
    );
  });

  describe('and nobody there who takes them', () => {
    let down = true;
    let hook: Receiver;
    let lease: Lease;
    beforeAll(async () => {
      hook = await startReceiver(() => (down ? { status: 503 } : {}));
      lease = await leaseInstance('outside', hook.port);
    }, leaseMs);
    afterAll(async () => {
      lease.end();
      await hook.close();
    });

    test('parks an event, for operators to see, and sends it again when one retries', async () => {
      const { ana, admin, tenant } = await cast(lease.instance);
      const session = await ana.start();
      await ana.post(`/sessions/${session.session_id}/cancel/`);
      let task: Body;
      await until('the event is a parked task', async () => {
        [task] = (await admin.get('/admin/dlq/tasks/?task_name=deliverEvent')).body.results;
        return task !== undefined;
      });
      expect(task).toMatchObject({
        status: 'parked', category: 'external_api', attempts: 3, session_id: session.session_id, exception_type: 'DeliveryFailed',
      });
      const sent = (): string[] => hook.requests.filter(({ path, body }) => path === '/events' && body.tenant === tenant).map(
        ({ body }): string => body.event_id,
      );
      const before = sent().length;
      down = false;
      expect((await admin.post(`/admin/dlq/tasks/${task.task_id}/retry/`, { reason: 'it is up' })).status).toBe(202);
      await until('it is completed', async () => (await admin.get(`/admin/dlq/tasks/${task.task_id}/`)).body.status === 'completed');
      expect(sent().slice(before)).toEqual([task.task_id]);
    });
  });
});
