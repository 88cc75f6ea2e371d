/** One process never lets more than a quota pass, whatever Redis does and however busy the machine is. */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { limiterSuite } from './support/limiter-suite.ts';
import { asked, intercept, limitingOn, quota, resources, type Limiting, type LimitingOptions } from './support/limiting.ts';
import { until } from './support/until.ts';

const table = resources({ GANGWAY_API_PER_MINUTE: '300' });
/** The time-out as it is shipped. */
const timeoutMs = 25;

const suite = limiterSuite();

async function limiting(more: LimitingOptions = {}): Promise<Limiting> {
  const made = await suite.limiting({ timeoutMs, ...more });
  await until('it is warm', async () => (await made.limiter.look(asked(table.api), 'nobody')).source === 'redis');
  return made;
}

describe('while every core is busy with something else', () => {
  const busy: ChildProcess[] = [];
  beforeAll(() => {
    for (let core = 0; core < availableParallelism(); core += 1) {
      busy.push(spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }));
    }
  });
  afterAll(() => { for (const child of busy) child.kill('SIGKILL'); });

  /** As requests that come over HTTP: each a turn of its own, with some work before it is counted. */
  async function burst({ limiter }: Limiting, subject: string, times: number): Promise<number> {
    const verdicts = await Promise.all(Array.from({ length: times }, async () => {
      await nextTurn();
      const until = performance.now() + 0.3;
      while (performance.now() < until);
      return limiter.take(asked(table.api), subject);
    }));
    return verdicts.filter(({ outcome }) => outcome === 'allowed').length;
  }

  test('of 600 requests at once exactly the 300 of the quota pass, and the breaker stays closed: it is Redis that the time-out measures', async () => {
    for (let round = 0; round < 5; round += 1) {
      const made = await limiting();
      expect([await burst(made, randomUUID(), 600), made.breaker.status().state]).toEqual([300, 'closed']);
    }
  });

  test.each<readonly [string, (made: Limiting) => Promise<unknown>]>([
    ['halts again and again', async () => {
      for (let times = 0; times < 10; times += 1) {
        await suite.whileFrozen(async () => { await sleep(40); });
        await nextTurn();
      }
    }],
    ['drops its connections', async (made) => {
      for (let times = 0; times < 5; times += 1) {
        made.redis.disconnect(true);
        await nextTurn();
        await until('it is connected', () => made.redis.status === 'ready');
      }
    }],
    ['forgets everything', (made) => made.redis.flushall()],
    ['is killed and started again', () => suite.restart()],
  ])('nor do more pass while Redis %s', async (_, happens) => {
    const made = await limiting({ openMs: 100 });
    const subject = randomUUID();
    const first = await burst(made, subject, 200);
    const [, during] = await Promise.all([happens(made), burst(made, subject, 200)]);
    await until('Redis answers', () => made.redis.ping().then(() => true, () => false));
    const after = await burst(made, subject, 400);
    expect(first + during + after).toBe(300);
  });
});

describe('over random times, with Redis failing, forgetting and coming back', () => {
  type Store = 'fine' | 'fails' | 'counts, and its answer comes too late' | 'forgets';
  interface Step { readonly store: Store; readonly requests: number; readonly gap: number }
  const step: fc.Arbitrary<Step> = fc.record({
    store: fc.constantFrom<Store>('fine', 'fine', 'fails', 'counts, and its answer comes too late', 'forgets'),
    requests: fc.integer({ min: 0, max: 8 }),
    gap: fc.oneof(
      fc.integer({ min: 0, max: 2_000 }), fc.integer({ min: 0, max: 70_000 }),
      fc.constantFrom(1, 999, 1_000, 59_000, 59_999, 60_000, 61_000),
    ),
  });

  test('no minute, wherever it begins, holds more than the quota, and while Redis answers nobody is refused whom Redis lets through', async () => {
    const series = fc.array(step, { minLength: 10, maxLength: 40 });
    await fc.assert(fc.asyncProperty(series, fc.integer({ min: 1, max: 6 }), async (steps, limit) => {
      let at = 1_000_000;
      const made = await limitingOn(suite.url(), { timeoutMs: 2_000, now: () => at, hasScriptClock: true, openMs: 20_000 });
      let store: Store = 'fine';
      intercept(made, async (send) => {
        if (store === 'fails') throw new Error('gone');
        const reply = await send();
        if (store === 'counts, and its answer comes too late') throw new Error('timed out');
        return reply;
      });
      const resource = quota(limit, 60, { fallback: { limit, windowSeconds: 60 }, plan: `own${limit}` });
      const subject = randomUUID();
      const passed: number[] = [];
      let hasFailed = false;
      for (const { store: next, requests, gap } of steps) {
        store = next;
        at += gap;
        await made.setScriptClock(at);
        if (store === 'forgets') await made.redis.flushdb().then(() => made.setScriptClock(at));
        hasFailed ||= store !== 'fine';
        for (let times = 0; times < requests; times += 1) {
          const { outcome, source } = await made.limiter.take(asked(resource), subject);
          if (outcome === 'allowed') passed.push(at);
          expect(passed.filter((time) => time > at - 60_000).length).toBeLessThanOrEqual(limit);
          if (!hasFailed) expect(source).not.toBe('process');
          if (outcome === 'denied' && source === 'process') {
            expect(passed.filter((time) => time > at - 61_001).length).toBeGreaterThanOrEqual(limit);
          }
        }
      }
      made.redis.disconnect();
    }), { seed: Date.now() % 1_000_000, numRuns: 60 });
  });
});
