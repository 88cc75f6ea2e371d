/** The rate limiter while Redis is frozen, fails now and then, or answers too late. */
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { limiterSuite } from './support/limiter-suite.ts';
import { asked, intercept, quota, resources } from './support/limiting.ts';
import { until } from './support/until.ts';

const suite = limiterSuite();
const table = resources();

/**
 * When timers of so many milliseconds that are set now have been heard, and what they begin at once: not measured, since a busy
 * machine hears all of them late.
 */
async function timersHeard(ms: number): Promise<'waited longer'> {
  await sleep(ms);
  for (let turns = 0; turns < 3; turns += 1) await nextTurn();
  return 'waited longer';
}

/** Blocks this process until Redis has answered another one, and so has answered everything that was sent before. */
function blockUntilAnswered(url: string): void {
  const { port } = new URL(url);
  execFileSync(process.execPath, [
    '-e', `require('net').connect(${port}, '127.0.0.1').once('data', () => process.exit(0)).write('PING\\r\\n')`,
  ]);
}

describe('Redis is frozen', () => {
  test('no request waits longer than the command time-out, none at all after the fifth, and what arrives late counts nothing', async () => {
    const timeoutMs = 250;
    const [made, patient] = [await suite.limiting({ timeoutMs }), await suite.limiting()];
    const { limiter, redis, clock } = made;
    const subject = randomUUID();
    const remaining = async (): Promise<unknown> => {
      const { source, policies } = await patient.limiter.look(asked(table.api), subject);
      return [source, policies[0]?.remaining];
    };
    await until('it is warm', async () => (await limiter.take(asked(table.api), subject)).source === 'redis');
    const before = await remaining();
    expect(before).toEqual(['redis', expect.any(Number)]);
    let sent = 0;
    intercept(made, (send) => { sent += 1; return send(); });
    await suite.whileFrozen(async () => {
      for (let times = 0; times < 5; times += 1) {
        const taken = limiter.take(asked(table.api), subject);
        expect(await Promise.race([taken, timersHeard(timeoutMs + 200)])).toMatchObject({ source: 'process' });
      }
      for (let times = 0; times < 100; times += 1) {
        // not even a turn of the event loop
        expect(await Promise.race([limiter.take(asked(table.api), subject), nextTurn('waited')])).toMatchObject(
          { outcome: 'allowed', source: 'process' },
        );
      }
    });
    expect(sent).toBe(5);
    await until('Redis answers', () => redis.ping().then(() => true, () => false));
    await until('it is asked again', async () => {
      clock.ms += 300_000;
      return (await limiter.look(asked(table.api), subject)).source === 'redis';
    });
    // the five that were sent came after their deadline
    expect(await remaining()).toEqual(before);
  });

  test('at the half-open moment exactly one command goes out, and the other 99 do not wait for it', async () => {
    const made = await suite.limiting({ timeoutMs: 2_000 });
    const { limiter, breaker, clock } = made;
    const subject = randomUUID();
    await limiter.take(asked(table.api), subject);
    for (let times = 0; times < 5; times += 1) breaker.admit()?.failed();
    clock.ms += 300_000;
    let sent = 0;
    intercept(made, (send) => { sent += 1; return send(); });
    await suite.whileFrozen(async () => {
      let settled = 0;
      const all = Array.from(
        { length: 100 }, () => limiter.take(asked(table.api), subject).then(({ outcome }) => { settled += 1; return outcome; }),
      );
      await nextTurn();
      expect([settled, sent, breaker.status().state]).toEqual([99, 1, 'half_open']);
      expect(new Set(await Promise.all(all))).toEqual(new Set(['allowed']));
      expect([sent, breaker.status().state]).toEqual([1, 'open']);
    });
  });
});

test('a process that was busy for longer than the time-out reads what has arrived before it gives up: no burst opens the breaker', async () => {
  const timeoutMs = 25;
  const { limiter, breaker } = await suite.limiting({ timeoutMs });
  const subject = randomUUID();
  await until('it is warm', async () => (await limiter.take(asked(table.api), subject)).source === 'redis');
  for (let times = 0; times < 6; times += 1) {
    const verdict = limiter.take(asked(table.api), subject);
    const idleAt = performance.now() + 2 * timeoutMs;
    blockUntilAnswered(suite.url());
    while (performance.now() < idleAt);
    expect((await verdict).source).toBe('redis');
  }
  expect(breaker.status()).toMatchObject({ state: 'closed', failures: 0 });
});

type Store = 'fine' | 'fails' | 'counts, and its answer comes too late';
interface Step { readonly store: Store; readonly requests: number; readonly seconds: number }

const limits = { redis: 20, process: 10 };
const openSeconds = 300;

/** What each request has to come to, in the plainest words: the limiter itself is nothing like it. */
class Model {
  seconds = 0;
  asks = 0;
  private failures = 0;
  private openUntil: number | null = null;
  private refusedUntil = -1;
  /** When each leaves that Redis counted, and each that passed, whoever let it. */
  private readonly inRedis: number[] = [];
  private readonly passed: number[] = [];

  take(store: Store): readonly [outcome: string, source: string] {
    if (this.seconds < this.refusedUntil) return ['denied', 'remembered'];
    if (this.openUntil !== null && this.seconds < this.openUntil) return this.withoutRedis();
    this.asks += 1;
    const isOver = this.counted(this.passed) >= limits.redis;
    const fits = this.counted(this.inRedis) < limits.redis;
    const leaves = (Math.floor(this.seconds / 60) + 61) * 60;
    if (store !== 'fails' && fits && !isOver) this.inRedis.push(leaves);
    if (store !== 'fine') {
      this.failures += 1;
      if (this.failures >= 5) this.openUntil = this.seconds + openSeconds;
      return this.withoutRedis();
    }
    this.failures = 0;
    this.openUntil = null;
    if (!fits && !isOver) {
      this.refusedUntil = this.seconds + Math.min(10, Math.min(...this.inRedis.filter((at) => at > this.seconds)) - this.seconds);
    }
    if (!fits) return ['denied', 'redis'];
    return isOver ? ['denied', 'process'] : this.passes('redis', leaves);
  }

  private withoutRedis(): readonly [outcome: string, source: string] {
    if (this.counted(this.passed) >= limits.process) return ['denied', 'process'];
    return this.passes('process', this.seconds + 3_660);
  }

  /** With the one before it, where that stays for a whole hour yet. */
  private passes(source: string, leaves: number): readonly [outcome: string, source: string] {
    const last = this.passed.at(-1) ?? 0;
    this.passed.push(last >= this.seconds + 3_600 ? last : leaves);
    return ['allowed', source];
  }

  private counted(leaving: readonly number[]): number {
    return leaving.filter((at) => at > this.seconds).length;
  }
}

describe('under random failures of the store', () => {
  const step: fc.Arbitrary<Step> = fc.record({
    store: fc.constantFrom<Store>('fine', 'fails', 'counts, and its answer comes too late'), requests: fc.integer({ min: 0, max: 12 }),
    seconds: fc.oneof(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 3_000, max: 3_700 })),
  });

  test('every request comes to what a simple model says, Redis is asked as often, and nothing critical passes without it', async () => {
    // a failure names the seed, and with it this run can be had again
    const seed = Date.now() % 1_000_000;
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), async (steps) => {
      const model = new Model();
      const made = await suite.limiting({ now: () => model.seconds * 1_000, hasScriptClock: true });
      await made.setScriptClock(0);
      const { limiter, breaker } = made;
      const subject = randomUUID();
      const resource = quota(limits.redis, 3_600, { fallback: { limit: limits.process, windowSeconds: 3_600 } });
      await limiter.look(asked(resource), subject);
      let store: Store = 'fine';
      let asks = 0;
      intercept(made, async (send) => {
        asks += 1;
        if (store === 'fails') throw new Error('gone');
        const reply = await send();
        if (store === 'fine') return reply;
        throw new Error('timed out');
      });
      for (const { store: next, requests, seconds } of steps) {
        store = next;
        model.seconds += seconds;
        await made.setScriptClock(model.seconds * 1_000);
        for (let times = 0; times < requests; times += 1) {
          const expected = model.take(store);
          const { outcome, source } = await limiter.take(asked(resource), subject);
          expect([outcome, source, asks]).toEqual([...expected, model.asks]);
        }
        if (breaker.status().state === 'open') expect((await limiter.take(asked(table.llm_calls), subject)).outcome).toBe('unavailable');
      }
      made.redis.disconnect();
    }), { seed, numRuns: 40 });
  });
});
