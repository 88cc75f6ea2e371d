/** What is counted is exact: with many at once, from several processes, over any times, and when a clock jumps. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Resource } from '../stores/redis/limits/policy.ts';
import { root } from './support/folders.ts';
import { limiterSuite } from './support/limiter-suite.ts';
import { asked, intercept, outcomes, quota } from './support/limiting.ts';

const suite = limiterSuite();

describe('many at once', () => {
  test('1,000 calls at once from two processes, one of them with its clock 20 s behind, let exactly 100 through a limit of 100, also ' +
    'when Redis halts', async () => {
    const subject = randomUUID();
    const ask = async (...options: string[]): Promise<number> => {
      const { stdout } = await promisify(execFile)(process.execPath, [
        '--disable-warning=ExperimentalWarning', ...options, `${root}test/support/ask-limiter.ts`, suite.url(), subject, '500', '100',
      ]);
      return Number(stdout);
    };
    const behind = 'data:text/javascript,const { now } = Date; Date.now = () => now() - 20_000';
    const both = Promise.all([ask(), ask('--import', behind)]);
    let isOver = false;
    const halts = (async () => {
      while (!isOver) {
        await suite.whileFrozen(() => sleep(15));
        await sleep(15);
      }
    })();
    const [one, other] = await both.finally(() => { isOver = true; });
    await halts;
    expect(one + other).toBe(100);
  });

  test('all or nothing: a request that one policy refuses counts on none, and policies in shadow mode refuse nothing', async () => {
    const { limiter, decisions } = await suite.limiting();
    const subject = randomUUID();
    const named = (resource: Resource, name: string): Resource => ({
      ...resource, key: name, plan: name, policies: resource.policies.map((policy) => ({ ...policy, name })),
    });
    const [many, few] = [named(quota(10, 60), 'many'), named(quota(2, 60), 'few')];
    expect(await outcomes(5, () => limiter.take([{ resource: many }, { resource: few }], subject))).toEqual({ allowed: 2, denied: 3 });
    expect((await limiter.look(asked(many), subject)).policies[0]?.remaining).toBe(8);
    // where one refuses, one that fits has decided nothing
    expect(decisions.map((decision) => decision.join(' ')).sort()).toEqual([
      'few allowed', 'few allowed', 'few denied', 'few denied', 'few denied', 'many allowed', 'many allowed',
    ]);
    const dark = named(few, 'dark');
    const shadow = { ...dark, policies: dark.policies.map((policy) => ({ ...policy, shadow: true })) };
    expect(await outcomes(5, () => limiter.take([{ resource: shadow }], subject))).toEqual({ allowed: 5 });
    expect(decisions.filter(([policy]) => policy === 'dark').map(([, outcome]) => outcome)).toEqual([
      'allowed', 'allowed', 'shadow_denied', 'shadow_denied', 'shadow_denied',
    ]);
  });

  test('what is known to be over is refused without asking Redis, and not a moment longer', async () => {
    const made = await suite.limiting();
    const { limiter, clock } = made;
    const resource = quota(1, 6);
    const subject = randomUUID();
    expect(await outcomes(2, () => limiter.take(asked(resource), subject))).toEqual({ allowed: 1, denied: 1 });
    let sent = 0;
    intercept(made, (send) => { sent += 1; return send(); });
    expect(await limiter.take(asked(resource), subject)).toMatchObject({ outcome: 'denied', source: 'remembered' });
    expect(sent).toBe(0);
    clock.ms += 6_200;
    expect((await limiter.take(asked(resource), subject)).source).toBe('redis');
  });
});

interface Moment { readonly gap: number; readonly back: number }

describe('over random times', () => {
  // where windows and slices begin and end is where they go wrong
  const gap = fc.oneof(
    fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 20_000 }),
    fc.constantFrom(1, 500, 999, 1_000, 58_500, 59_000, 59_400, 59_999, 60_000),
  );
  const steady: fc.Arbitrary<Moment> = fc.record({ gap, back: fc.constant(0) });
  const jumping: fc.Arbitrary<Moment> = fc.record({
    gap,
    back: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 2_000 }), fc.integer({ min: 1, max: 7_200_000 })),
  });

  /** Asks at random moments; `judge` gets how many had passed within the last so many milliseconds, by a clock that nobody sets. */
  async function asking(
    moments: fc.Arbitrary<Moment>, judge: (outcome: string, passedWithin: (ms: number) => number, limit: number, isLog: boolean) => void,
  ): Promise<void> {
    const made = await suite.limiting({ hasScriptClock: true });
    const series = fc.array(moments, { minLength: 20, maxLength: 60 });
    await fc.assert(fc.asyncProperty(series, fc.integer({ min: 1, max: 8 }), fc.boolean(), async (gaps, limit, isLog) => {
      const base = quota(limit, 60, { plan: `p${limit}${String(isLog)}`, key: `p${String(isLog)}` });
      const resource = isLog ? { ...base, policies: base.policies.map((policy) => ({ ...policy, slice: 1, span: 60_000 })) } : base;
      const subject = randomUUID();
      const passed: number[] = [];
      let at = 1_000_000_000;
      let set = 0;
      for (const moment of gaps) {
        at += moment.gap;
        set -= moment.back;
        // so that no refusal is remembered, and of what passed before only Redis knows
        made.clock.ms += 62_000;
        await made.setScriptClock(at + set);
        const { outcome } = await made.limiter.take(asked(resource), subject);
        if (outcome === 'allowed') passed.push(at);
        judge(outcome, (ms) => passed.filter((time) => time > at - ms).length, limit, isLog);
      }
    }), { seed: Date.now() % 1_000_000, numRuns: 150 });
  }

  test('no window of the stated length, wherever it begins, holds more than the limit, and nobody is refused for what left more than a ' +
    'slice ago', async () => {
    await asking(steady, (outcome, passedWithin, limit, isLog) => {
      expect(passedWithin(60_000)).toBeLessThanOrEqual(limit);
      if (outcome === 'denied') expect(passedWithin(isLog ? 60_002 : 61_001)).toBeGreaterThanOrEqual(limit);
    });
  });

  test('nor when Redis\'s clock is set back at any of them, by any time', async () => {
    await asking(jumping, (_outcome, passedWithin, limit) => { expect(passedWithin(60_000)).toBeLessThanOrEqual(limit); });
  });
});

describe('a clock that jumps', () => {
  test('back holds nobody for longer than the window and a slice for each time, although all that was asked meanwhile was refused', async () => {
    const { limiter, clock, setScriptClock } = await suite.limiting({ hasScriptClock: true });
    const resource = quota(2, 60);
    const subject = randomUUID();
    await setScriptClock(90_000_000);
    expect(await outcomes(3, () => limiter.take(asked(resource), subject))).toEqual({ allowed: 2, denied: 1 });
    for (const back of [80_000_000, 79_999_000, 500_000]) {
      await setScriptClock(back);
      clock.ms += 11_000;
      expect((await limiter.take(asked(resource), subject)).outcome).toBe('denied');
    }
    clock.ms += 65_000;
    await setScriptClock(500_000 + 65_000);
    expect((await limiter.take(asked(resource), subject)).outcome).toBe('allowed');
  });

  test('forth frees what the time it shows has freed, and back again frees nothing more and locks nobody out', async () => {
    const { limiter, clock, setScriptClock } = await suite.limiting({ hasScriptClock: true });
    const resource = quota(2, 60);
    const subject = randomUUID();
    const at = async (ms: number): Promise<Record<string, number>> => {
      await setScriptClock(ms);
      clock.ms += 62_000;
      return outcomes(3, () => limiter.take(asked(resource), subject));
    };
    expect(await at(1_000_000)).toEqual({ allowed: 2, denied: 1 });
    expect(await at(90_000_000)).toEqual({ allowed: 2, denied: 1 });
    expect(await at(1_001_000)).toEqual({ denied: 3 });
    expect(await at(1_030_000)).toEqual({ denied: 3 });
    expect(await at(1_063_000)).toEqual({ allowed: 2, denied: 1 });
  });

  test('forth makes no command a late one: the request is decided at once, by Redis', async () => {
    const { limiter, setScriptClock } = await suite.limiting({ hasScriptClock: true });
    await setScriptClock(1_000_000);
    await limiter.take(asked(quota(2, 60)), randomUUID());
    await setScriptClock(90_000_000);
    expect(await limiter.take(asked(quota(2, 60)), randomUUID())).toMatchObject({ outcome: 'allowed', source: 'redis' });
  });
});
