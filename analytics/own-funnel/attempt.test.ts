import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { plainAttempt, type PlainEvent, type PlainFunnel } from '../../test/support/plain-funnel.ts';
import { bestAttempt, firstOpening, orders, type History } from './attempt.ts';

const timesIn = (events: readonly PlainEvent[]): number[] => [...new Set(events.map(({ ms }) => ms))].sort((a, b) => a - b);

function historyOf(events: readonly PlainEvent[], windowMs: number | null): History {
  const times = timesIn(events);
  const bits = (matches: readonly number[]): number => matches.reduce((set, step) => set | (1 << step), 0);
  return {
    groups: times.map((time) => events.filter(({ ms }) => ms === time).map(({ matches }) => bits(matches))),
    reach: windowMs === null ? null : times.map((from) => times.filter((time) => time - from <= windowMs).length - 1),
  };
}

function timesOf(events: readonly PlainEvent[], funnel: PlainFunnel): readonly number[] {
  return bestAttempt(historyOf(events, funnel.windowMs), funnel).at.map((group) => timesIn(events)[group] ?? -1);
}

const funnels = (steps: number) => fc.record({
  steps: fc.constant(steps), order: fc.constantFrom(...orders),
  windowMs: fc.option(fc.integer({ min: 0, max: 12 }), { nil: null }),
});
/** Times are few, so that many are equal; an event may match no step, one or several. */
const eventOf = (steps: number, until: number) => fc.record({
  ms: fc.integer({ min: 0, max: until }),
  matches: fc.oneof(
    { weight: 3, arbitrary: fc.integer({ min: 0, max: steps - 1 }).map((step) => [step]) },
    { weight: 1, arbitrary: fc.subarray(Array.from({ length: steps }, (_, step) => step)) },
  ),
});
const cases = fc.integer({ min: 1, max: 5 }).chain((steps) => fc.tuple(
  funnels(steps), fc.constantFrom(3, 8, 20).chain((until) => fc.array(eventOf(steps, until), { maxLength: 7 })),
));

describe('the best attempt', () => {
  test('is the one of the plain implementation, over random histories with ties, overlaps and repeats', () => {
    fc.assert(fc.property(cases, ([funnel, events]) => {
      expect(timesOf(events, funnel)).toEqual(plainAttempt(events, funnel));
    }), { numRuns: 3_000, verbose: 1 });
  });

  test('of steps that may be the same event, as often as each is named, is the one of the plain implementation', () => {
    const repeated = fc.record({
      names: fc.array(fc.constantFrom('a', 'b', '*'), { minLength: 2, maxLength: 5 }),
      order: fc.constantFrom(...orders), windowMs: fc.option(fc.integer({ min: 0, max: 6 }), { nil: null }),
      history: fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.integer({ min: 0, max: 9 })), { maxLength: 7 }),
    });
    fc.assert(fc.property(repeated, ({ names, order, windowMs, history }) => {
      const events = history.map(([name, ms]) => ({
        ms, matches: names.flatMap((step, index) => (step === name || step === '*' ? [index] : [])),
      }));
      const funnel = { steps: names.length, order, windowMs };
      expect(timesOf(events, funnel)).toEqual(plainAttempt(events, funnel));
    }), { numRuns: 2_000, verbose: 1 });
  });

  test('says when one, two, three steps had been made by any attempt: as the plain one finds it in the history up to then', () => {
    fc.assert(fc.property(cases, ([funnel, events]) => {
      const times = timesIn(events);
      const { first } = bestAttempt(historyOf(events, funnel.windowMs), funnel);
      const levels = times.map((until) => plainAttempt(events.filter(({ ms }) => ms <= until), funnel).length);
      const plain = Array.from({ length: Math.max(0, ...levels) }, (_, step) => levels.findIndex((level) => level > step));
      expect(first).toEqual(plain);
    }), { numRuns: 3_000, verbose: 1 });
  });

  test('the order in which events were stored changes neither how far it came nor when', () => {
    fc.assert(fc.property(cases, fc.infiniteStream(fc.nat()), ([funnel, events], keys) => {
      const shuffled = events.map((event) => ({ event, key: Number(keys.next().value) })).sort((a, b) => a.key - b.key);
      expect(timesOf(shuffled.map(({ event }) => event), funnel)).toEqual(timesOf(events, funnel));
    }), { numRuns: 2_000 });
  });

  test('never goes further with a smaller window, and with one as long as the history as far as with none', () => {
    fc.assert(fc.property(cases, ([funnel, events]) => {
      const level = (windowMs: number | null): number => timesOf(events, { ...funnel, windowMs }).length;
      const levels = [0, 1, 3, 9, 20].map(level);
      expect(levels).toEqual(levels.toSorted((a, b) => a - b));
      expect(level(20)).toBe(level(null));
    }), { numRuns: 1_000 });
  });

  test('of a hundred thousand events is found at once, whatever they are', () => {
    const every = (step: (index: number) => number, together = 1): readonly number[][] => Array.from(
      { length: 100_000 / together }, (_, group) => Array.from({ length: together }, (_one, index) => step(group * together + index)),
    );
    for (const groups of [every(() => 1), every((index) => 1 << (index % 19)), every(() => 2 ** 19 - 1, 1_000)]) {
      for (const reach of [null, groups.map((_, group) => Math.min(group + groups.length / 2, groups.length - 1))]) {
        for (const order of orders) expect(bestAttempt({ groups, reach }, { steps: 20, order }).at.length).toBeLessThan(20);
      }
    }
  });
});

describe('where an attempt opens', () => {
  test('at the first event that is the first step; unordered at the first that is any', () => {
    const history = historyOf([{ ms: 1, matches: [] }, { ms: 2, matches: [1] }, { ms: 3, matches: [0] }], null);
    const first = (order: PlainFunnel['order']) => firstOpening(history, { steps: 2, order });
    expect([first('ordered'), first('strict'), first('unordered')]).toEqual([2, 2, 1]);
    expect(firstOpening(historyOf([], null), { steps: 2, order: 'unordered' })).toBe(-1);
  });
});
