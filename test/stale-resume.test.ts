/** Temporal is frozen: a resume is served from Redis, else from PostgreSQL, marked as stale; all three sources have the same. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openRedis } from '../stores/redis/client.ts';
import { whileFrozen } from './support/frozen.ts';
import { databaseOf, runFileOf } from './support/instance-stores.ts';
import { cast, person, type Body, type Person } from './support/person.ts';
import { leaseInstance, leaseMs, type Lease } from './support/shared.ts';
import { until } from './support/until.ts';

let lease: Lease;
let redis: ReturnType<typeof openRedis>;
beforeAll(async () => {
  lease = await leaseInstance('outage');
  const { urls } = await runFileOf(lease.instance);
  redis = openRedis({ url: urls.redisUrl, timeoutMs: 10_000, onError: () => undefined });
}, leaseMs);
afterAll(() => {
  redis.disconnect();
  lease.end();
});

const restored = ({ body }: { body: Body }) => ({
  restored_data: body.restored_data, ui_state: body.ui_state, checkpoint_version: body.checkpoint_version, next: body.next_action,
  progress: body.progress_percent, answered: body.questions_answered, state: body.restored_state,
});

async function copied(tenant: string, id: string, version: number): Promise<void> {
  const db = await databaseOf(lease.instance);
  await until('the checkpoint is archived', async () => {
    const [row] = await db.asTenant(tenant).query<{ n: number | null }>(
      'SELECT max(version) AS n FROM checkpoints WHERE session_id = $1', [id],
    );
    return row?.n === version;
  });
  await until('the hot copy is written', async () => await redis.hget(`session:${tenant}:${id}`, 'revision') !== null);
  await db.close();
}

async function saved(ana: Person): Promise<{ id: string; version: number }> {
  const { session_id: id } = await ana.start();
  await ana.gives(id, 'setup_urgency', 'immediate');
  await ana.gives(id, 'business_unit_type', 'office');
  await ana.gives(id, 'setup_urgency', 'planned');
  const { body } = await ana.post(`/sessions/${id}/checkpoint/`, { ui_state: { tab: 'people' } });
  return { id, version: body.checkpoint_version as number };
}

test('Session resume: history, Redis and PostgreSQL give the same data; the copies are marked stale, and nothing is recorded meanwhile', async () => {
  const { ana, tenant } = await cast(lease.instance);
  const { id, version } = await saved(ana);
  const history = await ana.post(`/sessions/${id}/resume/`, {});
  expect(history.body).toMatchObject({ source: 'history', stale: false, checkpoint_version: version });
  await copied(tenant, id, version);
  const eve = await person(lease.instance, tenant, 'eve', 'user');
  await whileFrozen(lease.instance, 'temporal', async () => {
    const hot = await ana.post(`/sessions/${id}/resume/`, {});
    expect(hot.body).toMatchObject({ status: 'resumed', source: 'redis', stale: true });
    expect(restored(hot)).toEqual(restored(history));
    expect((await ana.get(`/sessions/${id}/`)).body.stale).toBe(true);
    // going back changes something, and so does a message that names what it goes on from
    expect((await ana.post(`/sessions/${id}/resume/`, { checkpoint_version: 1 })).body.code).toBe('engine_unavailable');
    expect((await ana.post(`/sessions/${id}/resume/`, {}, { headers: { 'if-match': '"1"' } })).body.code).toBe('engine_unavailable');
    expect((await eve.post(`/sessions/${id}/resume/`, {})).body.code).toBe('not_found');
    // Checkpoint expiration: an hour later, or flushed
    await redis.del(`session:${tenant}:${id}`);
    const archived = await ana.post(`/sessions/${id}/resume/`, {});
    expect(archived.body).toMatchObject({ source: 'postgresql', stale: true });
    expect(restored(archived)).toEqual(restored(history));
    expect((await ana.get(`/sessions/${id}/`)).body).toMatchObject({ stale: true, answers_count: 2 });
  });
  await until('the engine answers', async () => (await ana.post(`/sessions/${id}/resume/`, {})).body.source === 'history');
});

test('Checkpoint expiration: the newest checkpoint is in Redis for an hour, sealed, and for ever in PostgreSQL', async () => {
  const { ana, tenant } = await cast(lease.instance);
  const { session_id: id } = await ana.start();
  const marker = `Zebra ${randomUUID()}`;
  await ana.gives(id, 'setup_urgency', 'immediate');
  await ana.gives(id, 'business_unit_type', 'office');
  await ana.gives(id, 'business_unit_name', marker);
  const { body } = await ana.post(`/sessions/${id}/checkpoint/`, { ui_state: { marker } });
  expect([body.ttl_seconds, body.storage]).toEqual([3_600, { history: 'stored', redis: 'queued', postgresql: 'queued' }]);
  await copied(tenant, id, body.checkpoint_version as number);
  const key = `session:${tenant}:${id}`;
  const seconds = await redis.ttl(key);
  expect(seconds).toBeGreaterThan(3_500);
  expect(seconds).toBeLessThanOrEqual(3_600);
  const fields = await redis.hgetallBuffer(key);
  expect(fields['checkpoint']?.subarray(0, 3).toString('latin1')).toBe('GWS');
  expect(Buffer.concat(Object.values(fields)).includes('Zebra')).toBe(false);
});

test('Redis is flushed: nothing is asked again, and the next change writes the copy that serves without the engine', async () => {
  const { ana, tenant } = await cast(lease.instance);
  const { id, version } = await saved(ana);
  await copied(tenant, id, version);
  const before = await ana.post(`/sessions/${id}/resume/`, {});
  await redis.flushall();
  const after = await ana.post(`/sessions/${id}/resume/`, {});
  expect(after.body).toMatchObject({ source: 'history', stale: false });
  expect(restored(after)).toEqual(restored(before));
  const { question } = (await ana.get(`/sessions/${id}/`)).body;
  await ana.gives(id, question.id as string, 'Depot');
  const { body } = await ana.post(`/sessions/${id}/checkpoint/`, {});
  await copied(tenant, id, body.checkpoint_version as number);
  await whileFrozen(lease.instance, 'temporal', async () => {
    const hot = await ana.post(`/sessions/${id}/resume/`, {});
    const restored_data = { ...before.body.restored_data, [question.id]: 'Depot' };
    expect(hot.body).toMatchObject({ source: 'redis', stale: true, restored_data });
  });
});
