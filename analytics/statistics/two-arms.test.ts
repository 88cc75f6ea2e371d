import { expect, test } from '@jest/globals';
import { compareArms, difference } from './two-arms.ts';

// Newcombe, Statistics in Medicine 17:873, table II, method 10
test.each([
  [56, 70, 48, 80, 0.0524, 0.3339], [9, 10, 3, 10, 0.1705, 0.8090], [6, 7, 2, 7, 0.0582, 0.8062], [5, 56, 0, 29, -0.0381, 0.1926],
  [0, 10, 0, 20, -0.1611, 0.2775], [10, 10, 0, 20, 0.6791, 1.0000],
])('the interval of %i/%i less %i/%i is the published one', (a, m, b, n, low, high) => {
  const { interval } = difference({ successes: a, n: m }, { successes: b, n });
  expect(interval[0]).toBeCloseTo(low, 4);
  expect(interval[1]).toBeCloseTo(high, 4);
});

test('a verdict needs 30 in each arm and an interval that leaves out 0', () => {
  expect(compareArms({ successes: 0, n: 0 }, { successes: 3, n: 9 })).toEqual({ difference: null, interval: null, verdict: 'too_few' });
  expect(compareArms({ successes: 29, n: 29 }, { successes: 0, n: 500 }).verdict).toBe('too_few');
  expect(compareArms({ successes: 60, n: 100 }, { successes: 30, n: 100 }).verdict).toBe('better');
  expect(compareArms({ successes: 30, n: 100 }, { successes: 60, n: 100 }).verdict).toBe('worse');
  expect(compareArms({ successes: 31, n: 100 }, { successes: 30, n: 100 }).verdict).toBe('no_clear_difference');
});
