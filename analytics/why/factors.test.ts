import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { seeded } from '../../scripts/demo/random.ts';
import type { Arm } from '../statistics/proportions.ts';
import { againstOthers, factorsOf, type FactorCounts } from './factors.ts';
import { testedTogether } from './tested.ts';

const arm = (successes: number, n: number): Arm => ({ successes, n });
const error = (with_: Arm, without: Arm): FactorCounts => ({ kind: 'error', question_id: null, value: null, with: with_, without });
const anyArm = fc.record({ n: fc.integer({ min: 0, max: 300 }), share: fc.double({ min: 0, max: 1, noNaN: true }) })
  .map(({ n, share }) => arm(Math.round(n * share), n));

describe('what goes with finishing', () => {
  test('nothing is said from under 30 sessions on a side, and what is not said counts in no adjustment', () => {
    const said = error(arm(10, 40), arm(40, 50));
    const alone = factorsOf([said]);
    const among = factorsOf([said, error(arm(0, 29), arm(500, 500)), error(arm(500, 500), arm(0, 29)), error(arm(0, 0), arm(9, 90))]);
    expect(alone).toHaveLength(1);
    expect(among).toEqual(alone);
    expect(factorsOf([error(arm(0, 30), arm(30, 30))])).toHaveLength(1);
  });

  test('an odds ratio is that of the four counts, and its interval is the published one', () => {
    // Epi test data: 25 and 12, 9 and 69
    const [factor] = factorsOf([error(arm(25, 37), arm(9, 78))]);
    expect(factor?.odds_ratio).toBeCloseTo(15.97222222, 6);
    expect(factor?.odds_interval[0]).toBeCloseTo(6.007173763, 6);
    expect(factor?.odds_interval[1]).toBeCloseTo(42.46787138, 5);
    expect(factor).toMatchObject({ significant: true, difference: expect.closeTo(25 / 37 - 9 / 78, 12) });
  });

  test('of two values one stands for both; of three each is held against the others together', () => {
    const two = againstOthers('user_segment', null, new Map([['returning', arm(5, 40)], ['first_time', arm(30, 60)]]));
    expect(two).toEqual([{ kind: 'user_segment', question_id: null, value: 'returning', with: arm(5, 40), without: arm(30, 60) }]);
    const three = againstOthers('answer', 'size', new Map([['a', arm(1, 40)], ['b', arm(2, 50)], ['c', arm(3, 60)]]));
    expect(three.map(({ value, with: { n }, without }) => [value, n, without])).toEqual([
      ['a', 40, arm(5, 110)], ['b', 50, arm(4, 100)], ['c', 60, arm(3, 90)],
    ]);
    expect(againstOthers('device', null, new Map([['phone', arm(3, 90)]])).map(({ without }) => without.n)).toEqual([0]);
  });

  test('the adjusted p is the smallest of m·p/rank from its rank on, over all that were tested', () => {
    fc.assert(fc.property(fc.array(fc.tuple(anyArm, anyArm), { maxLength: 30 }), (arms) => {
      const tested = testedTogether(arms.map(([one, other]) => ({ one, other })));
      expect(tested.length).toBe(arms.filter(([one, other]) => one.n >= 30 && other.n >= 30).length);
      for (const { p_value, p_adjusted, significant } of tested) {
        const atLeast = tested.filter((other) => other.p_value >= p_value).map((other) => (
          other.p_value * tested.length / tested.filter((third) => third.p_value <= other.p_value).length
        ));
        expect(p_adjusted).toBeCloseTo(Math.min(1, ...atLeast), 10);
        expect(p_adjusted).toBeGreaterThanOrEqual(p_value);
        expect(significant).toBe(p_adjusted < 0.05);
      }
    }));
  });

  test('of 20 languages that are all alike one is hardly ever called different: in at most 25 of 200 seeds', () => {
    let alarms = 0;
    for (let seed = 1; seed <= 200; seed += 1) {
      const random = seeded(seed);
      const languages = new Map(Array.from({ length: 20 }, (_, index) => [
        `l${index}`, arm(Array.from({ length: 60 }).filter(() => random.chance(0.4)).length, 60),
      ]));
      if (factorsOf(againstOthers('language', null, languages)).some(({ significant }) => significant)) alarms += 1;
    }
    // 5 % of 200 are 10, with a standard deviation of 3
    expect(alarms).toBeLessThanOrEqual(25);
  });
});
