/** Reports are worked out once, however many ask, in however many processes. Each cache here stands for a process. */
import { randomInt, randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { rm } from 'node:fs/promises';
import type { Redis } from 'ioredis';
import { createSealer, readCodecKeys } from '../encryption/sealer.ts';
import { StoreLimitError } from '../stores/clickhouse/client.ts';
import { openRedis } from '../stores/redis/client.ts';
import { ReportCache, type CacheOutcome, type ReportCacheOptions, type ReportRequest } from '../stores/redis/reports/report-cache.ts';
import { ReportListener } from '../stores/redis/reports/report-listener.ts';
import { StoreUnavailableError } from '../stores/unavailable.ts';
import { newFolder } from './support/folders.ts';
import { startOwnRedis, type OwnRedis } from './support/own-redis.ts';
import { until } from './support/until.ts';

interface Process {
  readonly cache: ReportCache;
  readonly redis: Redis;
  readonly outcomes: CacheOutcome[];
  readonly refreshFailures: unknown[];
}

/** Moves all processes' clocks; Redis keeps the time of the machine. */
const clock = { aheadMs: 0, now: (): number => Date.now() + clock.aheadMs };
const sealer = createSealer(readCodecKeys(`a:${Buffer.alloc(32, 7).toString('base64')}`));
const open: (() => Promise<void>)[] = [];
let folder: string;
let server: OwnRedis;

beforeAll(async () => {
  folder = await newFolder();
  server = await startOwnRedis(folder);
});
afterEach(async () => {
  clock.aheadMs = 0;
  for (const close of open.splice(0)) await close();
});
afterAll(async () => {
  await server.kill();
  await rm(folder, { recursive: true, force: true });
});

async function startProcess(limits: ReportCacheOptions['limits'] = {}, timeoutMs = 2_000): Promise<Process> {
  const redis = openRedis({ url: server.url, timeoutMs, onError: () => undefined });
  const listener = new ReportListener(server.url);
  open.push(async () => { redis.disconnect(); await listener.close(); });
  const [outcomes, refreshFailures]: [CacheOutcome[], unknown[]] = [[], []];
  const cache = new ReportCache({
    redis, sealer, listener, now: clock.now, random: () => 0.5, limits, onOutcome: (outcome) => { outcomes.push(outcome); },
    onRun: () => undefined, onRefreshFailed: (error) => { refreshFailures.push(error); },
  });
  await until('its Redis answers', () => redis.ping().then(() => true, () => false));
  return { cache, redis, outcomes, refreshFailures };
}

const processes = (count: number, limits: ReportCacheOptions['limits'] = {}): Promise<Process[]> => (
  Promise.all(Array.from({ length: count }, () => startProcess(limits)))
);

/** In turn. */
function nth(all: readonly Process[], at: number): Process {
  const process = all[at % all.length];
  if (process === undefined) throw new Error('There is none.');
  return process;
}

function asked(more: Partial<ReportRequest> = {}): ReportRequest {
  return { name: { tenant: 'acme', key: randomUUID() }, report: '/analytics/funnel', receivedAt: clock.now(), fresh: false, ...more };
}

/** A report that counts its runs; each answers its own number, once the gate is open. */
function counted(gate: Promise<void> = Promise.resolve()) {
  const runs = { count: 0, compute: async (): Promise<{ run: number }> => {
    runs.count += 1;
    const run = runs.count;
    await gate;
    return { run };
  } };
  return runs;
}

describe('Caching behavior', () => {
  test('100 dashboards opened at once in four processes are one query', async () => {
    const all = await processes(4);
    const gate = Promise.withResolvers<void>();
    const runs = counted(gate.promise);
    const request = asked();
    const answers = Array.from({ length: 100 }, (_, at) => nth(all, at).cache.get(request, runs.compute));
    await until('somebody works it out', () => runs.count > 0);
    gate.resolve();
    expect((await Promise.all(answers)).map((served) => served.value)).toEqual(Array.from({ length: 100 }, () => ({ run: 1 })));
    expect(runs.count).toBe(1);
    expect(all.flatMap(({ outcomes }) => outcomes).filter((outcome) => outcome === 'run')).toHaveLength(1);
  });

  test('A value is handed out for five minutes in every process, stale for ten more while one run works out the next', async () => {
    const [first, second] = await processes(2) as [Process, Process];
    const runs = counted();
    const request = asked();
    expect(await first.cache.get(request, runs.compute)).toMatchObject({
      value: { run: 1 }, outcome: 'run', ttlSeconds: 300, notKept: null,
    });
    clock.aheadMs = 299_000;
    expect(await second.cache.get(request, runs.compute)).toMatchObject({ value: { run: 1 }, outcome: 'hit', ttlSeconds: 1 });
    expect(runs.count).toBe(1);

    clock.aheadMs = 899_000;
    const gate = Promise.withResolvers<void>();
    const next = counted(gate.promise);
    next.count = 1;
    // nobody waits for the next, and however many ask it is one run
    const stale = await Promise.all([first, second, first, second].map(({ cache }) => cache.get(request, next.compute)));
    expect(stale).toMatchObject(stale.map(() => ({ value: { run: 1 }, outcome: 'stale', ttlSeconds: -599 })));
    gate.resolve();
    await until('the next is kept', async () => (await second.cache.get(request, next.compute)).outcome === 'hit');
    expect(await first.cache.get(request, next.compute)).toMatchObject({ value: { run: 2 }, outcome: 'hit' });
    expect(next.count).toBe(2);

    const [key = ''] = await first.redis.keys(`report:acme:${request.name.key}`);
    const keptMs = await first.redis.pttl(key);
    expect(keptMs).toBeLessThanOrEqual(900_000);
    expect(keptMs).toBeGreaterThan(600_000);
  });

  test('What was opened together does not end together: five minutes, ten percent more or less', async () => {
    const ttls = await Promise.all([0, 0.5, 0.999].map(async (random) => {
      const { redis } = await startProcess();
      const listener = new ReportListener(server.url);
      open.push(() => listener.close());
      const quiet = { onOutcome: () => undefined, onRun: () => undefined, onRefreshFailed: () => undefined };
      const cache = new ReportCache({ redis, sealer, listener, now: clock.now, random: () => random, ...quiet });
      return (await cache.get(asked(), () => Promise.resolve(1))).ttlSeconds;
    }));
    expect(ttls).toEqual([270, 300, 330]);
  });

  test('fresh takes a run that began after the request, and 100 refreshes at once share one', async () => {
    const all = await processes(4);
    const runs = counted();
    const old = asked();
    await nth(all, 0).cache.get(old, runs.compute);
    clock.aheadMs = 60_000;
    const refresh = { ...old, fresh: true, receivedAt: clock.now() };
    const served = await Promise.all(Array.from({ length: 100 }, (_, at) => nth(all, at).cache.get(refresh, runs.compute)));
    for (const one of served) expect(one.startedAt).toBeGreaterThanOrEqual(refresh.receivedAt);
    expect(runs.count).toBe(2);
  });

  test('fresh takes no run that began before it was asked for, also none that is still under way', async () => {
    const [first, second] = await processes(2) as [Process, Process];
    const gate = Promise.withResolvers<void>();
    const runs = counted(gate.promise);
    const request = asked();
    const early = first.cache.get(request, runs.compute);
    await until('it is under way', () => runs.count === 1);
    clock.aheadMs = 5_000;
    const refresh = { ...request, fresh: true, receivedAt: clock.now() };
    const late = [first, second].map(({ cache }) => cache.get(refresh, runs.compute));
    gate.resolve();
    expect((await early).value).toEqual({ run: 1 });
    expect(await Promise.all(late)).toMatchObject([{ value: { run: 2 } }, { value: { run: 2 } }]);
    clock.aheadMs += 500;
    expect(await second.cache.get({ ...refresh, receivedAt: clock.now() }, runs.compute)).toMatchObject({
      value: { run: 3 }, outcome: 'run',
    });
  });

  test('After a fresh answer no plain one is older, even when an earlier run ends later', async () => {
    const [slow, quick] = await processes(2) as [Process, Process];
    const gate = Promise.withResolvers<void>();
    const request = asked();
    const early = slow.cache.get(request, async () => { await gate.promise; return 'early'; });
    await until('the slow one has the lease', async () => await quick.redis.exists(`report-lease:acme:${request.name.key}`) === 1);
    // as if its process had been silent for longer than the lease
    await quick.redis.del(`report-lease:acme:${request.name.key}`);
    clock.aheadMs = 10_000;
    const fresh = await quick.cache.get({ ...request, fresh: true, receivedAt: clock.now() }, () => Promise.resolve('late'));
    expect(fresh.value).toBe('late');
    gate.resolve();
    expect((await early).value).toBe('early');
    for (const { cache } of [slow, quick]) expect((await cache.get(request, () => Promise.resolve('again'))).value).toBe('late');
  });

  test('Whatever the order: nobody who asks after a fresh answer gets an older one, and fresh never takes an earlier run', async () => {
    const seed = randomInt(2 ** 31);
    const next = generator(seed);
    const all = await processes(3, { freshMs: 20, staleMs: 40, pollMs: 2 });
    const request = asked();
    let newestFresh = 0;
    const faults: string[] = [];
    const one = async (): Promise<void> => {
      const process = all[Math.floor(next() * 3)];
      const [fresh, ms] = [next() < 0.3, next() * 6];
      await pause(next() * 60);
      const [receivedAt, known] = [clock.now(), newestFresh];
      const served = await process?.cache.get({ ...request, fresh, receivedAt }, () => pause(ms));
      if (served === undefined) return;
      if (served.startedAt < known) faults.push(`older than a fresh one by ${known - served.startedAt} ms`);
      if (fresh && served.startedAt < receivedAt) faults.push('fresh took an earlier run');
      if (fresh) newestFresh = Math.max(newestFresh, served.startedAt);
    };
    for (let round = 0; round < 20; round += 1) await Promise.all(Array.from({ length: 40 }, one));
    expect({ seed, faults }).toEqual({ seed, faults: [] });
  });

  test('A value over the bound is not kept: its lease is free at once, who waits is answered, and the older value goes', async () => {
    const [first, second] = await processes(2, { bytesMax: 2_000, leaseMs: 900_000 }) as [Process, Process];
    const request = asked();
    await first.cache.get(request, () => Promise.resolve('small'));
    clock.aheadMs = 10_000;
    const gate = Promise.withResolvers<void>();
    const large = { noise: Array.from({ length: 300 }, () => randomUUID()) };
    let runs = 0;
    const compute = async (): Promise<typeof large> => { runs += 1; await gate.promise; return large; };
    const refresh = { ...request, fresh: true, receivedAt: clock.now() };
    const waiting = [first, first, second, second].map(({ cache }) => cache.get(refresh, compute));
    await until('one works it out', () => runs === 1);
    gate.resolve();
    const served = await Promise.all(waiting);
    for (const one of served) expect(one).toMatchObject({ value: large, notKept: 'too_large', ttlSeconds: null });
    // one a process: it cannot be handed over
    expect(runs).toBeLessThanOrEqual(2);
    expect(await first.redis.keys(`report*${request.name.key}`)).toEqual([]);
    expect((await second.cache.get(request, () => Promise.resolve('small again'))).value).toBe('small again');
  });

  test('Who dies while it works one out holds up the others no longer than its lease', async () => {
    const { cache, redis } = await startProcess({ leaseMs: 300 });
    const request = asked();
    await redis.set(`report-lease:acme:${request.name.key}`, 'of a dead process', 'PX', 300);
    expect(await cache.get(request, () => Promise.resolve(1))).toMatchObject({ value: 1, outcome: 'run' });
  });

  test('A run that takes longer than its lease keeps it', async () => {
    const [first, second] = await processes(2, { leaseMs: 150 }) as [Process, Process];
    const gate = Promise.withResolvers<void>();
    const runs = counted(gate.promise);
    const request = asked();
    const answers = [first.cache.get(request, runs.compute)];
    await until('it is under way', () => runs.count === 1);
    answers.push(second.cache.get(request, runs.compute));
    await pause(600);
    gate.resolve();
    expect((await Promise.all(answers)).map(({ value }) => value)).toEqual([{ run: 1 }, { run: 1 }]);
    expect(runs.count).toBe(1);
  });

  test('A failure is shared for a while, in the process and outside, and then it is tried again', async () => {
    const [first, second] = await processes(2, { failureMs: 60_000 }) as [Process, Process];
    const request = asked();
    let runs = 0;
    const failing = async (): Promise<never> => {
      runs += 1;
      await pause(20);
      throw new StoreLimitError('time', new Error('too long'));
    };
    const settled = await Promise.allSettled([first, first, second, second].map(({ cache }) => cache.get(request, failing)));
    expect(settled.map((one) => (one.status === 'rejected' ? (one.reason as Error).name : one.value))).toEqual(
      Array.from({ length: 4 }, () => 'StoreLimitError'),
    );
    expect(runs).toBe(1);
    await expect(first.cache.get(request, failing)).rejects.toThrow(StoreLimitError);
    expect(runs).toBe(1);
    clock.aheadMs = 61_000;
    // Redis keeps the machine's time: there, too, it is over
    expect(await first.redis.del(`report-failure:acme:${request.name.key}`)).toBe(1);
    expect((await first.cache.get(request, () => Promise.resolve('again'))).value).toBe('again');
  });

  test('A refresh that fails leaves the stale value where it is', async () => {
    const { cache, refreshFailures } = await startProcess();
    const request = asked();
    await cache.get(request, () => Promise.resolve('old'));
    clock.aheadMs = 400_000;
    const failing = (): Promise<never> => Promise.reject(new StoreUnavailableError('clickhouse', new Error('away')));
    expect(await cache.get(request, failing)).toMatchObject({ value: 'old', outcome: 'stale' });
    await until('the refresh has failed', () => refreshFailures.length > 0);
    expect(await cache.get(request, failing)).toMatchObject({ value: 'old', outcome: 'stale' });
  });

  test('Without Redis reports are answered, one run at a time, and a fresh answer still bounds what follows', async () => {
    const { cache, redis } = await startProcess({}, 100);
    const request = asked();
    await cache.get(request, () => Promise.resolve('kept'));
    server.freeze();
    try {
      clock.aheadMs = 5_000;
      const gate = Promise.withResolvers<void>();
      const runs = counted(gate.promise);
      const refresh = { ...request, fresh: true, receivedAt: clock.now() };
      const asking = Promise.all(Array.from({ length: 20 }, () => cache.get(refresh, runs.compute)));
      await until('the first has done without Redis', () => runs.count > 0);
      // the others asked Redis in the same moment, and wait for it no longer than the first did; it is not asked again so soon
      await pause(500);
      gate.resolve();
      const served = await asking;
      expect(served).toMatchObject(served.map(() => ({ value: { run: 1 }, notKept: 'unavailable' })));
      expect(runs.count).toBe(1);
    } finally {
      server.thaw();
    }
    await until('Redis answers again', () => redis.ping().then(() => true, () => false));
    await pause(1_100);
    expect((await cache.get(request, () => Promise.resolve('newer'))).value).toBe('newer');
  });

  test('No tenant is given what is another\'s, not even when somebody moves it there in Redis', async () => {
    const { cache, redis } = await startProcess();
    const key = randomUUID();
    await cache.get(asked({ name: { tenant: 'acme', key } }), () => Promise.resolve('of acme'));
    expect((await cache.get(asked({ name: { tenant: 'globex', key } }), () => Promise.resolve('of globex'))).value).toBe('of globex');
    await redis.copy(`report:acme:${key}`, `report:initech:${key}`);
    expect((await cache.get(asked({ name: { tenant: 'initech', key } }), () => Promise.resolve('of initech'))).value).toBe('of initech');
    expect((await redis.hgetBuffer(`report:acme:${key}`, 'value'))?.includes('acme')).toBe(false);
  });
});

/** Mulberry32: 0 to 1. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
