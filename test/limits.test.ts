/** What the rate limiter does for each kind of resource, with Redis and without. */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { readConfiguration } from '../service/environment.ts';
import { limitSettings } from '../service/settings.ts';
import { resourcesOf } from '../stores/redis/limits/policy.ts';
import { ProcessCounter } from '../stores/redis/limits/process-counter.ts';
import { limiterSuite } from './support/limiter-suite.ts';
import { asked, outcomes, quota, resources } from './support/limiting.ts';
import { until } from './support/until.ts';

const suite = limiterSuite();
const table = resources();

describe('RateLimiterTests', () => {
  test('Normal operation: requests within the limit pass and are told what is left; the next one is refused', async () => {
    const { limiter, decisions } = await suite.limiting();
    const resource = quota(3, 60);
    const subject = randomUUID();
    const verdicts = [];
    for (let times = 0; times < 4; times += 1) verdicts.push(await limiter.take(asked(resource), subject));
    expect(verdicts.map(({ outcome, policies }) => [outcome, policies[0]?.remaining])).toEqual([
      ['allowed', 2], ['allowed', 1], ['allowed', 0], ['denied', 0],
    ]);
    expect(decisions.map(([, outcome]) => outcome)).toEqual(['allowed', 'allowed', 'allowed', 'denied']);
    expect((await limiter.take(asked(resource), randomUUID())).outcome).toBe('allowed');
  });

  test('Circuit breaker behavior: five failures open it, then nobody asks, and after its time one probe closes it', async () => {
    const { limiter, breaker, clock } = await suite.limiting({ timeoutMs: 25 });
    const subject = randomUUID();
    // so that no failure has been counted
    await until('it is warm', async () => (await limiter.take(asked(table.api), subject)).source === 'redis');
    await suite.whileFrozen(async () => {
      for (let times = 0; times < 5; times += 1) {
        expect(breaker.status().state).toBe('closed');
        await limiter.take(asked(table.api), subject);
      }
      expect(breaker.status()).toMatchObject({ state: 'open', failures: 5 });
      for (let times = 0; times < 100; times += 1) expect((await limiter.take(asked(table.api), subject)).source).toBe('process');
    });
    clock.ms += 300_000;
    expect(breaker.status().state).toBe('half_open');
    await until('Redis is back', async () => {
      clock.ms += 300_000;
      return (await limiter.take(asked(table.api), subject)).source === 'redis';
    });
    expect(breaker.status()).toMatchObject({ state: 'closed', failures: 0, opened_at: null });
  });

  test('Critical resource fail-closed: without Redis nobody is served, and Retry-After is the time to the probe', async () => {
    const { limiter, breaker, clock, decisions } = await suite.limiting();
    for (let times = 0; times < 5; times += 1) breaker.admit()?.failed();
    clock.ms += 100_000;
    for (const name of ['llm_calls', 'translations', 'knowledge_ingestion', 'photo_uploads'] as const) {
      expect(await limiter.take(asked(table[name]), randomUUID())).toMatchObject({
        outcome: 'unavailable', source: 'process', retryAfterSeconds: 200,
      });
    }
    expect(new Set(decisions.map(([, outcome]) => outcome))).toEqual(new Set(['unavailable']));
    // what else the request would have counted on stays untouched
    const subject = randomUUID();
    await limiter.take([{ resource: table.api }, { resource: table.photo_uploads }], subject);
    expect((await limiter.take(asked(table.api), subject)).policies[0]?.remaining).toBe(299);
  });

  test('Non-critical fallback: api goes on at its own limit, others at 50 an hour, each subject for itself', async () => {
    const { limiter, breaker, decisions } = await suite.limiting();
    breaker.set('open');
    const subject = randomUUID();
    expect(await outcomes(400, () => limiter.take(asked(table.api), subject))).toEqual({ allowed: 300, denied: 100 });
    expect(await outcomes(400, () => limiter.take(asked(table.api_admin), randomUUID()))).toEqual({ allowed: 400 });
    expect(await outcomes(80, () => limiter.take(asked(table.knowledge_queries), subject))).toEqual({ allowed: 50, denied: 30 });
    expect(await outcomes(80, () => limiter.take(asked(table.anonymous), subject))).toEqual({ allowed: 50, denied: 30 });
    expect(decisions.every(([, outcome]) => outcome.startsWith('fallback_'))).toBe(true);
  });

  test('Auto-reset mechanism: what was counted leaves by itself, and so does its key', async () => {
    const { limiter, redis } = await suite.limiting();
    const resource = quota(2, 1.2, { key: 'brief' });
    const subject = randomUUID();
    expect(await outcomes(5, () => limiter.take(asked(resource), subject))).toEqual({ allowed: 2, denied: 3 });
    await until('the window has passed', async () => (await limiter.take(asked(resource), subject)).outcome === 'allowed');
    await until('the key has gone', async () => (await redis.keys('*:brief')).length === 0);
  });

  test('Retry-after calculation: whole seconds, rounded up, at least 1, and after exactly that time the request passes', async () => {
    const { limiter, clock, setScriptClock } = await suite.limiting({ hasScriptClock: true });
    await setScriptClock(1_000_000);
    const resource = quota(2, 60);
    const subject = randomUUID();
    await limiter.take(asked(resource), subject);
    await setScriptClock(1_030_400);
    clock.ms += 30_400;
    await limiter.take(asked(resource), subject);
    const refused = await limiter.take(asked(resource), subject);
    // the first one leaves with its slice at 1,061,000
    expect(refused).toMatchObject({ outcome: 'denied', retryAfterSeconds: 31, policies: [{ resetSeconds: 31 }] });
    await setScriptClock(1_030_400 + 31_000);
    clock.ms += 31_000;
    expect((await limiter.take(asked(resource), subject)).outcome).toBe('allowed');
    await setScriptClock(1_030_400 + 60_500);
    clock.ms += 29_500;
    expect((await limiter.take(asked(resource), subject)).retryAfterSeconds).toBe(1);
  });

  test('Fallback cache expiration: counts in the process leave too, the map is bounded, and one that keeps asking is not pushed out', () => {
    const counter = new ProcessCounter(100);
    const window = { limit: 50, windowMs: 3_600_000 };
    const count = (key: string, at: number): void => { counter.count(key, 0, window, 1, at, 3_660_000); };
    const look = (key: string, at: number) => counter.look(key, 0, window, 1, at);
    for (let times = 0; times < 50; times += 1) count('eager', 0);
    expect(look('eager', 3_599_000)).toMatchObject({ fits: false, used: 50 });
    for (let other = 0; other < 1_000; other += 1) {
      count(`other ${other}`, 1_000);
      expect(look('eager', 1_000).fits).toBe(false);
    }
    expect(look('other 0', 1_000).used).toBe(0);
    expect(look('eager', 3_660_000).fits).toBe(true);
  });

  test('Resource classification: which are critical, and what each allows', () => {
    const told = Object.entries(table).map(([name, { policies, fallback }]) => [
      name, fallback === null, policies.map((policy) => `${policy.quota} ${policy.unit}/${policy.windowSeconds}`).join(' '),
    ]);
    expect(told).toEqual([
      ['api', false, '300 requests/60'], ['api_admin', false, '1000 requests/60'], ['anonymous', false, '60 requests/3600'],
      ['llm_calls', true, '100 requests/86400 20 requests/3600 50000 tokens/86400 10000 tokens/3600 1000 cents/86400'],
      ['translations', true, '500 requests/86400 100 requests/3600 100000 characters/86400 20000 characters/3600'],
      ['knowledge_ingestion', true, '100 requests/86400'], ['knowledge_queries', false, '200 requests/86400 50 requests/3600'],
      ['photo_uploads', true, '100 requests/86400 10 requests/60'],
    ]);
  });
});


test('a policy in GANGWAY_SHADOW_POLICIES that there is not stops the start, with the names that there are', () => {
  expect(() => resourcesOf(limitSettings(readConfiguration({ GANGWAY_SHADOW_POLICIES: 'api, apis' })))).toThrow(
    /no policy apis; there are api, anonymous/,
  );
  const { llm_calls: calls } = resourcesOf(limitSettings(readConfiguration({ GANGWAY_SHADOW_POLICIES: 'llm_cents_per_day' })));
  expect(calls.policies.map(({ shadow }) => shadow)).toEqual([false, false, false, false, true]);
});
