/** Whoever asks for what is somebody else's cannot tell it from what is not there: neither by the answer, nor by the work it takes. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Client, Connection } from '@temporalio/client';
import { createSealer, readCodecKeys, type Sealer } from '../encryption/sealer.ts';
import { connectEngine } from '../engine/connection.ts';
import { SessionRevival } from '../engine/session-revival.ts';
import { Sessions } from '../engine/sessions.ts';
import { MessageRejected, type Actor, type Message } from '../domain/message.ts';
import { developmentCodecKeys } from '../scripts/embedded/secrets.ts';
import { readConfiguration } from '../service/environment.ts';
import { sessionLimits } from '../service/settings.ts';
import type { Database, Scope } from '../stores/postgres/database.ts';
import { openDatabase } from '../stores/postgres/database.ts';
import { openRedis } from '../stores/redis/client.ts';
import { createHotCopies, type HotCopies } from '../stores/redis/hot-copies.ts';
import { StoreUnavailableError } from '../stores/unavailable.ts';
import { storesOf } from './support/instance-stores.ts';
import { cast, type Body } from './support/person.ts';
import { until } from './support/until.ts';
import { sessionWorkflowId } from '../workflows/workflow-ids.ts';
import { sharedInstance } from './support/shared.ts';

const instance = await sharedInstance();
const configuration = readConfiguration({});
let sealer: Sealer;
let db: Database;
let redis: ReturnType<typeof openRedis>;
let engine: { client: Client; openClient: Client; connection: Connection };
/** What was asked of engine and stores, in order. */
let work: string[] = [];
let engineIsAway = false;

beforeAll(async () => {
  const addresses = await storesOf(instance, '');
  sealer = createSealer(readCodecKeys(await developmentCodecKeys(instance.folder)));
  db = openDatabase({ url: addresses.databaseUrl, timeoutMs: 10_000, connections: 2 });
  redis = openRedis({ url: addresses.redisUrl, timeoutMs: 10_000, onError: () => undefined });
  engine = await connectEngine({ address: addresses.temporalAddress, namespace: configuration.TEMPORAL_NAMESPACE, sealer });
  countCalls(engine.client);   // both clients call through one service
});
afterAll(async () => {
  await engine.connection.close();
  redis.disconnect();
  await db.close();
});

/** Every call to Temporal leaves its name. */
function countCalls(client: Client): void {
  const service = client.workflowService as unknown as Record<string, unknown>;
  for (const [name, call] of Object.entries(service)) {
    if (typeof call === 'function') service[name] = (...args: unknown[]): unknown => {
      work.push(name);
      // 14: nobody is there
      return engineIsAway ? Promise.reject(Object.assign(new Error('away'), { code: 14, details: 'away', metadata: {} }))
        : call.apply(service, args) as unknown;
    };
  }
}

interface Faults { readonly postgresql?: boolean }

/** Sessions as one process of the API has them, with nothing remembered. */
function fresh(faults: Faults = {}): Sessions {
  const scope = (inner: Scope): Scope => ({
    query: async (sql, params) => {
      work.push('postgresql');
      if (faults.postgresql === true) throw new StoreUnavailableError('postgresql', new Error('away'));
      return inner.query(sql, params);
    },
    transaction: (inside) => { work.push('postgresql'); return inner.transaction(inside); },
  });
  const copies = createHotCopies(redis, sealer);
  const hotCopies: HotCopies = { ...copies, get: (tenant, id) => { work.push('redis'); return copies.get(tenant, id); } };
  const asked = {
    taskQueue: configuration.GANGWAY_TASK_QUEUE, timeoutMs: 2_000, limits: sessionLimits(configuration), sealer,
    db: { ...db, asTenant: (tenant: string) => scope(db.asTenant(tenant)) },
  };
  const revival = new SessionRevival({
    ...asked, client: engine.client, rulesOf: () => Promise.reject(new Error('no rules are needed')), terminated: 'restore', now: Date.now,
  });
  return new Sessions({
    ...asked, client: engine.openClient, revival, hotCopies, inFlightPerSession: 8, onChange: () => { work.push('told'); },
  });
}

const stranger = (tenant: string): Actor => ({ tenant, subject: 'sam', person: `${tenant}/sam`, roles: ['user'] });
const message = <Content>(actor: Actor, body: Content): Message<Content> => ({
  id: randomUUID(), fingerprint: 'f', actor, correlation_id: 'c', if_match: null, body,
});

type Deed = (sessions: Sessions, actor: Actor, id: string) => Promise<unknown>;
/** All that somebody with the role user can do with a session by its id. */
const deeds: Readonly<Record<string, Deed>> = {
  read: (sessions, actor, id) => sessions.read(actor, id),
  answers: (sessions, actor, id) => sessions.answers(actor, id),
  checkpoints: (sessions, actor, id) => sessions.checkpoints(actor, id),
  'a version': (sessions, actor, id) => sessions.version(actor, id, 1),
  events: (sessions, actor, id) => sessions.events(actor, id, 0),
  proposal: (sessions, actor, id) => sessions.proposal(actor, id),
  answer: (sessions, actor, id) => sessions.answer(id, message(actor, { question_id: null, value: 1 })),
  'answer in words': (sessions, actor, id) => sessions.answer(id, message(actor, { text: 'nine to five' })),
  'switch reminders': (sessions, actor, id) => sessions.setReminders(id, message(actor, { enabled: false })),
  cancel: (sessions, actor, id) => sessions.cancel(id, message(actor, { reason: null })),
  escalate: (sessions, actor, id) => sessions.escalate(id, message(actor, { reason: 'help', urgency: 'low' as const })),
  'add an event': (sessions, actor, id) => sessions.addEvent(id, message(actor, { event: 'seen', properties: {}, occurred_at: null })),
  checkpoint: (sessions, actor, id) => sessions.checkpoint(id, message(actor, { ui_state: null, label: null, force: false })),
  resume: (sessions, actor, id) => sessions.resume(id, message(actor, { version: null, current: null })),
};

/** What came of it, and what was asked for it. */
async function done(deed: Deed, actor: Actor, id: string, faults: Faults = {}): Promise<{ told: string; work: string[] }> {
  const sessions = fresh(faults);
  work = [];
  const told = await deed(sessions, actor, id).then(
    () => 'done', (error: unknown) => (error instanceof MessageRejected ? `${error.code}: ${error.message}` : String(error)),
  );
  return { told, work };
}

describe('to a user of the tenant, somebody else\'s session and a missing one', () => {
  let tenant: string;
  let sessions: Readonly<Record<string, string>>;
  beforeAll(async () => {
    const { ana, ben, admin, ...all } = await cast(instance);
    tenant = all.tenant;
    const open = await ana.start();
    const ended = await ben.get('/sessions/').then(() => ana.start({ flow: 'site_survey' }));
    await ana.post(`/sessions/${ended.session_id}/cancel/`, {});
    const { body } = await admin.get('/sessions/');
    expect(body.results.map((session: Body) => session.state).sort()).toEqual(['cancelled', 'started']);
    sessions = { open: open.session_id, ended: ended.session_id };
  });

  test.each(Object.entries(deeds))('take the same work and the same answer: %s', async (_, deed) => {
    const missing = await done(deed, stranger(tenant), randomUUID());
    expect(missing.told).toBe('not_found: There is no such session.');
    for (const [state, id] of Object.entries(sessions)) expect([state, await done(deed, stranger(tenant), id)]).toEqual([state, missing]);
  });

  test.each(Object.entries(deeds))('also while PostgreSQL does not answer: %s', async (_, deed) => {
    const missing = await done(deed, stranger(tenant), randomUUID(), { postgresql: true });
    for (const [state, id] of Object.entries(sessions)) {
      expect([state, await done(deed, stranger(tenant), id, { postgresql: true })]).toEqual([state, missing]);
    }
  });

  test.each([
    false, true,
  ])('also while the engine does not answer, with the hot copy that there is of one (PostgreSQL away as well: %s)', async (postgresql) => {
    const open = sessions['open'] ?? '';
    await until('there is a hot copy', async () => await createHotCopies(redis, sealer).get(tenant, open) !== null);
    engineIsAway = true;
    try {
      for (const [what, deed] of Object.entries(deeds)) {
        const missing = await done(deed, stranger(tenant), randomUUID(), { postgresql });
        expect([what, await done(deed, stranger(tenant), open, { postgresql })]).toEqual([what, missing]);
      }
      const owner: Actor = { tenant, subject: 'ana', roles: ['user'] };
      expect(await fresh({ postgresql }).read(owner, open)).toMatchObject({ stale: true, view: { session_id: open } });
    } finally {
      engineIsAway = false;
    }
  });

  test('an owner is one in every run of the session', async () => {
    const { ana, tenant: own } = await cast(instance);
    const { session_id: id } = await ana.start();
    const { runId } = await engine.client.workflow.getHandle(sessionWorkflowId(own, id)).describe();
    for (let at = 0; at <= configuration.GANGWAY_UPDATES_PER_RUN; at += 1) {
      await ana.answer(id, 'setup_urgency', at % 2 === 0 ? 'this_month' : 'this_week');
    }
    await until(
      'the session is in its next run',
      async () => (await engine.client.workflow.getHandle(sessionWorkflowId(own, id)).describe()).runId !== runId,
    );
    const owner: Actor = { tenant: own, subject: 'ana', roles: ['user'] };
    expect(await done(deeds['read'] as Deed, owner, id)).toEqual({ told: 'done', work: ['describeWorkflowExecution', 'queryWorkflow'] });
  });

  test('an owner pays for it once in each process, and no store is asked for it', async () => {
    const owner: Actor = { tenant, subject: 'ana', roles: ['user'] };
    const process = fresh();
    const asked = async (): Promise<string[]> => {
      work = [];
      await process.read(owner, sessions['open'] ?? '');
      return work;
    };
    expect([await asked(), await asked(), await asked()]).toEqual([
      ['describeWorkflowExecution', 'queryWorkflow'], ['queryWorkflow'], ['queryWorkflow'],
    ]);
  });
});
