import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { wilson } from './proportions.ts';

describe('the Wilson interval', () => {
  test.each([
    [81, 263, 0.2553, 0.3662], [15, 148, 0.0624, 0.1605], [0, 20, 0, 0.1611], [1, 29, 0.0061, 0.1718],
  ])('of %i in %i is the one Newcombe published (Statistics in Medicine 17:857)', (successes, n, lower, upper) => {
    const interval = wilson(successes, n);
    expect(interval[0]).toBeCloseTo(lower, 4);
    expect(interval[1]).toBeCloseTo(upper, 4);
  });

  test('of 1 in 1 does not claim certainty', () => {
    expect(wilson(1, 1)[0]).toBeCloseTo(0.2065, 4);
    expect(wilson(1, 1)[1]).toBe(1);
  });

  test('of nothing seen excludes nothing, and holds no NaN', () => {
    expect(wilson(0, 0)).toEqual([0, 1]);
  });

  test('lies within 0..1, around the proportion, and is mirrored for failures', () => {
    const [size, part] = [fc.integer({ min: 1, max: 5_000_000 }), fc.double({ min: 0, max: 1, noNaN: true })];
    fc.assert(fc.property(size, part, (n, share) => {
      const successes = Math.floor(share * n);
      const [lower, upper] = wilson(successes, n);
      const mirrored = wilson(n - successes, n);
      expect(lower).toBeGreaterThanOrEqual(0);
      expect(upper).toBeLessThanOrEqual(1);
      expect(lower).toBeLessThanOrEqual(successes / n);
      expect(upper).toBeGreaterThanOrEqual(successes / n);
      expect(1 - mirrored[1]).toBeCloseTo(lower, 12);
    }));
  });

  test.each([[2, 1], [-1, 3], [Number.NaN, 3], [1, Number.NaN], [1, Infinity]])(
    'of %d in %d is refused: no proportion',
    (successes, n) => { expect(() => wilson(successes, n)).toThrow(RangeError); },
  );
});
