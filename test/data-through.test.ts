/** What reports do not know of yet is said with them: in PostgreSQL and Redis as they run, and with a ClickHouse that is away. */
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Redis } from 'ioredis';
import pino from 'pino';
import type { ToldCopies } from '../domain/session-copy.ts';
import { notedFlushes, type FlushWriter } from '../activities/waiting-flushes.ts';
import { openClickHouse, StoreUnavailableError, type ClickHouse } from '../stores/clickhouse/client.ts';
import { openTestClickHouse, type TestClickHouse } from '../stores/clickhouse/testing.ts';
import { DataThrough } from '../stores/data-through.ts';
import { openDatabase, type Database } from '../stores/postgres/database.ts';
import { openRedis } from '../stores/redis/client.ts';
import { beatFlushClock, keepFlushClock } from '../stores/redis/flush-clock.ts';
import { freePort } from './support/free-port.ts';
import { storesOf } from './support/instance-stores.ts';
import { newTenant } from './support/person.ts';
import { sharedInstance } from './support/shared.ts';
import { until } from './support/until.ts';

let db: Database;
let redis: Redis;
let there: TestClickHouse;
let away: ClickHouse;
const log = pino({ level: 'silent' });
const behindMs = 30_000;
const closing: (() => Promise<void>)[] = [];

beforeAll(async () => {
  const urls = await storesOf(await sharedInstance(), '');
  db = openDatabase({ url: urls.databaseUrl, timeoutMs: 20_000, connections: 2 });
  redis = openRedis({ url: urls.redisUrl, timeoutMs: 2_000, onError: () => undefined });
  there = await openTestClickHouse();
  away = await openClickHouse({ url: `http://127.0.0.1:${await freePort()}` });
  await there.command('CREATE TABLE flushed (session_id UUID) ENGINE = Memory');
  await until('Redis answers', () => redis.ping().then(() => true, () => false));
});
afterEach(async () => { for (const close of closing.splice(0)) await close(); });
afterAll(async () => {
  await Promise.all([db.close(), there.close(), away.close()]);
  redis.disconnect();
});

/** Flushes to a ClickHouse, as a worker does. */
function flushesTo(clickhouse: ClickHouse, longMs = 60_000): FlushWriter {
  const write = ({ view }: ToldCopies): Promise<boolean> => (
    clickhouse.insert('flushed', [{ session_id: view.session_id }]).then(() => true)
  );
  return notedFlushes({ write }, { db, log, longMs });
}

function copiesOf(tenant: string, sessionId: string, revision: number, at: readonly number[]): ToldCopies {
  return {
    view: { tenant, session_id: sessionId, revision, last_activity_at: at.at(-1) ?? 0 }, events: at.map((ms) => ({ at: ms })),
    checkpoints: [],
  } as unknown as ToldCopies;
}

function reportsOf(taskQueue = randomUUID(), { database = db, store = redis } = {}): DataThrough {
  return new DataThrough({ db: database, redis: store, taskQueue, behindMs });
}

describe('data_through', () => {
  test('is now less the flush interval while nothing waits', async () => {
    const now = Date.now();
    expect(await reportsOf().of(newTenant(), now)).toBe(now - behindMs);
  });

  test('stays at the first thing that ClickHouse did not take, until all of it is there, and says nothing of other tenants', async () => {
    const [tenant, other, data] = [newTenant(), newTenant(), reportsOf()];
    const [first, second] = [randomUUID(), randomUUID()];
    const now = Date.now();
    const copies = [copiesOf(tenant, first, 4, [now - 90_000, now - 40_000]), copiesOf(tenant, second, 2, [now - 70_000])] as const;
    for (const each of copies) await expect(flushesTo(away).write(each, 1)).rejects.toThrow(StoreUnavailableError);
    expect(await data.of(tenant, now)).toBe(now - 90_000);
    expect(await data.of(tenant, now + 600_000)).toBe(now - 90_000);
    expect(await data.of(other, now)).toBe(now - behindMs);

    await flushesTo(there).write(copies[0], 2);
    expect(await data.of(tenant, now)).toBe(now - 70_000);
    await flushesTo(there).write(copies[1], 2);
    expect(await data.of(tenant, now)).toBe(now - behindMs);
  });

  test('is not moved on by an earlier revision that comes late, and is by a later one', async () => {
    const [tenant, id, data, now] = [newTenant(), randomUUID(), reportsOf(), Date.now()];
    await expect(flushesTo(away).write(copiesOf(tenant, id, 7, [now - 50_000]), 1)).rejects.toThrow(StoreUnavailableError);
    await flushesTo(there).write(copiesOf(tenant, id, 6, [now - 60_000]), 2);
    expect(await data.of(tenant, now)).toBe(now - 50_000);
    await flushesTo(there).write(copiesOf(tenant, id, 8, [now - 50_000]), 2);
    expect(await data.of(tenant, now)).toBe(now - behindMs);
  });

  test('says so of a flush that neither fails nor ends', async () => {
    const [tenant, data, now] = [newTenant(), reportsOf(), Date.now()];
    const end = Promise.withResolvers<void>();
    const hanging = notedFlushes({ write: () => end.promise.then(() => true) }, { db, log, longMs: 10 });
    const writing = hanging.write(copiesOf(tenant, randomUUID(), 1, [now - 45_000]), 1);
    await until('it is noted', async () => await data.of(tenant, now) === now - 45_000);
    end.resolve();
    await writing;
    expect(await data.of(tenant, now)).toBe(now - behindMs);
  });

  test('does not wait for ever for a flush that nobody tries any more', async () => {
    const [tenant, data, now] = [newTenant(), reportsOf(), Date.now()];
    await expect(flushesTo(away).write(copiesOf(tenant, randomUUID(), 1, [now - 45_000]), 1)).rejects.toThrow(StoreUnavailableError);
    await db.asTenant(tenant).query("UPDATE waiting_flushes SET tried_at = now() - interval '16 minutes' WHERE tenant = $1", [tenant]);
    expect(await data.of(tenant, now)).toBe(now - behindMs);
  });

  test('stays where the last worker was seen while none is there, and until what it left is flushed', async () => {
    const [taskQueue, tenant, began] = [randomUUID(), newTenant(), Date.now()];
    const data = reportsOf(taskQueue);
    await beatFlushClock(redis, taskQueue, began);
    expect(await data.of(tenant, began + 5_000)).toBe(began + 5_000 - behindMs);
    expect(await data.of(tenant, began + 300_000)).toBe(began - behindMs);
    // it is back, and everything that was due meanwhile is due at once
    await beatFlushClock(redis, taskQueue, began + 300_000);
    expect(await data.of(tenant, began + 301_000)).toBe(began - behindMs);
    for (let ms = 302_000; ms < 362_000; ms += 2_000) await beatFlushClock(redis, taskQueue, began + ms);
    expect(await data.of(tenant, began + 362_000)).toBe(began + 362_000 - behindMs);
  });

  test('counts a worker that does not reach the engine as away', async () => {
    const [taskQueue, tenant, began] = [randomUUID(), newTenant(), Date.now()];
    await beatFlushClock(redis, taskQueue, began - 100_000);
    let asked = 0;
    closing.push(keepFlushClock(redis, taskQueue, () => { asked += 1; return Promise.reject(new Error('no engine')); }));
    await until('the engine was asked', () => asked > 0);
    expect(await reportsOf(taskQueue).of(tenant, began)).toBe(began - 100_000 - behindMs);
    closing.push(keepFlushClock(redis, taskQueue, () => Promise.resolve(true)));
    await until('it has beaten', async () => Number(await redis.hget(`flush-clock:${taskQueue}`, 'seen')) >= began);
  });

  test('looks no more complete for a PostgreSQL or a Redis that does not answer', async () => {
    const [taskQueue, tenant, now] = [randomUUID(), newTenant(), Date.now()];
    const urls = await storesOf(await sharedInstance(), '');
    const broken = { db: openDatabase({ url: urls.databaseUrl, timeoutMs: 20_000 }), redis: openRedis({
      url: urls.redisUrl, timeoutMs: 2_000, onError: () => undefined,
    }) };
    await until('Redis answers', () => broken.redis.ping().then(() => true, () => false));
    const data = reportsOf(taskQueue, { database: broken.db, store: broken.redis });
    await beatFlushClock(redis, taskQueue, now - 100_000);
    await expect(flushesTo(away).write(copiesOf(tenant, randomUUID(), 1, [now - 150_000]), 1)).rejects.toThrow(StoreUnavailableError);
    const before = await data.of(tenant, now);
    expect(before).toBe(now - 150_000);
    broken.redis.disconnect();
    expect(await data.of(newTenant(), now + 60_000)).toBe(now - 100_000 - behindMs);
    await broken.db.close();
    const closed = openDatabase({ url: `postgresql://nobody@127.0.0.1:${await freePort()}/none`, timeoutMs: 1_000 });
    const blind = reportsOf(randomUUID(), { database: closed });
    expect(await blind.of(tenant, now)).toBe(now - behindMs);
    expect(await blind.of(tenant, now + 60_000)).toBe(now - behindMs);
    await closed.close();
  });
});
