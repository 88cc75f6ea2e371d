import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { seeded } from '../../bench/statistics.ts';
import { aalenJohansen, shareAt, type Ends } from './survival.ts';

type Kind = 'completed' | 'left' | 'open';
interface Seen { readonly time: number; readonly kind: Kind }

const seen = (kinds: readonly Kind[]) => fc.array(
  fc.record({ time: fc.integer({ min: 0, max: 30 }), kind: fc.constantFrom(...kinds) }), { minLength: 1, maxLength: 60 },
);
const ends = (sessions: readonly Seen[]): readonly Ends[] => sessions.map(({ time, kind }) =>
  ({ time, completed: kind === 'completed' ? 1 : 0, left: kind === 'left' ? 1 : 0, open: kind === 'open' ? 1 : 0 }));

/**
 * Efron's way to see it: every session weighs the same, and what was seen only until some time hands its weight on, in equal parts, to
 * those seen longer. What completed by then is what weighs.
 */
function handedOn(sessions: readonly Seen[], time: number): number {
  const rank = ({ kind }: Seen): number => (kind === 'open' ? 1 : 0);
  const inOrder = sessions.toSorted((a, b) => a.time - b.time || rank(a) - rank(b));
  const weighted = inOrder.map((each) => ({ ...each, weight: 1 / sessions.length }));
  for (const each of weighted) {
    const later = weighted.filter((other) => other.time > each.time);
    if (each.kind !== 'open' || later.length === 0) continue;
    for (const other of later) other.weight += each.weight / later.length;
    each.weight = 0;
  }
  return weighted.filter((each) => each.kind === 'completed' && each.time <= time).reduce((total, { weight }) => total + weight, 0);
}

describe('the share that has completed', () => {
  test('is what those weigh who completed, when the open ones hand their weight on', () => {
    fc.assert(fc.property(seen(['completed', 'left', 'open']), (sessions) => {
      const curve = aalenJohansen(ends(sessions));
      const longest = Math.max(...sessions.map(({ time }) => time));
      for (let time = 0; time <= longest; time += 1) expect(shareAt(curve, time, 0)).toBeCloseTo(handedOn(sessions, time), 9);
      const reached = [...Array(31).keys()].find((time) => handedOn(sessions, time) >= 0.5 - 1e-9);
      expect(curve.median).toBe(reached ?? null);
    }), { numRuns: 1_000 });
  });

  test('without leavers is one less the product of those who go on at each time, with Greenwood\'s error', () => {
    fc.assert(fc.property(seen(['completed', 'open']), (sessions) => {
      for (const { time, share, standardError } of aalenJohansen(ends(sessions)).steps) {
        const times = [...new Set(sessions.filter((each) => each.kind === 'completed' && each.time <= time).map((each) => each.time))];
        const counts = times.map((at) => ({
          atRisk: sessions.filter((each) => each.time >= at).length,
          done: sessions.filter((each) => each.time === at && each.kind === 'completed').length,
        }));
        const survival = counts.reduce((product, { atRisk, done }) => product * (1 - done / atRisk), 1);
        expect(share).toBeCloseTo(1 - survival, 10);
        const greenwood = counts.reduce((total, { atRisk, done }) => total + done / (atRisk * (atRisk - done)), 0);
        expect(standardError).toBeCloseTo(survival === 0 ? 0 : survival * Math.sqrt(greenwood), 7);
      }
    }), { numRuns: 500 });
  });

  test('is a plain proportion, with its error, where nobody is open', () => {
    fc.assert(fc.property(seen(['completed', 'left']), (sessions) => {
      const curve = aalenJohansen(ends(sessions));
      for (const { time, share, standardError } of curve.steps) {
        const proportion = sessions.filter((each) => each.kind === 'completed' && each.time <= time).length / sessions.length;
        expect(share).toBeCloseTo(proportion, 10);
        expect(standardError).toBeCloseTo(Math.sqrt((proportion * (1 - proportion)) / sessions.length), 7);
      }
    }), { numRuns: 500 });
  });

  test('is not known beyond the last open session, and stands for ever where nobody is open', () => {
    const open = aalenJohansen([{ time: 1, completed: 1, left: 0, open: 0 }, { time: 5, completed: 0, left: 0, open: 1 }]);
    expect([0, 1, 5, 6].map((time) => shareAt(open, time, 0))).toEqual([0, 0.5, 0.5, null]);
    const over = aalenJohansen([{ time: 1, completed: 1, left: 0, open: 0 }, { time: 5, completed: 0, left: 1, open: 0 }]);
    expect(shareAt(over, 1e9, 0)).toBe(0.5);
    expect(shareAt(aalenJohansen([]), 0, 0)).toBeNull();
  });

  test('and the same sessions counted together at each time are the same curve', () => {
    fc.assert(fc.property(seen(['completed', 'left', 'open']), (sessions) => {
      const together = [...Map.groupBy(ends(sessions), ({ time }) => time).values()].map((same) => same.reduce((a, b) =>
        ({ time: a.time, completed: a.completed + b.completed, left: a.left + b.left, open: a.open + b.open })));
      expect(aalenJohansen(together)).toEqual(aalenJohansen(ends(sessions)));
    }));
  });
});

test('the interval of the median covers the true one about 95 times of 100', () => {
  // Exponential times with rates 1 (completing) and 0.3 (leaving), censored between 0.5 and 3: seeded, so the same each time.
  const random = seeded(20);
  const exponential = (rate: number): number => -Math.log(1 - random()) / rate;
  const truth = Math.log(1 / (1 - 0.5 * 1.3)) / 1.3;
  const runs = 1_000;
  let covered = 0;
  for (let run = 0; run < runs; run += 1) {
    const sessions = Array.from({ length: 150 }, (): Seen => {
      const [done, left, open] = [exponential(1), exponential(0.3), 0.5 + 2.5 * random()];
      const time = Math.min(done, left, open);
      return { time, kind: time === done ? 'completed' : time === left ? 'left' : 'open' };
    });
    const [low, high] = aalenJohansen(ends(sessions)).medianInterval;
    if ((low ?? Infinity) <= truth && truth <= (high ?? Infinity)) covered += 1;
  }
  expect(covered / runs).toBeGreaterThan(0.93);
  expect(covered / runs).toBeLessThan(0.975);
});
