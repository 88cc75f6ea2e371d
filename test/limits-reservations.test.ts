/** What is only known afterwards is reserved before and settled after. */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { limiterSuite } from './support/limiter-suite.ts';
import { intercept, outcomes, resources, type Limiting } from './support/limiting.ts';
import { until } from './support/until.ts';

const suite = limiterSuite();
const table = resources();

describe('reservations', () => {
  const resource = table.llm_calls;
  const cost = (tokens: number) => [{ resource, cost: { requests: 1, tokens, cents: 1 } }];
  const left = async ({ limiter }: Limiting, subject: string): Promise<number[]> => (
    await limiter.look([{ resource }], subject)
  ).policies.map(({ remaining }) => remaining);
  const lease = (id: string) => ({ id, leaseMs: 60_000 });

  test('hold what a call may cost, are settled with what it cost, and released whole', async () => {
    const made = await suite.limiting();
    const subject = randomUUID();
    await made.limiter.reserve(cost(4_000), subject, lease('a'));
    expect(await left(made, subject)).toEqual([99, 19, 46_000, 6_000, 999]);
    await made.limiter.settle(cost(500), subject, 'a');
    expect(await left(made, subject)).toEqual([99, 19, 49_500, 9_500, 999]);
    await made.limiter.settle(cost(9_000), subject, 'a');
    await made.limiter.reserve(cost(4_000), subject, lease('b'));
    await made.limiter.settle([{ resource, cost: {} }], subject, 'b');
    expect(await left(made, subject)).toEqual([99, 19, 49_500, 9_500, 999]);
    await made.limiter.reserve(cost(100), subject, lease('c'));
    await made.limiter.settle(cost(700), subject, 'c');
    expect(await left(made, subject)).toEqual([98, 18, 48_800, 8_800, 998]);
  });

  test('count once under one id, and not at all once they have ended', async () => {
    const made = await suite.limiting();
    const subject = randomUUID();
    for (let times = 0; times < 3; times += 1) {
      expect((await made.limiter.reserve(cost(4_000), subject, lease('a'))).outcome).toBe('allowed');
    }
    expect(await left(made, subject)).toEqual([99, 19, 46_000, 6_000, 999]);
    await made.limiter.settle([{ resource, cost: {} }], subject, 'a');
    await made.limiter.settle([{ resource, cost: {} }], subject, 'b');
    expect((await made.limiter.reserve(cost(4_000), subject, lease('b'))).outcome).toBe('unavailable');
    expect(await left(made, subject)).toEqual([100, 20, 50_000, 10_000, 1_000]);
  });

  test('whose answer came too late are given back, since the call is not made', async () => {
    const made = await suite.limiting();
    const subject = randomUUID();
    await left(made, subject);
    let isLost = true;
    intercept(made, async (send) => {
      const reply = await send();
      if (!isLost) return reply;
      isLost = false;
      throw new Error('timed out');
    });
    expect((await made.limiter.reserve(cost(4_000), subject, lease('a'))).outcome).toBe('unavailable');
    await until('it is given back', async () => (await left(made, subject))[0] === 100);
    expect(await left(made, subject)).toEqual([100, 20, 50_000, 10_000, 1_000]);
  });

  test('of a process that was killed are given back when their lease is over, not sooner, each for itself, also when the clock was set ' +
    'back meanwhile', async () => {
    const made = await suite.limiting({ hasScriptClock: true });
    const { limiter, setScriptClock } = made;
    const subject = randomUUID();
    const leaseMs = 600_000;
    await setScriptClock(90_000_000);
    await limiter.reserve(cost(4_000), subject, { id: 'a', leaseMs });
    await setScriptClock(90_022_000);
    await limiter.reserve(cost(3_000), subject, { id: 'b', leaseMs });
    await limiter.reserve(cost(1_000), subject, { id: 'c', leaseMs });
    await limiter.settle(cost(500), subject, 'c');
    await setScriptClock(90_599_999);
    expect(await left(made, subject)).toEqual([97, 17, 42_500, 2_500, 997]);
    await setScriptClock(90_600_000);
    expect(await left(made, subject)).toEqual([98, 18, 46_500, 6_500, 998]);
    // a decision that is saved takes it out of the key, and what comes after it finds it gone
    expect((await limiter.take(cost(100), subject)).outcome).toBe('allowed');
    expect(await left(made, subject)).toEqual([97, 17, 46_400, 6_400, 997]);
    // an hour back: 22 s of the lease of b are left
    await setScriptClock(87_000_000);
    expect(await left(made, subject)).toEqual([97, 17, 46_400, 6_400, 997]);
    await setScriptClock(87_021_999);
    expect(await left(made, subject)).toEqual([97, 17, 46_400, 6_400, 997]);
    await setScriptClock(87_022_000);
    expect(await left(made, subject)).toEqual([98, 18, 49_400, 9_400, 998]);
    // whoever comes late settles nothing
    await limiter.settle(cost(9_000), subject, 'a');
    expect(await left(made, subject)).toEqual([98, 18, 49_400, 9_400, 998]);
  });

  test('50 at once never hold more than the limit', async () => {
    const made = await suite.limiting();
    const subject = randomUUID();
    expect(await outcomes(50, () => made.limiter.reserve(cost(4_000), subject, lease(randomUUID())))).toEqual({ allowed: 2, denied: 48 });
  });

  test('the photo burst is exact to the time of each photo, and a photo that failed gives its place back', async () => {
    const { limiter, clock, setScriptClock } = await suite.limiting({ hasScriptClock: true });
    const photos = [{ resource: table.photo_uploads }];
    const subject = randomUUID();
    const at = async (ms: number, id: string): Promise<string> => {
      await setScriptClock(5_000_000 + ms);
      clock.ms += 60_000;
      return (await limiter.reserve(photos, subject, { id, leaseMs: 600_000 })).outcome;
    };
    for (let times = 0; times < 10; times += 1) expect(await at(times * 100, `${times}`)).toBe('allowed');
    expect(await at(59_999, 'x')).toBe('denied');
    await limiter.settle([{ resource: table.photo_uploads, cost: {} }], subject, '3');
    expect(await at(59_999, 'x')).toBe('allowed');
    expect([await at(60_000, 'y'), await at(60_001, 'y'), await at(60_002, 'z')]).toEqual(['denied', 'allowed', 'denied']);
  });
});
